//! A policy that talks: it denies with what it was told, and logs on the way. `/info` makes it panic, `/version` is allowed.

mod bindings;

use bindings::{Decision, Denial, Guest, Level, Manifest, Request, RequestBody, body, headers, log};

struct Talk;

impl Guest for Talk {
    fn configure(settings: String) -> Result<Manifest, String> {
        log(Level::Info, "configured");
        if settings == "nonsense" {
            return Err("nonsense is no setting".into());
        }
        let (name, version) = (env!("CARGO_PKG_NAME").into(), env!("CARGO_PKG_VERSION").into());
        let inspect = vec!["ContainerCreate".into(), "VolumeCreate".into()];
        Ok(Manifest { name, version, inspect, attributes: vec![("description".into(), "talks".into())] })
    }

    fn decide(request: Request) -> Decision {
        log(Level::Warn, "a \u{1b}[31mred\u{1b}[0m line\nand another");
        #[allow(clippy::print_stdout, reason = "what a policy prints goes to the log")]
        {
            println!("printed");
        }
        #[allow(clippy::panic, reason = "what a panic says goes to the log, too")]
        match request.operation.as_str() {
            "SystemInfo" => panic!("last words"),
            "SystemVersion" => Decision::Allow,
            _ => Decision::Deny(Denial { message: told(&request), status: Some(409) }),
        }
    }
}

/// All that the policy was told, in words.
fn told(request: &Request) -> String {
    let body = match body() {
        RequestBody::Empty => "no body".to_owned(),
        RequestBody::Unread => "a body unread".to_owned(),
        RequestBody::Complete(text) => text,
    };
    let pairs = |pairs: &[(String, String)]| {
        pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
    };
    let flags = request.flags;
    format!(
        "{} | {} | {} | {flags:?} | {body}",
        request.operation,
        pairs(&headers()),
        pairs(&request.attributes)
    )
}
