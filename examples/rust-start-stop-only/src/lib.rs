//! Listed containers may be started, stopped and restarted; everything else may only be read.
//!
//! Settings are words: names of containers, and labels that they must carry: `web db restartable=yes`. A start is allowed
//! whatever the env flags say, so these may stay read-only: `CONTAINERS=1` and no `POST=1`.

mod bindings;
#[cfg(test)]
mod tests;

use std::cell::RefCell;

use bindings::{
    Access, Decision, Denial, Guest, Kind, LookupError, Manifest, Request, RequestBody, call, engine,
};
use serde_json::Value;

const OPERATIONS: [&str; 3] = ["ContainerStart", "ContainerStop", "ContainerRestart"];

/// Reads that hand out a key of the swarm: with a manager's token any machine becomes root on every node.
const KEYS: [&str; 2] = ["SwarmInspect", "SwarmUnlockkey"];

/// What may stand in their query. A start also knows `checkpoint-dir`, a folder of the host.
const QUERY: [&str; 3] = ["detachKeys", "signal", "t"];

thread_local! {
    static LISTED: RefCell<Vec<String>> = RefCell::default();
}

struct StartStopOnly;

impl Guest for StartStopOnly {
    fn configure(settings: String) -> Result<Manifest, String> {
        LISTED.set(listed(&settings)?);
        // To see that its body says nothing: old engines take other settings for the container from there.
        let inspect = vec!["ContainerStart".to_owned()];
        let (name, version) = ("start-stop-only".into(), env!("CARGO_PKG_VERSION").into());
        Ok(Manifest { name, version, inspect, attributes: Vec::new() })
    }

    fn decide(request: Request) -> Decision {
        match judge(&request) {
            Ok(decision) => decision,
            Err(message) => Decision::Deny(Denial { message, status: None }),
        }
    }
}

fn judge(request: &Request) -> Result<Decision, String> {
    if matches!(request.access, Access::Read) {
        let is_known = !request.operation.is_empty() && !KEYS.contains(&request.operation.as_str());
        let refusal = || format!("{} {} is not let through", request.method, request.path);
        return is_known.then_some(Decision::Defer).ok_or_else(refusal);
    }
    let subject = request.subject.as_deref().filter(|_| OPERATIONS.contains(&request.operation.as_str()));
    let Some(subject) = subject else {
        return Err("containers may be started, stopped and restarted, and nothing else changed".to_owned());
    };
    if let Some((name, _)) = request.query.iter().find(|(name, _)| !QUERY.contains(&name.as_str())) {
        return Err(format!("leave out {name}"));
    }
    // Some clients send one that says nothing.
    if matches!(call::body(), RequestBody::Complete(text) if !matches!(text.trim(), "{}" | "null")) {
        return Err("leave out the body".to_owned());
    }
    // Looked up, as a container has many names; and the container that was looked up is the one that is started.
    let answer = engine::inspect(Kind::Container, subject).map_err(|error| match error {
        LookupError::NotFound => format!("there is no container {subject}"),
        LookupError::Refused(why) | LookupError::Unavailable(why) => {
            format!("{subject} cannot be looked up: {why}")
        }
    })?;
    let container: Value = serde_json::from_str(&answer).map_err(|error| format!("{subject}: {error}"))?;
    match LISTED.with_borrow(|listed| is_listed(listed, &container)) {
        true => Ok(Decision::Allow),
        false => Err(format!("{subject} is not among the containers that may be started and stopped")),
    }
}

fn listed(settings: &str) -> Result<Vec<String>, String> {
    let listed: Vec<_> = settings.split_whitespace().map(str::to_owned).collect();
    match listed.iter().find(|word| word.starts_with(['=', '/']) || word.contains([',', '"', '{'])) {
        Some(word) => Err(format!("{word}: expected a container's name or a label as key=value")),
        None if listed.is_empty() => {
            Err("expected names of containers or labels, such as: web team=a".into())
        }
        None => Ok(listed),
    }
}

/// Whether one of the words is the container's name or one of its labels.
fn is_listed(listed: &[String], container: &Value) -> bool {
    let name = container.pointer("/Name").and_then(Value::as_str).and_then(|name| name.strip_prefix('/'));
    let labels = container.pointer("/Config/Labels");
    listed.iter().any(|word| match word.split_once('=') {
        Some((key, value)) => {
            labels.and_then(|labels| labels.get(key)).is_some_and(|carried| carried == value)
        }
        None => name == Some(word),
    })
}
