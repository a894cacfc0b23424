//! The log: lines on stderr, as text or JSON, written by a thread of its own.
//!
//! A reader that stalls (a full pipe) must not stall the gateway, so lines wait in a bounded queue and are dropped when
//! it is full. `docs/LOGGING.md` lists the fields; their names are in `record`.

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};

use crate::config::LogFormat;

/// Lines that wait for the writer at the most: some 2 MiB.
const QUEUE: usize = 8 * 1024;

/// Starts the log. What is still queued is written when the guard goes.
pub fn start(format: LogFormat, level: LevelFilter) -> WorkerGuard {
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(QUEUE)
        .thread_name("log")
        .finish(std::io::stderr());
    let lines = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(writer)
        .with_target(false)
        .with_ansi(false);
    match format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    std::panic::set_hook(Box::new(|panic| tracing::error!("a task panicked: {panic}")));
    guard
}
