//! What a policy says to the gateway's log, overheard and kept: the very lines, cut off where the gateway would.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber as _;
use tracing::span;
use tracing::{Event, Metadata, Subscriber};

use engine_api::untrusted;

/// Where the gateway logs what policies say.
const TARGET: &str = "sockgate::policy";

/// One line: its level, and what was said, with what is unfit for a line escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Such as `info`.
    pub level: String,
    /// The text.
    pub text: String,
}

/// Runs `work` to its end, and gives what policies said while they decided. What they say in `configure` belongs to no
/// request, and is not kept.
pub(super) async fn overhear<T>(work: impl Future<Output = T>) -> (T, Vec<Line>) {
    let ear = Ear::default();
    let done = work.with_subscriber(ear.clone()).await;
    let lines = std::mem::take(&mut *ear.0.lock().unwrap_or_else(PoisonError::into_inner));
    (done, lines)
}

#[derive(Clone, Debug, Default)]
struct Ear(Arc<Mutex<Vec<Line>>>);

impl Subscriber for Ear {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // What the gateway itself says of look-ups is told in words of its own.
        metadata.target() == TARGET && metadata.fields().field("said").is_some()
    }

    fn event(&self, event: &Event<'_>) {
        let mut said = Said::default();
        event.record(&mut said);
        if said.in_decision {
            let level = event.metadata().level().as_str().to_ascii_lowercase();
            let line = Line { level, text: said.text };
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }

    fn new_span(&self, _span: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1) // policies have none
    }

    fn record(&self, _span: &span::Id, _values: &span::Record<'_>) {}

    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}

    fn enter(&self, _span: &span::Id) {}

    fn exit(&self, _span: &span::Id) {}
}

#[derive(Default)]
struct Said {
    text: String,
    /// It names a request.
    in_decision: bool,
}

impl Visit for Said {
    fn record_u64(&mut self, field: &Field, _value: u64) {
        self.in_decision |= field.name() == "id";
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "said" {
            self.text = printable(value);
        }
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn fmt::Debug) {}
}

/// As it may go to a terminal.
pub(super) fn printable(text: &str) -> String {
    untrusted::escaped(text)
}
