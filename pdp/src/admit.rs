//! Admission: which requests are refused before any policy is asked, and which policies are shown a body.
//!
//! Everything here is a pure function of a request's parts, so that the gateway, `explain` and the author's tools
//! refuse the same requests. What only a connection can tell (hosts, origins, a body that breaks off or comes too
//! slowly) is judged by the gateway.

use bytes::Bytes;
use engine_api::body::BodyShape;
use engine_api::headers::{self, BadHeaders, Framing};
use engine_api::{BadRequestLine, Denial, Endpoint, Operation, Rights};
use http::HeaderMap;

use crate::question::InspectedBody;
use crate::settings::Mode;

#[cfg(test)]
mod tests;

/// Who inspects the body of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// No policy inspects it: the body streams past.
    Nobody,
    /// Only policies that observe inspect it. A body that they cannot be shown is forwarded all the same.
    Observing,
    /// At least one policy that decides inspects it. A body that it cannot be shown is refused.
    Deciding,
}

impl Readers {
    /// The readers of an operation's body, given the modes of the policies that inspect it.
    #[must_use]
    pub fn of(modes: impl IntoIterator<Item = Mode>) -> Self {
        modes.into_iter().fold(Self::Nobody, |readers, mode| match (readers, mode) {
            (Self::Deciding, _) | (_, Mode::Decide | Mode::Narrow) => Self::Deciding,
            (Self::Nobody | Self::Observing, Mode::Observe) => Self::Observing,
        })
    }

    /// What the engine reads the body into, if somebody inspects it.
    #[must_use]
    pub fn shape(self, operation: &Operation) -> Option<BodyShape> {
        match self {
            Self::Nobody => None,
            Self::Observing | Self::Deciding => operation.endpoint().and_then(Endpoint::body),
        }
    }

    /// What policies are shown of a body, with the reason why it cannot be shown to policies that only observe.
    ///
    /// # Errors
    /// The reason why the body cannot be shown, if a policy that decides must see it.
    pub fn settle<E>(self, taken: Result<InspectedBody, E>) -> Result<(InspectedBody, Option<E>), E> {
        match (taken, self) {
            (Ok(body), _) => Ok((body, None)),
            (Err(bad), Self::Nobody | Self::Observing) => Ok((InspectedBody::Unread, Some(bad))),
            (Err(bad), Self::Deciding) => Err(bad),
        }
    }
}

/// Whether a policy in one of these modes can allow what the settings deny. If none can, a request that they deny is
/// refused before its body is taken, and no policy is asked.
pub fn can_allow(modes: impl IntoIterator<Item = Mode>) -> bool {
    modes.into_iter().any(|mode| match mode {
        Mode::Decide => true,
        Mode::Narrow | Mode::Observe => false,
    })
}

/// Why no policy is asked about a request that the flags deny, where none [can allow](can_allow) it: a part of a sentence.
pub const UNASKED: &str = "none can allow what is denied, so the body is not read";

/// Why a body cannot be shown to a policy. The text is meant for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBody {
    /// The body is too large, and a policy is never shown a part of a body.
    #[error(
        "the body is larger than {0} bytes, and a policy must read all of it; POLICY_BODY_LIMIT allows more"
    )]
    TooLarge(usize),
    /// The body has a content coding, which the engine would not undo and a policy could not.
    #[error("the body of this operation is read by a policy: send it without Content-Encoding")]
    Encoded,
    /// Two parsers could read the body in two ways.
    #[error(transparent)]
    Ambiguous(#[from] engine_api::body::AmbiguousBody),
}

impl BadBody {
    /// The HTTP status of the refusal: 413 or 400.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::TooLarge(_) => 413,
            Self::Encoded | Self::Ambiguous(_) => 400,
        }
    }
}

/// A body of at most so many bytes is judged in some 50 us, and shown to a policy in less. What is larger is judged by
/// another thread than the gateway's own, and the decision on it begins there as well.
pub const SHORT_BODY: usize = 4 * 1024;

/// Refuses a body that has a content coding.
///
/// # Errors
/// [`BadBody::Encoded`]
pub fn require_plain(headers: &HeaderMap) -> Result<(), BadBody> {
    if headers::has_content_coding(headers) { Err(BadBody::Encoded) } else { Ok(()) }
}

/// Judges the bytes of a whole body that is plain and not too large.
///
/// # Errors
/// [`BadBody::Ambiguous`] if no policy can be shown it.
pub fn judge_body(bytes: Bytes, shape: BodyShape) -> Result<InspectedBody, BadBody> {
    if bytes.is_empty() {
        return Ok(InspectedBody::Empty);
    }
    shape.judge(&bytes)?;
    Ok(InspectedBody::Complete(bytes))
}

/// A request as a client would send it, without a connection.
#[derive(Clone, Debug)]
pub struct Sent {
    /// What the request asks for.
    pub operation: Operation,
    /// The request's header fields, without those that say how the body is delimited.
    pub headers: HeaderMap,
    /// The request's body; empty if there is none.
    pub body: Bytes,
}

/// The settings that decide whether a request is admitted.
#[derive(Clone, Copy, Debug)]
pub struct Admission {
    /// What the operator's settings let through.
    pub rights: Rights,
    /// `POLICY_BODY_LIMIT`, in bytes.
    pub body_limit: usize,
}

/// What policies are told about a request that was admitted.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// What the request asks for.
    pub operation: Operation,
    /// The request's header fields as they would be sent.
    pub headers: HeaderMap,
    /// The request's body, as far as it is inspected.
    pub body: InspectedBody,
    /// Why policies that only observe are not shown the body.
    pub unshown: Option<BadBody>,
}

/// Why a request is refused before any policy is asked. The text is meant for the client.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refused {
    /// The request is not one of the Engine API.
    #[error(transparent)]
    RequestLine(#[from] BadRequestLine),
    /// The header fields cannot be forwarded.
    #[error(transparent)]
    Headers(#[from] BadHeaders),
    /// The body cannot be shown to a policy that must see it.
    #[error(transparent)]
    Body(#[from] BadBody),
    /// The settings deny it, and no policy may lift that.
    #[error("{0}")]
    Final(Denial),
}

impl Refused {
    /// The HTTP status of the answer.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::RequestLine(bad) => bad.status(),
            Self::Headers(_) => 400,
            Self::Body(bad) => bad.status(),
            Self::Final(denial) => denial.status(),
        }
    }
}

impl Admission {
    /// Admits a request whose body is inspected by `readers`.
    ///
    /// # Errors
    /// [`Refused`] if the gateway would refuse it before it asks any policy.
    pub fn admit(self, sent: Sent, readers: Readers) -> Result<Admitted, Refused> {
        let Sent { operation, mut headers, body } = sent;
        let framing = if body.is_empty() { Framing::Empty } else { Framing::Length };
        headers::require_forwardable(&headers, framing)?;
        headers::strip_hop_by_hop(&mut headers);
        if let Some(denial) = engine_api::decide(self.rights, &operation).final_denial() {
            return Err(Refused::Final(denial.clone()));
        }
        let taken = match readers.shape(&operation) {
            None => Ok(InspectedBody::Unread),
            Some(shape) => self.inspect(body, &headers, shape),
        };
        let (body, unshown) = readers.settle(taken)?;
        Ok(Admitted { operation, headers, body, unshown })
    }

    fn inspect(self, body: Bytes, headers: &HeaderMap, shape: BodyShape) -> Result<InspectedBody, BadBody> {
        if body.is_empty() {
            return Ok(InspectedBody::Empty);
        }
        if body.len() > self.body_limit {
            return Err(BadBody::TooLarge(self.body_limit));
        }
        require_plain(headers)?;
        judge_body(body, shape)
    }
}
