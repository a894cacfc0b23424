//! Does with a request that is made up what the gateway does before it asks a policy. What the gateway would refuse, no tool
//! hands to a policy.
//!
//! A request that is made up has no connection, so its host, origin and framing are not judged.

use bytes::Bytes;
use http::HeaderMap;
use policy::{Decision, Endpoint, Flags, Method, Operation, Target};

use crate::gateway::Refusal;
use crate::head::{self, BadHead, Framing};
use crate::headers;
use crate::intake::{self, BadBody};
use crate::pdp::workbench::{Body, Candidate};
use crate::pdp::{self, Denied};
use crate::response;

/// A request as a client would send it.
pub(super) struct Sent {
    /// The operation that it asks for.
    pub operation: Operation,
    /// Its headers, without those that frame the body.
    pub headers: HeaderMap,
    /// Its body; empty if it has none.
    pub body: Bytes,
}

/// The settings that decide whether a request reaches the policies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gate {
    /// The env flags.
    pub flags: Flags,
    /// `POLICY_BODY_LIMIT`.
    pub body_limit: usize,
}

/// Which policies read the body of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    /// No policy reads it: it streams past.
    Nobody,
    /// Only policies that observe read it. A body that they cannot read is forwarded all the same.
    Observing,
    /// A policy reads it that decides.
    Deciding,
}

/// What policies are told of a request that the gateway does not refuse by itself.
#[derive(Debug)]
pub(super) struct Admitted {
    /// The operation that it asks for.
    pub operation: Operation,
    /// The headers, as they would be forwarded.
    pub headers: HeaderMap,
    /// The body, if a policy reads it.
    pub body: Body,
    /// Why policies that observe are not shown the body.
    pub unshown: Option<BadBody>,
}

/// The operation of a method and a target, such as `/containers/create?name=web`.
///
/// # Errors
/// The gateway's [`Refusal`].
pub(crate) fn operation(method: &str, target: &str) -> Result<Operation, Refusal> {
    let method = Method::from_token(method).ok_or_else(|| BadHead::UnknownMethod(method.to_owned()))?;
    let target = Target::parse(target).map_err(BadHead::Target)?;
    Ok(Operation::new(method, target))
}

/// The operation of `POST /containers/create?name=web`.
///
/// # Errors
/// The gateway's [`Refusal`].
pub(super) fn requested(request: &str) -> Result<Operation, Refusal> {
    let request = request.trim();
    let (method, target) = request.split_once(' ').unwrap_or((request, ""));
    operation(method, target.trim_start())
}

impl Readers {
    /// The readers where this policy alone is asked, and decides.
    pub(super) fn of(candidate: &Candidate, operation: &Operation) -> Self {
        if candidate.reads_body_of(operation) { Self::Deciding } else { Self::Nobody }
    }
}

impl Gate {
    /// Lets a request in, with its body if `readers` read it.
    ///
    /// # Errors
    /// The gateway's [`Refusal`].
    pub(super) fn admit(self, sent: Sent, readers: Readers) -> Result<Admitted, Refusal> {
        let Sent { operation, mut headers, body } = sent;
        let framing = if body.is_empty() { Framing::Empty } else { Framing::Length };
        head::require_forwardable(&headers, framing)?;
        headers::strip_hop_by_hop(&mut headers);
        let shape = operation.endpoint().and_then(Endpoint::body);
        let taken = match shape.filter(|_| readers != Readers::Nobody) {
            None => Ok(Body::Unread),
            Some(shape) => intake::judge_whole(body, self.body_limit, &headers, shape),
        };
        let (body, unshown) = match taken {
            Ok(body) => (body, None),
            Err(bad) if readers == Readers::Observing => (Body::Unread, Some(bad)),
            Err(bad) => return Err(bad.into()),
        };
        let flags_say = policy::decide(self.flags, &operation);
        if pdp::is_closed(&flags_say)
            && let Decision::Deny(denial) = flags_say
        {
            return Err(Denied::ByFlags(denial).into());
        }
        Ok(Admitted { operation, headers, body, unshown })
    }
}

/// A refusal with its status, for the author of a policy.
pub(crate) fn in_words(refusal: &Refusal) -> String {
    format!("{refusal} ({})", response::status(refusal).as_u16())
}
