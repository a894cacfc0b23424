//! The engine's absence: the log tells when it begins and when it is over, and not with every request meanwhile.
//!
//! It begins when a connection cannot be made, and is over when a request is answered over one that was made since. An
//! engine that takes connections and answers badly is not away.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Whether the engine is away, and since when.
#[derive(Debug, Default)]
pub(super) struct Absence {
    /// Whether there is something in `away`: all that is looked at while the engine answers.
    is_on: AtomicBool,
    away: Mutex<Option<Away>>,
}

#[derive(Debug)]
struct Away {
    since: Instant,
    /// What the log says of it: another cause is said as well, as it needs another remedy.
    cause: io::ErrorKind,
    /// How many requests, tunnels and look-ups it has failed.
    failed: u64,
}

impl Absence {
    /// Notes that the engine is away, and has failed so many requests by that. If that or its cause is new, the log says
    /// `why`.
    pub(super) fn note(&self, failed: u64, cause: io::ErrorKind, why: impl FnOnce() -> String) {
        let mut slot = self.away();
        let away = slot.get_or_insert(Away { since: Instant::now(), cause, failed: 0 });
        away.failed += failed;
        if self.is_on.swap(true, Ordering::Relaxed) && away.cause == cause {
            return;
        }
        away.cause = cause;
        tracing::warn!("{}", why());
    }

    /// Whether the engine is away, as far as is known.
    pub(super) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// Notes that the engine has answered.
    pub(super) fn end(&self) {
        let mut away = self.away();
        self.is_on.store(false, Ordering::Relaxed);
        if let Some(Away { since, cause: _, failed }) = away.take() {
            let away_s = since.elapsed().as_secs_f64();
            tracing::warn!(away_s, failed, "the Docker engine answers again");
        }
    }

    fn away(&self) -> MutexGuard<'_, Option<Away>> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
