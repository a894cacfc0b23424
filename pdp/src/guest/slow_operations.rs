//! Which operations a policy was slow to decide on, so that the next such decision begins in the slow lane.

use std::sync::atomic::{AtomicBool, Ordering};

use engine_api::{Endpoint, Operation};

/// Where a piece of work begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// In this thread, for its first slice.
    Here,
    /// In the slow thread, as its like has turned out slow before.
    There,
}

/// How long a guest took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speed {
    /// Less than its first slice, waiting aside.
    Quick,
    /// More.
    Slow,
}

/// For which operations the last decision took more than a slice: the next one is not begun where others wait for it.
#[derive(Debug)]
pub(crate) struct SlowOperations([AtomicBool; Endpoint::ALL.len() + 1]);

impl SlowOperations {
    /// None yet.
    pub(crate) const fn none() -> Self {
        Self([const { AtomicBool::new(false) }; Endpoint::ALL.len() + 1])
    }

    /// How long a decision on this operation took.
    pub(crate) fn note(&self, operation: &Operation, speed: Speed) {
        let is_slow = speed == Speed::Slow;
        let noted = self.of(operation);
        if noted.load(Ordering::Relaxed) != is_slow {
            noted.store(is_slow, Ordering::Relaxed);
        }
    }

    /// The last is for what the catalogue does not list.
    fn of(&self, operation: &Operation) -> &AtomicBool {
        let [listed @ .., unlisted] = &self.0;
        let found = operation.endpoint().and_then(|endpoint| listed.get(endpoint as usize));
        found.unwrap_or(unlisted)
    }

    /// Where a decision on this operation is to begin.
    pub(crate) fn start(&self, operation: &Operation) -> Start {
        if self.of(operation).load(Ordering::Relaxed) { Start::There } else { Start::Here }
    }
}
