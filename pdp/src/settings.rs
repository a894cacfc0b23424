//! The operator's settings for policies: which files, in which order, with which settings and limits.
//!
//! These are values only: the host's configuration reads the variables and fills them in.

use std::path::PathBuf;
use std::time::Duration;

use crate::digest::Digest;

/// What a policy's verdict counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The policy allows and denies.
    Decide,
    /// The policy can only deny: its `allow` counts as `defer`.
    Narrow,
    /// The policy decides nothing: what it would have done is logged.
    Observe,
}

impl Mode {
    /// The word for it in settings and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Decide => "decide",
            Self::Narrow => "narrow",
            Self::Observe => "observe",
        }
    }
}

/// One entry of `POLICY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyConfig {
    /// The path of the policy's file.
    pub path: PathBuf,
    /// What the policy's verdict counts for.
    pub mode: Mode,
    /// The settings that the policy's `configure` is given.
    pub settings: PolicySettings,
    /// The SHA-256 that the file must have, if it is pinned.
    pub sha256: Option<Digest>,
}

/// The value of `POLICY_SETTINGS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicySettings {
    /// The settings themselves.
    Text(String),
    /// A file with the settings (`@file`), which is read at every load.
    File(PathBuf),
}

/// The policies, and the limits that they have to keep to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    /// The policies in the order in which they are asked.
    pub chain: Vec<PolicyConfig>,
    /// The limits of each policy: `POLICY_TIMEOUT` and `POLICY_MEMORY`.
    pub limits: Limits,
    /// The largest body that is inspected, in bytes: `POLICY_BODY_LIMIT`.
    pub body_limit: usize,
    /// How many decisions may run at a time: `POLICY_CONCURRENCY`.
    pub concurrency: usize,
    /// The folder for compiled policies: `POLICY_CACHE`, or `None` for `off`.
    pub cache: Option<PathBuf>,
}

/// The limits that one policy has to keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The wall time for one decision, look-ups included: `POLICY_TIMEOUT`.
    pub timeout: Duration,
    /// The memory of one instance, in bytes: `POLICY_MEMORY`.
    pub memory: usize,
}
