//! What is created stays in its box: no privileges, no part of the host but listed folders, images of listed registries.
//!
//! `rules.rs` says what may be asked for; here a request is held against it. What is not listed there is refused. What is
//! listed goes on to the next policy and to the env flags, so nothing is allowed that they do not allow.

mod bindings;
mod lists;
mod names;
mod rules;
#[cfg(test)]
mod tests;

use std::cell::RefCell;

use bindings::{Access, Decision, Denial, Guest, Manifest, Request, RequestBody, call};
use lists::{Lists, network};
use names::{link, name, without_own_id};
use rules::{KEYS, OPERATIONS, Rule, fields_of, has, is_default, is_empty};
use serde_json::{Value, json};

thread_local! {
    static LISTS: RefCell<Lists> = RefCell::default();
}

struct RestrictCreate;

impl Guest for RestrictCreate {
    fn configure(settings: String) -> Result<Manifest, String> {
        LISTS.set(Lists::parse(&settings)?);
        let with_body = OPERATIONS.iter().filter(|(_, _, body)| !matches!(body, Rule::Any));
        let inspect = with_body.flat_map(|(names, ..)| names.split_whitespace()).map(str::to_owned).collect();
        let (name, version) = ("restrict-create".into(), env!("CARGO_PKG_VERSION").into());
        Ok(Manifest { name, version, inspect, attributes: Vec::new() })
    }

    fn decide(request: Request) -> Decision {
        match LISTS.with_borrow(|lists| judge(lists, request)) {
            Ok(()) => Decision::Defer,
            Err(message) => Decision::Deny(Denial { message, status: None }),
        }
    }
}

fn judge(lists: &Lists, request: Request) -> Result<(), String> {
    let Some((_, query, body)) = OPERATIONS.iter().find(|(names, ..)| has(names, &request.operation)) else {
        let is_known = !request.operation.is_empty() && !has(KEYS, &request.operation);
        let refusal = || format!("{} {} is not let through", request.method, request.path);
        return (is_known && matches!(request.access, Access::Read)).then_some(()).ok_or_else(refusal);
    };
    // The engine acts on the first of several with the same name.
    let pairs = request.query.into_iter().rev().map(|(name, value)| (name, Value::String(value)));
    check(lists, "query", query, &Value::Object(pairs.collect()))?;
    let value = match call::body() {
        RequestBody::Empty => Value::Null,
        RequestBody::Unread if matches!(body, Rule::Any) => return Ok(()),
        RequestBody::Unread => return Err("the body was not read".to_owned()),
        RequestBody::Complete(text) => {
            serde_json::from_str(&text).map_err(|error| format!("the body: {error}"))?
        }
    };
    check(lists, "body", body, &without_own_id(value))
}

/// Holds a value against its rule. A refusal begins with the field.
fn check(lists: &Lists, at: &str, rule: &Rule, value: &Value) -> Result<(), String> {
    let verdict = match (rule, value) {
        (Rule::Any, _) | (Rule::Null, Value::Null) => Ok(()),
        (Rule::Networks(fields), Value::Object(networks)) => {
            return networks.iter().try_for_each(|(name, endpoint)| {
                check(lists, at, &Rule::Network, &json!(name))?;
                check(lists, &format!("{at}.{name}"), &Rule::Object(fields), endpoint)
            });
        }
        (Rule::Object(fields) | Rule::Open(fields), Value::Object(_) | Value::Null) => {
            let other = if matches!(rule, Rule::Open(_)) { &Rule::Any } else { &Rule::Nothing };
            return fields_of(fields, value).try_for_each(|(name, value)| {
                let field = fields.iter().find(|(names, _)| has(names, name));
                check(lists, &format!("{at}.{name}"), field.map_or(other, |(_, rule)| rule), value)
            });
        }
        (Rule::Image, _) => lists.image(value.as_str().unwrap_or_default()),
        (Rule::Null, _) => Err("must be left out".to_owned()),
        _ if is_default(value) => Ok(()),
        (Rule::Nothing, _) => Err("must be left out".to_owned()),
        _ if is_empty(value) => Ok(()),
        (Rule::Empty, _) => Err("must be left out".to_owned()),
        (_, Value::Array(items)) => return items.iter().try_for_each(|item| check(lists, at, rule, item)),
        (Rule::Words(words), Value::String(word)) if has(words, word) => Ok(()),
        (Rule::Words(words), _) => Err(format!("may only be one of: {words}")),
        (Rule::Name, Value::String(text)) => name(text),
        (Rule::Link, Value::String(text)) => link(text),
        (Rule::Network, Value::String(name)) => network(name),
        (Rule::Source, Value::String(source)) => lists.source(source),
        (Rule::Bind, Value::String(bind)) => lists.bind(bind),
        _ => Err("is not of the right type".to_owned()),
    };
    verdict.map_err(|problem| format!("{at}: {problem}"))
}
