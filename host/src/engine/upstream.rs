//! Connections to the engine's socket, and requests over them.
//!
//! Only what has a [`Permit`] is sent, and the request line is written from the operation that was permitted. The only
//! exceptions are the look-ups of policies, whose type can hold no other request (`engine/inspect.rs`). A request that
//! only reads and has no body may go over a kept connection, and is repeated once over a new one if the kept one turns
//! out to be dead. Every other request gets a new connection, so that it cannot run into a stale one. An upgrade gets a
//! connection of its own by the same rule.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use engine_api::headers::Framing;
use engine_api::{Access, Operation};
use http::header::{self, HeaderMap, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use pdp::Permit;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio_util::task::TaskTracker;

use crate::engine::absence::Absence;
use crate::engine::pool::{Bounds, Lease, Pool, Reuse};
use crate::engine::socket;
use crate::http::body::request::RequestBody;
use crate::http::head::{Outbound, Trailers};
use crate::net::socket_file::probe;
use crate::open_files;

/// How long the engine may take to accept a connection, a full backlog included: less than `sockgate healthcheck` waits for
/// the gateway, so that it learns what the ping waited for (`healthcheck.rs`).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);

/// The pause between two attempts while the engine's backlog is full.
const BACKLOG_PAUSE: Duration = Duration::from_millis(20);

/// How long a process that is killed may take to close everything: some milliseconds were measured.
const TO_DIE: Duration = Duration::from_millis(100);

/// The most headers that an answer may have: as many as we take from clients; hyper's default is 100.
const MAX_HEADERS: usize = 1000;

/// The most that is read at a time. More gains nothing, and each kept connection keeps its buffer.
const MAX_BUFFER: usize = 128 * 1024;

/// Why a permitted request got no response head.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// Nobody answers on the socket, or we may not open it.
    #[error("cannot connect to the Docker engine at {}", path.display())]
    Connect {
        /// The value of `DOCKER_SOCKET`.
        path: PathBuf,
        /// The error of the kernel: missing, not permitted, refused …
        source: io::Error,
    },
    /// The engine is there and does not accept connections.
    #[error("the Docker engine at {} accepted no connection within {} s", path.display(), CONNECT_TIMEOUT.as_secs())]
    ConnectTimeout {
        /// The value of `DOCKER_SOCKET`.
        path: PathBuf,
    },
    /// The gateway can open no more files, and a connection is one.
    #[error("no file can be opened for a connection to the Docker engine")]
    OutOfFiles(#[source] io::Error),
    /// The connection ended before the answer's head did.
    #[error("the Docker engine closed the connection before it had answered")]
    Closed(Effect),
    /// The connection was reset: the engine left with a part of the request unread.
    #[error("the Docker engine reset the connection before it had answered")]
    Reset(Effect),
    /// What came is not HTTP.
    #[error("the Docker engine gave no valid answer")]
    Invalid(Effect, #[source] hyper::Error),
    /// The client's body broke on its way: a bad chunk, or the client left.
    #[error("the request's body is broken")]
    RequestBody(#[source] hyper::Error),
    /// The engine answered 101 without being asked to, or for another protocol.
    #[error("the Docker engine switched protocols unasked")]
    UnexpectedUpgrade,
    /// The HTTP library cannot write the target.
    #[error("the request target cannot be written")]
    Unwritable(#[source] http::Error),
}

/// What a request may have done that got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing: it only reads.
    Nothing,
    /// What it asked for. The engine may have left before it did that, or after.
    Unknown,
}

impl Effect {
    fn of(operation: &Operation) -> Self {
        match operation.access() {
            Access::Read => Self::Nothing,
            Access::Write | Access::Interactive => Self::Unknown,
        }
    }
}

/// Nobody listens on the engine's socket any more.
#[derive(Debug, thiserror::Error)]
#[error("nobody listens at {} any more", .0.display())]
pub(crate) struct EngineGone(PathBuf);

/// The engine's socket and the connections that are kept to it.
#[derive(Debug)]
pub(crate) struct Upstream {
    socket: PathBuf,
    absence: Absence,
    pool: Pool,
    /// The tasks that drive connections and look-ups.
    pub(super) connections: TaskTracker,
}

/// A response head, with the connection that its body still comes over.
pub(crate) struct EngineAnswer {
    /// The head as the engine sent it, with the body to come.
    pub response: Response<Incoming>,
    /// The connection, which is closed at once if this is dropped.
    pub lease: Lease,
}

impl Upstream {
    /// The engine behind `socket`. Nothing connects before there is something to send.
    pub(crate) fn new(socket: PathBuf, bounds: Bounds) -> Self {
        let (absence, pool, connections) = (Absence::default(), Pool::new(bounds), TaskTracker::new());
        Self { socket, absence, pool, connections }
    }

    /// Connects once, and says in the log why that failed. The path may lead to a file system that hangs, so this is done
    /// on another thread.
    pub(crate) async fn warn_if_unreachable(&self) {
        let socket = self.socket.clone();
        let check = move || match probe(&socket) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()), // it is there, and busy
            probed => probed.map_err(|error| (error.kind(), socket::describe(&socket, &error))),
        };
        if let Ok(Err((cause, problem))) = tokio::task::spawn_blocking(check).await {
            self.absence.note(0, cause, || problem);
        }
    }

    /// Closes kept connections when they have been idle for too long.
    pub(crate) async fn age_kept_connections(&self) -> ! {
        self.pool.age().await
    }

    /// Makes an attempt that needs a file descriptor. If none is left, the kept connections give theirs up, and it is made
    /// once more.
    ///
    /// # Errors
    /// The attempt's error.
    pub(crate) async fn with_room<T, F>(&self, attempt: impl Fn() -> F) -> io::Result<T>
    where
        F: Future<Output = io::Result<T>>,
    {
        match attempt().await {
            Err(error) if open_files::advice(&error).is_some() => {
                self.pool.clear();
                tokio::task::yield_now().await; // the tasks that hold them end in their own turn
                attempt().await
            }
            made => made,
        }
    }

    /// Tells an engine that ended a connection from one that is gone. It connects once and sends nothing. A process that is
    /// killed may lose its connections some milliseconds before the socket that it listens on, and takes this one in
    /// between, but hangs up then: so this waits for that for a moment.
    ///
    /// # Errors
    /// [`EngineGone`] if nobody listens. Where systemd holds the socket (`docker.socket`), somebody always does.
    pub(crate) async fn require_listener(&self) -> Result<(), EngineGone> {
        let looked = match UnixStream::connect(&self.socket).await {
            Ok(stream) => require_life(stream).await,
            Err(error) => Err(error),
        };
        match looked {
            Err(error)
                if matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound) =>
            {
                self.note_absence(&error);
                Err(EngineGone(self.socket.clone()))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Sends a permitted request and waits for the response head, for as long as the engine takes.
    ///
    /// # Errors
    /// [`UpstreamError`] if there is none.
    pub(crate) async fn send(
        &self,
        permit: Permit,
        outbound: Outbound,
        body: RequestBody,
    ) -> Result<EngineAnswer, UpstreamError> {
        self.exchange(permit.operation(), outbound, body).await
    }

    /// Sends what has a permit, or is a look-up of a policy, and waits for the response head.
    ///
    /// # Errors
    /// [`UpstreamError`] if there is none.
    pub(super) async fn exchange(
        &self,
        operation: &Operation,
        outbound: Outbound,
        body: RequestBody,
    ) -> Result<EngineAnswer, UpstreamError> {
        let reuse = reuse(operation, &outbound);
        let mut request = write(operation, outbound, body)?;
        if reuse == Reuse::Kept
            && let Some(mut lease) = self.pool.take()
        {
            let spare = without_body(&request);
            match lease.send(request).await {
                Ok(response) => return Ok(EngineAnswer { response, lease }),
                Err(error) => {
                    let error = engine_api::report(&error);
                    tracing::debug!(error, "a kept connection to the engine was dead, asking again");
                }
            }
            request = spare;
        }
        let mut lease = self.connect(reuse).await?;
        let was_away = self.absence.is_on();
        let response = lease.send(request).await.map_err(|error| blame(error, Effect::of(operation)))?;
        if was_away {
            self.absence.end();
        }
        Ok(EngineAnswer { response, lease })
    }

    async fn connect(&self, reuse: Reuse) -> Result<Lease, UpstreamError> {
        let leased = self.pool.make_room();
        let stream = self.open().await?;
        let (sender, connection) = http1::Builder::new()
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_BUFFER)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| UpstreamError::Invalid(Effect::Nothing, error))?;
        // Whoever waits for the response or the body learns how the connection ended.
        let task = self.connections.spawn(async { drop(connection.with_upgrades().await) });
        Ok(Lease::new(sender, task.abort_handle(), leased, reuse))
    }

    /// Opens the socket, and notes it if the engine is away.
    async fn open(&self) -> Result<UnixStream, UpstreamError> {
        let path = || self.socket.clone();
        let connected = self.with_room(|| connect_patiently(&self.socket));
        match tokio::time::timeout(CONNECT_TIMEOUT, connected).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) if open_files::advice(&error).is_some() => Err(UpstreamError::OutOfFiles(error)),
            Ok(Err(source)) => {
                self.note_absence(&source);
                Err(UpstreamError::Connect { path: path(), source })
            }
            Err(_elapsed) => {
                let error = UpstreamError::ConnectTimeout { path: path() };
                let words = || format!("{error}. Clients are answered 504 until it does.");
                self.absence.note(1, io::ErrorKind::TimedOut, words);
                Err(error)
            }
        }
    }

    /// Notes that the engine was away for a request, a look-up or a tunnel.
    fn note_absence(&self, error: &io::Error) {
        self.absence.note(1, error.kind(), || socket::describe(&self.socket, error));
    }
}

/// Fails as a refused connection does if the other side of a new one hangs up: it is being killed. A living engine waits
/// for a request.
async fn require_life(mut stream: UnixStream) -> io::Result<()> {
    match tokio::time::timeout(TO_DIE, stream.read(&mut [0])).await {
        Ok(Ok(0) | Err(_)) => Err(io::ErrorKind::ConnectionRefused.into()),
        Ok(Ok(_)) | Err(_) => Ok(()),
    }
}

/// Tells whose fault a failed exchange is, and what became of the connection. To hyper, an error of the body that it was
/// given to send is the user's.
fn blame(error: hyper::Error, effect: Effect) -> UpstreamError {
    if error.is_user() {
        return UpstreamError::RequestBody(error);
    }
    if error.is_incomplete_message() || error.is_canceled() {
        return UpstreamError::Closed(effect);
    }
    match io_kind(&error) {
        Some(io::ErrorKind::BrokenPipe) => UpstreamError::Closed(effect),
        Some(io::ErrorKind::ConnectionReset) => UpstreamError::Reset(effect),
        Some(_) | None => UpstreamError::Invalid(effect, error),
    }
}

/// The kernel's error behind one of hyper.
fn io_kind(error: &hyper::Error) -> Option<io::ErrorKind> {
    let mut causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind)
}

/// Connects, and waits while the engine's backlog is full: there a unix socket fails at once (`EAGAIN`), where TCP
/// would wait.
async fn connect_patiently(socket: &PathBuf) -> io::Result<UnixStream> {
    loop {
        match UnixStream::connect(socket).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                tokio::time::sleep(BACKLOG_PAUSE).await
            }
            connected => return connected,
        }
    }
}

/// Whether a request may use kept connections: only if nothing changes in the engine when it gets the request twice,
/// and there is no body that would have to be sent twice.
fn reuse(operation: &Operation, outbound: &Outbound) -> Reuse {
    let only_asks = matches!(operation.method(), engine_api::Method::Get | engine_api::Method::Head);
    match only_asks && outbound.framing == Framing::Empty && outbound.upgrade.is_none() {
        true => Reuse::Kept,
        false => Reuse::Never,
    }
}

fn write(
    operation: &Operation,
    outbound: Outbound,
    body: RequestBody,
) -> Result<Request<RequestBody>, UpstreamError> {
    let mut request = Request::new(body);
    *request.method_mut() = match operation.method() {
        engine_api::Method::Get => Method::GET,
        engine_api::Method::Head => Method::HEAD,
        engine_api::Method::Post => Method::POST,
        engine_api::Method::Put => Method::PUT,
        engine_api::Method::Delete => Method::DELETE,
    };
    let target = PathAndQuery::from_maybe_shared(operation.target().to_string());
    *request.uri_mut() = Uri::from(target.map_err(|error| UpstreamError::Unwritable(error.into()))?);
    let Outbound { mut headers, framing, upgrade, trailers } = outbound;
    frame(&mut headers, framing, upgrade, trailers);
    *request.headers_mut() = headers;
    Ok(request)
}

/// Writes the header fields of the hop to the engine. The framing stays what it was. The `Host` of a unix socket means
/// nothing, and as it is a constant, no client can give it a meaning.
fn frame(headers: &mut HeaderMap, framing: Framing, upgrade: Option<&'static str>, trailers: Trailers) {
    headers.insert(header::HOST, HeaderValue::from_static("docker"));
    if framing == Framing::Chunked {
        headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    if trailers == Trailers::Accepted {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    if let Some(protocol) = upgrade {
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static(protocol));
    }
}

fn without_body(request: &Request<RequestBody>) -> Request<RequestBody> {
    let mut copy = Request::new(RequestBody::empty());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}
