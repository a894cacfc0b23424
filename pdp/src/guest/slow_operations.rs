//! The operations that a policy was slow to decide on. Decisions on such an operation begin in the slow thread.
//!
//! A new policy begins there with each operation. An operation leaves the slow thread after some quick decisions in a
//! row. Each time that it comes back it needs twice as many, until as many were quick in the gateway's own thread. One
//! that held up that thread for long never leaves: what it did once between two ticks it can do again.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use engine_api::{Endpoint, Operation};

use crate::guest::term::Cost;

#[cfg(test)]
mod tests;

/// What a quick decision takes of the processor at most. Most take 20 us, and ten times that where nothing of them is in
/// the processor's caches: on a quiet machine, that is nearly always.
pub(crate) const QUICK_DECISION: Duration = Duration::from_micros(400);

/// How many quick decisions a new policy needs.
const FIRST: u32 = 4;

/// How many it needs after its first slow one, and at most.
const AFTER_SLOW: u32 = 32;
const MOST: u32 = 64 * 1024;

/// Stands for more quick decisions than there can be.
const NEVER: u32 = u32::MAX;

/// A turn of a guest that takes more than this of the gateway's own thread holds up everybody: nothing that a guest may
/// do there takes so long.
const HELD_UP: Duration = Duration::from_millis(5);

/// The thread in which a piece of work begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// The current thread, for a first slice of time.
    Here,
    /// The slow thread, because such work has been slow before, or may be.
    There,
}

/// The thread in which a turn ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thread {
    /// The gateway's own.
    Gateways,
    /// The thread for slow decisions.
    Slow,
}

/// What came of a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noted {
    /// Nothing that anybody has to be told.
    Nothing,
    /// The policy held up the gateway's own thread, for the first time on this operation.
    HeldUp,
}

/// For each operation, how many quick decisions it needs.
#[derive(Debug)]
pub(crate) struct SlowOperations([Mark; Endpoint::ALL.len() + 1]);

#[derive(Debug)]
struct Mark {
    /// How many quick decisions are missing until one begins in the gateway's own thread.
    missing: AtomicU32,
    /// How many it will be after the next slow one.
    next: AtomicU32,
    /// How many in a row were quick in the gateway's own thread.
    quick: AtomicU32,
}

impl Mark {
    const fn new() -> Self {
        Self { missing: AtomicU32::new(FIRST), next: AtomicU32::new(AFTER_SLOW), quick: AtomicU32::new(0) }
    }

    /// Notes a quick decision in the gateway's own thread.
    fn stays_quick(&self) {
        let next = self.next.load(Relaxed);
        if next > AFTER_SLOW && self.quick.fetch_add(1, Relaxed) + 1 >= next {
            self.quick.store(0, Relaxed);
            self.next.store(next / 2, Relaxed);
        }
    }
}

impl SlowOperations {
    /// The operations of a new policy.
    pub(crate) const fn of_new_policy() -> Self {
        Self([const { Mark::new() }; Endpoint::ALL.len() + 1])
    }

    /// Notes what a turn of a decision on this operation cost.
    pub(crate) fn note_turn(&self, operation: &Operation, cost: Cost, thread: Thread) -> Noted {
        if cost.all <= QUICK_DECISION {
            return Noted::Nothing; // as most are
        }
        let mark = self.of(operation);
        if thread == Thread::Gateways && cost.turn > HELD_UP {
            return if mark.missing.swap(NEVER, Relaxed) == NEVER { Noted::Nothing } else { Noted::HeldUp };
        }
        let was_slow_before = cost.all.saturating_sub(cost.turn) > QUICK_DECISION;
        if !was_slow_before {
            let next = mark.next.load(Relaxed);
            mark.next.store(next.saturating_mul(2).min(MOST), Relaxed);
            mark.quick.store(0, Relaxed);
            let _ = mark.missing.fetch_max(next, Relaxed);
        }
        Noted::Nothing
    }

    /// Notes that a decision on this operation ended in this thread, and was quick.
    pub(crate) fn note_quick(&self, operation: &Operation, thread: Thread) {
        let mark = self.of(operation);
        if mark.missing.load(Relaxed) == 0 {
            if thread == Thread::Gateways {
                mark.stays_quick();
            }
            return;
        }
        let one_less = |missing| if missing == NEVER { None } else { u32::checked_sub(missing, 1) };
        let _ = mark.missing.fetch_update(Relaxed, Relaxed, one_less); // without effect where none is missing
    }

    /// The entry of an operation. The last entry is for all operations that the catalogue does not list.
    fn of(&self, operation: &Operation) -> &Mark {
        let [listed @ .., unlisted] = &self.0;
        let found = operation.endpoint().and_then(|endpoint| listed.get(endpoint as usize));
        found.unwrap_or(unlisted)
    }

    /// The thread in which a decision on this operation begins.
    pub(crate) fn start(&self, operation: &Operation) -> Start {
        if self.of(operation).missing.load(Relaxed) == 0 { Start::Here } else { Start::There }
    }
}
