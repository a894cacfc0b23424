//! Requests that are handed to the case, which plays the engine.

use std::ops::{Deref, DerefMut};

use tokio::sync::{mpsc, oneshot};

use crate::head::Head;
use crate::wire::Wire;
use crate::within;

/// The queue of requests of a route that was handed over.
#[derive(Debug)]
pub struct Calls {
    route: String,
    calls: mpsc::UnboundedReceiver<Call>,
}

/// A request that arrived, and the connection to answer it on. The methods that send and read bytes are those of
/// [`Wire`]. Dropping it closes the connection.
#[derive(Debug)]
pub struct Call {
    /// The request's head. Its body is still on the wire.
    pub request: Head,
    wire: Wire,
    give_back: oneshot::Sender<Wire>,
}

/// The queue of connections of which nothing was read.
#[derive(Debug)]
pub struct RawConnections(mpsc::UnboundedReceiver<Wire>);

impl Calls {
    pub(super) const fn new(route: String, calls: mpsc::UnboundedReceiver<Call>) -> Self {
        Self { route, calls }
    }

    /// Waits for the next request.
    pub async fn next(&mut self) -> Call {
        within(&self.route, self.calls.recv()).await.expect("the script holds the sender")
    }

    /// Whether no request is waiting.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }
}

impl Call {
    /// Makes a call, and the receiver through which the engine gets the connection back.
    pub(super) fn new(request: Head, wire: Wire) -> (Self, oneshot::Receiver<Wire>) {
        let (give_back, given_back) = oneshot::channel();
        (Self { request, wire, give_back }, given_back)
    }

    /// Starts an answer whose body comes in chunks. `headers` are whole lines.
    pub async fn start_chunked(&mut self, headers: &[&str]) {
        let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        self.send(format!("HTTP/1.1 200 OK\r\n{lines}Transfer-Encoding: chunked\r\n\r\n")).await;
    }

    /// Answers 101 as the engine does; `early` goes out in the same write.
    pub async fn upgrade(&mut self, protocol: &str, early: &str) {
        let content_type = "application/vnd.docker.raw-stream";
        self.send(format!(
            "HTTP/1.1 101 UPGRADED\r\nContent-Type: {content_type}\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n{early}"
        ))
        .await;
    }

    /// Answers and gives the connection back. A case that holds a call whose answer is complete holds a connection that
    /// the gateway may use for its next request.
    pub async fn answer(mut self, bytes: impl AsRef<[u8]>) {
        self.send(bytes).await;
        self.keep_alive();
    }

    /// Gives the connection back to the engine, which waits for the next request on it.
    pub fn keep_alive(self) {
        let _ = self.give_back.send(self.wire); // a stopped engine does not take it; it is closed then
    }
}

impl Deref for Call {
    type Target = Wire;

    fn deref(&self) -> &Wire {
        &self.wire
    }
}

impl DerefMut for Call {
    fn deref_mut(&mut self) -> &mut Wire {
        &mut self.wire
    }
}

impl RawConnections {
    pub(super) const fn new(connections: mpsc::UnboundedReceiver<Wire>) -> Self {
        Self(connections)
    }

    /// Waits for the next connection.
    pub async fn next(&mut self) -> Wire {
        within("a connection to the engine", self.0.recv()).await.expect("the script holds the sender")
    }
}

/// A whole JSON answer with a Content-Length. `status` is `200 OK`.
#[must_use]
pub fn json(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
}
