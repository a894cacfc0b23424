//! A policy that does what its settings say, most of which no policy should.
//!
//! One build serves every test of hostile guests, and as a policy for tests of other things: `decide=allow`,
//! `decide=deny:MESSAGE:STATUS`, `decide=echo`. The README beside it has the list. Everything here is on purpose.
#![allow(
    clippy::disallowed_methods,
    clippy::exit,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "it misbehaves on purpose"
)]

mod answers;
mod bindings;
mod misdeeds;
mod settings;

use std::cell::RefCell;

use bindings::{Decision, Guest, Manifest, Request};
use settings::Settings;

thread_local! {
    static SETTINGS: RefCell<Settings> = RefCell::default();
}

struct Hostile;

impl Guest for Hostile {
    fn configure(settings: String) -> Result<Manifest, String> {
        let settings = Settings::parse(&settings)?;
        for deed in &settings.configure {
            misdeeds::commit(deed).map_err(|unknown| format!("configure={unknown}: no such behaviour"))?;
        }
        let manifest = settings.manifest();
        SETTINGS.set(settings);
        Ok(manifest)
    }

    fn decide(request: Request) -> Decision {
        SETTINGS.with_borrow(|settings| {
            let deed =
                if settings.concerns(&request.operation) { &settings.decide } else { &settings.otherwise };
            answers::decision(deed, &request)
        })
    }
}
