//! What the operator's settings let through: the env flags, and operations that are allowed or denied by name.
//!
//! An operation that `DENY_OPERATIONS` names is refused before any policy is asked, and one that `ALLOW_OPERATIONS` names
//! needs no flag of its method, of its family or of its own. An argument that reaches the host needs its flag all the same.

use crate::{Endpoint, Flags, Operation, OperationSet, flags_of};

/// What the operator's settings let through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// The env flags.
    pub flags: Flags,
    /// The operations that `ALLOW_OPERATIONS` names.
    pub allowed: OperationSet,
    /// The operations that `DENY_OPERATIONS` names.
    pub denied: OperationSet,
}

/// A list of operations in the operator's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationList {
    /// `ALLOW_OPERATIONS`
    Allow,
    /// `DENY_OPERATIONS`
    Deny,
}

impl OperationList {
    /// The name of the setting.
    #[must_use]
    pub const fn setting(self) -> &'static str {
        match self {
            Self::Allow => "ALLOW_OPERATIONS",
            Self::Deny => "DENY_OPERATIONS",
        }
    }
}

impl From<Flags> for Rights {
    fn from(flags: Flags) -> Self {
        Self { flags, ..Self::default() }
    }
}

impl Rights {
    /// Whether a request for the operation may be forwarded, if no argument of it reaches the host.
    #[must_use]
    pub fn permit(self, endpoint: Endpoint) -> bool {
        !self.denied.has(endpoint) && (self.allowed.has(endpoint) || self.have_flags_of(endpoint))
    }

    /// Whether `ALLOW_OPERATIONS` names what the request asks for.
    #[must_use]
    pub fn allow_by_name(self, operation: &Operation) -> bool {
        operation.endpoint().is_some_and(|endpoint| self.allowed.has(endpoint))
    }

    /// Whether every flag that the operation needs is on.
    #[must_use]
    pub fn have_flags_of(self, endpoint: Endpoint) -> bool {
        flags_of(endpoint).all(|flag| self.flags.has(flag))
    }

    /// These rights, with the operation allowed by name.
    #[must_use]
    pub fn with(self, endpoint: Endpoint) -> Self {
        let (allowed, denied) = (self.allowed.with(endpoint), self.denied.without(endpoint));
        Self { allowed, denied, ..self }
    }
}
