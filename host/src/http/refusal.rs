//! Refusals, in the engine's own form: JSON `{"message": "…"}`, which `docker` prints as it is.
//!
//! This is the only place that maps what went wrong to a status. The text says what refused the request and what would
//! change that; what only concerns the operator is in the log.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use engine_api::{BadAuthority, DenyReason, Flag, Flags, Method, OperationList, report};
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use pdp::Denied;

use crate::engine::socket;
use crate::engine::upstream::{Effect, UpstreamError};
use crate::http::body::inspected::NotTaken;
use crate::http::body::response::ResponseBody;
use crate::http::head::BadHead;
use crate::http::unreadable::{UnreadHead, Unreadable};
use crate::net::client::{Client, Stopping};
use crate::net::connection_limit::LimitedBy;
use crate::net::messages::RefuseHead;
use crate::open_files;
use crate::record::{End, Record};

/// Why the gateway answers a request itself instead of the engine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The head is refused before anything is judged.
    #[error(transparent)]
    BadHead(#[from] BadHead),
    /// The HTTP library refuses the head.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The body is refused: a policy must read it and cannot.
    #[error(transparent)]
    BadBody(#[from] NotTaken),
    /// The request was judged and is not allowed.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The request was allowed, but the engine did not answer.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// There are as many connections already as are allowed.
    #[error("the gateway has as many connections as {0} allows")]
    Overloaded(LimitedBy),
    /// The request would follow something without an end, and the gateway is stopping.
    #[error(transparent)]
    Stopping(#[from] Stopping),
}

/// What begins a message whose subject is not the gateway.
pub(crate) const OURSELVES: &str = "sockgate: ";

/// The field of the gateway's own answers that says who refused the request.
pub(crate) const REFUSED_BY: HeaderName = HeaderName::from_static("sockgate-refused-by");

/// Who refused a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefusedBy {
    /// The rules for any request: it cannot be judged.
    Request,
    /// The env flags.
    Flags,
    /// `DENY_OPERATIONS`.
    DenyOperations,
    /// A policy, as is its right.
    Policy,
    /// A policy failed.
    PolicyFault,
    /// The engine is away, or did not answer as it should.
    Engine,
    /// There is no place for one more request.
    Full,
}

impl RefusedBy {
    pub(crate) const ALL: [Self; 7] = [
        Self::Request,
        Self::Flags,
        Self::DenyOperations,
        Self::Policy,
        Self::PolicyFault,
        Self::Engine,
        Self::Full,
    ];

    /// The value of the field.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Flags => "flags",
            Self::DenyOperations => "deny-operations",
            Self::Policy => "policy",
            Self::PolicyFault => "policy-fault",
            Self::Engine => "engine",
            Self::Full => "full",
        }
    }
}

/// Answers a request with a refusal.
pub(crate) fn refuse(refusal: &Refusal, flags: Flags, mut record: Record) -> Response<ResponseBody> {
    let status = status(refusal);
    let message = message(refusal, record.operation_id());
    let body = json(&message);
    let reason = reason(refusal);
    match refusal {
        Refusal::BadBody(NotTaken::Broken(_)) | Refusal::Upstream(UpstreamError::RequestBody(_)) => {
            record.fail(status, reason, End::BodyBroken)
        }
        Refusal::Upstream(UpstreamError::Connect { .. } | UpstreamError::ConnectTimeout { .. }) => {
            record.fail(status, reason, End::EngineAway)
        }
        Refusal::Upstream(
            UpstreamError::Closed(_)
            | UpstreamError::Reset(_)
            | UpstreamError::Invalid(..)
            | UpstreamError::UnexpectedUpgrade,
        ) => record.fail(status, reason, End::EngineFailed),
        Refusal::Upstream(UpstreamError::OutOfFiles(_) | UpstreamError::Unwritable(_))
        | Refusal::BadHead(_)
        | Refusal::Unreadable(_)
        | Refusal::BadBody(_)
        | Refusal::Denied(_)
        | Refusal::Overloaded(_)
        | Refusal::Stopping(_) => record.deny(status, reason),
    }
    let length = body.len();
    let mut response = Response::new(ResponseBody::own(Bytes::from(body), record));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(REFUSED_BY, HeaderValue::from_static(refused_by(refusal).as_str()));
    match status {
        StatusCode::MOVED_PERMANENTLY => {
            // The target is printed as it would be forwarded: a path of this gateway, in ASCII.
            let clean = redirect(refusal).and_then(|clean| HeaderValue::try_from(clean).ok());
            clean.map(|clean| headers.insert(header::LOCATION, clean));
        }
        StatusCode::METHOD_NOT_ALLOWED => drop(headers.insert(header::ALLOW, allow(refusal, flags))),
        StatusCode::SERVICE_UNAVAILABLE => {
            drop(headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1")))
        }
        _ => {}
    }
    response
}

/// Who refused a request, for programs: `sockgate healthcheck` tells by it what its ping came to.
fn refused_by(refusal: &Refusal) -> RefusedBy {
    match refusal {
        Refusal::BadHead(_) | Refusal::Unreadable(_) => RefusedBy::Request,
        Refusal::BadBody(NotTaken::Busy) => RefusedBy::Full,
        Refusal::BadBody(NotTaken::Whole(_) | NotTaken::Slow(_) | NotTaken::Broken(_)) => RefusedBy::Request,
        Refusal::Denied(denied) if denied.status() == StatusCode::SERVICE_UNAVAILABLE.as_u16() => {
            RefusedBy::Full
        }
        Refusal::Denied(Denied::BySettings(denial)) => match denial.list() {
            Some(OperationList::Deny) => RefusedBy::DenyOperations,
            Some(OperationList::Allow) | None => RefusedBy::Flags,
        },
        Refusal::Denied(Denied::ByPolicy(..)) => RefusedBy::Policy,
        Refusal::Denied(Denied::PolicyFault(..)) => RefusedBy::PolicyFault,
        Refusal::Upstream(UpstreamError::RequestBody(_) | UpstreamError::Unwritable(_)) => RefusedBy::Request,
        Refusal::Upstream(UpstreamError::OutOfFiles(_)) => RefusedBy::Full,
        Refusal::Upstream(
            UpstreamError::Connect { .. }
            | UpstreamError::ConnectTimeout { .. }
            | UpstreamError::Closed(_)
            | UpstreamError::Reset(_)
            | UpstreamError::Invalid(..)
            | UpstreamError::UnexpectedUpgrade,
        ) => RefusedBy::Engine,
        Refusal::Overloaded(_) | Refusal::Stopping(_) => RefusedBy::Full,
    }
}

/// Answers the heads that the HTTP library refuses, in the words of every other refusal.
pub(crate) struct UnreadHeads(pub Arc<Client>);

impl RefuseHead for UnreadHeads {
    fn refuse_head(&self, status: u16, start: &[u8]) -> Bytes {
        let UnreadHead { why, method, path } = UnreadHead::new(status, start);
        let has_body = method != "HEAD";
        let mut record = Record::unread(&self.0, method, path);
        let refusal = Refusal::Unreadable(why);
        let (status, body) = (self::status(&refusal), json(&message(&refusal, "")));
        record.deny(status, reason(&refusal));
        record.complete();
        let (length, refused_by) = (body.len(), refused_by(&refusal).as_str());
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
             {REFUSED_BY}: {refused_by}\r\nconnection: close\r\n\r\n"
        );
        Bytes::from(head + if has_body { body.as_str() } else { "" })
    }
}

/// The body of a refusal. A string always has a JSON form. If it had none, the status alone would have to do.
fn json(message: &str) -> String {
    serde_json::to_string(&Message { message }).unwrap_or_default()
}

/// The engine's own error body (Engine API, `ErrorResponse`).
#[derive(serde::Serialize)]
struct Message<'m> {
    message: &'m str,
}

/// The status of a refusal.
pub(crate) fn status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::BadHead(BadHead::RequestLine(bad)) => numbered(bad.status()),
        Refusal::BadHead(BadHead::Host(BadAuthority::NotAllowed(_)) | BadHead::Origin(_)) => {
            StatusCode::FORBIDDEN
        }
        Refusal::BadHead(
            BadHead::Scheme
            | BadHead::HostCount
            | BadHead::Host(BadAuthority::Malformed)
            | BadHead::TransferCoding
            | BadHead::Headers(_),
        ) => StatusCode::BAD_REQUEST,
        Refusal::Unreadable(Unreadable::TargetTooLong) => StatusCode::URI_TOO_LONG,
        Refusal::Unreadable(Unreadable::TooLarge) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Refusal::Unreadable(
            Unreadable::Tls | Unreadable::RequestLine(_) | Unreadable::Version | Unreadable::Malformed,
        ) => StatusCode::BAD_REQUEST,
        Refusal::BadBody(NotTaken::Whole(bad)) => numbered(bad.status()),
        Refusal::BadBody(NotTaken::Slow(_)) => StatusCode::REQUEST_TIMEOUT,
        Refusal::BadBody(NotTaken::Busy) => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::BadBody(NotTaken::Broken(_)) => StatusCode::BAD_REQUEST,
        Refusal::Denied(denied) => numbered(denied.status()),
        Refusal::Upstream(UpstreamError::Connect { .. } | UpstreamError::OutOfFiles(_))
        | Refusal::Overloaded(_)
        | Refusal::Stopping(_) => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::Upstream(UpstreamError::ConnectTimeout { .. }) => StatusCode::GATEWAY_TIMEOUT,
        Refusal::Upstream(
            UpstreamError::Closed(_)
            | UpstreamError::Reset(_)
            | UpstreamError::Invalid(..)
            | UpstreamError::UnexpectedUpgrade,
        ) => StatusCode::BAD_GATEWAY,
        Refusal::Upstream(UpstreamError::RequestBody(_) | UpstreamError::Unwritable(_)) => {
            StatusCode::BAD_REQUEST
        }
    }
}

/// Where a read is sent whose path has empty segments, as the engine would send it.
fn redirect(refusal: &Refusal) -> Option<String> {
    match refusal {
        Refusal::BadHead(BadHead::RequestLine(bad)) => bad.redirect().map(ToString::to_string),
        Refusal::BadHead(_)
        | Refusal::Unreadable(_)
        | Refusal::BadBody(_)
        | Refusal::Denied(_)
        | Refusal::Upstream(_)
        | Refusal::Overloaded(_)
        | Refusal::Stopping(_) => None,
    }
}

/// The status with that number. Policies choose from 400 to 499; a number that is not a status still refuses.
fn numbered(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN)
}

/// The sentence for the client.
fn message(refusal: &Refusal, operation_id: &str) -> String {
    match refusal {
        Refusal::BadHead(_) | Refusal::Unreadable(_) => {
            format!("sockgate refused the request: {}", report(refusal))
        }
        Refusal::BadBody(error) => format!("sockgate refused {operation_id}: {}", report(error)),
        // Without causes: how a policy failed is for the operator alone.
        Refusal::Denied(denied) if operation_id.is_empty() => {
            format!("sockgate denied the request: {denied}")
        }
        Refusal::Denied(denied) => format!("sockgate denied {operation_id}: {denied}"),
        Refusal::Upstream(error) => format!("{OURSELVES}{}{}", report(error), advice(error)),
        Refusal::Overloaded(limited_by) => {
            format!("{OURSELVES}{refusal}; try again later, or {}", limited_by.next_step())
        }
        Refusal::Stopping(_) => format!("{OURSELVES}{refusal}; try again later"),
    }
}

/// The reason in the log.
fn reason(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Denied(Denied::PolicyFault(policy, fault)) => {
            format!("the policy {} failed: {}", policy.name, report(fault))
        }
        Refusal::Upstream(error) => report(error) + advice(error),
        Refusal::BadHead(_)
        | Refusal::Unreadable(_)
        | Refusal::BadBody(_)
        | Refusal::Denied(_)
        | Refusal::Overloaded(_)
        | Refusal::Stopping(_) => report(refusal),
    }
}

/// What to know for the next step: the end of a sentence.
fn advice(error: &UpstreamError) -> &'static str {
    match error {
        UpstreamError::Connect { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            "; the gateway's user may not open it: see the gateway's log"
        }
        UpstreamError::Connect { path, .. } if socket::was_removed(path) => {
            "; the engine's socket is another file now, and the gateway has the removed one mounted: restart its container"
        }
        UpstreamError::Connect { .. } => "; is it running, and is DOCKER_SOCKET its socket?",
        UpstreamError::OutOfFiles(error) => open_files::advice(error).unwrap_or_default(),
        UpstreamError::Closed(Effect::Unknown)
        | UpstreamError::Reset(Effect::Unknown)
        | UpstreamError::Invalid(Effect::Unknown, _) => "; the engine may have carried out the request",
        UpstreamError::Closed(Effect::Nothing)
        | UpstreamError::Reset(Effect::Nothing)
        | UpstreamError::Invalid(Effect::Nothing, _)
        | UpstreamError::ConnectTimeout { .. }
        | UpstreamError::UnexpectedUpgrade
        | UpstreamError::RequestBody(_)
        | UpstreamError::Unwritable(_) => "",
    }
}

/// The `Allow` header: the methods that the flags let through. Where GET itself is refused because it writes, there are
/// none (RFC 9110 §10.2.1).
fn allow(refusal: &Refusal, flags: Flags) -> HeaderValue {
    let is_allowed = |method: &Method| match method {
        Method::Get | Method::Head => true,
        Method::Post => flags.has(Flag::Post),
        Method::Put => flags.has(Flag::Put),
        Method::Delete => flags.has(Flag::Delete),
    };
    if matches!(refusal, Refusal::Denied(Denied::BySettings(denial)) if denial.reason == DenyReason::WriteByGetOff)
    {
        return HeaderValue::from_static("");
    }
    let methods: Vec<_> =
        Method::ALL.iter().filter(|method| is_allowed(method)).map(|method| method.as_str()).collect();
    HeaderValue::from_str(&methods.join(", ")).unwrap_or_else(|_| HeaderValue::from_static("GET, HEAD"))
}
