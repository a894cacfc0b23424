//! ConnectionLimit for connections: `MAX_CONNECTIONS` of them, and a few more to say that there are none left.

use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections beyond the cap that are told so at a time; the rest are closed without a word.
const MAX_TURNED_AWAY: usize = 64;

/// A client's socket, one to look at it through, and the engine's.
const FILES_PER_CONNECTION: usize = 3;

/// Listeners, the log, connections that are turned away.
const FILES_APART: usize = 2 * MAX_TURNED_AWAY + 32;

/// The slots of both kinds that are free.
#[derive(Debug)]
pub(crate) struct ConnectionLimit {
    free: Arc<Semaphore>,
    turned_away: Arc<Semaphore>,
}

/// A connection's slot, or that it is told that there is none. It is given back when dropped.
#[derive(Debug)]
pub(crate) enum Slot {
    /// It may ask.
    Taken(#[allow(dead_code, reason = "held for its drop")] OwnedSemaphorePermit),
    /// It is answered 503.
    TurnedAway(#[allow(dead_code, reason = "held for its drop")] OwnedSemaphorePermit),
}

impl ConnectionLimit {
    /// As many as `wanted`, or as there are file descriptors for: a client that held the last one would starve the
    /// engine's side.
    pub(crate) fn new(wanted: usize) -> Self {
        let limit = getrlimit(Resource::Nofile).current;
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        let fit = (limit.saturating_sub(FILES_APART) / FILES_PER_CONNECTION).max(1);
        if fit < wanted {
            tracing::warn!(
                "MAX_CONNECTIONS={wanted} is lowered to {fit}: the limit of open files is {limit}"
            );
        }
        Self {
            free: Arc::new(Semaphore::new(wanted.min(fit))),
            turned_away: Arc::new(Semaphore::new(MAX_TURNED_AWAY)),
        }
    }

    /// A slot of either kind, if one is free.
    pub(crate) fn take(&self) -> Option<Slot> {
        match Arc::clone(&self.free).try_acquire_owned() {
            Ok(permit) => Some(Slot::Taken(permit)),
            Err(_full) => Arc::clone(&self.turned_away).try_acquire_owned().ok().map(Slot::TurnedAway),
        }
    }
}

/// Lets the process open as many files as it may: the usual soft limit of 1024 is for programs that use `select`.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
    {
        tracing::warn!("cannot raise the limit of open files: {error}");
    }
}
