//! The operations that a policy was slow to decide on. The next decision on such an operation begins in the slow
//! thread.

use std::sync::atomic::{AtomicBool, Ordering};

use engine_api::{Endpoint, Operation};

/// The thread in which a piece of work begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// The current thread, for a first slice of time.
    Here,
    /// The slow thread, because such work has been slow before.
    There,
}

/// How long a guest took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speed {
    /// It took less than its first slice, not counting the time that it waited.
    Quick,
    /// It took more than its first slice.
    Slow,
}

/// For each operation, whether the last decision took more than a slice.
#[derive(Debug)]
pub(crate) struct SlowOperations([AtomicBool; Endpoint::ALL.len() + 1]);

impl SlowOperations {
    /// No operation is slow yet.
    pub(crate) const fn none() -> Self {
        Self([const { AtomicBool::new(false) }; Endpoint::ALL.len() + 1])
    }

    /// Notes how long a decision on this operation took.
    pub(crate) fn note(&self, operation: &Operation, speed: Speed) {
        let is_slow = speed == Speed::Slow;
        let noted = self.of(operation);
        if noted.load(Ordering::Relaxed) != is_slow {
            noted.store(is_slow, Ordering::Relaxed);
        }
    }

    /// The entry of an operation. The last entry is for all operations that the catalogue does not list.
    fn of(&self, operation: &Operation) -> &AtomicBool {
        let [listed @ .., unlisted] = &self.0;
        let found = operation.endpoint().and_then(|endpoint| listed.get(endpoint as usize));
        found.unwrap_or(unlisted)
    }

    /// The thread in which a decision on this operation begins.
    pub(crate) fn start(&self, operation: &Operation) -> Start {
        if self.of(operation).load(Ordering::Relaxed) { Start::There } else { Start::Here }
    }
}
