//! A log line for people: time, level, message, then `name=value` pairs.
//!
//! A value is quoted and escaped as soon as it holds anything but plain printable ASCII, so that nothing that a client
//! chose can end a line or start a pair. Numbers and times are written digit by digit: `core::fmt` would cost more
//! than the rest of the line.

use std::cell::Cell;
use std::fmt::{self, Debug, Write as _};
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

type TimeText = [u8; 27];

thread_local! {
    static LINE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    /// The second that was last logged, with its text.
    static SECOND: Cell<(u64, TimeText)> = const { Cell::new((u64::MAX, [0; 27])) };
}

/// Formats events as one line of text.
pub(super) struct TextLine;

impl<S, N> FormatEvent<S, N> for TextLine
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        // Pieces go into a buffer of ours, because each one that goes through `out` is a call through a pointer.
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

/// The time to the microsecond, RFC 3339. The date is worked out once a second.
fn put_time(line: &mut Vec<u8>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (second, mut text) = SECOND.get();
    if second != now.as_secs() {
        text = date_and_clock(now.as_secs());
        SECOND.set((now.as_secs(), text));
    }
    put_digits(&mut text[20..26], now.subsec_micros().into());
    line.extend_from_slice(&text);
}

/// `2024-01-31T12:34:56.000000Z`. The date after Howard Hinnant's `civil_from_days`, whose year starts in March.
fn date_and_clock(seconds: u64) -> TimeText {
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    let (days, clock) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    put_digits(&mut text[..4], year);
    put_digits(&mut text[5..7], month);
    put_digits(&mut text[8..10], day);
    put_digits(&mut text[11..13], clock / 3_600);
    put_digits(&mut text[14..16], clock / 60 % 60);
    put_digits(&mut text[17..19], clock % 60);
    text
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
    let needs = value.bytes().map(needs).max().unwrap_or(Needs::Quotes);
    match needs {
        Needs::Nothing => line.extend_from_slice(value.as_bytes()),
        Needs::Quotes => {
            line.push(b'"');
            line.extend_from_slice(value.as_bytes());
            line.push(b'"');
        }
        Needs::Escapes => drop(write!(line, "{value:?}")),
    }
}

/// What a byte makes of the value that it is in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Needs {
    Nothing,
    Quotes,
    Escapes,
}

const fn needs(byte: u8) -> Needs {
    match byte {
        b'"' | b'\\' => Needs::Escapes,
        b' ' | b'=' => Needs::Quotes,
        b'!'..=b'~' => Needs::Nothing,
        _ => Needs::Escapes,
    }
}

/// A message stays one line.
struct Escaped<'t>(&'t str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| {
            if c.is_control() { write!(f, "{}", c.escape_default()) } else { f.write_char(c) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::date_and_clock;

    #[test]
    fn a_time_is_written_as_rfc_3339_has_it() {
        for (seconds, want) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_399, "2000-02-28T23:59:59.000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000Z"),
            (1_709_251_200, "2024-03-01T00:00:00.000000Z"),
            (1_767_225_599, "2025-12-31T23:59:59.000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000Z"),
        ] {
            assert_eq!(std::str::from_utf8(&date_and_clock(seconds)), Ok(want), "{seconds}");
        }
    }
}
