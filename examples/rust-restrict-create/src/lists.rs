//! What the operator lists, and what is held against it: images, mounts, networks.
//!
//! Settings: `{"binds": ["/srv/data"], "registries": ["docker.io", "registry.example.com/team"]}`. Without them, and
//! without either of the two: no folder of the host, and the official images of Docker Hub.

#[cfg(test)]
mod tests;

use docker_facts::folders::{self, is_below, shown};
use docker_facts::{Image, Judge};
use serde::Deserialize;
use serde_json::Value;

use crate::bindings::{Kind, LookupError, engine};

/// What is allowed where the rules leave it open.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lists {
    /// Folders of the host that may be mounted, each only as a whole.
    #[serde(default)]
    binds: Vec<String>,
    /// Where images may come from: registries, or the first path segments in one.
    #[serde(default = "official_images")]
    registries: Vec<String>,
}

impl Lists {
    /// Reads them, and refuses what means nothing, or more than it says.
    pub(crate) fn parse(settings: &str) -> Result<Self, String> {
        let settings = if settings.trim().is_empty() { "{}" } else { settings };
        let lists: Self = serde_json::from_str(settings)
            .map_err(|error| format!(r#"expected {{"binds": ["/…"], "registries": ["…"]}}: {error}"#))?;
        folders::judge(&lists.binds).map_err(|problem| format!("binds: {problem}"))?;
        for name in &lists.registries {
            let image = Image::parse(&format!("{name}/image"));
            if !image.is_ok_and(|image| is_below(&image.name(), name)) {
                return Err(format!("registries: {name}: expected docker.io or registry.example.com/team"));
            }
        }
        Ok(lists)
    }
}

impl Judge for Lists {
    /// An image comes from a listed registry, and is named: its id would not say where it comes from.
    fn image(&self, text: &str) -> Result<(), String> {
        let name = Image::parse(text)?.name();
        match self.registries.iter().any(|registry| is_below(&name, registry)) {
            true => Ok(()),
            false => Err(format!("{name} is not of a listed registry (listed: {})", shown(&self.registries))),
        }
    }

    fn driver_of(&self, network: &str) -> Result<String, String> {
        let answer = engine::inspect(Kind::Network, network).map_err(|error| match error {
            LookupError::NotFound => format!("there is no network {network}"),
            LookupError::Refused(why) | LookupError::Unavailable(why) => {
                format!("{network} cannot be looked up: {why}")
            }
        })?;
        let answer: Value = serde_json::from_str(&answer).map_err(|error| format!("{network}: {error}"))?;
        Ok(answer.get("Driver").and_then(Value::as_str).unwrap_or_default().to_owned())
    }

    fn folders(&self) -> &[String] {
        &self.binds
    }

    fn capabilities(&self) -> &[String] {
        &[]
    }
}

fn official_images() -> Vec<String> {
    vec!["docker.io/library".to_owned()]
}
