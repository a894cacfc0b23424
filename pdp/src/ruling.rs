//! How a request was judged: by which policy, and if it was denied, by whom and why.

use std::fmt::Write as _;
use std::sync::Arc;

use engine_api::Denial;

use crate::digest::Digest;
use crate::guest::fault::Fault;
use crate::guest::interface::{PolicyDenial, Verdict};

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
}

impl PolicyId {
    /// The identity of a policy with this name and version, from a file with this digest.
    pub(crate) fn new(name: Arc<str>, version: String, digest: Digest) -> Self {
        let label = format!("{name} {version} sha256:{}", digest.short());
        Self { name, version, digest, label }
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
    /// The env flags do not allow it.
    #[error("{0}")]
    ByFlags(Denial),
    /// A policy denies it.
    #[error("{} (policy {})", .1.message, .0.name)]
    ByPolicy(Arc<PolicyId>, PolicyDenial),
    /// A policy failed, which is always a denial.
    #[error("the policy {} {}, so nothing is let through", .0.name, .1.for_client())]
    PolicyFault(Arc<PolicyId>, Fault),
}

impl Denied {
    /// The HTTP status of the answer, from 400 to 599.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::ByFlags(denial) if denial.reason.is_about_method() => 405,
            Self::ByPolicy(_, denial) => denial.status,
            Self::PolicyFault(_, Fault::Busy(_) | Fault::NoRoom(_) | Fault::Crowded(_)) => 503,
            Self::ByFlags(_) | Self::PolicyFault(..) => 403,
        }
    }
}

/// How a request was judged, for its log line.
#[derive(Debug, Default)]
pub struct Ruling {
    /// The policy that had the last word; `None` if the flags had it.
    pub policy: Option<Arc<PolicyId>>,
    /// What policies in `observe` mode would have done.
    pub observed: Option<String>,
}

/// Notes in `ruling` what an observing policy would have done, in the words of the log.
pub(crate) fn observe(ruling: &mut Ruling, policy: &PolicyId, verdict: &Result<Verdict, Fault>) {
    let observed = ruling.observed.get_or_insert_default();
    if !observed.is_empty() {
        observed.push_str("; ");
    }
    // Writing to a string cannot fail.
    let _ = match verdict {
        Ok(Verdict::Allow) => write!(observed, "{} would allow", policy.name),
        Ok(Verdict::Defer) => write!(observed, "{} would defer", policy.name),
        Ok(Verdict::Deny(denial)) => write!(observed, "{} would deny: {}", policy.name, denial.message),
        Err(busy @ (Fault::Busy(_) | Fault::Crowded(_))) => {
            write!(observed, "{} was not asked: {busy}", policy.name)
        }
        Err(fault) => write!(observed, "{} would deny, because it failed: {fault}", policy.name),
    };
}
