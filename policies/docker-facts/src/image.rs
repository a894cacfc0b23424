//! An image's name, taken apart by the grammar of Docker's references and completed as the engine completes it.

#[cfg(test)]
mod tests;

/// Where an image comes from. `alpine` is `docker.io`, `library/alpine`, `latest`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The registry's host, with its port if it has one: `docker.io`, `registry.example.org:5000`.
    pub registry: String,
    /// The path in it: `library/alpine`.
    pub repository: String,
    /// The tag: `latest` if neither a tag nor a digest is named, empty if only a digest is.
    pub tag: String,
    /// The digest, `sha256:…`, or empty. With one the engine takes no notice of the tag.
    pub digest: String,
}

impl Image {
    /// Takes a name apart.
    ///
    /// # Errors
    /// What is wrong with it. An image's id is refused, and so is a name that could be the start of one: neither says where
    /// the image comes from.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("an image has to be named".to_owned());
        }
        let id = text.strip_prefix("sha256:").unwrap_or(text);
        if id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!("{text} is an image's id; give its registry, path and tag"));
        }
        let (rest, digest) = text.split_once('@').unwrap_or((text, ""));
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            Some(_) | None => (rest, None),
        };
        let (registry, path) = registry_and_path(name);
        let is_right = path.split('/').all(is_component)
            && is_registry(registry)
            && registry.len() + path.len() < 255
            && tag.is_none_or(is_tag)
            && text.contains('@') != digest.is_empty()
            && (digest.is_empty() || is_digest(digest));
        if !is_right {
            return Err(format!("{text} is not an image's name; give its registry, path and tag"));
        }
        let library = if registry == "docker.io" && !path.contains('/') { "library/" } else { "" };
        let latest = if digest.is_empty() { "latest" } else { "" };
        Ok(Self {
            registry: registry.to_owned(),
            repository: format!("{library}{path}"),
            tag: tag.unwrap_or(latest).to_owned(),
            digest: digest.to_owned(),
        })
    }

    /// The registry and the path in it: `docker.io/library/alpine`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }
}

/// The first segment is a registry if it could not be anything else.
fn registry_and_path(name: &str) -> (&str, &str) {
    let is_host =
        |name: &str| name == "localhost" || name.contains(['.', ':']) || name.chars().any(char::is_uppercase);
    match name.split_once('/') {
        Some(("index.docker.io", path)) => ("docker.io", path),
        Some((host, path)) if is_host(host) => (host, path),
        Some(_) | None => ("docker.io", name),
    }
}

/// A host's name or address, an IPv6 address in brackets, and perhaps a port.
fn is_registry(registry: &str) -> bool {
    let (host, port) = match registry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (registry, None),
    };
    let is_label = |label: &str| {
        let is_outer = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        is_outer(label.bytes().next())
            && is_outer(label.bytes().last())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_address =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
    let is_host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(is_address),
        None => host.split('.').all(is_label),
    };
    is_host && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Lower-case letters and digits, with `.`, `_`, `__` or any number of `-` between them.
fn is_component(component: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let separators = component.split(|c: char| is_plain_char(c));
    component.bytes().next().is_some_and(is_plain)
        && component.bytes().last().is_some_and(is_plain)
        && separators.into_iter().all(|between| {
            matches!(between, "" | "." | "_" | "__") || between.bytes().all(|byte| byte == b'-')
        })
}

fn is_plain_char(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

fn is_tag(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= 128
        && tag.bytes().next().is_some_and(is_word)
        && tag.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
}

/// `sha256:` or another algorithm, and at least 32 hex digits.
fn is_digest(digest: &str) -> bool {
    digest.split_once(':').is_some_and(|(algorithm, hex)| {
        algorithm.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
            && algorithm.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+._-".contains(&byte))
            && hex.len() >= 32
            && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}
