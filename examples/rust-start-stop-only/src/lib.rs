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
    if matches!(call::body(), RequestBody::Complete(text) if !says_nothing(&text)) {
        return Err("leave out the body".to_owned());
    }
    // Looked up, as a container has many names; and the container that was looked up is the one that is started.
    let container = look_up(Kind::Container, "container", subject)?;
    match LISTED.with_borrow(|listed| is_listed(listed, &container))? {
        true => Ok(Decision::Allow),
        false => Err(format!("{subject} is not among the containers that may be started and stopped")),
    }
}

fn is_listed(listed: &[String], container: &Value) -> Result<bool, String> {
    match listing(listed, container) {
        Listing::ByName => Ok(true),
        Listing::ByLabels(words) => Ok(not_from_image(&words, &image_of(container)?)),
        Listing::None => Ok(false),
    }
}

/// The image that a container was made from, which stays the same whatever its name means by now.
fn image_of(container: &Value) -> Result<Value, String> {
    let id = container.get("Image").and_then(Value::as_str).unwrap_or_default();
    look_up(Kind::Image, "image", id)
}

fn look_up(kind: Kind, what: &str, reference: &str) -> Result<Value, String> {
    let answer = engine::inspect(kind, reference).map_err(|error| match error {
        LookupError::NotFound => format!("there is no {what} {reference}"),
        LookupError::Refused(why) | LookupError::Unavailable(why) => {
            format!("{what} {reference} cannot be looked up: {why}")
        }
    })?;
    serde_json::from_str(&answer).map_err(|error| format!("{what} {reference}: {error}"))
}

/// Some clients send a body without fields, and dockerode repeats `detachKeys` of the query in it.
fn says_nothing(body: &str) -> bool {
    match serde_json::from_str(body) {
        Ok(Value::Null) => true,
        Ok(Value::Object(fields)) => fields.keys().all(|name| name == "detachKeys"),
        Ok(_) | Err(_) => false,
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

/// By what a container is listed.
enum Listing<'word> {
    ByName,
    /// Those of the words that are labels which it carries.
    ByLabels(Vec<&'word str>),
    None,
}

fn listing<'word>(listed: &'word [String], container: &Value) -> Listing<'word> {
    let name = container.pointer("/Name").and_then(Value::as_str).and_then(|name| name.strip_prefix('/'));
    if listed.iter().any(|word| !word.contains('=') && name == Some(word)) {
        return Listing::ByName;
    }
    let words: Vec<_> = listed.iter().map(String::as_str).filter(|word| carries(container, word)).collect();
    if words.is_empty() { Listing::None } else { Listing::ByLabels(words) }
}

/// Whether one of the labels is not the image's as well. What a container has from its image says nothing: whoever made the
/// image has put it there.
fn not_from_image(words: &[&str], image: &Value) -> bool {
    words.iter().any(|word| !carries(image, word))
}

/// Whether a container or an image has the label `key=value`.
fn carries(object: &Value, word: &str) -> bool {
    let labels = object.pointer("/Config/Labels");
    word.split_once('=').is_some_and(|(key, value)| {
        labels.and_then(|labels| labels.get(key)).is_some_and(|carried| carried == value)
    })
}
