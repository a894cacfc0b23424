//! Names of operations, and patterns of them, as a rule lists them.
//!
//! A name that the catalogue does not have, and a pattern that matches none of its names, is a mistake: a rule that never
//! applies would be taken for one that does.

use engine_api::{Endpoint, OperationSet};

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
        let Some(named) = OperationSet::named_by(word) else {
            let near = near_miss(word, Endpoint::ALL.iter().map(|endpoint| endpoint.operation_id()));
            return Err(format!("there is no operation {word}{near}; docs/ENDPOINTS.md lists them"));
        };
        for endpoint in named.operations() {
            if !self.endpoints.contains(&endpoint) {
                self.endpoints.push(endpoint);
            }
        }
        Ok(())
    }
}
