//! A client that sends and reads raw bytes over either kind of listener.

use std::fmt;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;

use tokio::net::{TcpStream, UnixStream};

use crate::head::Head;
use crate::socket::Socket;
use crate::wire::{Body, Wire};
use crate::within;

/// The address of a listener. `Display` writes it as `DOCKER_HOST` expects it.
#[derive(Clone, Debug)]
pub enum Endpoint {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A socket file.
    Unix(PathBuf),
}

/// A client's connection. The methods that send and read bytes are those of [`Wire`].
#[derive(Debug)]
pub struct Client(Wire);

/// A response: a head and its body.
#[derive(Clone, Debug)]
pub struct Response {
    /// The head.
    pub head: Head,
    /// The body.
    pub body: Body,
}

/// A request's head with `Host: localhost`. `line` is `GET /info`, `headers` are whole lines.
#[must_use]
pub fn request(line: &str, headers: &[&str]) -> String {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    format!("{line} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp://{address}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

impl Client {
    /// Connects.
    ///
    /// # Panics
    /// When nobody listens there.
    pub async fn connect(endpoint: &Endpoint) -> Self {
        Self::try_connect(endpoint)
            .await
            .unwrap_or_else(|error| panic!("cannot connect to {endpoint}: {error}"))
    }

    /// Connects, or returns the error.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn try_connect(endpoint: &Endpoint) -> std::io::Result<Self> {
        let connecting = async {
            Ok(match endpoint {
                Endpoint::Tcp(address) => {
                    let stream = TcpStream::connect(address).await?;
                    stream.set_nodelay(true)?; // what a case sends must leave when it says so
                    Socket::Tcp(stream)
                }
                Endpoint::Unix(path) => Socket::Unix(UnixStream::connect(path).await?),
            })
        };
        within("a connection", connecting).await.map(|socket| Self(Wire::new(socket, None)))
    }

    /// Sends a head; see [`request`].
    pub async fn ask(&mut self, line: &str, headers: &[&str]) {
        self.send(request(line, headers)).await;
    }

    /// Reads a whole response.
    pub async fn read_response(&mut self) -> Response {
        let head = self.read_head().await;
        let body = self.read_body().await;
        Response { head, body }
    }

    /// Sends a head and reads the whole response, which has no body if the method is HEAD.
    pub async fn fetch(&mut self, line: &str, headers: &[&str]) -> Response {
        self.ask(line, headers).await;
        let head = self.read_head().await;
        if line.starts_with("HEAD ") {
            self.expect_no_body();
        }
        let body = self.read_body().await;
        Response { head, body }
    }

    /// Closes the connection with a reset, if the kind of socket has one.
    pub fn leave_rudely(self) {
        self.0.leave_rudely();
    }
}

impl Response {
    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.head.status()
    }

    /// The body as text.
    ///
    /// # Panics
    /// When it did not come whole.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.body.whole()).into_owned()
    }
}

impl Deref for Client {
    type Target = Wire;

    fn deref(&self) -> &Wire {
        &self.0
    }
}

impl DerefMut for Client {
    fn deref_mut(&mut self) -> &mut Wire {
        &mut self.0
    }
}
