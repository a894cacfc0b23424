//! The permit: proof that an operation was allowed.
//!
//! [`Permit::grant`] is the only way to get one, and the decision point is its only caller.

use std::sync::Arc;

use engine_api::Operation;

/// Proof that an operation was allowed. Forwarding takes one, so no path leads around the decision.
#[derive(Debug)]
pub struct Permit(Arc<Operation>);

impl Permit {
    /// The permit for an operation that was judged and allowed.
    pub(crate) fn grant(operation: Arc<Operation>) -> Self {
        Self(operation)
    }

    /// The operation that was allowed, and is forwarded.
    #[must_use]
    pub fn operation(&self) -> &Operation {
        &self.0
    }
}
