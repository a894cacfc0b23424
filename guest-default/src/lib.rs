//! The default policy as a component: the crate `engine-api` behind the policy interface, and nothing else.
//!
//! Its settings are the env flags, as words: `CONTAINERS=1 POST=1`. It shows the least that a policy costs, and is a
//! starting point for a policy that is stricter in one place.

mod bindings;

use std::cell::Cell;

use bindings::{Decision, Denial, Guest, Manifest, Request};
use engine_api::{Flags, Method, Operation, Target};

thread_local! {
    static FLAGS: Cell<Flags> = Cell::default();
}

struct DefaultPolicy;

impl Guest for DefaultPolicy {
    fn configure(settings: String) -> Result<Manifest, String> {
        FLAGS.set(Flags::from_words(&settings).map_err(|bad| bad.to_string())?);
        let (name, version) = (env!("CARGO_PKG_NAME").into(), env!("CARGO_PKG_VERSION").into());
        Ok(Manifest { name, version, inspect: Vec::new(), attributes: Vec::new() })
    }

    fn decide(request: Request) -> Decision {
        let target = Target::from_decoded(&request.path, &request.query).ok();
        let Some((method, target)) = Method::from_token(&request.method).zip(target) else {
            return Decision::Deny(Denial {
                message: "this is not a request of the Engine API".into(),
                status: None,
            });
        };
        match engine_api::decide(FLAGS.get(), &Operation::new(method, target)) {
            engine_api::Decision::Allow => Decision::Allow,
            engine_api::Decision::Deny(denial) => {
                Decision::Deny(Denial { message: denial.to_string(), status: Some(denial.status()) })
            }
        }
    }
}
