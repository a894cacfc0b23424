//! The mistakes in an environment, collected so that all of them are reported at once.

use std::fmt;

/// All the mistakes in the environment, each a sentence that names its variable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has {} mistake(s):\n  {}", .0.len(), .0.join("\n  "))]
pub struct ConfigError(pub Vec<String>);

/// The mistakes found so far.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<String>);

impl Problems {
    /// Adds a mistake: a sentence that names its variable.
    pub(super) fn add(&mut self, problem: String) {
        self.0.push(problem);
    }

    /// Succeeds if there is no mistake.
    ///
    /// # Errors
    /// [`ConfigError`] with all the mistakes.
    pub(super) fn into_result(self) -> Result<(), ConfigError> {
        if self.0.is_empty() { Ok(()) } else { Err(ConfigError(self.0)) }
    }

    /// Unwraps the value of `name`. A mistake is added to the others, and `unused` stands in for the value.
    pub(super) fn keep<T>(&mut self, name: &str, result: Result<T, impl fmt::Display>, unused: T) -> T {
        result.unwrap_or_else(|problem| {
            self.add(format!("{name}: {problem}"));
            unused
        })
    }
}
