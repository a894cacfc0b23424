//! Captures what a policy writes to the gateway's log while it decides: the very lines, cut off where the gateway would.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use engine_api::untrusted;
use pdp::GUEST_TARGET;
use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber as _;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// One line of a policy's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The level in lower case, for example `info`.
    pub level: String,
    /// What the policy said, with everything escaped that is unfit for a line.
    pub text: String,
}

/// Runs `work` to its end, and returns what policies logged about requests meanwhile. What they log in `configure` belongs
/// to no request, and is left out.
pub(super) async fn capture_log<T>(work: impl Future<Output = T>) -> (T, Vec<LogLine>) {
    let lines = Arc::<Mutex<Vec<LogLine>>>::default();
    let subscriber = tracing_subscriber::registry().with(Capture(Arc::clone(&lines)));
    let done = work.with_subscriber(subscriber).await;
    let lines = std::mem::take(&mut *lines.lock().unwrap_or_else(PoisonError::into_inner));
    (done, lines)
}

/// Collects the lines.
struct Capture(Arc<Mutex<Vec<LogLine>>>);

impl<S: Subscriber> Layer<S> for Capture {
    fn enabled(&self, metadata: &Metadata<'_>, _context: Context<'_, S>) -> bool {
        // Look-ups have the same target; the tools tell of look-ups themselves.
        metadata.target() == GUEST_TARGET && metadata.fields().field("said").is_some()
    }

    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut said = Said::default();
        event.record(&mut said);
        if said.is_in_decision {
            let level = event.metadata().level().as_str().to_ascii_lowercase();
            let line = LogLine { level, text: said.text };
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }
}

/// The fields of an event that are read.
#[derive(Default)]
struct Said {
    text: String,
    /// Whether the event names a request.
    is_in_decision: bool,
}

impl Visit for Said {
    fn record_u64(&mut self, field: &Field, _value: u64) {
        self.is_in_decision |= field.name() == "id";
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "said" {
            self.text = untrusted::escaped(value);
        }
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn fmt::Debug) {}
}
