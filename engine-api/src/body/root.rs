//! The root of a create body, where engines up to 26 read HostConfig's fields as well.
//!
//! They are read there if there is no `HostConfig`, and six of them also beside one, if it lacks them. A policy that reads
//! `HostConfig.Privileged` would not see them, so where they count they are refused. `null`, `0`, `""` and the like say
//! nothing and pass, and so does what is beside a `HostConfig` that the engine reads in its place.

use super::{AmbiguousBody, Member, Struct};

/// What of `HostConfig` an old engine takes from beside it.
const READ_BESIDE: [&str; 6] = ["Cpuset", "CpusetCpus", "CpuShares", "Memory", "MemorySwap", "VolumeDriver"];

/// Lists that say something when they are empty: nothing of /proc is masked.
const SAY_IT_EMPTY: [&str; 2] = ["MaskedPaths", "ReadonlyPaths"];

/// What is known of a root so far.
#[derive(Debug, Default)]
pub(super) struct Root {
    has_host_config: bool,
    /// Fields of HostConfig that say something.
    misplaced: Option<&'static str>,
    /// Of these, one that counts beside HostConfig.
    read_beside: Option<&'static str>,
}

impl Root {
    /// A field and its value's text.
    pub(super) fn has(&mut self, Member { of, field }: Member, value: &str) {
        let is_host_configs = matches!(of, Struct::HostConfig | Struct::Resources) || field.name == "Cpuset";
        if field.name == "HostConfig" {
            self.has_host_config = value.starts_with('{');
        } else if is_host_configs && !says_nothing(field.name, value) {
            self.misplaced = Some(field.name);
            if READ_BESIDE.contains(&field.name) {
                self.read_beside = Some(field.name);
            }
        }
    }

    /// Once all is known.
    pub(super) fn judge(&self) -> Result<(), AmbiguousBody> {
        let misplaced = if self.has_host_config { self.read_beside } else { self.misplaced };
        misplaced.map_or(Ok(()), |name| Err(AmbiguousBody::BesideHostConfig(name)))
    }
}

/// What Go reads as a field's zero value: as if it were not there.
fn says_nothing(field: &str, value: &str) -> bool {
    if SAY_IT_EMPTY.contains(&field) {
        return value == "null";
    }
    let is_zero = || value.parse() == Ok(0.0);
    let is_empty = |open, close| {
        let inner = value.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
        inner.is_some_and(|inner: &str| inner.trim_ascii().is_empty())
    };
    matches!(value, "null" | "false" | "\"\"") || is_zero() || is_empty('[', ']') || is_empty('{', '}')
}
