//! The limit of clients' connections: `MAX_CONNECTIONS` of them, and a few more that are only told that it is reached.

use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many connections beyond the limit are answered 503 at a time; further ones are closed without an answer.
const MAX_TURNED_AWAY: usize = 64;

/// The file descriptors of a connection: the client's socket, a second one to poll it, and the engine's socket.
const FILES_PER_CONNECTION: usize = 3;

/// The file descriptors for everything else: listeners, the log, connections that are turned away.
const FILES_APART: usize = 2 * MAX_TURNED_AWAY + 32;

/// The free slots for connections that are served and for connections that are turned away.
#[derive(Debug)]
pub(crate) struct ConnectionLimit {
    free: Arc<Semaphore>,
    turned_away: Arc<Semaphore>,
}

/// A connection's slot, which is free again when this is dropped.
#[derive(Debug)]
pub(crate) enum Slot {
    /// The connection is served.
    Taken(#[allow(dead_code, reason = "held for its drop")] OwnedSemaphorePermit),
    /// The connection is beyond the limit, and is answered 503.
    TurnedAway(#[allow(dead_code, reason = "held for its drop")] OwnedSemaphorePermit),
}

impl ConnectionLimit {
    /// A limit of `wanted` connections, or as many as there are file descriptors for: if clients held them all, none
    /// would be left for connections to the engine.
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

    /// Takes a slot of either kind, if one is free.
    pub(crate) fn take(&self) -> Option<Slot> {
        match Arc::clone(&self.free).try_acquire_owned() {
            Ok(permit) => Some(Slot::Taken(permit)),
            Err(_full) => Arc::clone(&self.turned_away).try_acquire_owned().ok().map(Slot::TurnedAway),
        }
    }
}

/// Raises the soft limit of open files to the hard limit: the usual soft limit of 1024 is for programs that use
/// `select`.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
    {
        tracing::warn!("cannot raise the limit of open files: {error}");
    }
}
