//! A policy for sockgate: nothing runs privileged. Whatever else a request asks for is left to the env flags.
//!
//! Settings are one line that is added to refusals, such as `ask the platform team`.

use std::cell::RefCell;

use exports::sockgate::policy::decision_point::{Decision, Guest, Manifest, Request};
use serde_json::Value;
use sockgate::policy::call::{self, RequestBody};
use sockgate::policy::types::Denial;

wit_bindgen::generate!({ path: "wit", world: "policy" });
export!(Policy);

struct Policy;

thread_local! {
    static HINT: RefCell<String> = RefCell::default();
}

impl Guest for Policy {
    fn configure(settings: String) -> Result<Manifest, String> {
        if settings.trim().contains('\n') {
            return Err("expected one line that tells people what to do".to_owned());
        }
        HINT.set(settings.trim().to_owned());
        Ok(Manifest {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            // Old engines take a HostConfig with a start, too.
            inspect: ["ContainerCreate", "ContainerStart", "ContainerExec"].map(str::to_owned).to_vec(),
            attributes: Vec::new(),
        })
    }

    fn decide(request: Request) -> Decision {
        match request.operation.as_str() {
            "ContainerCreate" | "ContainerStart" | "ContainerExec" => judge_body(),
            _ => Decision::Defer,
        }
    }
}

fn judge_body() -> Decision {
    let body: Value = match call::body() {
        RequestBody::Empty => return Decision::Defer,
        RequestBody::Unread => return deny("the body was not read"),
        RequestBody::Complete(json) => match serde_json::from_str(&json) {
            Ok(body) => body,
            Err(_) => return deny("the body is not JSON"),
        },
    };
    // A create and a start have it in their HostConfig, an exec beside its command.
    if body["HostConfig"]["Privileged"] == true || body["Privileged"] == true {
        return deny("privileged containers are not allowed; drop --privileged");
    }
    Decision::Defer
}

fn deny(message: &str) -> Decision {
    let message = HINT.with_borrow(|hint| match hint.as_str() {
        "" => message.to_owned(),
        hint => format!("{message} ({hint})"),
    });
    Decision::Deny(Denial { message, status: None })
}
