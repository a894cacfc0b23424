//! Work that grows with what a peer sends: it is done by another thread than the gateway's own, on which all other
//! requests would wait for it.
//!
//! That thread stands back (`nice`) behind the gateway's, and does one piece of work at a time: more at once would only
//! take more memory and processors from everybody else. Small pieces are done at once, where they are: to hand one to
//! another thread and back takes some 20 us.

use std::panic::resume_unwind;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// How much the thread yields to others (nice(2)).
const NICENESS: i32 = 5;

/// Does pieces of work, one at a time.
#[derive(Debug)]
pub(crate) struct HeavyWork {
    /// A piece of work on at most so many bytes is a small one.
    small: usize,
    turn: Arc<Semaphore>,
}

impl HeavyWork {
    /// Work that is heavy if it is on more than `small` bytes.
    pub(crate) fn above(small: usize) -> Self {
        Self { small, turn: Arc::new(Semaphore::new(1)) }
    }

    /// Does `work`, which is on so many bytes, and waits for it. If this future is dropped before, work that has begun
    /// goes on.
    ///
    /// # Panics
    /// When `work` does.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        if bytes <= self.small {
            return work();
        }
        let turn = Arc::clone(&self.turn).acquire_owned().await;
        let done = spawn_blocking(move || {
            // If there are few cores, the gateway's own thread goes first. A failure to set this does no harm.
            let _ = rustix::process::setpriority_process(None, NICENESS);
            let done = work();
            drop(turn); // only now, even if nobody waits for the result any more
            done
        });
        match done.await.map_err(tokio::task::JoinError::try_into_panic) {
            Ok(done) => done,
            Err(Ok(panic)) => resume_unwind(panic),
            Err(Err(_stopping)) => std::future::pending().await, // the runtime ends, and this task with it
        }
    }
}
