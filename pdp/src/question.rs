//! The question that a policy is asked: one request, with everything that the policy may find out about it.

use std::sync::Arc;

use bytes::Bytes;
use engine_api::{Decision, Operation};
use http::HeaderMap;

use crate::bindings::FlagsVerdict;
use crate::lookup::Lookups;

/// The names of the facts about a client that policies are told, as `wit/policy.wit` lists them.
pub const CLIENT_FACTS: [&str; 4] = ["listener", "peer.address", "peer.uid", "peer.gid"];

/// A request, as far as policies may see it.
#[derive(Clone, Debug)]
pub struct Question {
    /// The request's number in the log.
    pub id: u64,
    /// What the request asks for.
    pub operation: Arc<Operation>,
    /// The request's header fields as they will be sent.
    pub headers: Arc<HeaderMap>,
    /// The request's body, as far as it is inspected.
    pub body: InspectedBody,
    /// Facts about the client, by documented name (see `wit/policy.wit`).
    pub attributes: Arc<[(String, String)]>,
    /// The look-ups that the policy can make.
    pub lookups: Arc<Lookups>,
}

/// A request's body, as far as policies inspect it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InspectedBody {
    /// The request has no body.
    Empty,
    /// The whole body, which is unambiguous and is sent on byte for byte.
    Complete(Bytes),
    /// The body was not read, because no policy inspects it.
    Unread,
}

impl InspectedBody {
    /// How many bytes a policy is shown.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Empty | Self::Unread => 0,
            Self::Complete(bytes) => bytes.len(),
        }
    }
}

/// The verdict of the operator's settings, as the policy interface has it: what becomes of the request if every policy
/// defers.
pub(crate) fn flags_verdict(decision: &Decision) -> FlagsVerdict {
    match decision {
        Decision::Allow => FlagsVerdict::Allow,
        Decision::Deny(_) => FlagsVerdict::Deny,
    }
}

impl Question {
    /// The question for a policy that only observes.
    pub(crate) fn aside(&self) -> Self {
        Self { lookups: Arc::new(self.lookups.aside()), ..self.clone() }
    }

    /// The operation that is forwarded if the request is allowed.
    pub(crate) fn pinned(&self) -> Arc<Operation> {
        self.lookups.pinned()
    }
}
