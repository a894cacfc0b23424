//! The policy decision point: the only place that makes a [`Permit`].
//!
//! Today the env flags decide alone. A policy component is asked here, before them; whatever fails on the way to a
//! permit is a denial.

use std::sync::Arc;

use policy::{Decision, Denial, Flags, Operation};

/// Proof that an operation was allowed. Forwarding takes one, so no path leads around the decision.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Operation>);

impl Permit {
    /// What was allowed, which is what is forwarded.
    pub(crate) fn operation(&self) -> &Operation {
        &self.0
    }
}

/// An answered refusal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Denied {
    /// The env flags do not allow it.
    #[error("{0}")]
    ByFlags(Denial),
}

/// Judges operations.
#[derive(Clone, Debug)]
pub(crate) struct PolicyDecisionPoint {
    flags: Flags,
}

impl PolicyDecisionPoint {
    /// Judges by `flags`.
    pub(crate) fn new(flags: Flags) -> Self {
        Self { flags }
    }

    /// The flags, for the `Allow` header and the log.
    pub(crate) fn flags(&self) -> Flags {
        self.flags
    }

    /// Decides.
    ///
    /// # Errors
    /// [`Denied`], with the reason that the client is told.
    pub(crate) async fn permit(&self, operation: Arc<Operation>) -> Result<Permit, Denied> {
        match policy::decide(self.flags, &operation) {
            Decision::Allow => Ok(Permit(operation)),
            Decision::Deny(denial) => Err(Denied::ByFlags(denial)),
        }
    }
}
