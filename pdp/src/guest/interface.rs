//! A question and its answer in the terms of `wit/policy.wit`: the record that a policy is handed, and what its decision
//! comes to.
//!
//! Whatever a policy says is a stranger's word: a status that is none, or words that would steer a terminal, do not get
//! past here.

use engine_api::Access;

use crate::bindings::{self, Decision, FlagsVerdict, Request};
use crate::guest::fault::Fault;
use crate::question::Question;
use engine_api::untrusted;

/// The longest denial that a client is told, in bytes.
const MAX_MESSAGE: usize = 4 * 1024;

/// What a policy makes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Forward it.
    Allow,
    /// Refuse it.
    Deny(PolicyDenial),
    /// Ask somebody else.
    Defer,
}

/// A policy's refusal, fit to be shown, and not too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyDenial {
    /// For the client.
    pub message: String,
    /// From 400 to 499.
    pub status: u16,
}

/// What a policy is handed.
pub(crate) fn request(question: &Question, flags: FlagsVerdict) -> Request {
    let operation = &question.operation;
    let target = operation.target();
    Request {
        id: question.id.to_string(),
        method: operation.method().as_str().to_owned(),
        path: target.path().to_owned(),
        api_version: target.version().map(str::to_owned),
        operation: operation.id().to_owned(),
        family: operation.family_segment().to_owned(),
        access: match operation.access() {
            Access::Read => bindings::Access::Read,
            Access::Write => bindings::Access::Write,
            Access::Interactive => bindings::Access::Interactive,
        },
        subject: operation.subject().map(str::to_owned),
        query: target.query_pairs().collect(),
        attributes: question.attributes.to_vec(),
        flags,
    }
}

/// What a policy's answer comes to.
///
/// # Errors
/// [`Fault::Nonsense`].
pub(crate) fn verdict(decision: Decision) -> Result<Verdict, Fault> {
    let denial = match decision {
        Decision::Allow => return Ok(Verdict::Allow),
        Decision::Defer => return Ok(Verdict::Defer),
        Decision::Deny(denial) => denial,
    };
    match denial.status.unwrap_or(403) {
        status @ 400..=499 => Ok(Verdict::Deny(PolicyDenial { message: shown(&denial.message), status })),
        status => Err(Fault::Nonsense(format!(
            "a denial with status {status} (it must be from 400 to 499): {}",
            shown(&denial.message)
        ))),
    }
}

/// A guest's words, for a client or a log line.
pub(crate) fn shown(text: &str) -> String {
    untrusted::fit(text, MAX_MESSAGE)
}
