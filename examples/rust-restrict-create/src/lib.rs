//! What is created stays in its box: no privileges, no part of the host but listed folders, images of listed registries.
//!
//! `rules.rs` says what may be asked for; here a request is held against it. What is not listed there is refused. What is
//! listed goes on to the next policy and to the env flags, so nothing is allowed that they do not allow.

mod bindings;
mod rules;
mod settings;
#[cfg(test)]
mod tests;

use bindings::{Access, Decision, Denial, Guest, Kind, Manifest, Request, RequestBody, call, engine};
use rules::{OPERATIONS, Rule};
use serde_json::Value;
use settings::Settings;

struct RestrictCreate;

impl Guest for RestrictCreate {
    fn configure(settings: String) -> Result<Manifest, String> {
        Settings::parse(&settings)?.keep();
        let with_body = OPERATIONS.iter().filter(|(_, _, body)| !matches!(body, Rule::Any));
        let inspect = with_body.flat_map(|(names, ..)| names.split(' ')).map(str::to_owned).collect();
        let (name, version) = ("restrict-create".into(), env!("CARGO_PKG_VERSION").into());
        Ok(Manifest { name, version, inspect, attributes: Vec::new() })
    }

    fn decide(request: Request) -> Decision {
        match Settings::kept().and_then(|settings| settings.judge(request)) {
            Ok(()) => Decision::Defer,
            Err(message) => Decision::Deny(Denial { message, status: None }),
        }
    }
}

impl Settings {
    fn judge(&self, request: Request) -> Result<(), String> {
        let Some((_, query, body)) = OPERATIONS.iter().find(|(names, ..)| has(names, &request.operation))
        else {
            let is_read = matches!(request.access, Access::Read) && !request.operation.is_empty();
            let refusal = || format!("{} {} is not let through", request.method, request.path);
            return is_read.then_some(()).ok_or_else(refusal);
        };
        // The engine acts on the first of several with the same name.
        let pairs = request.query.into_iter().rev().map(|(name, value)| (name, Value::String(value)));
        self.check("query", query, &Value::Object(pairs.collect()))?;
        match (body, call::body()) {
            (Rule::Any, _) | (_, RequestBody::Empty) => Ok(()),
            (_, RequestBody::Unread) => Err("the body was not read".to_owned()),
            (rule, RequestBody::Complete(text)) => {
                let value = serde_json::from_str(&text).map_err(|error| format!("the body: {error}"))?;
                self.check("body", rule, &value)
            }
        }
    }

    /// Holds a value against its rule. A refusal begins with the field.
    fn check(&self, at: &str, rule: &Rule, value: &Value) -> Result<(), String> {
        let verdict = match (rule, value) {
            (Rule::Any, _) | (Rule::Null, Value::Null) => Ok(()),
            (Rule::Null, _) => Err("must be left out".to_owned()),
            (Rule::Networks(fields), Value::Object(networks)) => {
                return networks.iter().try_for_each(|(name, value)| {
                    self.check(at, &Rule::Network, &Value::from(name.as_str()))?;
                    self.check(&format!("{at}.{name}"), &Rule::Object(fields), value)
                });
            }
            _ if is_default(value) => Ok(()),
            (Rule::Nothing, _) => Err("must be left out".to_owned()),
            (_, Value::Array(items)) => return items.iter().try_for_each(|item| self.check(at, rule, item)),
            (Rule::Object(fields), Value::Object(object)) => {
                return object.iter().try_for_each(|(name, value)| {
                    let field = fields.iter().find(|(names, _)| has(names, name));
                    self.check(&format!("{at}.{name}"), field.map_or(&Rule::Nothing, |(_, rule)| rule), value)
                });
            }
            (Rule::Words(list), Value::String(word)) if has(list, word) => Ok(()),
            (Rule::Words(list), _) => Err(format!("may only be one of: {list}")),
            (Rule::Network, Value::String(name)) => network(name),
            (Rule::Image, Value::String(image)) => self.image(image),
            (Rule::Source, Value::String(source)) => self.source(source),
            (Rule::Bind, Value::String(bind)) => self.source(bind.split(':').next().unwrap_or_default()),
            _ => Err("is not of the right type".to_owned()),
        };
        verdict.map_err(|problem| format!("{at}: {problem}"))
    }
}

fn has(names: &str, name: &str) -> bool {
    names.split(' ').any(|listed| listed == name)
}

fn is_default(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(is_set) => !is_set,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

/// A network of the host is looked up by what it is, as it has an id besides its name.
fn network(name: &str) -> Result<(), String> {
    if matches!(name, "bridge" | "default" | "none") {
        return Ok(());
    }
    if name == "host" || name.starts_with("container:") {
        return Err(format!("{name} is not allowed: use a network of its own"));
    }
    let answer = engine::inspect(Kind::Network, name).map_err(|error| format!("{name}: {error:?}"))?;
    let network: Value = serde_json::from_str(&answer).map_err(|error| format!("{name}: {error}"))?;
    match network.get("Driver").and_then(Value::as_str) {
        Some(driver) if driver != "host" => Ok(()),
        _ => Err(format!("{name} is the host's network: use a network of its own")),
    }
}
