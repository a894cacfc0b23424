//! Log lines for people: time, level, message, then `name=value` pairs.
//!
//! A value is quoted and escaped as soon as it holds anything but plain printable ASCII, so that no text that a client
//! chose can end a line or start a pair. Numbers are written digit by digit and the date once a second:
//! `core::fmt` would cost more than the rest of the line.

use std::cell::Cell;
use std::fmt::{self, Debug, Write as _};
use std::io::Write as _;
use std::time::UNIX_EPOCH;

use engine_api::untrusted::is_unfit;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::telemetry::writer::Missing;

/// A time as text: `2024-01-31T12:34:56.000000Z`.
pub(super) type TimeText = [u8; 27];

const NO_TIME: TimeText = *b"0000-00-00T00:00:00.000000Z";

thread_local! {
    static LINE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    /// The second that was last logged, with its text.
    static SECOND: Cell<(u64, TimeText)> = const { Cell::new((u64::MAX, NO_TIME)) };
}

/// Formats events as one line of text.
pub(super) struct TextLine;

impl<S, N> FormatEvent<S, N> for TextLine
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        // The pieces go into a buffer of our own, because each write to `out` is a call through a pointer.
        let mut line = LINE.take();
        line.clear();
        put_time(&mut line);
        line.extend_from_slice(match *event.metadata().level() {
            tracing::Level::ERROR => b" ERROR",
            tracing::Level::WARN => b" WARN ",
            tracing::Level::INFO => b" INFO ",
            tracing::Level::DEBUG => b" DEBUG",
            tracing::Level::TRACE => b" TRACE",
        });
        event.record(&mut Fields(&mut line));
        line.push(b'\n');
        // Only whole strings and ASCII went in.
        let written = out.write_str(std::str::from_utf8(&line).unwrap_or_default());
        LINE.set(line);
        written
    }
}

/// The line that says what is missing of the log. It does not go the way of other lines, which may be full.
pub(super) fn missing(missing: &Missing) -> String {
    let mut line = Vec::new();
    put_time(&mut line);
    line.extend_from_slice(b" WARN  log lines are missing");
    let Missing { dropped, of_policies, unwritten, error } = missing;
    // Writing to a vector cannot fail.
    let _ = write!(line, " dropped={dropped} of_policies={of_policies} unwritten={unwritten}");
    if let Some(error) = error {
        line.extend_from_slice(b" error=");
        put_value(&mut line, &error.to_string());
    }
    line.push(b'\n');
    String::from_utf8(line).unwrap_or_default()
}

/// Appends the time to the microsecond (RFC 3339). The date is worked out once a second.
fn put_time(line: &mut Vec<u8>) {
    let now = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (second, mut text) = SECOND.get();
    if second != now.as_secs() {
        text = whole_time().unwrap_or(NO_TIME);
        SECOND.set((now.as_secs(), text));
    }
    if let Some(micros) = text.get_mut("2024-01-31T12:34:56.".len()..NO_TIME.len() - 1) {
        put_digits(micros, now.subsec_micros().into());
    }
    line.extend_from_slice(&text);
}

pub(super) fn whole_time() -> Option<TimeText> {
    let mut text = String::new();
    SystemTime.format_time(&mut Writer::new(&mut text)).ok()?;
    text.as_bytes().try_into().ok()
}

/// Fills `place` with the last digits of `value`.
fn put_digits(place: &mut [u8], mut value: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// Appends fields to a line.
struct Fields<'l>(&'l mut Vec<u8>);

impl Fields<'_> {
    fn name(&mut self, field: &Field) {
        self.0.push(b' ');
        self.0.extend_from_slice(field.name().as_bytes());
        self.0.push(b'=');
    }
}

// Writing to a vector cannot fail.
impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.name(field);
        put_value(self.0, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.name(field);
        put_number(self.0, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            let _ = write!(self.0, " {}", Escaped(&text));
        } else {
            self.record_str(field, &text);
        }
    }
}

fn put_number(line: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut from = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        from -= 1;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    line.extend_from_slice(digits.get(from..).unwrap_or_default());
}

fn put_value(line: &mut Vec<u8>, value: &str) {
    match Needs::of(value.as_bytes()) {
        Needs::Nothing => line.extend_from_slice(value.as_bytes()),
        Needs::Quotes => {
            line.push(b'"');
            line.extend_from_slice(value.as_bytes());
            line.push(b'"');
        }
        Needs::Escapes => drop(write!(line, "{value:?}")),
    }
}

/// What a value needs because of its bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    Quotes,
    Escapes,
}

impl Needs {
    /// Looks at every byte, without a branch for each, so that the compiler can take sixteen at a time.
    fn of(value: &[u8]) -> Self {
        let (mut quotes, mut escapes) = (value.is_empty(), false);
        for &byte in value {
            quotes |= (byte == b' ') | (byte == b'=');
            escapes |= (byte == b'"') | (byte == b'\\') | !(b' '..=b'~').contains(&byte);
        }
        match (escapes, quotes) {
            (true, _) => Self::Escapes,
            (false, true) => Self::Quotes,
            (false, false) => Self::Nothing,
        }
    }
}

/// A message, whose line feeds and the like are escaped so that it stays one line.
struct Escaped<'t>(&'t str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .chars()
            .try_for_each(|c| if is_unfit(c) { write!(f, "{}", c.escape_default()) } else { f.write_char(c) })
    }
}
