//! A policy that uses every type and every function of the interface. Its component is kept as a file; see README.md.
//!
//! It reads creates, looks up what a request is about, lets pings through, defers what names no object, and denies the
//! rest with a message that shows all that it was told.

mod bindings;

use std::cell::RefCell;

use bindings::{Access, Decision, Denial, FlagsVerdict, Guest, Manifest, Request, call, engine, log};

thread_local! {
    static SETTINGS: RefCell<String> = RefCell::default();
}

struct Frozen;

impl Guest for Frozen {
    fn configure(settings: String) -> Result<Manifest, String> {
        if settings == "refuse" {
            return Err("these settings are refused".to_owned());
        }
        SETTINGS.set(settings);
        Ok(Manifest {
            name: "frozen".to_owned(),
            version: "0.1.0".to_owned(),
            inspect: vec!["ContainerCreate".to_owned()],
            attributes: vec![("description".to_owned(), "uses all of the interface".to_owned())],
        })
    }

    fn decide(request: Request) -> Decision {
        for level in [log::Level::Debug, log::Level::Info, log::Level::Warn, log::Level::Error] {
            log::log(level, &format!("asked about {}", request.operation));
        }
        match request.operation.as_str() {
            "SystemPing" | "SystemPingHead" => Decision::Allow,
            "ContainerCreate" => deny(&request, Some(422)),
            _ if request.subject.is_none() => Decision::Defer,
            _ => deny(&request, None),
        }
    }
}

fn deny(request: &Request, status: Option<u16>) -> Decision {
    let access = match request.access {
        Access::Read => "read",
        Access::Write => "write",
        Access::Interactive => "interactive",
    };
    let flags = match request.flags {
        FlagsVerdict::Allow => "allow",
        FlagsVerdict::Deny => "deny",
    };
    let body = match call::body() {
        call::RequestBody::Empty => "empty".to_owned(),
        call::RequestBody::Complete(body) => format!("{body:?}"),
        call::RequestBody::Unread => "unread".to_owned(),
    };
    let looked_up = request.subject.as_deref().map_or_else(|| "nothing".to_owned(), look_up);
    let message = format!(
        "settings={} method={} path={} version={:?} operation={} family={} access={access} subject={:?} query={:?} \
         attributes={:?} flags={flags} x={:?} headers={:?} body={body} looked-up={looked_up}",
        SETTINGS.with_borrow(Clone::clone),
        request.method,
        request.path,
        request.api_version,
        request.operation,
        request.family,
        request.subject,
        request.query,
        request.attributes,
        call::header("X"),
        call::headers(),
    );
    Decision::Deny(Denial { message, status })
}

fn look_up(subject: &str) -> String {
    match engine::inspect(engine::Kind::Container, subject) {
        Ok(json) => json,
        Err(engine::LookupError::NotFound) => "not-found".to_owned(),
        Err(engine::LookupError::Refused(why)) => format!("refused: {why}"),
        Err(engine::LookupError::Unavailable(why)) => format!("unavailable: {why}"),
    }
}
