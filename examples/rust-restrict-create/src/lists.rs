//! What the operator lists, and what is held against it: images, mounts, networks.
//!
//! Settings: `{"binds": ["/srv/data"], "registries": ["docker.io", "registry.example.com/team"]}`. Without them, and
//! without either of the two: no folder of the host, and the official images of Docker Hub.

#[cfg(test)]
mod tests;

use serde::Deserialize;
use serde_json::Value;

use crate::bindings::{Kind, LookupError, engine};
use crate::names::is_name;

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
        for folder in &lists.binds {
            let segments = folder.strip_prefix('/').unwrap_or_default().split('/');
            if segments.clone().any(|segment| matches!(segment, "" | "." | "..") || segment.contains(':')) {
                return Err(format!("binds: {folder}: expected a folder's whole path, such as /srv/data"));
            }
            if let Some(outer) = lists.binds.iter().find(|outer| is_below(folder, outer)) {
                return Err(format!("binds: {folder}: who may write to {outer} can put a link in its place"));
            }
        }
        for name in &lists.registries {
            if name.contains("//")
                || name.ends_with('/')
                || !is_below(&full_name(&format!("{name}/image")), name)
            {
                return Err(format!("registries: {name}: expected docker.io or registry.example.com/team"));
            }
        }
        Ok(lists)
    }

    /// An image comes from a listed registry, and is named: its id would not say where it comes from.
    pub(crate) fn image(&self, image: &str) -> Result<(), String> {
        if image.is_empty() {
            return Err("an image has to be named".to_owned());
        }
        let id = image.strip_prefix("sha256:").unwrap_or(image);
        if id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!("{image} is an image's id; give its registry, path and tag"));
        }
        let name = full_name(image);
        match self.registries.iter().any(|registry| is_below(&name, registry)) {
            true => Ok(()),
            false => Err(format!("{name} is not of a listed registry (listed: {})", shown(&self.registries))),
        }
    }

    /// What is mounted is a volume or a listed folder, but not what is in one: that may be a link to anywhere.
    pub(crate) fn source(&self, source: &str) -> Result<(), String> {
        match source.starts_with('/') {
            true if self.binds.iter().any(|folder| folder == source) => Ok(()),
            true => {
                Err(format!("the host's {source} is not a listed folder (listed: {})", shown(&self.binds)))
            }
            false if is_name(source) => Ok(()),
            false => Err(format!("{source} is not a volume's name, nor a listed folder of the host")),
        }
    }

    /// The same for `source:target`. A target alone gets a new volume.
    pub(crate) fn bind(&self, bind: &str) -> Result<(), String> {
        bind.split_once(':').map_or(Ok(()), |(source, _)| self.source(source))
    }
}

fn official_images() -> Vec<String> {
    vec!["docker.io/library".to_owned()]
}

/// A network is not the host's. It is looked up, as it has an id besides its name.
pub(crate) fn network(name: &str) -> Result<(), String> {
    if matches!(name, "bridge" | "default" | "none") {
        return Ok(());
    }
    if name == "host" || name.starts_with("container:") {
        return Err(format!("{name} is not allowed: use a network of its own"));
    }
    let answer = engine::inspect(Kind::Network, name).map_err(|error| match error {
        LookupError::NotFound => format!("there is no network {name}"),
        LookupError::Refused(why) | LookupError::Unavailable(why) => {
            format!("{name} cannot be looked up: {why}")
        }
    })?;
    let network: Value = serde_json::from_str(&answer).map_err(|error| format!("{name}: {error}"))?;
    match network.get("Driver").and_then(Value::as_str) {
        Some(driver) if driver != "host" => Ok(()),
        _ => Err(format!("{name} is the host's network")),
    }
}

/// An image's name as the engine completes it: `alpine` and `docker.io/alpine` are `docker.io/library/alpine`.
fn full_name(image: &str) -> String {
    let is_host =
        |name: &str| name == "localhost" || name.contains(['.', ':']) || name != name.to_lowercase();
    let (host, path) = match image.split_once('/') {
        Some(("index.docker.io", path)) => ("docker.io", path),
        Some((host, path)) if is_host(host) => (host, path),
        Some(_) | None => ("docker.io", image),
    };
    let library = if host == "docker.io" && !path.contains('/') { "library/" } else { "" };
    format!("{host}/{library}{path}")
}

fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
}

fn shown(list: &[String]) -> String {
    if list.is_empty() { "none".to_owned() } else { list.join(", ") }
}
