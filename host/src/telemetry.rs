//! The log: lines on stderr, as text or JSON. `docs/LOGGING.md` lists the fields; `record` names them.

use std::io;

use tracing::level_filters::LevelFilter;

use crate::config::LogFormat;

mod json;
mod sink;
mod text;
mod writer;

pub use writer::Flush;

/// Starts the log. Lines that are still unwritten are written when the guard is dropped.
///
/// # Errors
/// If there is no thread to be had, without which nothing would be written.
pub fn start(format: LogFormat, level: LevelFilter) -> io::Result<Flush> {
    let missing = match format {
        LogFormat::Text => text::missing,
        LogFormat::Json => json::missing,
    };
    let (lines, flush) = writer::start(io::stderr(), missing)?;
    let log = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(lines)
        .with_target(false)
        .with_ansi(false);
    match format {
        LogFormat::Text => log.event_format(text::TextLine).init(),
        LogFormat::Json => log.json().event_format(json::JsonLine::new()).init(),
    }
    std::panic::set_hook(Box::new(|panic| tracing::error!("a task panicked: {panic}")));
    Ok(flush)
}
