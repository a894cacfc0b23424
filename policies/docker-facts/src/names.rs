//! Names that a request makes: of containers, networks, volumes and services, and what a network or a link calls them.
//!
//! The engine prefers a name to the start of an id: who writes the id of one container would get another that is called so.
//! And it takes the alias of a link as a path: `../web` names the container `web`.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde_json::Value;

/// By the engine's own grammar of names. What is none may be a path to it: it takes `\` for `/` here and there.
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

/// A name that may be made.
pub(crate) fn name(name: &str) -> Result<(), String> {
    let plain = name.strip_prefix('/').unwrap_or(name);
    if !is_name(plain) {
        return Err(format!("{name} is not a name: use letters, digits, _, . and -"));
    }
    match could_be_id(plain) {
        true => Err(format!("{name} could be an id: choose another name")),
        false => Ok(()),
    }
}

/// A link, `container:alias`, or as an inspection shows it: `/container:/this/alias`.
pub(crate) fn link(link: &str) -> Result<(), String> {
    let alias = match link.split_once(':') {
        Some((other, path)) if other.starts_with('/') => path.rsplit('/').next().unwrap_or(path),
        Some((_, alias)) => alias,
        None => link,
    };
    if alias.starts_with('/') {
        return Err(format!("{alias} is not a name: leave out the /"));
    }
    name(alias)
}

/// What an engine's ids look like, in twelve digits or in all; and those of a swarm.
fn could_be_id(name: &str) -> bool {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (name.len() >= 12 && name.bytes().all(is_hex))
        || (name.len() == 25 && name.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase()))
}

/// A body without the alias that is the start of its own container's id, which Compose 1.x gives when it connects one.
pub(crate) fn without_own_id(body: &Value) -> Cow<'_, Value> {
    let container = body.get("Container").and_then(Value::as_str).unwrap_or_default();
    if container.len() != 64 || !could_be_id(container) {
        return Cow::Borrowed(body);
    }
    let mut body = body.clone();
    let aliases = body.pointer_mut("/EndpointConfig/Aliases").and_then(Value::as_array_mut);
    if let Some(aliases) = aliases {
        aliases.retain(|alias| !alias.as_str().is_some_and(|alias| container.starts_with(alias)));
    }
    Cow::Owned(body)
}
