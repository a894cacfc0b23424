//! A request that is made up, as people write it, and what the gateway says of one that it refuses.

use engine_api::{BadRequestLine, Operation};
use pdp::admit::{Readers, Refused};
use pdp::workbench::Candidate;
use pdp::{CLIENT_FACTS, Mode};

/// The operation of `POST /containers/create?name=web`.
///
/// # Errors
/// [`BadRequestLine`], as the gateway would refuse it.
pub(crate) fn requested(request: &str) -> Result<Operation, BadRequestLine> {
    let request = request.trim();
    let (method, target) = request.split_once(' ').unwrap_or((request, ""));
    Operation::parse(method, target.trim_start())
}

/// Who inspects the body where this policy alone is asked, and decides.
pub(crate) fn readers_of(candidate: &Candidate, operation: &Operation) -> Readers {
    Readers::of(candidate.reads_body_of(operation).then_some(Mode::Decide))
}

/// What is wrong with the name of a fact about a client, if no gateway tells such a fact.
#[must_use]
pub fn unknown_fact(name: &str) -> Option<String> {
    let is_known = CLIENT_FACTS.contains(&name);
    (!is_known).then(|| {
        format!("{name:?} is not a fact that is known of a client; known are {}", CLIENT_FACTS.join(", "))
    })
}

/// A refusal with its status, for the eyes of an author.
#[must_use]
pub fn refused_in_words(refused: &Refused) -> String {
    format!("{refused} ({})", refused.status())
}
