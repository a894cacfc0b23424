//! The log: lines on stderr, as text or JSON. `docs/LOGGING.md` lists the fields; `record` names them.

use tracing::level_filters::LevelFilter;

use crate::config::LogFormat;

mod json;
mod text;
mod writer;

pub use writer::Flush;

/// Starts the log. Lines that are still unwritten are written when the guard is dropped.
pub fn start(format: LogFormat, level: LevelFilter) -> Flush {
    let dropped = match format {
        LogFormat::Text => {
            |count| format!("{count} log lines were dropped: whoever reads the log is too slow")
        }
        LogFormat::Json => |count| {
            format!(
                r#"{{"level":"WARN","message":"log lines were dropped: whoever reads the log is too slow","count":{count}}}"#
            )
        },
    };
    let (lines, flush) = writer::start(std::io::stderr(), dropped);
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
    flush
}
