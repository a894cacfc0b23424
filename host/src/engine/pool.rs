//! Kept connections to the engine.
//!
//! A connection is in one place: leased to an exchange, or idle in the pool. Dropping a lease closes its connection at
//! once, also in the middle of a silent stream; only a lease whose exchange came to its end goes back.

use std::sync::{Arc, Mutex, PoisonError};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use tokio::task::AbortHandle;

use crate::http::body::request::RequestBody;

/// More than busy clients use at a time: past this, each request connects anew. An idle one costs the engine a goroutine
/// and a file descriptor.
const MAX_IDLE: usize = 128;

/// After more than this the connection's buffers have grown, so it is closed instead of kept.
const MAX_BYTES_TO_KEEP: u64 = 1024 * 1024;

/// The idle connections; the most recently used goes out first.
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
    /// It does.
    Kept,
    /// It has a connection to itself.
    Never,
}

/// Closes the connection when dropped.
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
    /// An idle connection that is not known to be dead.
    pub(super) fn take(&self) -> Option<Lease> {
        loop {
            let connection = self.idle().pop()?;
            if connection.sender.is_ready() {
                return Some(Lease { connection, pool: Some(self.clone()) });
            }
        }
    }

    /// A new connection, to be kept after the exchange if that was one that may use a kept connection itself.
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
    /// hyper's, if the connection ends or what comes is not HTTP.
    pub(crate) async fn send(&mut self, request: Request<RequestBody>) -> hyper::Result<Response<Incoming>> {
        self.connection.sender.send_request(request).await
    }

    /// The exchange came to its end after `received` bytes of body: the connection may serve another.
    pub(crate) fn release(self, received: u64) {
        let Some(pool) = self.pool else { return };
        let mut idle = pool.idle();
        if received <= MAX_BYTES_TO_KEEP && idle.len() < MAX_IDLE && !self.connection.sender.is_closed() {
            idle.push(self.connection);
        }
    }

    /// The connection was upgraded: it belongs to the tunnel, and its task has ended.
    pub(crate) fn hand_over(self) {}
}
