//! Translates a question and its answer to and from the types of `wit/policy.wit`.
//!
//! What a policy says is not trusted: a status outside the allowed range, or text that would control a terminal, does
//! not get past here.

use engine_api::Access;
use engine_api::untrusted;

use crate::bindings::{self, Decision, FlagsVerdict, Request};
use crate::guest::fault::Fault;
use crate::question::Question;

/// The longest message of a denial that a client is told, in bytes.
const MAX_MESSAGE: usize = 4 * 1024;

/// A policy's verdict on a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The request is to be forwarded.
    Allow,
    /// The request is to be refused.
    Deny(PolicyDenial),
    /// The next policy is to be asked, or the flags.
    Defer,
}

/// A policy's refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyDenial {
    /// The message for the client, fit to be shown and not too long.
    pub message: String,
    /// The HTTP status, from 400 to 499.
    pub status: u16,
}

/// The record that a policy is given.
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

/// The verdict in a policy's answer.
///
/// # Errors
/// [`Fault::Nonsense`] if the answer has a status that is not allowed.
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

/// A guest's text, fit for a client or a log line.
pub(crate) fn shown(text: &str) -> String {
    untrusted::fit(text, MAX_MESSAGE)
}
