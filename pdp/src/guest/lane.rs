//! Who runs a decision: the gateway's own thread for a first slice of time, and from then on a thread for slow ones.
//!
//! Most decisions take microseconds, less than handing them over would cost. One that needs longer, waits for a look-up
//! or never ends has yielded by then, and goes on where nobody else waits for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

use crate::guest::slow_operations::Start;

#[cfg(test)]
mod tests;

/// The thread for slow decisions. Dropping it ends it, and what runs on it.
#[derive(Debug)]
pub(crate) struct SlowLane {
    runtime: Handle,
    _stop: oneshot::Sender<()>,
    _thread: JoinHandle<()>,
}

/// How much the slow thread stands back (nice(2)).
const NICENESS: i32 = 5;

/// A host call panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Panicked;

impl SlowLane {
    /// Starts the thread.
    ///
    /// # Errors
    /// If there is no thread or no runtime to be had.
    pub(crate) fn start() -> std::io::Result<Self> {
        // A turn takes as long as a tick of the guests' clock: whatever timer has run out is looked at between any two. Of
        // those who come new and those who have begun, each has every other turn.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .event_interval(1)
            .global_queue_interval(2)
            .build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("policy-slow".to_owned()).spawn(move || {
            // Where cores are few, the gateway's own thread goes first. It works without, too.
            let _ = rustix::process::setpriority_process(None, NICENESS);
            drop(runtime.block_on(stopped))
        })?;
        Ok(Self { runtime: handle, _stop: stop, _thread: thread })
    }

    /// Has the slow thread do something that nobody waits for.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }

    /// Reads from files, which may block, and for long: where the process does not wait for it when it stops.
    ///
    /// # Errors
    /// If `work` panicked.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        self.runtime.spawn_blocking(work).await
    }

    /// Runs `work` to its end. Dropped before that, the work is dropped too.
    ///
    /// # Errors
    /// [`Panicked`].
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        start: Start,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Panicked> {
        let mut work = Box::pin(work);
        if start == Start::Here {
            let first = std::future::poll_fn(|cx| Poll::Ready(poll_guarded(work.as_mut(), cx))).await;
            if let Poll::Ready(done) = first? {
                return Ok(done);
            }
        }
        let task = AbortOnDropHandle::new(self.runtime.spawn(work));
        task.await.map_err(|_panic_or_shutdown| Panicked)
    }
}

/// A panic in the first slice must not take the connection with it.
fn poll_guarded<F: Future>(work: Pin<&mut F>, cx: &mut Context<'_>) -> Result<Poll<F::Output>, Panicked> {
    catch_unwind(AssertUnwindSafe(|| work.poll(cx))).map_err(|_payload| Panicked)
}
