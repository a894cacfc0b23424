//! The root object of a create body, where engines up to 26 read the fields of `HostConfig` as well.
//!
//! Those engines read the fields there if there is no `HostConfig`, and six of them also beside a `HostConfig` that
//! lacks them. A policy that reads `HostConfig.Privileged` would not see them, so a field that such an engine would use
//! is refused. `null`, `0`, `""` and other zero values have no effect and pass, and so does a field beside a
//! `HostConfig` that the engine reads instead.

use super::{AmbiguousBody, Member, Struct};

/// The fields that an old engine also reads beside a `HostConfig` that lacks them.
const READ_BESIDE: [&str; 6] = ["Cpuset", "CpusetCpus", "CpuShares", "Memory", "MemorySwap", "VolumeDriver"];

/// Lists that have an effect even when they are empty: then nothing in /proc is masked.
const EFFECTIVE_WHEN_EMPTY: [&str; 2] = ["MaskedPaths", "ReadonlyPaths"];

/// What is known about the root object so far.
#[derive(Debug, Default)]
pub(super) struct Root {
    has_host_config: bool,
    /// A field of `HostConfig` that is in the root and has an effect.
    misplaced: Option<&'static str>,
    /// Such a field that is read even beside a `HostConfig`.
    read_beside: Option<&'static str>,
}

impl Root {
    /// Takes note of a field and the text of its value.
    pub(super) fn has(&mut self, Member { of, field }: Member, value: &str) {
        let is_host_configs = matches!(of, Struct::HostConfig | Struct::Resources) || field.name == "Cpuset";
        if field.name == "HostConfig" {
            self.has_host_config = value.starts_with('{');
        } else if is_host_configs && !is_zero_value(field.name, value) {
            self.misplaced = Some(field.name);
            if READ_BESIDE.contains(&field.name) {
                self.read_beside = Some(field.name);
            }
        }
    }

    /// Judges the root object once all its fields have been noted.
    pub(super) fn judge(&self) -> Result<(), AmbiguousBody> {
        let misplaced = if self.has_host_config { self.read_beside } else { self.misplaced };
        misplaced.map_or(Ok(()), |name| Err(AmbiguousBody::BesideHostConfig(name)))
    }
}

/// Whether Go reads the value as the field's zero value, which is the same as if the field were absent.
fn is_zero_value(field: &str, value: &str) -> bool {
    if EFFECTIVE_WHEN_EMPTY.contains(&field) {
        return value == "null";
    }
    let is_zero = || value.parse() == Ok(0.0);
    let is_empty = |open, close| {
        let inner = value.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
        inner.is_some_and(|inner: &str| inner.trim_ascii().is_empty())
    };
    matches!(value, "null" | "false" | "\"\"") || is_zero() || is_empty('[', ']') || is_empty('{', '}')
}
