//! A set of operations of the catalogue, as an operator names them: `ContainerList`, or `Container*` for each whose name
//! begins so.
//!
//! It is as large as the catalogue and no larger: whether an operation is in it is one look at one bit.

use crate::Endpoint;

#[cfg(test)]
mod tests;

/// How many words have a bit for every operation.
const WORDS: usize = Endpoint::ALL.len().div_ceil(u64::BITS as usize);

/// A set of operations of the catalogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OperationSet([u64; WORDS]);

impl OperationSet {
    /// The operations that a word names: the one of this operationId, or with a `*` at its end, those whose
    /// operationIds begin so. `None` if there are none: a name has its case, and a `*` elsewhere is no pattern.
    ///
    /// ```
    /// use engine_api::{Endpoint, OperationSet};
    ///
    /// let named = OperationSet::named_by("ContainerArchive*").unwrap();
    /// assert!(named.operations().eq([Endpoint::ContainerArchiveInfo, Endpoint::ContainerArchive]));
    /// assert_eq!(OperationSet::named_by("containerlist"), None);
    /// ```
    #[must_use]
    pub fn named_by(word: &str) -> Option<Self> {
        let is_named = |endpoint: &Endpoint| match word.strip_suffix('*') {
            Some(start) => endpoint.operation_id().starts_with(start),
            None => endpoint.operation_id() == word,
        };
        let named: Self = Endpoint::ALL.iter().copied().filter(is_named).collect();
        (!named.is_empty()).then_some(named)
    }

    /// Whether the operation is in it.
    #[must_use]
    pub fn has(self, endpoint: Endpoint) -> bool {
        let (word, bit) = place(endpoint);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Whether no operation is in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// The operations that are in it, in the catalogue's order.
    pub fn operations(self) -> impl Iterator<Item = Endpoint> {
        Endpoint::ALL.iter().copied().filter(move |&endpoint| self.has(endpoint))
    }

    /// These operations and `endpoint`.
    #[must_use]
    pub fn with(mut self, endpoint: Endpoint) -> Self {
        let (word, bit) = place(endpoint);
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
        self
    }

    /// These operations without `endpoint`.
    #[must_use]
    pub fn without(self, endpoint: Endpoint) -> Self {
        self.operations().filter(|&other| other != endpoint).collect()
    }
}

impl FromIterator<Endpoint> for OperationSet {
    fn from_iter<I: IntoIterator<Item = Endpoint>>(operations: I) -> Self {
        operations.into_iter().fold(Self::default(), Self::with)
    }
}

/// The word that has the operation's bit, and that bit.
const fn place(endpoint: Endpoint) -> (usize, u64) {
    let at = endpoint as usize;
    (at / u64::BITS as usize, 1 << (at % u64::BITS as usize))
}
