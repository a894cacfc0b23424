//! The default policy as a component: the crate `policy` behind the policy interface, and nothing of its own.
//!
//! Settings are the env flags, as words: `CONTAINERS=1 POST=1`. It is what a policy costs at least, and a base for one
//! that is stricter in one place.

mod bindings;

use std::cell::Cell;
use std::collections::BTreeMap;

use bindings::{Decision, Denial, Guest, Manifest, Request};
use policy::{Flag, Flags, Method, Operation, Target};

thread_local! {
    static FLAGS: Cell<Flags> = Cell::default();
}

struct DefaultPolicy;

impl Guest for DefaultPolicy {
    fn configure(settings: String) -> Result<Manifest, String> {
        FLAGS.set(flags(&settings)?);
        let (name, version) = (env!("CARGO_PKG_NAME").into(), env!("CARGO_PKG_VERSION").into());
        Ok(Manifest { name, version, inspect: Vec::new(), attributes: Vec::new() })
    }

    fn decide(request: Request) -> Decision {
        let target = Target::from_decoded_path(&request.path).ok();
        let Some((method, target)) = Method::from_token(&request.method).zip(target) else {
            return Decision::Deny(Denial {
                message: "not a request of the Engine API".into(),
                status: None,
            });
        };
        match policy::decide(FLAGS.get(), &Operation::new(method, target)) {
            policy::Decision::Allow => Decision::Allow,
            policy::Decision::Deny(denial) => {
                let status = denial.reason.is_about_method().then_some(405);
                Decision::Deny(Denial { message: denial.to_string(), status })
            }
        }
    }
}

/// Everything that is wrong with the settings is listed, in one line.
fn flags(settings: &str) -> Result<Flags, String> {
    let (mut values, mut mistakes) = (BTreeMap::new(), Vec::new());
    for word in settings.split_whitespace() {
        match word.split_once('=').filter(|(name, _)| Flag::ALL.iter().any(|flag| flag.name() == *name)) {
            None => {
                mistakes.push(format!("{word:?} does not set a flag: expected words such as CONTAINERS=1"))
            }
            Some((name, value)) if values.insert(name, value).is_none() => {}
            Some((name, _)) => mistakes.push(format!("{name} comes twice")),
        }
    }
    match Flags::from_values(|flag| values.get(flag.name()).copied()) {
        Ok(flags) if mistakes.is_empty() => return Ok(flags),
        Ok(_) => {}
        Err(no_switches) => mistakes.extend(no_switches.iter().map(ToString::to_string)),
    }
    Err(mistakes.join("; "))
}
