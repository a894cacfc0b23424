//! The labels of what a body makes.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

/// The labels that a container, service, network, volume, secret or config gets by the body that makes it; none if it is
/// not said. Those of a service's containers, and those that a container has from its image, are not among them.
///
/// # Errors
/// What is wrong with the body.
pub fn labels(body: &Value) -> Result<Map<String, Value>, String> {
    match body.get("Labels") {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(labels)) if labels.values().all(Value::is_string) => Ok(labels.clone()),
        Some(_) => Err("Labels: is not of the right type".to_owned()),
    }
}
