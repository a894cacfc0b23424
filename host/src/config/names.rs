//! Names of variables: which are ours, which are almost ours, which are other programs' business.

use std::collections::BTreeMap;

use policy::Flag;

use super::settings::{Problems, SETTINGS};

const PREFIX: &str = "SOCKGATE_";

/// Names that other socket proxies use for what has another name here.
const OTHER_NAMES: [(&str, &str); 3] = [
    ("SOCKET_PATH", "DOCKER_SOCKET"),
    ("ALLOW_PAUSE", "POST and CONTAINERS"),
    ("ALLOW_UNPAUSE", "POST and CONTAINERS"),
];

/// An environment, sorted.
pub(super) struct Sorted {
    /// Our variables that are not empty, without the prefix.
    pub ours: BTreeMap<String, String>,
    /// A sentence for each name that is almost one of ours.
    pub hints: Vec<String>,
}

/// Picks our variables out of an environment.
pub(super) fn sort(vars: impl IntoIterator<Item = (String, String)>, problems: &mut Problems) -> Sorted {
    let mut plain = BTreeMap::new();
    let mut prefixed = BTreeMap::new();
    let mut hints = Vec::new();
    for (name, value) in vars {
        match name.strip_prefix(PREFIX) {
            Some(ours) if is_known(ours) => drop(prefixed.insert(ours.to_owned(), value)),
            Some(ours) if is_of_kubernetes(ours) => {}
            Some(ours) => problems.add(format!("{name} is not a setting{}", meant(PREFIX, ours))),
            None if is_known(&name) => drop(plain.insert(name, value)),
            None => hints.extend(hint(&name)),
        }
    }
    let mut ours = plain;
    ours.extend(prefixed.into_iter().filter(|(_, value)| !value.is_empty()));
    ours.retain(|_, value| !value.is_empty());
    Sorted { ours, hints }
}

fn known() -> impl Iterator<Item = &'static str> {
    let flags = Flag::ALL.iter().map(|flag| flag.name());
    flags.chain(SETTINGS.iter().flat_map(|setting| [Some(setting.name), setting.alias]).flatten())
}

fn is_known(name: &str) -> bool {
    known().any(|known| known == name)
}

/// Kubernetes sets `SOCKGATE_PORT`, `SOCKGATE_SERVICE_HOST` and more in every pod beside a service called `sockgate`.
fn is_of_kubernetes(name: &str) -> bool {
    name == "PORT" || name.starts_with("PORT_") || name.starts_with("SERVICE_")
}

fn hint(name: &str) -> Option<String> {
    if let Some((_, instead)) = OTHER_NAMES.iter().find(|(other, _)| *other == name) {
        return Some(format!("{name} is set, which sockgate does not read: the setting here is {instead}"));
    }
    let close = closest(name)?;
    Some(format!("{name} is set, which sockgate does not read: did you mean {close}?"))
}

fn meant(prefix: &str, name: &str) -> String {
    closest(name).map_or_else(String::new, |close| format!("; did you mean {prefix}{close}?"))
}

/// One slip of the finger away, in a name that is long enough for that to mean something.
fn closest(name: &str) -> Option<&'static str> {
    let upper = name.to_ascii_uppercase();
    known().filter(|known| known.len() >= 4).find(|known| strsim::osa_distance(known, &upper) <= 1)
}
