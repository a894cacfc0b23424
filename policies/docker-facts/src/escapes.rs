//! By which channels a query and a body get at the host.
//!
//! The rule: `bodies.rs` lists what does not, and all else is an escape: a field, a value or an operation that nobody has
//! looked at, also what an engine learns next year. Nothing is let through because it is unknown.

#[cfg(test)]
pub(crate) mod tests;

use std::fmt::{self, Display};

use serde_json::{Value, json};

use crate::bodies::{CAPABILITIES, OPERATIONS, Rule, fields_of, has, is_default, is_empty};
use crate::folders;
use crate::names::{is_name, link, name, without_own_id};

/// What the caller lets through where Docker leaves it open, and what only the engine can tell.
pub trait Judge {
    /// Whether an image may be used, by its name as the body has it. An empty name is that of no image.
    ///
    /// # Errors
    /// Why it may not.
    fn image(&self, text: &str) -> Result<(), String>;

    /// The driver of a network, which has an id besides its name: ask the engine.
    ///
    /// # Errors
    /// Why it cannot be told.
    fn driver_of(&self, network: &str) -> Result<String, String>;

    /// Folders of the host that may be mounted, each only as a whole.
    fn folders(&self) -> &[String];

    /// Capabilities that may be added besides those that every container has: `SYS_PTRACE`.
    fn capabilities(&self) -> &[String];
}

/// The operations whose query and body are known here.
pub fn operations() -> impl Iterator<Item = &'static str> {
    OPERATIONS.iter().flat_map(|(names, ..)| names.split_whitespace())
}

/// Those of [`operations`] whose body can hold an escape: a policy has to inspect it.
pub fn operations_with_body() -> impl Iterator<Item = &'static str> {
    let with_body = OPERATIONS.iter().filter(|(_, _, body)| !matches!(body, Rule::Any));
    with_body.flat_map(|(names, ..)| names.split_whitespace())
}

/// Every escape in the query and the body of a request, each as a sentence that begins with its field; none if the list is
/// empty.
pub fn escapes(operation: &str, query: &[(String, String)], body: &Value, judge: &dyn Judge) -> Vec<String> {
    let Some((_, query_rule, body_rule)) = OPERATIONS.iter().find(|(names, ..)| has(names, operation)) else {
        return vec![format!("body: nothing is known of what {operation} can do")];
    };
    let mut found = Found { judge, escapes: Vec::new() };
    // The engine acts on the first of several with the same name.
    let pairs = query.iter().rev().map(|(name, value)| (name.clone(), json!(value)));
    found.hold(&At::root("query"), query_rule, &Value::Object(pairs.collect()));
    found.hold(&At::root("body"), body_rule, &without_own_id(body));
    found.escapes
}

struct Found<'j> {
    judge: &'j dyn Judge,
    escapes: Vec<String>,
}

/// Where a value is. It becomes a text only where there is something to tell.
struct At<'a> {
    parent: Option<&'a Self>,
    name: &'a str,
}

impl<'a> At<'a> {
    fn root(name: &'a str) -> Self {
        At { parent: None, name }
    }

    fn below(&'a self, name: &'a str) -> Self {
        At { parent: Some(self), name }
    }
}

impl Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parent {
            Some(parent) => write!(f, "{parent}.{}", self.name),
            None => f.write_str(self.name),
        }
    }
}

impl Found<'_> {
    /// Holds a value against its rule.
    fn hold(&mut self, at: &At<'_>, rule: &Rule, value: &Value) {
        let verdict = match (rule, value) {
            (Rule::Any, _) | (Rule::Null, Value::Null) => Ok(()),
            (Rule::Networks(fields), Value::Object(networks)) => {
                for (name, endpoint) in networks {
                    self.hold(at, &Rule::Network, &json!(name));
                    self.hold(&at.below(name), &Rule::Object(fields), endpoint);
                }
                Ok(())
            }
            (Rule::Object(fields) | Rule::Open(fields), Value::Object(_) | Value::Null) => {
                let other = if matches!(rule, Rule::Open(_)) { &Rule::Any } else { &Rule::Nothing };
                for (name, value, rule) in fields_of(fields, value, other) {
                    self.hold(&at.below(name), rule, value);
                }
                Ok(())
            }
            (Rule::Image, _) => self.judge.image(value.as_str().unwrap_or_default()),
            (Rule::Null, _) => Err("must be left out".to_owned()),
            _ if is_default(value) => Ok(()),
            (Rule::Nothing, _) => Err("must be left out".to_owned()),
            _ if is_empty(value) => Ok(()),
            (Rule::Empty, _) => Err("must be left out".to_owned()),
            (_, Value::Array(items)) => {
                items.iter().for_each(|item| self.hold(at, rule, item));
                Ok(())
            }
            (Rule::Words(words), Value::String(word)) if has(words, word) => Ok(()),
            (Rule::Words(words), _) => Err(format!("may only be one of: {words}")),
            (Rule::Capability, Value::String(word)) => self.capability(word),
            (Rule::Name, Value::String(text)) => name(text),
            (Rule::Link, Value::String(text)) => link(text),
            (Rule::Network, Value::String(name)) => self.network(name),
            (Rule::Source, Value::String(source)) => self.source(source),
            (Rule::Bind, Value::String(bind)) => self.bind(bind),
            _ => Err("is not of the right type".to_owned()),
        };
        if let Err(problem) = verdict {
            self.escapes.push(format!("{at}: {problem}"));
        }
    }

    fn capability(&self, word: &str) -> Result<(), String> {
        let plain = |word: &str| word.strip_prefix("CAP_").unwrap_or(word).to_owned();
        let more = self.judge.capabilities();
        match has(CAPABILITIES, word) || more.iter().any(|allowed| plain(allowed) == plain(word)) {
            true => Ok(()),
            false => {
                let words: Vec<_> =
                    CAPABILITIES.split_whitespace().chain(more.iter().map(String::as_str)).collect();
                Err(format!("may only be one of: {}", words.join(" ")))
            }
        }
    }

    /// What is mounted is a volume or a listed folder, but not what is in one: that may be a link to anywhere.
    fn source(&self, source: &str) -> Result<(), String> {
        let listed = self.judge.folders();
        match source.starts_with('/') {
            true if listed.iter().any(|folder| folder == source) => Ok(()),
            true => Err(format!(
                "the host's {source} is not a listed folder (listed: {})",
                folders::shown(listed)
            )),
            false if is_name(source) => Ok(()),
            false => Err(format!("{source} is not a volume's name, nor a listed folder of the host")),
        }
    }

    /// The same for `source:target`. A target alone gets a new volume.
    fn bind(&self, bind: &str) -> Result<(), String> {
        bind.split_once(':').map_or(Ok(()), |(source, _)| self.source(source))
    }

    /// A network is not the host's. It is looked up, as it has an id besides its name.
    fn network(&self, name: &str) -> Result<(), String> {
        if matches!(name, "bridge" | "default" | "none") {
            return Ok(());
        }
        if name == "host" || name.starts_with("container:") {
            return Err(format!("{name} is not allowed: use a network of its own"));
        }
        match self.judge.driver_of(name)?.as_str() {
            "host" | "" => Err(format!("{name} is the host's network")),
            _ => Ok(()),
        }
    }
}
