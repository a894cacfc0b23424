//! What a policy is asked: one request, with everything that the policy may find out about it.

use std::sync::Arc;

use bytes::Bytes;
use engine_api::{Decision, Operation};
use http::HeaderMap;

use crate::bindings::FlagsVerdict;
use crate::lookup::Lookups;

/// A request, as far as policies may see it.
#[derive(Clone, Debug)]
pub struct Question {
    /// The request's number in the log.
    pub id: u64,
    /// What it asks for.
    pub operation: Arc<Operation>,
    /// As they will be sent.
    pub headers: Arc<HeaderMap>,
    /// What was read of it.
    pub body: InspectedBody,
    /// Facts about the client, by documented name (see `wit/policy.wit`).
    pub attributes: Arc<[(String, String)]>,
    /// Where it can look things up.
    pub lookups: Arc<Lookups>,
}

/// A request's body, as far as policies inspect it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InspectedBody {
    /// There is none.
    Empty,
    /// All of it: unambiguous, and sent on byte for byte.
    Complete(Bytes),
    /// No policy asked for it.
    Unread,
}

/// The env flags' verdict, in the policy interface's words.
pub(crate) fn flags_verdict(decision: &Decision) -> FlagsVerdict {
    match decision {
        Decision::Allow => FlagsVerdict::Allow,
        Decision::Deny(_) => FlagsVerdict::Deny,
    }
}

impl Question {
    /// For a policy whose word counts for nothing.
    pub(crate) fn aside(&self) -> Self {
        Self { lookups: Arc::new(self.lookups.aside()), ..self.clone() }
    }

    /// What is forwarded if it is allowed.
    pub(crate) fn pinned(&self) -> Arc<Operation> {
        self.lookups.pinned()
    }
}
