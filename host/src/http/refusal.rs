//! Refusals, in the engine's own form: JSON `{"message": "…"}`, which `docker` prints as it is.
//!
//! The one place that maps what went wrong to a status. The text says what refused and what would change it; what only
//! concerns the operator is in the log.

use std::error::Error as _;
use std::io;

use bytes::Bytes;
use engine_api::{BadAuthority, DenyReason, Flag, Flags, Method};
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};
use pdp::Denied;
use rustix::io::Errno;

use crate::engine::upstream::UpstreamError;
use crate::http::body::inspected::NotTaken;
use crate::http::body::response::ResponseBody;
use crate::http::head::BadHead;
use crate::record::{End, Record};

/// Why a client is answered by us and not by the engine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The request may not even be judged.
    #[error(transparent)]
    BadHead(#[from] BadHead),
    /// A policy would have to read it.
    #[error(transparent)]
    BadBody(#[from] NotTaken),
    /// It was judged.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// It was allowed, and the engine did not answer.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// There are as many connections as are allowed.
    #[error("the gateway has as many connections as MAX_CONNECTIONS allows")]
    Overloaded,
}

/// Answers a request with a refusal.
pub(crate) fn refuse(refusal: &Refusal, flags: Flags, mut record: Record) -> Response<ResponseBody> {
    let status = status(refusal);
    let message = message(refusal, record.operation_id());
    // A string always has a JSON form; were it not so, the status would have to do.
    let body = serde_json::to_string(&Message { message: &message }).unwrap_or_default();
    let reason = reason(refusal);
    match refusal {
        Refusal::BadBody(NotTaken::Broken(_)) | Refusal::Upstream(UpstreamError::RequestBody(_)) => {
            record.fail(status, reason, End::BodyBroken)
        }
        Refusal::Upstream(_) => record.fail(status, reason, End::EngineFailed),
        Refusal::BadHead(_) | Refusal::BadBody(_) | Refusal::Denied(_) | Refusal::Overloaded => {
            record.deny(status, reason)
        }
    }
    let length = body.len();
    let mut response = Response::new(ResponseBody::own(Bytes::from(body), record));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    match status {
        StatusCode::METHOD_NOT_ALLOWED => drop(headers.insert(header::ALLOW, allow(refusal, flags))),
        StatusCode::SERVICE_UNAVAILABLE => {
            drop(headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1")))
        }
        _ => {}
    }
    response
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
        Refusal::BadBody(NotTaken::Whole(bad)) => numbered(bad.status()),
        Refusal::BadBody(NotTaken::Slow(_)) => StatusCode::REQUEST_TIMEOUT,
        Refusal::BadBody(NotTaken::Busy) => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::BadBody(NotTaken::Broken(_)) => StatusCode::BAD_REQUEST,
        Refusal::Denied(denied) => numbered(denied.status()),
        Refusal::Upstream(UpstreamError::Connect { .. }) | Refusal::Overloaded => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Refusal::Upstream(UpstreamError::ConnectTimeout { .. }) => StatusCode::GATEWAY_TIMEOUT,
        Refusal::Upstream(UpstreamError::Exchange(_) | UpstreamError::UnexpectedUpgrade) => {
            StatusCode::BAD_GATEWAY
        }
        Refusal::Upstream(UpstreamError::RequestBody(_) | UpstreamError::Unwritable(_)) => {
            StatusCode::BAD_REQUEST
        }
    }
}

/// A policy chooses its status from 400 to 499; what cannot be one is a refusal all the same.
fn numbered(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN)
}

fn message(refusal: &Refusal, operation_id: &str) -> String {
    match refusal {
        Refusal::BadHead(error) => format!("sockgate refused the request: {error}"),
        Refusal::BadBody(error) => format!("sockgate refused {operation_id}: {error}"),
        Refusal::Denied(reason) if operation_id.is_empty() => {
            format!("sockgate denied the request: {reason}")
        }
        Refusal::Denied(reason) => format!("sockgate denied {operation_id}: {reason}"),
        Refusal::Upstream(error) => format!("sockgate: {error}{}", cause(refusal)),
        Refusal::Overloaded => format!("sockgate: {refusal}; try again later, or raise it"),
    }
}

/// What the log says.
fn reason(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Denied(Denied::PolicyFault(policy, fault)) => {
            format!("the policy {} failed: {fault}", policy.name)
        }
        Refusal::BadHead(_)
        | Refusal::BadBody(_)
        | Refusal::Denied(_)
        | Refusal::Upstream(_)
        | Refusal::Overloaded => {
            format!("{refusal}{}", cause(refusal))
        }
    }
}

/// The client is told the cause in a word or two, and the next step where it is the operator's.
fn cause(refusal: &Refusal) -> String {
    let Refusal::Upstream(error) = refusal else { return String::new() };
    match error {
        UpstreamError::Connect { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            format!(" ({source}); the gateway's user may not open it: see the gateway's log")
        }
        UpstreamError::Connect { source, .. } if is_out_of_files(source) => {
            format!(" ({source}): the gateway itself has too few; raise its limit or lower MAX_CONNECTIONS")
        }
        UpstreamError::Connect { source, .. } => {
            format!(" ({source}); is it running, and is DOCKER_SOCKET its socket?")
        }
        UpstreamError::ConnectTimeout { .. } | UpstreamError::UnexpectedUpgrade => String::new(),
        UpstreamError::RequestBody(_) | UpstreamError::Exchange(_) | UpstreamError::Unwritable(_) => {
            error.source().map_or_else(String::new, |source| format!(" ({source})"))
        }
    }
}

fn is_out_of_files(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// The methods that the flags let through. Where GET itself is refused (it writes), none is: RFC 9110 §10.2.1.
fn allow(refusal: &Refusal, flags: Flags) -> HeaderValue {
    let is_allowed = |method: &Method| match method {
        Method::Get | Method::Head => true,
        Method::Post => flags.has(Flag::Post),
        Method::Put => flags.has(Flag::Put),
        Method::Delete => flags.has(Flag::Delete),
    };
    if matches!(refusal, Refusal::Denied(Denied::ByFlags(denial)) if denial.reason == DenyReason::WriteByGetOff)
    {
        return HeaderValue::from_static("");
    }
    let methods: Vec<_> =
        Method::ALL.iter().filter(|method| is_allowed(method)).map(|method| method.as_str()).collect();
    HeaderValue::from_str(&methods.join(", ")).unwrap_or_else(|_| HeaderValue::from_static("GET, HEAD"))
}
