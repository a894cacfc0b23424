//! Log lines for programs: each is one JSON object, as tracing-subscriber writes it.
//!
//! JSON does not require that characters which could steer a terminal are escaped. Here they are, since people read
//! these lines too.

use std::fmt;

use engine_api::untrusted::is_unfit;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Format, Json, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::telemetry::text::whole_time;
use crate::telemetry::writer::Missing;

#[cfg(test)]
mod tests;

/// Formats events as one line of JSON.
pub(super) struct JsonLine(Format<Json>);

impl JsonLine {
    pub(super) fn new() -> Self {
        Self(Format::default().json().flatten_event(true).with_target(false))
    }
}

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        put(&mut out, line.trim_end_matches('\n'))?;
        out.write_char('\n')
    }
}

/// The line that says what is missing of the log. It does not go the way of other lines, which may be full.
pub(super) fn missing(missing: &Missing) -> String {
    let Missing { dropped, of_policies, unwritten, error } = missing;
    let timestamp = whole_time().and_then(|time| String::from_utf8(time.to_vec()).ok()).unwrap_or_default();
    let mut line = format!(
        r#"{{"timestamp":"{timestamp}","level":"WARN","message":"log lines are missing","dropped":{dropped},"of_policies":{of_policies},"unwritten":{unwritten}"#
    );
    if let Some(error) = error {
        line.push_str(&format!(r#","error":{}"#, serde_json::Value::from(error.to_string())));
    }
    line + "}\n"
}

/// Writes a line and escapes what is unfit for a terminal, which in JSON only occurs inside strings.
fn put(out: &mut Writer<'_>, line: &str) -> fmt::Result {
    if line.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return out.write_str(line);
    }
    line.chars().try_for_each(|c| match is_unfit(c) {
        true => c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}")),
        false => out.write_char(c),
    })
}
