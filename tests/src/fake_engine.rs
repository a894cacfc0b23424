//! A stand-in for the Docker engine, on a unix socket, that misbehaves on demand.
//!
//! It works on bytes, not on an HTTP library, because it must be able to send what no library would. It records every
//! byte that reaches it. A case can script it in three ways, of which the first that applies wins: `raw_connections`
//! takes connections before anything is read, `hand_over` lets the case itself play the engine for a route, `answer`
//! sends fixed bytes. Every other request gets a canned answer (`canned`): 200, or 101 if it asked for an upgrade.
//!
//! It has a thread of its own, so a case may block on a child process.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

use crate::head::Head;
use crate::wire::Wire;
use crate::within;

mod call;
mod canned;
mod ledger;
mod serve;

pub use call::{Call, Calls, RawConnections, json};
pub(crate) use ledger::Tap;
pub use ledger::{Counts, Seen};

/// The stand-in engine, which ends when this is dropped.
#[derive(Debug)]
pub struct FakeEngine {
    socket: PathBuf,
    script: Arc<Script>,
    serving: Option<Serving>,
    runtime: Option<Runtime>,
    _folder: Option<TempDir>,
}

/// The state that all connections of an engine share.
#[derive(Debug, Default)]
struct Script {
    ledger: Arc<ledger::Ledger>,
    routes: Mutex<HashMap<String, Scripted>>,
    raw: Mutex<Option<mpsc::UnboundedSender<Wire>>>,
}

#[derive(Clone, Debug)]
enum Scripted {
    Answer(Arc<[u8]>, After),
    HandOver(mpsc::UnboundedSender<Call>),
}

/// What happens to a connection after an answer.
#[derive(Clone, Copy, Debug)]
enum After {
    Close,
    KeepAlive,
}

#[derive(Debug)]
struct Serving {
    stop: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
}

impl FakeEngine {
    /// Starts an engine on a socket in a folder of its own.
    #[must_use]
    pub fn start() -> Self {
        let mut engine = Self::absent();
        engine.restart();
        engine
    }

    /// An engine whose socket does not exist until `restart`.
    #[must_use]
    pub fn absent() -> Self {
        let folder =
            tempfile::Builder::new().prefix("engine").tempdir().expect("a folder for the engine's socket");
        Self::absent_at(folder.path().join("docker.sock"), Some(folder))
    }

    fn absent_at(socket: PathBuf, folder: Option<TempDir>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1) // which is not the case's own thread
            .thread_name("engine")
            .enable_all()
            .build()
            .expect("a runtime for the engine");
        Self { socket, script: Arc::default(), serving: None, runtime: Some(runtime), _folder: folder }
    }

    /// The socket that the engine listens on.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Stops accepting, closes every connection that no case holds, and leaves the socket file behind, as an engine
    /// that was killed does.
    pub async fn stop(&mut self) {
        if let Some(Serving { stop, stopped }) = self.serving.take() {
            stop.send(()).expect("the engine serves until it is told to stop");
            within("the engine to stop", stopped).await.expect("the engine stops in order");
        }
    }

    /// Removes the socket file.
    pub fn unlink(&self) {
        std::fs::remove_file(&self.socket).expect("the engine's socket file is there");
    }

    /// Listens again, on the same path and with the same script.
    pub fn restart(&mut self) {
        assert!(self.serving.is_none(), "the engine is running already");
        let runtime = self.runtime.as_ref().expect("the runtime lives as long as the engine");
        let _inside = runtime.enter();
        let _ = std::fs::remove_file(&self.socket); // there is none at the first start
        let listener = UnixListener::bind(&self.socket).expect("the engine's socket can be bound");
        let (stop, stop_signal) = oneshot::channel();
        let (say_stopped, stopped) = oneshot::channel();
        let script = Arc::clone(&self.script);
        runtime.spawn(async move {
            serve::serve(listener, script, stop_signal).await;
            let _ = say_stopped.send(());
        });
        self.serving = Some(Serving { stop, stopped });
    }

    /// Answers `route` with these bytes, whatever they are, and keeps the connection. A route looks like `GET /info`,
    /// with neither version nor query; `*` stands for every route that has no script of its own.
    pub fn answer(&self, route: &str, bytes: impl AsRef<[u8]>) {
        self.script(route, Scripted::Answer(bytes.as_ref().into(), After::KeepAlive));
    }

    /// Answers `route` with these bytes and closes the connection.
    pub fn answer_and_close(&self, route: &str, bytes: impl AsRef<[u8]>) {
        self.script(route, Scripted::Answer(bytes.as_ref().into(), After::Close));
    }

    /// Hands every request of `route` to the case, which plays the engine from there on.
    #[must_use]
    pub fn hand_over(&self, route: &str) -> Calls {
        let (sender, calls) = mpsc::unbounded_channel();
        self.script(route, Scripted::HandOver(sender));
        Calls::new(route.to_owned(), calls)
    }

    /// Hands every new connection to the case before a byte of it is read, until the receiver is dropped.
    #[must_use]
    pub fn raw_connections(&self) -> RawConnections {
        let (sender, connections) = mpsc::unbounded_channel();
        *self.script.raw.lock().expect("no holder panics") = Some(sender);
        RawConnections::new(connections)
    }

    /// All bytes that arrived, connection by connection, up to a mebibyte of each.
    #[must_use]
    pub fn record(&self) -> Vec<Vec<u8>> {
        self.script.ledger.record()
    }

    /// The heads that arrived, in order, except those on raw connections.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.script.ledger.requests()
    }

    /// Asserts that no byte has reached the engine.
    ///
    /// # Panics
    /// When one has.
    pub fn assert_untouched(&self) {
        let record = self.record();
        let bytes: Vec<_> = record.iter().map(|bytes| String::from_utf8_lossy(bytes)).collect();
        assert!(record.iter().all(Vec::is_empty), "bytes reached the engine: {bytes:#?}");
    }

    /// How many connections were opened, and how many are open.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.script.ledger.counts()
    }

    /// Waits until `wanted` holds of the connection counts.
    pub async fn until(&self, what: &str, wanted: impl FnMut(&Counts) -> bool) {
        within(what, self.script.ledger.until(wanted)).await;
    }

    /// Waits until all connections are closed.
    pub async fn until_nobody_is_connected(&self) {
        self.until("every connection to the engine to be closed", |counts| counts.open == 0).await;
    }

    fn script(&self, route: &str, scripted: Scripted) {
        self.script.routes.lock().expect("no holder panics").insert(route.to_owned(), scripted);
    }
}

impl Script {
    fn scripted(&self, request: &Head) -> Option<Scripted> {
        let routes = self.routes.lock().expect("no holder panics");
        routes.get(&route_of(request)).or_else(|| routes.get("*")).cloned()
    }
}

/// The route of a request: `GET /info` for `GET /v1.41/info?x=1`.
fn route_of(request: &Head) -> String {
    let path = request.target().split('?').next().unwrap_or_default();
    let versionless = path.strip_prefix("/v").and_then(|rest| {
        let (version, rest) = rest.split_once('/')?;
        let is_version = version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        (is_version && !version.is_empty()).then_some(rest)
    });
    match versionless {
        Some(rest) => format!("{} /{rest}", request.method()),
        None => format!("{} {path}", request.method()),
    }
}

impl Drop for FakeEngine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background(); // a case may still hold connections, and waiting for it would block its runtime
        }
    }
}
