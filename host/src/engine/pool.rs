//! The connections to the engine that are kept open between requests.
//!
//! A connection is either leased to an exchange or idle in the pool. Dropping a lease closes its connection at once,
//! even in the middle of a silent stream; only a lease whose exchange is complete goes back to the pool.

use std::sync::{Arc, Mutex, PoisonError};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use tokio::task::AbortHandle;

use crate::http::body::request::RequestBody;

/// The most idle connections that are kept, which is more than busy clients use at a time. Further connections are
/// closed after use, because each idle one costs the engine a goroutine and a file descriptor.
const MAX_IDLE: usize = 128;

/// A connection that received more bytes than this is closed instead of kept, because its buffers have grown.
const MAX_BYTES_TO_KEEP: u64 = 1024 * 1024;

/// The idle connections, of which the most recently used is leased first.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool(Arc<Mutex<Vec<Idle>>>);

#[derive(Debug)]
struct Idle {
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

/// A connection that one exchange has to itself.
#[derive(Debug)]
pub(crate) struct Lease {
    connection: Idle,
    pool: Option<Pool>,
}

impl Pool {
    /// Takes an idle connection that is not known to be dead.
    pub(super) fn take(&self) -> Option<Lease> {
        loop {
            let connection = self.idle().pop()?;
            if connection.sender.is_ready() {
                return Some(Lease { connection, pool: Some(self.clone()) });
            }
        }
    }

    /// Leases a new connection, which goes to the pool after the exchange if `reuse` says so.
    pub(super) fn lease(&self, sender: SendRequest<RequestBody>, task: AbortHandle, reuse: Reuse) -> Lease {
        Lease {
            connection: Idle { sender, task: Task(task) },
            pool: (reuse == Reuse::Kept).then(|| self.clone()),
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// Sends one request.
    ///
    /// # Errors
    /// The error of hyper if the connection ends or what comes is not HTTP.
    pub(crate) async fn send(&mut self, request: Request<RequestBody>) -> hyper::Result<Response<Incoming>> {
        self.connection.sender.send_request(request).await
    }

    /// Gives the connection back after an exchange that is complete, with `received` bytes of body.
    pub(crate) fn release(self, received: u64) {
        let Some(pool) = self.pool else { return };
        let mut idle = pool.idle();
        if received <= MAX_BYTES_TO_KEEP && idle.len() < MAX_IDLE && !self.connection.sender.is_closed() {
            idle.push(self.connection);
        }
    }

    /// Gives the connection up after an upgrade: it belongs to the tunnel now, and its task has ended.
    pub(crate) fn hand_over(self) {}
}
