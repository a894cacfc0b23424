//! Tells on standard error what the gateway would warn of in its log, for example that the folder for compiled policies
//! cannot be used: a command has no log.
//!
//! What policies log is left out: the command itself tells what was said in a decision.

use std::fmt::{self, Write as _};
use std::io::Write as _;

use engine_api::untrusted;
use pdp::GUEST_TARGET;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// The crates whose warnings are told: ours. Their names are the first part of an event's target.
const OUR_CRATES: [&str; 4] = ["sockgate", "pdp", "author", "engine_api"];

/// From now on, warnings go to standard error. If the process has a log already, that log goes on instead.
pub(super) fn tell() {
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Warnings));
}

struct Warnings;

impl<S: Subscriber> Layer<S> for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>, _context: Context<'_, S>) -> bool {
        is_told(metadata.target()) && *metadata.level() <= Level::WARN
    }

    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut message = Message::default();
        event.record(&mut message);
        // The message may hold text of strangers. If printing fails, nobody is left to tell.
        let _ = writeln!(std::io::stderr(), "sockgate: {}", untrusted::escaped(&message.0));
    }
}

fn is_told(target: &str) -> bool {
    let name = target.split_once("::").map_or(target, |(name, _)| name);
    OUR_CRATES.contains(&name) && target != GUEST_TARGET
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

#[cfg(test)]
mod tests {
    use super::is_told;

    #[test]
    fn warnings_of_our_crates_are_told_and_those_of_policies_and_of_others_are_not() {
        for target in ["sockgate", "sockgate::config", "pdp::cache", "author", "engine_api::flags"] {
            assert!(is_told(target), "{target}");
        }
        for target in ["sockgate::guest", "hyper::client", "sockgates", "pdpx::cache", ""] {
            assert!(!is_told(target), "{target}");
        }
    }
}
