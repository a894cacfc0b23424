//! The Rust crate `bollard`.

mod containers;
mod images;
mod streams;

use ::bollard::Docker;
use ::bollard::container::LogOutput;
use ::bollard::errors::Error;
use ::bollard::models::ContainerCreateBody;
use ::bollard::query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use e2e::dockerd::{Dockerd, IMAGE, Release};
use e2e::{Gateway, Via};
use futures_util::{Stream, StreamExt};
use tokio::time::timeout;

use crate::client::{address_of, fresh_name};
use crate::conversation::LIMIT;

/// bollard, through a gateway of its own, and a name for what a test makes there.
struct Client {
    docker: Docker,
    name: String,
    _gateway: Gateway,
}

impl Client {
    /// Through an open gateway, to the shared engine.
    async fn new(engine: Release, via: Via) -> Self {
        Self::behind(Gateway::open(&Dockerd::shared(engine).socket()), via).await
    }

    async fn behind(gateway: Gateway, via: Via) -> Self {
        let docker = Docker::connect_with_host(&address_of(&gateway, via)).unwrap();
        let docker = docker.negotiate_version().await.unwrap();
        Self { docker, name: fresh_name(), _gateway: gateway }
    }

    /// A container of this test's name.
    async fn create(&self, body: ContainerCreateBody) {
        let options = CreateContainerOptionsBuilder::new().name(&self.name).build();
        self.docker.create_container(Some(options), body).await.unwrap();
    }

    async fn start(&self) {
        self.docker.start_container(&self.name, None).await.unwrap();
    }

    async fn remove(&self) {
        let options = RemoveContainerOptionsBuilder::new().force(true).build();
        self.docker.remove_container(&self.name, Some(options)).await.unwrap();
    }
}

/// A container that runs `script`.
fn running(script: &str) -> ContainerCreateBody {
    let cmd = ["sh", "-c", script].map(str::to_owned).to_vec();
    ContainerCreateBody { image: Some(IMAGE.to_owned()), cmd: Some(cmd), ..Default::default() }
}

/// The next piece of a stream, which must come.
async fn next<T>(stream: &mut (impl Stream<Item = Result<T, Error>> + Unpin)) -> T {
    timeout(LIMIT, stream.next()).await.expect("silence").expect("the stream has ended").unwrap()
}

/// All of a stream to its end.
async fn all<T>(stream: impl Stream<Item = Result<T, Error>>) -> Vec<T> {
    let pieces = timeout(LIMIT, stream.collect::<Vec<_>>()).await.expect("a stream without end");
    pieces.into_iter().collect::<Result<_, _>>().unwrap()
}

/// The bytes of many pieces of output.
fn joined(pieces: Vec<LogOutput>) -> Vec<u8> {
    pieces.into_iter().flat_map(LogOutput::into_bytes).collect()
}
