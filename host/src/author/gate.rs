//! What the gateway does with a request before it asks a policy, done to one that is made up: what it would refuse, no tool
//! hands to a policy.
//!
//! A request that is made up has no connection, so hosts, origins and framing are not judged.

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
    /// What it asks for.
    pub operation: Operation,
    /// Beside those that tell how the body comes.
    pub headers: HeaderMap,
    /// Empty if there is none.
    pub body: Bytes,
}

/// The settings that a request meets before it meets policies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gate {
    /// Which families are open.
    pub flags: Flags,
    /// `POLICY_BODY_LIMIT`.
    pub body_limit: usize,
}

/// Who reads the body of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    /// No policy: it streams past.
    Nobody,
    /// Policies whose word counts for nothing. What cannot be read is forwarded all the same.
    Observing,
    /// A policy whose word counts.
    Deciding,
}

/// What policies are told of a request that the gateway has let in.
#[derive(Debug)]
pub(super) struct Admitted {
    /// What it asks for.
    pub operation: Operation,
    /// As they would be sent.
    pub headers: HeaderMap,
    /// As far as it is read.
    pub body: Body,
    /// Why observing policies are not shown it.
    pub unshown: Option<BadBody>,
}

/// The operation of a method and a target, such as `/containers/create?name=web`.
///
/// # Errors
/// The [`Refusal`] of what is none.
pub(crate) fn operation(method: &str, target: &str) -> Result<Operation, Refusal> {
    let method = Method::from_token(method).ok_or_else(|| BadHead::UnknownMethod(method.to_owned()))?;
    let target = Target::parse(target).map_err(BadHead::Target)?;
    Ok(Operation::new(method, target))
}

/// The operation of `POST /containers/create?name=web`.
///
/// # Errors
/// The [`Refusal`] of what is none.
pub(super) fn requested(request: &str) -> Result<Operation, Refusal> {
    let request = request.trim();
    let (method, target) = request.split_once(' ').unwrap_or((request, ""));
    operation(method, target.trim_start())
}

impl Readers {
    /// Where this policy alone is asked, and decides.
    pub(super) fn of(candidate: &Candidate, operation: &Operation) -> Self {
        if candidate.reads_body_of(operation) { Self::Deciding } else { Self::Nobody }
    }
}

impl Gate {
    /// Lets a request in, as far as `readers` read it.
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

/// A refusal with its status, for the eyes of an author.
pub(crate) fn in_words(refusal: &Refusal) -> String {
    format!("{refusal} ({})", response::status(refusal).as_u16())
}
