//! A policy that reads the bodies of the operations that its settings list, separated by commas.
//!
//! A body in which `forbidden` stands is denied, with its length and a sum over all its bytes, so that a test can tell
//! whether the whole of it came here. Everything else is allowed, except what has no body, which is denied as `empty`.

mod bindings;

use bindings::{Decision, Denial, Guest, Manifest, Request, RequestBody, body};

struct Inspector;

impl Guest for Inspector {
    fn configure(settings: String) -> Result<Manifest, String> {
        let inspect = settings.split(',').map(|id| id.trim().to_owned()).collect();
        let (name, version) = (env!("CARGO_PKG_NAME").into(), env!("CARGO_PKG_VERSION").into());
        Ok(Manifest { name, version, inspect, attributes: Vec::new() })
    }

    fn decide(_request: Request) -> Decision {
        match body() {
            RequestBody::Unread => Decision::Allow,
            RequestBody::Empty => deny("empty".to_owned()),
            RequestBody::Complete(text) if text.contains("forbidden") => deny(sum(&text)),
            RequestBody::Complete(_) => Decision::Allow,
        }
    }
}

fn sum(text: &str) -> String {
    let sum = text.bytes().fold(0_u32, |sum, byte| sum.rotate_left(5) ^ u32::from(byte));
    format!("{} bytes, sum {sum:08x}", text.len())
}

fn deny(message: String) -> Decision {
    Decision::Deny(Denial { message, status: None })
}
