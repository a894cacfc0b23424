//! Arguments that reach past the container to the host, where the engine uses them as root: `ps_args` of `docker top`,
//! which it hands to `ps`, and folders of checkpoints.
//!
//! Each is let through in forms that are known to be harmless, and in others only if `ALLOW_HOST_ARGS` says so: no policy
//! lifts it. Of a parameter that is repeated, each value counts.

use std::fmt;

use crate::{Endpoint, Target};

mod ps_args;
#[cfg(test)]
mod tests;

/// An argument that the engine would use on the host, in a form that is not known to be harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostArgument {
    /// Arguments for `ps`. Its errors quote what it reads of other processes, which are in no container, and its option
    /// `e` shows environments.
    PsArgs,
    /// A folder of the client's choice, in this parameter. The engine lists it, removes it, or starts a process from it.
    Folder(&'static str),
}

/// The parameters that name a folder of the host.
const FOLDERS: [(Endpoint, &str); 3] = [
    (Endpoint::CheckpointList, "dir"),
    (Endpoint::CheckpointDelete, "dir"),
    (Endpoint::ContainerStart, "checkpoint-dir"),
];

impl HostArgument {
    /// Finds the argument in the query of a request for `endpoint`.
    pub(crate) fn find(endpoint: Endpoint, target: &Target) -> Option<Self> {
        if endpoint == Endpoint::ContainerTop {
            let is_harmful = |value: &str| !ps_args::is_harmless(value);
            return has_value(target, "ps_args", is_harmful).then_some(Self::PsArgs);
        }
        let (_, parameter) = FOLDERS.into_iter().find(|(of, _)| *of == endpoint)?;
        let is_folder = |value: &str| !value.is_empty();
        has_value(target, parameter, is_folder).then_some(Self::Folder(parameter))
    }
}

fn has_value(target: &Target, parameter: &str, is_meant: impl Fn(&str) -> bool) -> bool {
    target.query_pairs().any(|(name, value)| name == parameter && is_meant(&value))
}

/// What the argument would do, as the beginning of a sentence.
impl fmt::Display for HostArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PsArgs => f.write_str(
                "the engine runs ps as root on the host with ps_args, and these may show processes outside the \
                 container; harmless are none, aux, -ef, and -eo with known columns, pid first",
            ),
            Self::Folder(parameter) => {
                write!(f, "{parameter} names a folder of the host, which the engine uses as root")
            }
        }
    }
}
