//! The record of a request: the content of the one log line of a finished request.
//!
//! The record travels with the request and is logged when it is dropped, whatever ended the request: the answer's last
//! byte, an engine that died, a client that left. It never holds headers, bodies or queries (build arguments travel
//! there).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use engine_api::{Operation, OperationList};
use http::{StatusCode, Uri};
use pdp::Ruling;

use crate::net::client::Client;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The client left before the end. This is assumed until something else is known.
    ClientLeft,
    /// The whole answer was sent.
    Complete,
    /// The client's own body broke the exchange.
    BodyBroken,
    /// The engine failed before the end.
    EngineFailed,
    /// The engine could not be reached, and was sent nothing.
    EngineAway,
    /// Both sides of a tunnel ended their streams.
    TunnelClosed,
    /// One side broke a tunnel.
    TunnelBroken,
    /// The shutdown cut the request: after its grace period, at a second signal, or at once if it only followed something.
    Cut,
}

impl End {
    const fn as_str(self) -> &'static str {
        match self {
            Self::ClientLeft => "client left",
            Self::Complete => "complete",
            Self::BodyBroken => "body broken",
            Self::EngineFailed => "engine failed",
            Self::EngineAway => "engine away",
            Self::TunnelClosed => "tunnel closed",
            Self::TunnelBroken => "tunnel broken",
            Self::Cut => "cut by shutdown",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judged {
    Allow,
    Deny,
}

impl Judged {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// What is known about a request so far.
#[derive(Debug)]
pub(crate) struct Record {
    id: u64,
    client: Arc<Client>,
    started: Instant,
    asked: RequestedTarget,
    verdict: Judged,
    /// Why the request was denied, or what went wrong.
    reason: Option<String>,
    /// How policies judged the request.
    pub ruling: Ruling,
    /// The status that the client was answered.
    pub status: Option<StatusCode>,
    /// How many bytes of body went to the engine.
    pub request_bytes: Arc<AtomicU64>,
    /// How many bytes of body went to the client.
    pub response_bytes: u64,
    /// How the request ended, as far as is known.
    pub end: End,
}

/// The target of the request: as the client wrote it, until it is parsed.
#[derive(Debug)]
enum RequestedTarget {
    /// The head could not be read as HTTP.
    Unread {
        method: String,
        path: String,
    },
    Raw {
        method: http::Method,
        uri: Uri,
    },
    Parsed(Arc<Operation>),
}

/// How much of a method and of a path is logged, in bytes.
const MAX_METHOD: usize = 16;
const MAX_PATH: usize = 512;

/// How much is logged of what policies say, in bytes: of the reason, and of what observing policies would have done.
const MAX_REASON: usize = 1024;
const MAX_OBSERVED: usize = 2048;

/// The number of the last request; requests are numbered from the start of the process.
static LAST_ID: AtomicU64 = AtomicU64::new(0);

impl Record {
    /// The record of a request whose head has just come.
    pub(crate) fn new(client: &Arc<Client>, method: http::Method, uri: Uri) -> Self {
        Self::asked(client, RequestedTarget::Raw { method, uri })
    }

    /// The record of a request whose head could not be read; `method` and `path` are what it seems to have asked for.
    pub(crate) fn unread(client: &Arc<Client>, method: String, path: String) -> Self {
        Self::asked(client, RequestedTarget::Unread { method, path })
    }

    fn asked(client: &Arc<Client>, asked: RequestedTarget) -> Self {
        Self {
            id: LAST_ID.fetch_add(1, Ordering::Relaxed) + 1,
            client: Arc::clone(client),
            started: Instant::now(),
            asked,
            verdict: Judged::Allow,
            reason: None,
            ruling: Ruling::default(),
            status: None,
            request_bytes: Arc::default(),
            response_bytes: 0,
            end: End::ClientLeft,
        }
    }

    /// The request's number.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The client that sent the request.
    pub(crate) fn client(&self) -> Arc<Client> {
        Arc::clone(&self.client)
    }

    /// Notes the operation of the request, which is parsed now.
    pub(crate) fn is_about(&mut self, operation: Arc<Operation>) {
        if !operation.ends_by_itself() {
            self.client.timer.answer_is_endless();
        }
        self.asked = RequestedTarget::Parsed(operation);
    }

    /// The operation's id, or an empty text if the request could not be parsed or is not in the catalogue.
    pub(crate) fn operation_id(&self) -> &'static str {
        match &self.asked {
            RequestedTarget::Raw { .. } | RequestedTarget::Unread { .. } => "",
            RequestedTarget::Parsed(operation) => operation.id(),
        }
    }

    /// Notes that the gateway answers itself, and the engine gets nothing.
    pub(crate) fn deny(&mut self, status: StatusCode, reason: String) {
        self.verdict = Judged::Deny;
        self.status = Some(status);
        self.reason = Some(reason);
    }

    /// Notes that the request was allowed, but the exchange with the engine failed.
    pub(crate) fn fail(&mut self, status: StatusCode, reason: String, end: End) {
        self.status = Some(status);
        self.reason = Some(reason);
        self.end = end;
    }

    /// Notes that the engine's side broke off after its answer had begun.
    pub(crate) fn engine_failed(&mut self, reason: String) {
        self.reason = Some(reason);
        self.end = End::EngineFailed;
    }

    /// Notes that the body has come to its end, unless something failed before.
    pub(crate) fn complete(&mut self) {
        if self.end == End::ClientLeft {
            self.end = End::Complete;
        }
    }

    fn log(&self) {
        let (method, path, api_version) = match &self.asked {
            RequestedTarget::Unread { method, path } => (method.as_str(), path.as_str(), None),
            RequestedTarget::Raw { method, uri } => (method.as_str(), uri.path(), None),
            RequestedTarget::Parsed(operation) => {
                let target = operation.target();
                (operation.method().as_str(), target.path(), target.version())
            }
        };
        let method = start(method, MAX_METHOD);
        let path = start(path, MAX_PATH);
        macro_rules! event {
            ($level:ident) => {
                tracing::$level!(
                    target: "sockgate::request",
                    id = self.id,
                    client = self.client.peer.name(),
                    listener = self.client.peer.listener(),
                    method,
                    operation = self.operation_id(),
                    path,
                    api_version,
                    decision = self.verdict.as_str(),
                    reason = self.reason.as_deref().map(|reason| start(reason, MAX_REASON)),
                    list = self.ruling.list.map(OperationList::setting),
                    policy = self.ruling.policy.as_deref().map(tracing::field::display),
                    observed = self.ruling.observed.as_deref().map(|observed| start(observed, MAX_OBSERVED)),
                    status = self.status.map(|status| status.as_u16()),
                    request_bytes = self.request_bytes.load(Ordering::Relaxed),
                    response_bytes = self.response_bytes,
                    duration_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
                    end = self.end.as_str(),
                )
            };
        }
        match (self.verdict, self.end) {
            (Judged::Deny, _) | (Judged::Allow, End::EngineFailed) => event!(warn),
            // That the engine is away is a line of its own, once (`engine/absence.rs`).
            (
                Judged::Allow,
                End::ClientLeft
                | End::Complete
                | End::BodyBroken
                | End::EngineAway
                | End::TunnelClosed
                | End::TunnelBroken
                | End::Cut,
            ) => event!(info),
        }
    }
}

/// The first bytes of a text, cut between characters.
fn start(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or_default()
}

impl Drop for Record {
    fn drop(&mut self) {
        if self.end == End::ClientLeft && self.client.is_cut() {
            self.end = End::Cut;
        }
        self.client.request_ended();
        self.log();
    }
}
