//! How a request was judged: by which policy, and if it was denied, by whom and why.

use std::fmt::Write as _;
use std::sync::Arc;

use engine_api::{Denial, OperationList};

use crate::digest::Digest;
use crate::guest::fault::Fault;
use crate::guest::interface::{PolicyDenial, Verdict};

/// How much of a file's name is told, in bytes.
const MAX_FILE: usize = 64;

/// How much of what an observing policy says is logged, in bytes: a record must not grow with the number of policies.
const MAX_OBSERVED: usize = 256;

/// What identifies a policy in logs and refusals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyId {
    /// The name that the policy gives itself.
    pub name: Arc<str>,
    /// The version that the policy gives itself.
    pub version: String,
    /// The file's SHA-256.
    pub digest: Digest,
    /// The text for a log line: name, version and the beginning of the digest.
    label: String,
    /// The text for a client: the name.
    short: String,
}

impl PolicyId {
    /// The identity of a policy with this name and version, from a file with this digest.
    pub(crate) fn new(name: Arc<str>, version: String, digest: Digest) -> Self {
        let label = format!("{name} {version} sha256:{}", digest.short());
        let short = name.as_ref().to_owned();
        Self { name, version, digest, label, short }
    }

    /// The same policy, if no other has its name.
    pub(crate) fn alone(&self) -> Self {
        Self::new(Arc::clone(&self.name), self.version.clone(), self.digest)
    }

    /// The same policy beside another one of its name: clients and the log are told its file, too.
    pub(crate) fn beside_a_namesake(&self, file: &str) -> Self {
        let id = self.alone();
        let file = engine_api::untrusted::fit(file, MAX_FILE);
        Self { label: format!("{} in {file}", id.label), short: format!("{} in {file}", id.name), ..id }
    }
}

impl std::fmt::Display for PolicyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.label)
    }
}

/// Why a request is denied. `Display` is for the client.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Denied {
    /// The operator's settings do not allow it: the env flags, or `DENY_OPERATIONS`.
    #[error("{0}")]
    BySettings(Denial),
    /// A policy denies it.
    #[error("{} (policy {})", .1.message, .0.short)]
    ByPolicy(Arc<PolicyId>, PolicyDenial),
    /// A policy failed, which is always a denial.
    #[error("the policy {} {}, so nothing is let through", .0.short, .1.for_client())]
    PolicyFault(Arc<PolicyId>, Fault),
}

impl Denied {
    /// The HTTP status of the answer, from 400 to 599.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::BySettings(denial) => denial.status(),
            Self::ByPolicy(_, denial) => denial.status,
            Self::PolicyFault(
                _,
                Fault::Busy(_) | Fault::ShareTaken(_) | Fault::NoRoom(_) | Fault::Crowded(_),
            ) => 503,
            Self::PolicyFault(..) => 403,
        }
    }
}

/// How a request was judged, for its log line.
#[derive(Debug, Default)]
pub struct Ruling {
    /// The policy that had the last word; `None` if the settings had it.
    pub policy: Option<Arc<PolicyId>>,
    /// The list of operations that had the last word; `None` if the flags or a policy had it.
    pub list: Option<OperationList>,
    /// What policies in `observe` mode would have done.
    pub observed: Option<String>,
}

/// Notes in `ruling` what an observing policy would have done, in the words of the log.
pub(crate) fn observe(ruling: &mut Ruling, policy: &PolicyId, verdict: &Result<Verdict, Fault>) {
    let observed = ruling.observed.get_or_insert_default();
    if !observed.is_empty() {
        observed.push_str("; ");
    }
    // What a policy says is quoted, so that it cannot be taken for the verdict of another. Writing to a string cannot
    // fail.
    let name = &policy.short;
    let _ = match verdict {
        Ok(Verdict::Allow) => write!(observed, "{name} would allow"),
        Ok(Verdict::Defer) => write!(observed, "{name} would defer"),
        Ok(Verdict::Deny(denial)) => write!(observed, "{name} would deny: {}", quoted(&denial.message)),
        Err(busy @ (Fault::Busy(_) | Fault::ShareTaken(_) | Fault::Crowded(_))) => {
            write!(observed, "{name} was not asked: {busy}")
        }
        Err(fault) => {
            write!(observed, "{name} would deny, because it failed: {}", quoted(&fault.to_string()))
        }
    };
}

/// The beginning of a text in quotes, with its own quotes escaped.
fn quoted(text: &str) -> String {
    let beginning = text.get(..text.floor_char_boundary(MAX_OBSERVED)).unwrap_or_default();
    let cut = if beginning.len() < text.len() { "…" } else { "" };
    format!("'{}{cut}'", beginning.replace('\\', r"\\").replace('\'', r"\'"))
}

#[cfg(test)]
mod tests {
    use super::{Digest, Fault, PolicyDenial, PolicyId, Ruling, Verdict, observe};

    #[test]
    fn what_an_observing_policy_says_cannot_be_taken_for_the_verdict_of_another() {
        let denies =
            |message: &str| Ok(Verdict::Deny(PolicyDenial { message: message.to_owned(), status: 403 }));
        let mut ruling = Ruling::default();
        for (name, verdict) in [
            ("a", denies("no; b would allow")),
            ("b", denies(r"it's \'; c would allow")),
            ("c", Err(Fault::Nonsense("; d would allow".to_owned()))),
            ("d", Err(Fault::Busy(1))),
            ("e", Ok(Verdict::Allow)),
        ] {
            let id = PolicyId::new(name.into(), "1".to_owned(), Digest::of(b""));
            observe(&mut ruling, &id, &verdict);
        }
        let want = [
            "a would deny: 'no; b would allow'",
            r"b would deny: 'it\'s \\\'; c would allow'",
            "c would deny, because it failed: 'it gave a senseless answer: ; d would allow'",
            "d was not asked: 1 decisions were running already, and none ended in time (POLICY_CONCURRENCY)",
            "e would allow",
        ];
        assert_eq!(ruling.observed.unwrap_or_default(), want.join("; "));
    }

    #[test]
    fn what_is_noted_of_an_observing_policy_is_bounded() {
        let mut ruling = Ruling::default();
        let id = PolicyId::new("a".into(), "1".to_owned(), Digest::of(b""));
        let denial = PolicyDenial { message: "é".repeat(10_000), status: 403 };
        observe(&mut ruling, &id, &Ok(Verdict::Deny(denial)));
        let want = format!("a would deny: '{}…'", "é".repeat(128));
        assert_eq!(ruling.observed.unwrap_or_default(), want);
    }
}
