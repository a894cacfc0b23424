//! Names of operations, and patterns of them, as a rule lists them.
//!
//! A name that the catalogue does not have, and a pattern that matches none of its names, is a mistake: a rule that never
//! applies would be taken for one that does.

use engine_api::Endpoint;

use crate::place::near_miss;

/// Which operations a rule names.
#[derive(Debug, Default)]
pub(crate) struct Named {
    /// `*`: every request, also one that the catalogue does not list.
    pub(crate) all: bool,
    /// The operations, without repetitions.
    pub(crate) endpoints: Vec<Endpoint>,
}

impl Named {
    /// Adds what a word names: `ContainerStart`, `ContainerArchive*`, `*`.
    pub(crate) fn add(&mut self, word: &str) -> Result<(), String> {
        if word == "*" {
            self.all = true;
        }
        let mut is_known = false;
        for endpoint in Endpoint::ALL.iter().filter(|endpoint| matches(word, endpoint.operation_id())) {
            is_known = true;
            if !self.endpoints.contains(endpoint) {
                self.endpoints.push(*endpoint);
            }
        }
        match is_known {
            true => Ok(()),
            false => {
                let near = near_miss(word, Endpoint::ALL.iter().map(|endpoint| endpoint.operation_id()));
                Err(format!("there is no operation {word}{near}; docs/ENDPOINTS.md lists them"))
            }
        }
    }
}

fn matches(word: &str, name: &str) -> bool {
    match word.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == word,
    }
}
