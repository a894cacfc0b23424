//! The default policy: the operator's settings decide on an operation.
//!
//! An operation that is denied by name is refused first. One that is allowed by name needs no flag, except for an argument
//! that reaches the host. Of any other operation the first flag that is off is the reason for the denial, and the denial
//! names it.

use crate::{Denial, DenyReason, Operation, OperationList, Rights, reasons};

#[cfg(test)]
mod tests;

/// The verdict of the operator's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The operation may be forwarded.
    Allow,
    /// The operation is refused.
    Deny(Denial),
}

impl Decision {
    /// The refusal, if it is one.
    #[must_use]
    pub const fn denial(&self) -> Option<&Denial> {
        match self {
            Self::Allow => None,
            Self::Deny(denial) => Some(denial),
        }
    }

    /// The refusal that nothing but a setting lifts, if it is one: then no policy is asked.
    #[must_use]
    pub fn final_denial(&self) -> Option<&Denial> {
        self.denial().filter(|denial| denial.is_final())
    }

    /// The list that had the last word on the operation; `None` if the flags had it.
    #[must_use]
    pub fn settled_by(&self, rights: Rights, operation: &Operation) -> Option<OperationList> {
        match self {
            Self::Allow => rights.allow_by_name(operation).then_some(OperationList::Allow),
            Self::Deny(denial) => denial.list(),
        }
    }
}

/// Decides on an operation, from values alone.
///
/// ```
/// use engine_api::{Decision, Flags, Operation, decide};
///
/// let list = Operation::parse("GET", "/containers/json").unwrap();
/// assert_eq!(decide(Flags::from_words("CONTAINERS=1").unwrap(), &list), Decision::Allow);
/// let Decision::Deny(denial) = decide(Flags::default(), &list) else { panic!("CONTAINERS is off by default") };
/// assert_eq!(
///     denial.to_string(),
///     "/containers is off (CONTAINERS=0); ALLOW_OPERATIONS=ContainerList would allow just this; CONTAINERS=1 would allow it"
/// );
/// ```
#[must_use]
pub fn decide(rights: impl Into<Rights>, operation: &Operation) -> Decision {
    let rights = rights.into();
    let unmet: Vec<_> = unmet(rights, operation).collect();
    Denial::new(rights, operation.endpoint(), unmet).map_or(Decision::Allow, Decision::Deny)
}

/// All reasons to refuse the operation, in the order in which the settings are asked.
pub fn unmet(rights: impl Into<Rights>, operation: &Operation) -> impl Iterator<Item = DenyReason> {
    let rights = rights.into();
    let denied = operation.endpoint().filter(|&endpoint| rights.denied.has(endpoint));
    let is_allowed = rights.allow_by_name(operation);
    let is_met = move |reason: &DenyReason| {
        (is_allowed && reason.is_lifted_by_name()) || reason.flag().is_some_and(|flag| rights.flags.has(flag))
    };
    let others = reasons(operation).filter(move |reason| !is_met(reason));
    denied.map(DenyReason::Named).into_iter().chain(others)
}
