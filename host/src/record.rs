//! The record of a request: what the one log line of a finished request says.
//!
//! It travels with the request and is logged when it is dropped, whatever ended the request: the answer's last byte, an
//! engine that died, a client that left. Never in it: headers, bodies, queries (build arguments travel there).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use engine_api::Operation;
use http::{StatusCode, Uri};
use pdp::Ruling;

use crate::net::client::Client;

/// How a request came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The client was gone before the end: what holds until something else is known.
    ClientLeft,
    /// All was sent.
    Complete,
    /// The client's own body broke the exchange.
    BodyBroken,
    /// The engine failed before the end.
    EngineFailed,
    /// A tunnel in which both sides had said all.
    TunnelClosed,
    /// A tunnel that one side broke.
    TunnelBroken,
    /// Cut by the shutdown after its grace period.
    Cut,
}

impl End {
    const fn as_str(self) -> &'static str {
        match self {
            Self::ClientLeft => "client left",
            Self::Complete => "complete",
            Self::BodyBroken => "body broken",
            Self::EngineFailed => "engine failed",
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

/// What is known of a request so far.
#[derive(Debug)]
pub(crate) struct Record {
    id: u64,
    client: Arc<Client>,
    started: Instant,
    asked: RequestedTarget,
    verdict: Judged,
    /// Why it was denied, or what went wrong.
    reason: Option<String>,
    /// How policies judged it.
    pub ruling: Ruling,
    /// What the client was answered.
    pub status: Option<StatusCode>,
    /// Bytes of body to the engine.
    pub request_bytes: Arc<AtomicU64>,
    /// Bytes of body to the client.
    pub response_bytes: u64,
    /// How it ended, as far as is known.
    pub end: End,
}

/// What was asked for: as the client put it, until it is understood.
#[derive(Debug)]
enum RequestedTarget {
    Raw { method: http::Method, uri: Uri },
    Parsed(Arc<Operation>),
}

/// The longest that a method and a path stand in the log, in bytes.
const MAX_METHOD: usize = 16;
const MAX_PATH: usize = 512;

/// Numbers requests since the start.
static LAST_ID: AtomicU64 = AtomicU64::new(0);

impl Record {
    /// Of a request whose head just came.
    pub(crate) fn new(client: &Arc<Client>, method: http::Method, uri: Uri) -> Self {
        client.timer.request_started();
        Self {
            id: LAST_ID.fetch_add(1, Ordering::Relaxed) + 1,
            client: Arc::clone(client),
            started: Instant::now(),
            asked: RequestedTarget::Raw { method, uri },
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

    /// Whose it is.
    pub(crate) fn client(&self) -> Arc<Client> {
        Arc::clone(&self.client)
    }

    /// The request is understood.
    pub(crate) fn is_about(&mut self, operation: Arc<Operation>) {
        self.asked = RequestedTarget::Parsed(operation);
    }

    /// The operation's id for a sentence: empty if the request was not understood, or is not in the catalogue.
    pub(crate) fn operation_id(&self) -> &'static str {
        match &self.asked {
            RequestedTarget::Raw { .. } => "",
            RequestedTarget::Parsed(operation) => operation.id(),
        }
    }

    /// The gateway answers, and the engine will not hear of it.
    pub(crate) fn deny(&mut self, status: StatusCode, reason: String) {
        self.verdict = Judged::Deny;
        self.status = Some(status);
        self.reason = Some(reason);
    }

    /// It was allowed, and the exchange with the engine came to nothing.
    pub(crate) fn fail(&mut self, status: StatusCode, reason: String, end: End) {
        self.status = Some(status);
        self.reason = Some(reason);
        self.end = end;
    }

    /// The body has come to its end; of what failed before, that is no news.
    pub(crate) fn complete(&mut self) {
        if self.end == End::ClientLeft {
            self.end = End::Complete;
        }
    }

    fn log(&self) {
        let (method, path, api_version) = match &self.asked {
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
                    method,
                    operation = self.operation_id(),
                    path,
                    api_version,
                    decision = self.verdict.as_str(),
                    reason = self.reason.as_deref(),
                    policy = self.ruling.policy.as_deref().map(tracing::field::display),
                    observed = self.ruling.observed.as_deref(),
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
            (Judged::Allow, _) => event!(info),
        }
    }
}

fn start(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or_default()
}

impl Drop for Record {
    fn drop(&mut self) {
        self.client.timer.request_ended();
        if self.end == End::ClientLeft && self.client.cut.is_cancelled() {
            self.end = End::Cut;
        }
        self.log();
    }
}
