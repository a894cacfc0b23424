//! Which thread runs a decision: the gateway's own thread for a first slice of time, and after that a thread for slow
//! ones.
//!
//! Most decisions take microseconds, less than handing them to another thread would cost. A decision that needs longer,
//! waits for a look-up or never ends has yielded by then, and goes on in a thread where nothing else waits for it.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

use crate::guest::slow_operations::{Start, Thread};

#[cfg(test)]
mod tests;

/// The thread for slow decisions. Dropping it ends the thread and what runs on it.
#[derive(Debug)]
pub(crate) struct SlowLane {
    runtime: Handle,
    _stop: oneshot::Sender<()>,
    _thread: JoinHandle<()>,
}

thread_local! {
    static CURRENT: Cell<Thread> = const { Cell::new(Thread::Gateways) };
}

/// The thread that this is.
pub(crate) fn current() -> Thread {
    CURRENT.get()
}

/// The error of work that panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Panicked;

impl SlowLane {
    /// Starts the thread, which yields to others by so much (nice(2)).
    ///
    /// # Errors
    /// If the thread or its runtime cannot be started.
    pub(crate) fn start(thread: &str, niceness: i32) -> std::io::Result<Self> {
        // A guest runs for about a tick before it yields, so timers are looked at after each turn. New decisions and
        // decisions that have begun take turns.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .event_interval(1)
            .global_queue_interval(2)
            .build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name(thread.to_owned()).spawn(move || {
            CURRENT.set(Thread::Slow);
            // If there are few cores, the gateway's own thread goes first. A failure to set this does no harm.
            let _ = rustix::process::setpriority_process(None, niceness);
            drop(runtime.block_on(stopped))
        })?;
        Ok(Self { runtime: handle, _stop: stop, _thread: thread })
    }

    /// Runs `work` on the slow thread, without waiting for it.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }

    /// Reads from files. That may block for long, so it runs where the process does not wait for it when it stops.
    ///
    /// # Errors
    /// If `work` panicked.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        self.runtime.spawn_blocking(work).await
    }

    /// Runs `work` to its end. If this future is dropped before that, the work is dropped too.
    ///
    /// # Errors
    /// [`Panicked`] if `work` panicked.
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

/// Polls `work`, and catches a panic: one in the first slice must not end the connection.
fn poll_guarded<F: Future>(work: Pin<&mut F>, cx: &mut Context<'_>) -> Result<Poll<F::Output>, Panicked> {
    catch_unwind(AssertUnwindSafe(|| work.poll(cx))).map_err(|_payload| Panicked)
}
