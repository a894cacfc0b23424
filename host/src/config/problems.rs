//! The mistakes in an environment, collected so that all of them are reported at once.

use std::collections::BTreeMap;
use std::fmt;

/// All the mistakes in the environment, each a sentence that names its variable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has {} mistake(s):\n  {}", .0.len(), .0.join("\n  "))]
pub struct ConfigError(pub Vec<String>);

/// The mistakes found so far.
#[derive(Debug, Default)]
pub(super) struct Problems {
    found: Vec<String>,
    variables: BTreeMap<String, Variable>,
}

/// A variable of ours as it stands in the environment.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    /// Its name there, with the prefix if it has one.
    pub set_as: String,
    /// Its value.
    pub value: String,
}

impl Problems {
    /// From now on, mistakes name the variables by the names under which they are set; `variables` are listed by their
    /// names without the prefix.
    pub(super) fn know(&mut self, variables: BTreeMap<String, Variable>) {
        self.variables = variables;
    }

    /// Adds a mistake: a sentence that names its variable.
    pub(super) fn add(&mut self, problem: String) {
        self.found.push(problem);
    }

    /// Adds what is wrong with the value of `name`.
    pub(super) fn about(&mut self, name: &str, problem: impl fmt::Display) {
        self.add(format!("{}: {problem}{}", self.set_as(name), self.hidden_part(name)));
    }

    /// Succeeds if there is no mistake.
    ///
    /// # Errors
    /// [`ConfigError`] with all the mistakes.
    pub(super) fn into_result(self) -> Result<(), ConfigError> {
        if self.found.is_empty() { Ok(()) } else { Err(ConfigError(self.found)) }
    }

    /// Unwraps the value of `name`. A mistake is added to the others, and `unused` stands in for the value.
    pub(super) fn keep<T>(&mut self, name: &str, result: Result<T, impl fmt::Display>, unused: T) -> T {
        result.unwrap_or_else(|problem| {
            self.about(name, problem);
            unused
        })
    }

    /// The name under which the variable is set.
    pub(super) fn set_as<'n>(&'n self, name: &'n str) -> &'n str {
        self.variables.get(name).map_or(name, |variable| &variable.set_as)
    }

    /// The end of a sentence about a value that has something in it which an env file or a shell shows nobody.
    pub(super) fn hidden_part(&self, name: &str) -> &'static str {
        let value = self.variables.get(name).map_or("", |variable| &variable.value);
        let is_in = |quote| value.len() > 1 && value.starts_with(quote) && value.ends_with(quote);
        if is_in('"') || is_in('\'') {
            "; the quotes are part of the value: leave them out"
        } else if value.ends_with('\r') {
            "; the carriage return (\\r) is part of the value: save its file with the line ends of unix"
        } else if value.trim() != value {
            "; the white space around it is part of the value: leave it out"
        } else {
            ""
        }
    }
}
