//! What an operator decides about policies: which files, in which order, with what, and what they may take.
//!
//! These are values only. The host's configuration fills them, and nothing here knows the names of its variables.

use std::path::PathBuf;
use std::time::Duration;

use crate::digest::Digest;

/// What a policy's verdict is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It decides.
    Decide,
    /// It can only take away: what it allows, the env flags judge.
    Narrow,
    /// It decides nothing: what it would have done is logged.
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
    /// The file.
    pub path: PathBuf,
    /// What its verdict is worth.
    pub mode: Mode,
    /// What its `configure` gets.
    pub settings: PolicySettings,
    /// What the file must be, if that is pinned.
    pub sha256: Option<Digest>,
}

/// `POLICY_SETTINGS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicySettings {
    /// The text itself.
    Text(String),
    /// `@file`: read at every load.
    File(PathBuf),
}

/// The policies and what they may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    /// In the order in which they are asked.
    pub chain: Vec<PolicyConfig>,
    /// `POLICY_TIMEOUT` and `POLICY_MEMORY`.
    pub limits: Limits,
    /// `POLICY_BODY_LIMIT`, in bytes.
    pub body_limit: usize,
    /// `POLICY_CONCURRENCY`.
    pub concurrency: usize,
    /// `POLICY_CACHE`; `None` for `off`.
    pub cache: Option<PathBuf>,
}

/// What one policy may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `POLICY_TIMEOUT`: wall time for one decision, look-ups included.
    pub timeout: Duration,
    /// `POLICY_MEMORY`, in bytes.
    pub memory: usize,
}
