//! What is created stays in its box: no privileges, no part of the host but listed folders, images of listed registries.
//!
//! The crate `docker-facts` knows by which channels a request gets at the host; here is said which requests pass at all.
//! What is not listed is refused. What is listed goes on to the next policy and to the env flags, so nothing is allowed
//! that they do not allow.

mod bindings;
mod lists;
#[cfg(test)]
mod tests;

use std::cell::RefCell;

use bindings::{Access, Decision, Denial, Guest, Manifest, Request, RequestBody, call};
use docker_facts::{escapes, operations, operations_with_body};
use lists::Lists;
use serde_json::Value;

/// Operations that change something, and get at nothing by their query or body.
const HARMLESS: &str = "
    BuildPrune ConfigCreate ConfigDelete ConfigUpdate ContainerAttach ContainerAttachWebsocket ContainerDelete
    ContainerKill ContainerPause ContainerPrune ContainerResize ContainerRestart ContainerStop
    ContainerUnpause ContainerWait ExecResize ExecStart ImageDelete ImagePrune ImagePush NetworkDelete NetworkDisconnect
    NetworkPrune PutContainerArchive SecretCreate SecretDelete SecretUpdate ServiceDelete SystemAuth VolumeDelete
    VolumePrune";

/// Reads that hand out a key of the swarm: with a manager's token any machine becomes root on every node.
const KEYS: &str = "SwarmInspect SwarmUnlockkey";

thread_local! {
    static LISTS: RefCell<Lists> = RefCell::default();
}

struct RestrictCreate;

impl Guest for RestrictCreate {
    fn configure(settings: String) -> Result<Manifest, String> {
        LISTS.set(Lists::parse(&settings)?);
        let inspect = operations_with_body().map(str::to_owned).collect();
        let (name, version) = ("restrict-create".into(), env!("CARGO_PKG_VERSION").into());
        Ok(Manifest { name, version, inspect, attributes: Vec::new() })
    }

    fn decide(request: Request) -> Decision {
        match LISTS.with_borrow(|lists| judge(lists, &request)) {
            Ok(()) => Decision::Defer,
            Err(message) => Decision::Deny(Denial { message, status: None }),
        }
    }
}

fn judge(lists: &Lists, request: &Request) -> Result<(), String> {
    match rule_for(&request.operation, request.access) {
        Rule::Pass => Ok(()),
        Rule::Refuse => Err(format!("{} {} is not let through", request.method, request.path)),
        Rule::Search => {
            let body = match call::body() {
                RequestBody::Empty => Value::Null,
                RequestBody::Unread if operations_with_body().any(|name| name == request.operation) => {
                    return Err("the body was not read".to_owned());
                }
                RequestBody::Unread => Value::Null,
                RequestBody::Complete(text) => {
                    serde_json::from_str(&text).map_err(|error| format!("the body: {error}"))?
                }
            };
            let first = escapes(&request.operation, &request.query, &body, lists).into_iter().next();
            first.map_or(Ok(()), Err)
        }
    }
}

/// What is done with an operation.
#[derive(Debug, PartialEq)]
enum Rule {
    Pass,
    Refuse,
    /// Its query and its body are searched for escapes.
    Search,
}

fn rule_for(operation: &str, access: Access) -> Rule {
    let is_known_read = matches!(access, Access::Read) && !operation.is_empty() && !has(KEYS, operation);
    if operations().any(|known| known == operation) {
        Rule::Search
    } else if is_known_read || has(HARMLESS, operation) {
        Rule::Pass
    } else {
        Rule::Refuse
    }
}

fn has(names: &str, name: &str) -> bool {
    names.split_whitespace().any(|listed| listed == name)
}
