//! The mistakes in an environment, collected so that all of them are told at once.

/// All the mistakes in the environment, each a sentence that names its variable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has {} mistake(s):\n  {}", .0.len(), .0.join("\n  "))]
pub struct ConfigError(pub Vec<String>);

/// The mistakes found so far.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<String>);

impl Problems {
    /// Notes a mistake: a sentence that names its variable.
    pub(super) fn add(&mut self, problem: String) {
        self.0.push(problem);
    }

    /// Nothing, if there is no mistake.
    ///
    /// # Errors
    /// All of them.
    pub(super) fn into_result(self) -> Result<(), ConfigError> {
        if self.0.is_empty() { Ok(()) } else { Err(ConfigError(self.0)) }
    }

    /// Keeps a mistake about `name` and goes on with a value that will not be used.
    pub(super) fn keep<T>(&mut self, name: &str, result: Result<T, String>, unused: T) -> T {
        result.unwrap_or_else(|problem| {
            self.add(format!("{name}: {problem}"));
            unused
        })
    }
}
