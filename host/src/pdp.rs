//! The policy decision point: the only place that makes a [`Permit`].
//!
//! Policies are asked in their order; `allow` and `deny` are final, `defer` asks the next, and after the last the env
//! flags decide. Whatever fails on the way to a permit is a denial.

use std::fmt::Write as _;
use std::sync::{Arc, PoisonError, RwLock};

use ::policy::{Decision, Denial, DenyReason, Flags, Operation};

use crate::config::Policies;

mod bindings;
mod cache;
mod chain;
mod clock;
mod coarse;
mod digest;
mod fault;
mod files;
mod imports;
mod interface;
mod lane;
mod load;
mod lookup;
mod output;
mod policy;
mod question;
mod reload;
mod sandbox;
mod state;
pub mod workbench;

pub use bindings::{Kind, LookupError};
pub use chain::ChainError;
use chain::Runtime;
pub(crate) use chain::{Chain, Weight};
pub use digest::Digest;
pub use fault::Fault;
use files::Look;
pub use files::Unreadable;
pub use imports::BadImport;
pub use interface::{PolicyDenial, Verdict};
pub use load::LoadError;
pub(crate) use lookup::Lookups;
pub use lookup::{Answer, Inspector, NoEngine};
pub use policy::Limits;
use question::flags_verdict;
pub(crate) use question::{Body, Question};
pub use reload::Reload;
pub use sandbox::SandboxError;

/// Proof that an operation was allowed. Forwarding takes one, so no path leads around the decision.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Operation>);

impl Permit {
    /// What was allowed, which is what is forwarded.
    pub(crate) fn operation(&self) -> &Operation {
        &self.0
    }
}

/// A policy by name, for logs and refusals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PolicyId {
    /// As it calls itself.
    pub name: Arc<str>,
    /// As it calls itself.
    pub version: String,
    /// Of its file.
    pub digest: Digest,
    /// All of it, on a log line.
    label: String,
}

impl PolicyId {
    /// A policy that calls itself so, from a file of that digest.
    fn new(name: Arc<str>, version: String, digest: Digest) -> Self {
        let label = format!("{name} {version} sha256:{}", digest.short());
        Self { name, version, digest, label }
    }
}

impl std::fmt::Display for PolicyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.label)
    }
}

/// An answered refusal. `Display` is for the client.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Denied {
    /// The env flags do not allow it.
    #[error("{0}")]
    ByFlags(Denial),
    /// A policy does not.
    #[error("{} (policy {})", .1.message, .0.name)]
    ByPolicy(Arc<PolicyId>, PolicyDenial),
    /// A policy failed, which never lets anything through.
    #[error("the policy {} {}, so nothing is let through", .0.name, .1.for_client())]
    PolicyFault(Arc<PolicyId>, Fault),
}

/// How a request was judged, for its record.
#[derive(Debug, Default)]
pub(crate) struct Ruling {
    /// The policy that had the last word; `None` if the flags had it.
    pub policy: Option<Arc<PolicyId>>,
    /// What policies in `observe` mode would have done.
    pub observed: Option<String>,
}

/// Judges operations.
#[derive(Debug)]
pub(crate) struct PolicyDecisionPoint {
    flags: Flags,
    /// Swapped whole by a reload; a decision keeps the one that it began with.
    chain: RwLock<Arc<Chain>>,
    runtime: Option<Arc<Runtime>>,
    /// How the policies' files looked before they were loaded for the first time.
    first_look: Look,
}

impl PolicyDecisionPoint {
    /// Loads the policies that are asked before `flags`; where there are none, nothing of WebAssembly is set up.
    ///
    /// # Errors
    /// [`ChainError`], if one cannot be loaded.
    pub(crate) async fn start(flags: Flags, policies: &Policies) -> Result<Self, ChainError> {
        if policies.chain.is_empty() {
            return Ok(Self { flags, chain: RwLock::default(), runtime: None, first_look: Look::default() });
        }
        let runtime = Arc::new(Runtime::start(policies.clone())?);
        let first_look = runtime.look().await;
        let chain = runtime.load(&Chain::default()).await?;
        for link in chain.links() {
            tracing::info!(
                target: "sockgate::policy",
                mode = link.mode.as_str(),
                inspects = link.inspects_in_words(),
                "policy {} is loaded",
                link.id
            );
        }
        Ok(Self { flags, chain: RwLock::new(Arc::new(chain)), runtime: Some(runtime), first_look })
    }

    /// The flags, for the `Allow` header and the log.
    pub(crate) fn flags(&self) -> Flags {
        self.flags
    }

    /// The policies that judge from now on; a request keeps to the same from its inspection to its permit.
    pub(crate) fn chain(&self) -> Arc<Chain> {
        Arc::clone(&self.chain.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on `chain` judges what has not begun to be judged.
    fn replace(&self, chain: Arc<Chain>) {
        *self.chain.write().unwrap_or_else(PoisonError::into_inner) = chain;
    }

    /// Decides.
    ///
    /// # Errors
    /// [`Denied`], with the reason that the client is told.
    pub(crate) async fn permit(
        &self,
        chain: &Chain,
        question: Question,
        ruling: &mut Ruling,
    ) -> Result<Permit, Denied> {
        let flags_say = ::policy::decide(self.flags, &question.operation);
        if let Some(runtime) = &self.runtime
            && !is_closed(&flags_say)
            && let Outcome::Allowed = runtime.ask(chain, &question, flags_verdict(&flags_say), ruling).await?
        {
            return Ok(Permit(question.pinned()));
        }
        match flags_say {
            Decision::Allow => Ok(Permit(question.pinned())),
            Decision::Deny(denial) => Err(Denied::ByFlags(denial)),
        }
    }

    /// Decides by the flags alone, where no policy is loaded.
    ///
    /// # Errors
    /// [`Denied`], with the reason that the client is told.
    pub(crate) fn permit_by_flags(&self, operation: Arc<Operation>) -> Result<Permit, Denied> {
        match ::policy::decide(self.flags, &operation) {
            Decision::Allow => Ok(Permit(operation)),
            Decision::Deny(denial) => Err(Denied::ByFlags(denial)),
        }
    }
}

/// What the chain of policies came to, if it did not deny.
enum Outcome {
    /// A policy allowed it.
    Allowed,
    /// Nobody said anything.
    Deferred,
}

/// Families that are never forwarded are not up to policies either.
pub(crate) fn is_closed(flags_say: &Decision) -> bool {
    matches!(flags_say, Decision::Deny(denial) if matches!(denial.reason, DenyReason::FamilyClosed(_)))
}

/// What an observing policy would have done, in the words of the log.
fn observe(ruling: &mut Ruling, policy: &PolicyId, verdict: &Result<Verdict, Fault>) {
    let observed = ruling.observed.get_or_insert_default();
    if !observed.is_empty() {
        observed.push_str("; ");
    }
    // Writing to a string cannot fail.
    let _ = match verdict {
        Ok(Verdict::Allow) => write!(observed, "{} would allow", policy.name),
        Ok(Verdict::Defer) => write!(observed, "{} would defer", policy.name),
        Ok(Verdict::Deny(denial)) => write!(observed, "{} would deny: {}", policy.name, denial.message),
        Err(busy @ Fault::Busy(_)) => write!(observed, "{} was not asked: {busy}", policy.name),
        Err(fault) => write!(observed, "{} would deny, because it failed: {fault}", policy.name),
    };
}
