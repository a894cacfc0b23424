//! The lists that an operator gives: `{"binds": ["/srv/data"], "registries": ["registry.example.com/team"]}`.

use std::sync::OnceLock;

use serde::Deserialize;

/// What is allowed where the rules leave it open.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Folders of the host that may be mounted, each only as a whole.
    #[serde(default)]
    binds: Vec<String>,
    /// Where images may come from: registries, or a registry's first path segments.
    registries: Vec<String>,
}

static KEPT: OnceLock<Settings> = OnceLock::new();

impl Settings {
    /// Reads them, and refuses what cannot mean anything or would mean more than it says.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let read: Result<Self, _> = serde_json::from_str(text);
        let settings =
            read.map_err(|error| format!(r#"expected {{"binds": ["/…"], "registries": ["…"]}}: {error}"#))?;
        for folder in &settings.binds {
            let mut segments = folder.split('/');
            let plain = |segment: &str| !matches!(segment, "" | "." | "..") && !segment.contains(':');
            if segments.next() != Some("") || !segments.all(plain) {
                return Err(format!("binds: {folder}: expected a folder's whole path, such as /srv/data"));
            }
            let outer = settings.binds.iter().find(|outer| is_below(folder, outer));
            if let Some(outer) = outer {
                return Err(format!(
                    "binds: {folder} is in {outer}: who can write to that can put a link in its place"
                ));
            }
        }
        match settings.registries.iter().find(|entry| !is_below(&full_name(&format!("{entry}/x")), entry)) {
            Some(entry) => {
                Err(format!("registries: {entry}: expected docker.io or registry.example.com/team"))
            }
            None => Ok(settings),
        }
    }

    /// Keeps them for the decisions.
    pub(crate) fn keep(self) {
        // The gateway configures an instance once.
        let _ = KEPT.set(self);
    }

    /// What was kept.
    pub(crate) fn kept() -> Result<&'static Self, String> {
        KEPT.get().ok_or_else(|| "the policy was not configured".to_owned())
    }

    /// An image comes from a listed registry, and is named: an id would not say where it comes from.
    pub(crate) fn image(&self, image: &str) -> Result<(), String> {
        let id = image.strip_prefix("sha256:").unwrap_or(image);
        if id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!("the image {image} is named by its id; name it with registry, path and tag"));
        }
        let name = full_name(image);
        if self.registries.iter().any(|registry| is_below(&name, registry)) {
            return Ok(());
        }
        Err(format!("the image {name} does not come from {}", self.registries.join(", ")))
    }

    /// What is mounted is a volume or a listed folder; not what is in one, which may be a link to anywhere.
    pub(crate) fn source(&self, source: &str) -> Result<(), String> {
        if !source.starts_with('/') || self.binds.iter().any(|folder| folder == source) {
            return Ok(());
        }
        let binds = if self.binds.is_empty() { "none".to_owned() } else { self.binds.join(", ") };
        Err(format!("the host's {source} may not be mounted; what may: {binds}"))
    }
}

/// An image's name as the engine completes it: `alpine` is `docker.io/library/alpine`.
fn full_name(image: &str) -> String {
    match image.split_once('/') {
        Some((host, _))
            if host == "localhost" || host.contains(['.', ':']) || host != host.to_lowercase() =>
        {
            image.to_owned()
        }
        Some(_) => format!("docker.io/{image}"),
        None => format!("docker.io/library/{image}"),
    }
}

fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
}
