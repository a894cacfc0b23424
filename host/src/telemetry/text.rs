//! A log line for people: time, level, message, then `name=value` pairs.
//!
//! A value is quoted and escaped as soon as it holds anything but plain printable ASCII, so that nothing that a client
//! chose can end a line or start a pair.

use std::fmt::{self, Debug, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Formats events as one line of text.
pub(super) struct TextLine;

impl<S, N> FormatEvent<S, N> for TextLine
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut line: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        SystemTime.format_time(&mut line)?;
        write!(line, " {:<5}", event.metadata().level().as_str())?;
        let mut fields = Fields { line, result: Ok(()) };
        event.record(&mut fields);
        fields.result?;
        fields.line.write_char('\n')
    }
}

struct Fields<'w> {
    line: Writer<'w>,
    /// The first error, as a visitor cannot return one.
    result: fmt::Result,
}

impl Fields<'_> {
    fn put(&mut self, write: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        self.result = self.result.and_then(|()| write(&mut self.line));
    }

    fn name(&mut self, field: &Field) {
        self.put(|line| {
            line.write_char(' ')?;
            line.write_str(field.name())?;
            line.write_char('=')
        });
    }
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.name(field);
        self.put(|line| put_value(line, value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.name(field);
        self.put(|line| write!(line, "{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            self.put(|line| write!(line, " {}", Escaped(&text)));
        } else {
            self.record_str(field, &text);
        }
    }
}

fn put_value(line: &mut Writer<'_>, value: &str) -> fmt::Result {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'=' | b'\\');
    if !value.is_empty() && value.bytes().all(is_plain) {
        line.write_str(value)
    } else {
        write!(line, "{value:?}")
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
