//! The settings of policies: which files are loaded, in which order, with which mode, settings and limits.
//!
//! Where several policies are loaded, `POLICY_SETTINGS_RESTRICT_CREATE` is for `restrict_create.wasm` (or
//! `restrict-create.wasm`) alone and wins over `POLICY_SETTINGS`. `POLICY_MODE` and `POLICY_SHA256` work the same way.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use pdp::{Digest, Limits, Mode, Policies, PolicyConfig, PolicySettings};

use super::problems::Problems;
use super::settings::{Settings, default_of, digits, duration, list};

/// The settings that may be set for one policy alone.
const OVERRIDABLE: [&str; 3] = ["POLICY_MODE", "POLICY_SETTINGS", "POLICY_SHA256"];

/// What an empty value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Empty {
    /// It counts as unset, as for most variables.
    Unset,
    /// It counts as unset, but that may not have been intended; the text is a hint.
    Doubtful(&'static str),
    /// It is a mistake, such as `${PIN}` without a `PIN`: the default would be less strict than what was intended.
    Mistake(&'static str),
}

/// What an empty value of the variable of that name means.
///
/// An empty `POLICY` is only doubtful, since that is how a compose file says "none".
pub(super) fn when_empty(name: &str) -> Empty {
    let is = |setting| name == setting || suffix(name, setting).is_some_and(|policy| !policy.is_empty());
    if is("POLICY_SHA256") {
        Empty::Mistake("set it to the SHA-256 of the policy's file, or do not set it, which pins nothing")
    } else if is("POLICY_MODE") {
        Empty::Mistake("set it to decide, narrow or observe, or do not set it, which means decide")
    } else if name == "DENY_OPERATIONS" {
        Empty::Mistake("name the operations that are denied in it, or do not set it, which denies none")
    } else if name == "POLICY" {
        Empty::Doubtful("no policy is asked; name a file in it, or do not set it")
    } else {
        Empty::Unset
    }
}

/// Whether this is the name of a setting for one policy: `POLICY_MODE_X`.
pub(super) fn is_override(name: &str) -> bool {
    OVERRIDABLE.iter().any(|setting| suffix(name, setting).is_some_and(|policy| !policy.is_empty()))
}

/// The part of the name behind `setting` and `_`, which says which policy it is for.
pub(super) fn suffix<'n>(name: &'n str, setting: &str) -> Option<&'n str> {
    name.strip_prefix(setting)?.strip_prefix('_')
}

/// The part of variable names that stands for a file: `RESTRICT_CREATE` for `restrict-create.wasm`.
fn variable_part(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

/// Reads all settings of policies; `overrides` are those for one policy alone.
pub(super) fn read(
    settings: &Settings,
    overrides: &BTreeMap<String, String>,
    problems: &mut Problems,
) -> Policies {
    let files = files(settings.policy.as_deref(), problems);
    let parts: Vec<_> = files.iter().map(|file| variable_part(file)).collect();
    for (at, part) in parts.iter().enumerate() {
        if parts.iter().take(at).any(|other| other == part) {
            let mistake = format!(
                "two files share the name {part}: rename one, so that each can have settings of its own"
            );
            problems.about("POLICY", mistake);
        }
    }
    require_overrides_for(&parts, overrides, problems);
    let general = [&settings.policy_mode, &settings.policy_settings, &settings.policy_sha256];
    if settings.policy.is_none() && general.iter().any(|value| value.is_some()) {
        problems
            .add("POLICY is not set, but settings for it are: name the policy's file in POLICY".to_owned());
    }
    let chain = files.into_iter().zip(&parts).map(|(path, part)| {
        let setting = |name: &str, general: &Option<String>| {
            let own = format!("{name}_{part}");
            match overrides.get(&own) {
                Some(value) => (own, Some(value.clone())),
                None => (name.to_owned(), general.clone()),
            }
        };
        PolicyConfig {
            path,
            mode: mode(setting("POLICY_MODE", &settings.policy_mode), problems),
            settings: policy_settings(setting("POLICY_SETTINGS", &settings.policy_settings), problems),
            sha256: sha256(setting("POLICY_SHA256", &settings.policy_sha256), problems),
        }
    });
    let chain: Vec<_> = chain.collect();
    if chain.len() > 1 && settings.policy_sha256.is_some() {
        problems.add(format!(
            "POLICY_SHA256 pins one file, and POLICY names {}: pin each by its name, for example in POLICY_SHA256_{}",
            chain.len(),
            parts.first().map_or("NAME", String::as_str)
        ));
    }
    let limits = Limits {
        timeout: duration("POLICY_TIMEOUT", settings.policy_timeout.as_deref(), problems),
        memory: bytes("POLICY_MEMORY", settings.policy_memory.as_deref(), 1 << 20, 4 << 30, problems),
    };
    Policies {
        chain,
        limits,
        body_limit: bytes("POLICY_BODY_LIMIT", settings.policy_body_limit.as_deref(), 1, 64 << 20, problems),
        concurrency: concurrency(settings.policy_concurrency.as_deref(), problems),
        cache: cache(settings.policy_cache.as_deref(), problems),
    }
}

/// Reads the list of files. An empty entry is a mistake: otherwise `POLICY=$A,$B` without an `A` would drop a policy
/// silently.
fn files(value: Option<&str>, problems: &mut Problems) -> Vec<PathBuf> {
    if value.is_some_and(|value| value.split(',').any(|entry| entry.trim().is_empty())) {
        problems.about("POLICY", "an entry is empty: name a file before and after each comma");
    }
    list(value).into_iter().map(PathBuf::from).collect()
}

fn require_overrides_for(parts: &[String], overrides: &BTreeMap<String, String>, problems: &mut Problems) {
    for name in overrides.keys() {
        let is_for = |part: &String| OVERRIDABLE.iter().any(|setting| suffix(name, setting) == Some(part));
        if !parts.iter().any(is_for) {
            let there_are = if parts.is_empty() { "none".to_owned() } else { parts.join(", ") };
            problems.add(format!(
                "{name} is for a policy that POLICY does not name; the names of its policies: {there_are}"
            ));
        }
    }
}

fn mode((name, value): (String, Option<String>), problems: &mut Problems) -> Mode {
    let value = value.unwrap_or_else(|| default_of("POLICY_MODE").to_owned());
    match value.to_ascii_lowercase().as_str() {
        "decide" => Mode::Decide,
        "narrow" => Mode::Narrow,
        "observe" => Mode::Observe,
        _ => {
            problems.about(&name, format_args!("{value:?} is not one of decide, narrow and observe"));
            Mode::Decide
        }
    }
}

fn policy_settings((name, value): (String, Option<String>), problems: &mut Problems) -> PolicySettings {
    let value = value.unwrap_or_default();
    match value.strip_prefix('@') {
        Some("") => {
            problems.about(&name, "there is no file name after the @");
            PolicySettings::Text(String::new())
        }
        Some(path) => PolicySettings::File(PathBuf::from(path)),
        None => PolicySettings::Text(value),
    }
}

fn sha256((name, value): (String, Option<String>), problems: &mut Problems) -> Option<Digest> {
    let value = value?;
    let digest = Digest::parse(&value);
    if digest.is_none() {
        problems.about(&name, format_args!("{value:?} is not a SHA-256; `sha256sum FILE` prints one"));
    }
    digest
}

fn concurrency(value: Option<&str>, problems: &mut Problems) -> usize {
    let value = value.unwrap_or(default_of("POLICY_CONCURRENCY"));
    match digits(value).and_then(|digits| digits.parse().ok()).filter(|count| (1..=1000).contains(count)) {
        Some(count) => count,
        None => {
            problems.about("POLICY_CONCURRENCY", format_args!("{value:?} is not a number from 1 to 1000"));
            1
        }
    }
}

fn cache(value: Option<&str>, problems: &mut Problems) -> Option<PathBuf> {
    match value.unwrap_or(default_of("POLICY_CACHE")) {
        "off" => None,
        path if path.starts_with('/') => Some(PathBuf::from(path)),
        other => {
            let mistake = format!("{other:?} is neither the absolute path of a folder nor `off`");
            problems.about("POLICY_CACHE", mistake);
            None
        }
    }
}

/// Reads `64M`, `64MiB`, `1048576`; units are powers of two.
fn bytes(name: &str, value: Option<&str>, least: u64, most: u64, problems: &mut Problems) -> usize {
    let value = value.unwrap_or(default_of(name));
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = value.split_at(digits);
    let unit = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "k" | "kb" | "kib" => Some(1 << 10),
        "m" | "mb" | "mib" => Some(1 << 20),
        "g" | "gb" | "gib" => Some(1 << 30),
        _ => None,
    };
    let size = number.parse::<u64>().ok().zip(unit).and_then(|(number, unit)| number.checked_mul(unit));
    let size = size.filter(|size| (least..=most).contains(size)).and_then(|size| usize::try_from(size).ok());
    size.unwrap_or_else(|| {
        let range = format!("from {} to {}", Size(least), Size(most));
        let example = default_of(name);
        problems.about(name, format_args!("{value:?} is not a size {range} (for example {example})"));
        1
    })
}

/// A size in bytes, displayed as people write it.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes >= 1 << 30 => write!(f, "{}GiB", bytes >> 30),
            bytes if bytes >= 1 << 20 => write!(f, "{}MiB", bytes >> 20),
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}
