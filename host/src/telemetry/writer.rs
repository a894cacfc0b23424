//! The thread that writes the log, many lines at a time.
//!
//! A reader that stalls (a full pipe) must not stall the gateway, and a system call for each line would cost more than
//! the rest of a denied request. So lines are gathered for some milliseconds and written together. When too many wait,
//! further ones are dropped; those of policies first, so that no policy can crowd out the records of requests. Whatever
//! is missing is counted, and the count is logged as soon as that is possible.

use std::io::{self, Write};
use std::mem;
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

use crate::telemetry::sink::Sink;

/// How long lines are gathered before they are written.
const GATHER: Duration = Duration::from_millis(20);

/// How long the end of the process waits for the last lines to be read.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How many bytes may wait to be written; further lines are dropped.
const MAX_UNWRITTEN: usize = 1024 * 1024;

/// How many bytes may wait when a line that a policy caused is added. The rest is for the gateway's own lines.
const MAX_FOR_POLICIES: usize = MAX_UNWRITTEN / 4;

/// The writer that the subscriber writes its lines to.
#[derive(Clone)]
pub(super) struct Lines(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    unwritten: Vec<u8>,
    missing: Missing,
    closing: bool,
    finished: bool,
}

/// How many lines the log lacks since it last said so.
#[derive(Debug, Default)]
pub(super) struct Missing {
    /// Lines that were dropped because too many waited.
    pub dropped: u64,
    /// How many of these were caused by policies.
    pub of_policies: u64,
    /// Lines that could not be written, or not to their end.
    pub unwritten: u64,
    /// The error that the last of these met.
    pub error: Option<io::Error>,
}

impl Missing {
    fn is_nothing(&self) -> bool {
        self.dropped == 0 && self.unwritten == 0
    }

    fn add(&mut self, more: Self) {
        self.dropped += more.dropped;
        self.of_policies += more.of_policies;
        self.unwritten += more.unwritten;
        self.error = more.error.or(self.error.take());
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the writer's thread. `in_words` makes the line that says what is missing.
///
/// # Errors
/// If there is no thread to be had, without which nothing would be written.
pub(super) fn start(
    out: impl Write + AsFd + Send + 'static,
    in_words: fn(&Missing) -> String,
) -> io::Result<(Lines, Flush)> {
    let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
    let lines = Lines(Arc::clone(&shared));
    let for_thread = Arc::clone(&shared);
    let write = move || write_lines(&for_thread, Sink::new(out), in_words);
    thread::Builder::new().name("log".to_owned()).spawn(write)?; // it is told when to end
    Ok((lines, Flush { shared }))
}

fn write_lines(shared: &Shared, mut out: Sink<impl Write + AsFd>, in_words: fn(&Missing) -> String) {
    let mut batch = Vec::new();
    let mut missing = Missing::default();
    loop {
        let state = shared.state();
        let idle = |state: &mut State| state.unwritten.is_empty() && !state.closing;
        let state = shared.changed.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
        let gathering = |state: &mut State| !state.closing;
        let waited = shared.changed.wait_timeout_while(state, GATHER, gathering);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut batch, &mut state.unwritten);
        missing.add(mem::take(&mut state.missing));
        let closing = state.closing;
        drop(state);
        if let Err(lost) = out.write(&batch) {
            missing.add(Missing { unwritten: lost.lines, error: Some(lost.error), ..Missing::default() });
        }
        // If that cannot be written either, it is said later.
        if !missing.is_nothing() && out.write(in_words(&missing).as_bytes()).is_ok() {
            missing = Missing::default();
        }
        if closing {
            shared.state().finished = true;
            shared.changed.notify_one();
            return;
        }
        batch.clear();
    }
}

/// A writer for one line.
pub(super) struct Entry<'l> {
    lines: &'l Lines,
    cause: Cause,
}

/// Who makes the gateway log a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Gateway,
    Policy,
}

impl Write for Entry<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let shared = &self.lines.0;
        let mut state = shared.state();
        let most = match self.cause {
            Cause::Gateway => MAX_UNWRITTEN,
            Cause::Policy => MAX_FOR_POLICIES,
        };
        if state.unwritten.len() + line.len() > most {
            state.missing.dropped += 1;
            state.missing.of_policies += u64::from(self.cause == Cause::Policy);
        } else {
            let was_empty = state.unwritten.is_empty();
            state.unwritten.extend_from_slice(line);
            drop(state);
            if was_empty {
                shared.changed.notify_one();
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'l> MakeWriter<'l> for Lines {
    type Writer = Entry<'l>;

    fn make_writer(&'l self) -> Self::Writer {
        Entry { lines: self, cause: Cause::Gateway }
    }

    fn make_writer_for(&'l self, event: &Metadata<'_>) -> Self::Writer {
        let cause = if event.target() == pdp::GUEST_TARGET { Cause::Policy } else { Cause::Gateway };
        Entry { lines: self, cause }
    }
}

/// A guard that, when dropped, waits until the last lines are written, unless the reader of the log has stalled.
pub struct Flush {
    shared: Arc<Shared>,
}

impl Drop for Flush {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.closing = true;
        self.shared.changed.notify_one();
        let _ = self.shared.changed.wait_timeout_while(state, LAST_WORDS, |state| !state.finished);
    }
}

#[cfg(test)]
mod tests;
