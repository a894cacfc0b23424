//! The output of a policy, which goes to the gateway's log: from `log.log`, stdout and stderr.
//!
//! The output of each decision is limited. What is too much is cut off without telling the guest, because an error of
//! the stream would make a `println!` panic. The text is a field of a log line, never its message, so that no policy
//! can write what looks like a line of the gateway's own. The log quotes and escapes it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use engine_api::untrusted::is_unfit;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::bindings::Level;
use crate::events::{self, GUEST_TARGET};

/// How much one decision may log, in bytes of a log line: what is escaped there counts as it is written.
const MAX_OUTPUT: usize = 4 * 1024;

/// What a line counts for besides its text, in bytes: about what the log puts in front of it. So empty lines count,
/// too.
const LINE_COST: usize = 64;

/// How much one call may write to a stream, in bytes.
const MAX_WRITE: usize = 64 * 1024;

/// The output of one instance.
#[derive(Clone, Debug)]
pub(crate) struct Output(Arc<Mutex<Lines>>);

#[derive(Debug)]
struct Lines {
    /// The policy's file, as settings name it.
    file: Arc<str>,
    request: Option<u64>,
    /// How many bytes may still be logged.
    left: usize,
    /// The beginnings of lines that have not ended yet, on stdout and stderr.
    begun: [Vec<u8>; 2],
}

impl Output {
    /// The output of an instance of the policy in that file.
    pub(crate) fn new(file: Arc<str>) -> Self {
        Self(Arc::new(Mutex::new(Lines { file, request: None, left: MAX_OUTPUT, begun: Default::default() })))
    }

    /// The output of a further instance of the policy, which logs nothing before its first request: what `configure`
    /// says is the same in each instance, and is logged once.
    pub(crate) fn silent(file: Arc<str>) -> Self {
        let output = Self::new(file);
        output.lines().left = 0;
        output
    }

    /// Begins a request, which the lines that follow are about. The trial of a policy that is loaded is about none.
    pub(crate) fn about(&self, request: u64) {
        let mut lines = self.lines();
        lines.request = events::request(request);
        lines.left = MAX_OUTPUT;
    }

    /// Logs a line.
    pub(crate) fn line(&self, level: Level, text: &str) {
        self.lines().log(level, text);
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn log(&mut self, level: Level, text: &str) {
        if self.left == 0 {
            return;
        }
        let (end, length) = beginning(text, self.left);
        let kept = text.get(..end).unwrap_or_default();
        let cut = if end < text.len() { " (cut off here: one decision may log 4 KiB)" } else { "" };
        self.left = if cut.is_empty() { self.left.saturating_sub(length + LINE_COST) } else { 0 };
        let said = format!("{kept}{cut}");
        let (file, id, said) = (self.file.as_ref(), self.request, said.as_str());
        macro_rules! event {
            ($level:ident) => {
                tracing::$level!(target: GUEST_TARGET, file, id, said, "a policy says")
            };
        }
        match level {
            Level::Debug => event!(debug),
            Level::Info => event!(info),
            Level::Warn => event!(warn),
            Level::Error => event!(error),
        }
    }

    fn write(&mut self, which: Std, bytes: &[u8]) {
        let mut pieces = bytes.split(|&byte| byte == b'\n');
        let last = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            self.begin(which, piece);
            self.end_line(which);
        }
        self.begin(which, last);
    }

    fn begin(&mut self, which: Std, piece: &[u8]) {
        let left = self.left;
        let begun = which.of(&mut self.begun);
        // One byte more than there is room for, so that the cut is noticed.
        let room = left.saturating_add(1).saturating_sub(begun.len());
        begun.extend_from_slice(piece.get(..room).unwrap_or(piece));
    }

    fn end_line(&mut self, which: Std) {
        let line = std::mem::take(which.of(&mut self.begun));
        if !line.is_empty() {
            self.log(which.level(), &String::from_utf8_lossy(&line));
        }
    }
}

/// How much of a text fits into `room` bytes of a log line, in bytes of the text and of the line.
fn beginning(text: &str, room: usize) -> (usize, usize) {
    let mut length = 0;
    for (at, c) in text.char_indices() {
        let with_it = length + written_length(c);
        if with_it > room {
            return (at, length);
        }
        length = with_it;
    }
    (text.len(), length)
}

/// How many bytes of a log line a character takes: in that of the log's two forms that escapes it at greater length.
fn written_length(c: char) -> usize {
    match c {
        '"' | '\\' => 2,
        ' '..='~' => 1,
        c if c.is_control() || is_unfit(c) => c.escape_unicode().len().max(6 * c.len_utf16()),
        c => c.escape_debug().len().max(c.len_utf8()),
    }
}

/// A line that a guest did not end with a newline is logged when its instance is dropped.
impl Drop for Lines {
    fn drop(&mut self) {
        self.end_line(Std::Out);
        self.end_line(Std::Err);
    }
}

/// One of the two streams.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Std {
    /// stdout.
    Out,
    /// stderr.
    Err,
}

impl Std {
    const fn of(self, [out, err]: &mut [Vec<u8>; 2]) -> &mut Vec<u8> {
        match self {
            Self::Out => out,
            Self::Err => err,
        }
    }

    const fn level(self) -> Level {
        match self {
            Self::Out => Level::Info,
            Self::Err => Level::Warn,
        }
    }
}

/// A guest's stdout or stderr.
#[derive(Clone, Debug)]
pub(crate) struct StdStream {
    output: Output,
    which: Std,
}

impl StdStream {
    /// A stream that writes to `output`.
    pub(crate) fn new(output: Output, which: Std) -> Self {
        Self { output, which }
    }
}

impl IsTerminal for StdStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for StdStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink()) // only for WASI 0.3, which is not linked
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for StdStream {
    async fn ready(&mut self) {}
}

impl OutputStream for StdStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.output.lines().write(self.which, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_WRITE)
    }
}
