//! `attach/ws`, as web consoles use it.

use e2e::dockerd::{Dockerd, IMAGE, Release};
use e2e::{Endpoint, Gateway, Via, within};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::client::{fresh_name, on_each_engine};

on_each_engine! {
    a_websocket_reads_and_writes_a_container,
    a_websocket_is_a_write_and_refused_without_post,
}

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

async fn connect(gateway: &Gateway, via: Via) -> Box<dyn Duplex> {
    match gateway.endpoint(via) {
        Endpoint::Tcp(address) => Box::new(TcpStream::connect(address).await.unwrap()),
        Endpoint::Unix(path) => Box::new(UnixStream::connect(path).await.unwrap()),
    }
}

/// Starts a container that answers one line.
fn answering(engine: &Dockerd) -> String {
    let name = fresh_name();
    let script = "read -r line; echo got $line; exec sleep 1000";
    engine.docker(&["run", "--detach", "--interactive", "--tty", "--name", &name, IMAGE, "sh", "-c", script]);
    name
}

fn attach(container: &str) -> String {
    format!("ws://localhost/containers/{container}/attach/ws?stream=1&stdin=1&stdout=1&logs=1")
}

async fn a_websocket_reads_and_writes_a_container(engine: Release, via: Via) {
    let engine = Dockerd::shared(engine);
    let container = answering(engine);
    let gateway = Gateway::open(&engine.socket());
    let (mut socket, _) = client_async(attach(&container), connect(&gateway, via).await).await.unwrap();
    socket.send(Message::text("words\n")).await.unwrap();
    let mut said = String::new();
    while !said.contains("got words\r\n") {
        let message = within("the container's answer", socket.next()).await.unwrap().unwrap();
        said += message.to_text().unwrap();
    }
    engine.docker(&["rm", "--force", &container]);
}

async fn a_websocket_is_a_write_and_refused_without_post(engine: Release, via: Via) {
    let engine = Dockerd::shared(engine);
    let container = answering(engine);
    let gateway = Gateway::start(&engine.socket(), &[("CONTAINERS", "1"), ("POST", "0")]);
    let answer = client_async(attach(&container), connect(&gateway, via).await).await;
    let Err(Error::Http(response)) = answer else { panic!("the engine took it") };
    assert_eq!(response.status(), 405);
    let message = String::from_utf8(response.into_body().unwrap_or_default()).unwrap();
    assert!(message.contains("POST=1"), "{message}");
    let expected = ["create", "start"].map(|action| format!("container {action} {container}"));
    assert_eq!(engine.events_of(&container), expected, "no attach");
    engine.docker(&["rm", "--force", &container]);
}
