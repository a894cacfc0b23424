//! The names of variables: which are ours, which are almost ours, and which belong to other programs.

use std::collections::BTreeMap;

use engine_api::{Flag, OperationList};

use super::policies::{self, Empty};
use super::problems::{Problems, Variable};
use super::settings::SETTINGS;

pub(super) const PREFIX: &str = "SOCKGATE_";

/// Names that other socket proxies read or that users may guess, each with what to do instead.
const OTHER_NAMES: [(&str, &str); 17] = [
    ("POLICIES", "name the files in POLICY, comma-separated"),
    ("POLICY_FILE", "name the file in POLICY"),
    ("POLICY_PATH", "name the file in POLICY"),
    ("POLICY_CONFIG", "use POLICY_SETTINGS"),
    ("SOCKET_PATH", "use DOCKER_SOCKET"),
    ("DOCKER_HOST", "name the engine's socket in DOCKER_SOCKET, and where clients connect in LISTEN_ADDR"),
    ("BIND_CONFIG", "name the addresses in LISTEN_ADDR"),
    ("DISABLE_IPV6", "name the addresses in LISTEN_ADDR"),
    ("ALLOW_PAUSE", "ALLOW_OPERATIONS=ContainerPause lets clients pause"),
    ("ALLOW_UNPAUSE", "ALLOW_OPERATIONS=ContainerUnpause lets clients unpause"),
    ("ALLOW_LOGS", "CONTAINERS=1 lets logs through, and DENY_OPERATIONS=ContainerLogs does not"),
    ("ALLOW_ARCHIVE", "CONTAINERS=1 lets files be read, and DENY_OPERATIONS=ContainerArchive* does not"),
    ("ALLOW_EXPORT", "CONTAINERS=1 lets exports through, and DENY_OPERATIONS=ContainerExport does not"),
    ("ALLOW_CHANGES", "CONTAINERS=1 lets changes through, and DENY_OPERATIONS=ContainerChanges does not"),
    ("ALLOW_TOP", "CONTAINERS=1 lets top through, and ALLOW_HOST_ARGS=1 any ps_args"),
    ("ALLOW_STATS", "CONTAINERS=1 lets stats through, and DENY_OPERATIONS=ContainerStats does not"),
    ("LIBPOD", "Podman's own API is never forwarded"),
];

/// What was found in an environment.
pub(super) struct Sorted {
    /// Our variables that are not empty, by their names without the prefix.
    pub ours: BTreeMap<String, Variable>,
    /// A sentence for each name that is almost one of ours.
    pub hints: Vec<String>,
}

/// Picks our variables out of an environment.
pub(super) fn sort(vars: impl IntoIterator<Item = (String, String)>, problems: &mut Problems) -> Sorted {
    let mut plain = BTreeMap::new();
    let mut prefixed = BTreeMap::new();
    let mut hints = Vec::new();
    for (name, value) in vars {
        if value.is_empty() {
            let ours = name.strip_prefix(PREFIX).unwrap_or(&name);
            match policies::when_empty(ours) {
                Empty::Unset => {}
                Empty::Doubtful(hint) => hints.push(format!("{name} is set and empty: {hint}")),
                Empty::Mistake(mistake) => problems.add(format!("{name} is set and empty: {mistake}")),
            }
        }
        let variable = || Variable { set_as: name.clone(), value };
        match name.strip_prefix(PREFIX) {
            Some(ours) if is_known(ours) => drop(prefixed.insert(ours.to_owned(), variable())),
            Some(ours) if is_of_kubernetes(ours) => {}
            Some(ours) => problems.add(format!("{name} is not a setting{}", meant(PREFIX, ours))),
            None if is_known(&name) => drop(plain.insert(name.clone(), variable())),
            None => hints.extend(hint(&name)),
        }
    }
    let mut ours = plain;
    // Of a restriction nothing may be lost.
    let deny = OperationList::Deny.setting();
    if let (Some(plain), Some(prefixed)) = (ours.get(deny), prefixed.get(deny))
        && [plain, prefixed].iter().all(|variable| !variable.value.is_empty())
        && plain.value != prefixed.value
    {
        problems.add(format!("{deny} and {PREFIX}{deny} are both set, and differ: put all into one of them"));
    }
    ours.extend(prefixed.into_iter().filter(|(_, variable)| !variable.value.is_empty()));
    ours.retain(|_, variable| !variable.value.is_empty());
    Sorted { ours, hints }
}

fn known() -> impl Iterator<Item = &'static str> {
    let flags = Flag::ALL.iter().map(|flag| flag.name());
    flags.chain(SETTINGS.iter().flat_map(|setting| [Some(setting.name), setting.alias]).flatten())
}

fn is_known(name: &str) -> bool {
    known().any(|known| known == name) || policies::is_override(name)
}

/// Whether Kubernetes sets a variable of this name, less the prefix: it sets `SOCKGATE_PORT`, `SOCKGATE_SERVICE_HOST`
/// and more in every pod beside a service called `sockgate`.
fn is_of_kubernetes(name: &str) -> bool {
    name == "PORT" || name.starts_with("PORT_") || name.starts_with("SERVICE_")
}

fn hint(name: &str) -> Option<String> {
    let advice = advice(name).or_else(|| Some(format!("did you mean {}?", closest(name)?)))?;
    Some(format!("{name} is set, which sockgate does not read: {advice}"))
}

/// What to do instead, where a name tells what was meant by it.
fn advice(name: &str) -> Option<String> {
    if let Some((_, advice)) = OTHER_NAMES.iter().find(|(other, _)| *other == name) {
        return Some((*advice).to_owned());
    }
    if name.starts_with("LIBPOD_") {
        return advice("LIBPOD");
    }
    let is_for_one =
        |setting: &&str| policies::suffix(name, setting).is_some_and(|policy| !policy.is_empty());
    let general = known().filter(|setting| setting.starts_with("POLICY_")).find(is_for_one)?;
    Some(format!("{general} is for all policies and cannot be set for one of them"))
}

/// The end of a sentence about an unknown name: what to do instead, or which name was probably meant.
fn meant(prefix: &str, name: &str) -> String {
    if let Some(advice) = advice(name) {
        return format!(": {advice}");
    }
    closest(name).map_or_else(String::new, |close| format!("; did you mean {prefix}{close}?"))
}

/// The known name that is one typing mistake away. One letter in place of another only counts in longer names: PORT is
/// not a mistyped POST.
fn closest(name: &str) -> Option<&'static str> {
    let upper = name.to_ascii_uppercase();
    let is_slip = |known: &&str| match strsim::osa_distance(known, &upper) {
        0 => true,
        1 => known.len() > 4 || known.len() != upper.len() || is_rearranged(known, &upper),
        _ => false,
    };
    known().filter(|known| known.len() >= 4).find(is_slip)
}

fn is_rearranged(one: &str, other: &str) -> bool {
    let sorted = |text: &str| {
        let mut bytes = text.as_bytes().to_vec();
        bytes.sort_unstable();
        bytes
    };
    sorted(one) == sorted(other)
}
