//! The thread that writes the log, many lines at a time.
//!
//! A reader that stalls (a full pipe) must not stall the gateway, and a system call for each line would cost more than
//! the rest of a denied request. So lines are gathered for some milliseconds and written together. When too many wait,
//! further ones are dropped and counted, and the count is logged.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// How long lines are gathered before they are written.
const GATHER: Duration = Duration::from_millis(20);

/// How long the end of the process waits for the last lines to be read.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How many bytes may wait to be written; further lines are dropped.
const MAX_UNWRITTEN: usize = 1024 * 1024;

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
    dropped: u64,
    closing: bool,
    finished: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the writer's thread. `dropped` makes the line that says how many lines are missing.
pub(super) fn start(out: impl Write + Send + 'static, dropped: fn(u64) -> String) -> (Lines, Flush) {
    let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
    let lines = Lines(Arc::clone(&shared));
    let for_thread = Arc::clone(&shared);
    // Without a thread there is no log, but the gateway still serves.
    let thread = thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write_lines(&for_thread, out, dropped))
        .ok();
    (lines, Flush { shared, thread })
}

fn write_lines(shared: &Shared, mut out: impl Write, line_of_dropped: fn(u64) -> String) {
    let mut batch = Vec::new();
    loop {
        let state = shared.state();
        let idle = |state: &mut State| state.unwritten.is_empty() && !state.closing;
        let state = shared.changed.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
        let gathering = |state: &mut State| !state.closing;
        let waited = shared.changed.wait_timeout_while(state, GATHER, gathering);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut batch, &mut state.unwritten);
        let (dropped, closing) = (mem::take(&mut state.dropped), state.closing);
        drop(state);
        // If the log cannot be written, there is no place to report that.
        let _ = out.write_all(&batch);
        if dropped > 0 {
            let _ = writeln!(out, "{}", line_of_dropped(dropped));
        }
        if closing {
            shared.state().finished = true;
            shared.changed.notify_one();
            return;
        }
        batch.clear();
    }
}

impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut state = self.0.state();
        if state.unwritten.len() + line.len() > MAX_UNWRITTEN {
            state.dropped += 1;
        } else {
            let was_empty = state.unwritten.is_empty();
            state.unwritten.extend_from_slice(line);
            drop(state);
            if was_empty {
                self.0.changed.notify_one();
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'l> MakeWriter<'l> for Lines {
    type Writer = &'l Self;

    fn make_writer(&'l self) -> Self::Writer {
        self
    }
}

/// A guard that, when dropped, waits until the last lines are written, unless the reader of the log has stalled.
pub struct Flush {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>, // detached when dropped
}

impl Drop for Flush {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.closing = true;
        // Without a thread, none will say that it has finished.
        state.finished |= self.thread.is_none();
        self.shared.changed.notify_one();
        let _ = self.shared.changed.wait_timeout_while(state, LAST_WORDS, |state| !state.finished);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex, mpsc};

    use super::{MAX_UNWRITTEN, start};

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// A sink that stalls in its first write until it is told to go on.
    struct Stalled(mpsc::Sender<()>, mpsc::Receiver<()>, Sink);

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if self.0.send(()).is_ok() {
                let _ = self.1.recv();
            }
            self.2.write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_line_is_written_in_order_by_the_time_that_the_guard_has_gone() {
        let sink = Sink::default();
        let (lines, flush) = start(sink.clone(), |count| format!("{count} dropped"));
        for number in 0..1000 {
            writeln!(&lines, "{number}").unwrap();
        }
        drop(flush);
        let want: String = (0..1000).map(|number| format!("{number}\n")).collect();
        assert_eq!(String::from_utf8(sink.0.lock().unwrap().clone()).unwrap(), want);
    }

    #[test]
    fn a_reader_that_stalls_costs_lines_and_no_time() {
        let (stalled, go_on) = (mpsc::channel(), mpsc::channel());
        let sink = Sink::default();
        let (lines, flush) =
            start(Stalled(stalled.0, go_on.1, sink.clone()), |count| format!("{count} dropped"));
        (&lines).write_all(b"first\n").unwrap();
        stalled.1.recv().unwrap();
        let line = vec![b'x'; MAX_UNWRITTEN / 2];
        for _ in 0..5 {
            (&lines).write_all(&line).unwrap();
        }
        drop((go_on.0, stalled.1));
        drop(flush);
        let written = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        assert!(written.starts_with("first\n") && written.len() < 2 * MAX_UNWRITTEN);
        assert!(written.ends_with("3 dropped\n"), "{}", written.len());
    }
}
