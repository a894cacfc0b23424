//! How to start a client program: one of this machine, or one of the newer Debian that `tests/setup` installs.
//!
//! The newer Debian has a root folder of its own. Its programs run in a mount namespace in which that folder is `/`;
//! temporary files, processes, devices and the network are those of the machine (`in_root.sh` says how).

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::installed;

/// A program with what has to stand before its arguments.
#[derive(Clone, Debug)]
pub struct Program(Vec<OsString>);

impl Program {
    /// A program of the newer Debian.
    ///
    /// # Panics
    /// When `tests/setup` has not installed it.
    #[must_use]
    pub fn modern(name: &str) -> Self {
        let words = ["unshare", "--mount", "--", "sh"].map(OsString::from);
        let within = [source("in_root.sh").into(), modern_root().into(), name.into()];
        Self(words.into_iter().chain(within).collect())
    }

    /// The program with `word` as its first argument, always.
    #[must_use]
    pub fn subcommand(mut self, word: &str) -> Self {
        self.0.push(word.into());
        self
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> String {
        self.0.last().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// A command without arguments as yet.
    #[must_use]
    pub fn command(&self) -> Command {
        self.after(&[])
    }

    /// A command that starts another program first, with these words, which then starts this one.
    #[must_use]
    pub fn after(&self, words: &[&str]) -> Command {
        let words = words.iter().map(OsString::from);
        let mut words = words.chain(self.0.iter().cloned());
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words);
        command
    }
}

impl From<PathBuf> for Program {
    fn from(file: PathBuf) -> Self {
        Self(vec![file.into()])
    }
}

/// The root folder of the newer Debian.
///
/// # Panics
/// When `tests/setup` has not installed it.
#[must_use]
pub(crate) fn modern_root() -> PathBuf {
    installed("modern")
}

/// A script beside this file.
pub(crate) fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(name)
}
