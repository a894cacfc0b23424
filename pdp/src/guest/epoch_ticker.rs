//! The epoch ticker: advances the engine's epoch while guests run, so that they can be interrupted.
//!
//! It is a thread and not a task, because a task might wait behind the very guest that it has to interrupt. The thread
//! sleeps while nothing is decided, and ends with the engine.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::thread::Thread;
use std::time::Duration;

use wasmtime::EngineWeak;

/// How often the epoch advances, which is the precision of a guest's time limit.
const TICK: Duration = Duration::from_millis(1);

/// The ticker stops after so many ticks without a sign of a guest. No single instruction of a guest takes that long.
const IDLE_TICKS: u32 = 2_000;

/// The ticker of all guests. Dropping it ends its thread.
#[derive(Debug)]
pub(crate) struct EpochTicker {
    state: Arc<TickerState>,
    thread: Thread,
}

#[derive(Debug, Default)]
struct TickerState {
    idle_ticks: AtomicU32,
    is_stopped: AtomicBool,
}

impl EpochTicker {
    /// Starts the thread. The ticker soon stops, and the first guest sets it going again.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub(crate) fn start(engine: EngineWeak) -> io::Result<Self> {
        let state = Arc::new(TickerState::default());
        let weak = Arc::downgrade(&state);
        let thread =
            std::thread::Builder::new().name("policy-clock".to_owned()).spawn(move || run(&engine, &weak))?;
        Ok(Self { state, thread: thread.thread().clone() })
    }

    /// Keeps the ticker going, because a guest is about to run or still runs.
    pub(crate) fn keep_going(&self) {
        // `run` does the two in the opposite order, so that one of the two threads sees what the other wrote.
        self.state.idle_ticks.store(0, Ordering::SeqCst);
        if self.state.is_stopped.swap(false, Ordering::SeqCst) {
            self.thread.unpark();
        }
    }
}

impl Drop for EpochTicker {
    fn drop(&mut self) {
        self.keep_going(); // to notice that nobody needs it any more
    }
}

fn run(engine: &EngineWeak, state: &Weak<TickerState>) {
    while let (Some(engine), Some(state)) = (engine.upgrade(), state.upgrade()) {
        engine.increment_epoch();
        drop(engine);
        if state.idle_ticks.fetch_add(1, Ordering::SeqCst) >= IDLE_TICKS {
            state.is_stopped.store(true, Ordering::SeqCst);
            if state.idle_ticks.load(Ordering::SeqCst) > IDLE_TICKS {
                drop(state);
                std::thread::park();
                continue;
            }
        }
        drop(state);
        std::thread::sleep(TICK);
    }
}
