//! Warnings of commands: a command has no log, so what the gateway would warn of in its log, such as a folder for
//! compiled policies that it cannot use, goes to standard error.
//!
//! Lines that policies log are left out: the command itself prints those that belong to a decision.

use std::fmt::{self, Write as _};
use std::io::Write as _;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};

use engine_api::untrusted;

/// Sends warnings to standard error from now on, unless a subscriber is installed already.
pub(super) fn tell() {
    let _ = tracing::subscriber::set_global_default(Warnings);
}

/// The crates whose warnings are printed.
const OUR_CRATES: [&str; 4] = ["sockgate", "pdp", "author", "engine_api"];

struct Warnings;

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let of = metadata.target().split("::").next().unwrap_or_default();
        let is_ours = OUR_CRATES.contains(&of) && metadata.target() != "sockgate::policy";
        is_ours && *metadata.level() <= Level::WARN
    }

    fn event(&self, event: &Event<'_>) {
        let mut message = Message::default();
        event.record(&mut message);
        // The text may quote strangers. If printing fails, there is nobody left to tell.
        let _ = writeln!(std::io::stderr(), "sockgate: {}", untrusted::escaped(&message.0));
    }

    fn new_span(&self, _span: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1) // we open no spans
    }

    fn record(&self, _span: &span::Id, _values: &span::Record<'_>) {}

    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}

    fn enter(&self, _span: &span::Id) {}

    fn exit(&self, _span: &span::Id) {}
}

#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // Writing to a string cannot fail.
            let _ = write!(self.0, "{value:?}");
        }
    }
}
