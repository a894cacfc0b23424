//! The connections to the engine that are kept open between requests.
//!
//! A connection is either leased to an exchange or idle in the pool. Dropping a lease closes its connection at once,
//! even in the middle of a silent stream; only a lease whose exchange is complete goes back to the pool.
//!
//! As many are kept as there were at once, since clients that come in a burst come in bursts. What is not used again ages
//! and is closed: each idle connection costs the engine a goroutine and a file descriptor.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use crate::http::body::request::RequestBody;

/// A connection that received more bytes than this is closed instead of kept, because its buffers have grown.
const MAX_BYTES_TO_KEEP: u64 = 1024 * 1024;

/// The longest time that a connection is kept without being used.
pub(crate) const MAX_IDLE: Duration = Duration::from_secs(15);

/// How many connections there may be, and for how long they are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The most connections, leased and idle ones together: an idle one is closed where another is needed.
    pub connections: usize,
    /// How long a connection may be idle before it is closed.
    pub idle: Duration,
}

/// The connections. All clones are one pool.
#[derive(Clone, Debug)]
pub(super) struct Pool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bounds: Bounds,
    leased: AtomicUsize,
    kept: Mutex<Kept>,
    /// Whoever closes what has aged is to begin.
    begin_to_age: Notify,
}

#[derive(Debug, Default)]
struct Kept {
    /// The idle connections. The most recently used is the last, and is leased first.
    idle: VecDeque<Idle>,
    /// Whether somebody will look for those that have aged.
    are_watched: bool,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    since: Instant,
}

#[derive(Debug)]
struct Connection {
    sender: SendRequest<RequestBody>,
    #[allow(dead_code, reason = "held for its drop")]
    task: Task,
}

/// Whether a request goes over kept connections and leaves one behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reuse {
    /// The request may use a kept connection, and its connection is kept afterwards.
    Kept,
    /// The request has a connection to itself.
    Never,
}

/// The task that drives a connection. Dropping it closes the connection.
#[derive(Debug)]
struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Counts one connection as leased.
#[derive(Debug)]
pub(crate) struct Leased(Pool);

impl Drop for Leased {
    fn drop(&mut self) {
        self.0.0.leased.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection that one exchange has to itself.
#[derive(Debug)]
pub(crate) struct Lease {
    connection: Connection,
    leased: Leased,
    reuse: Reuse,
}

impl Pool {
    pub(super) fn new(bounds: Bounds) -> Self {
        let (leased, kept, begin_to_age) = (AtomicUsize::new(0), Mutex::default(), Notify::new());
        Self(Arc::new(Inner { bounds, leased, kept, begin_to_age }))
    }

    /// Takes an idle connection that is not known to be dead.
    pub(super) fn take(&self) -> Option<Lease> {
        loop {
            let Idle { connection, since: _ } = self.kept().idle.pop_back()?;
            if connection.sender.is_ready() {
                return Some(Lease { connection, leased: self.count(), reuse: Reuse::Kept });
            }
        }
    }

    /// Makes room for a new connection and counts it, before it is made.
    pub(super) fn make_room(&self) -> Leased {
        let leased = self.count();
        let mut kept = self.kept();
        while self.are_too_many(&kept) && kept.idle.pop_front().is_some() {}
        leased
    }

    /// Closes all idle connections.
    pub(super) fn clear(&self) {
        self.kept().idle.clear();
    }

    /// Closes idle connections when they have aged. It costs no request a timer: it sleeps until the oldest may have
    /// aged.
    pub(super) async fn age(&self) -> ! {
        loop {
            self.0.begin_to_age.notified().await;
            let mut next = Some(Instant::now() + self.0.bounds.idle);
            while let Some(due) = next {
                sleep_until(due).await;
                next = self.close_aged();
            }
        }
    }

    /// Closes the connections that have aged, and tells when the next one will have; `None` if there is none.
    fn close_aged(&self) -> Option<Instant> {
        let mut kept = self.kept();
        let now = Instant::now();
        while let Some(oldest) = kept.idle.front() {
            let due = oldest.since + self.0.bounds.idle;
            if now < due {
                return Some(due);
            }
            kept.idle.pop_front();
        }
        kept.are_watched = false;
        None
    }

    fn count(&self) -> Leased {
        self.0.leased.fetch_add(1, Ordering::Relaxed);
        Leased(self.clone())
    }

    fn are_too_many(&self, kept: &Kept) -> bool {
        self.0.leased.load(Ordering::Relaxed) + kept.idle.len() > self.0.bounds.connections
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// Leases a new connection, which goes to the pool after the exchange if `reuse` says so.
    pub(super) fn new(
        sender: SendRequest<RequestBody>,
        task: AbortHandle,
        leased: Leased,
        reuse: Reuse,
    ) -> Self {
        Self { connection: Connection { sender, task: Task(task) }, leased, reuse }
    }

    /// Sends one request.
    ///
    /// # Errors
    /// The error of hyper if the connection ends or what comes is not HTTP.
    pub(crate) fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> impl Future<Output = hyper::Result<Response<Incoming>>> {
        self.connection.sender.send_request(request)
    }

    /// Gives the connection back after an exchange that is complete, with `received` bytes of body.
    pub(crate) fn release(self, received: u64) {
        let Self { connection, leased, reuse } = self;
        let pool = &leased.0;
        let is_fit = received <= MAX_BYTES_TO_KEEP && !connection.sender.is_closed();
        let mut kept = pool.kept();
        if reuse == Reuse::Never || !is_fit || pool.are_too_many(&kept) {
            return;
        }
        kept.idle.push_back(Idle { connection, since: Instant::now() });
        if !kept.are_watched {
            kept.are_watched = true;
            pool.0.begin_to_age.notify_one();
        }
    }

    /// Gives the connection up after an upgrade: it belongs to the tunnel now, and its task has ended. It counts for as
    /// long as the tunnel holds what this returns.
    #[must_use]
    pub(crate) fn hand_over(self) -> Leased {
        self.leased
    }
}
