//! The default policy: env flags over an operation.
//!
//! An operation needs up to three flags, asked in this order: its method's, its family's, its own. The first that is
//! off is the reason of the denial, and the denial names it.

use std::fmt;

use crate::{Access, Family, Flag, Flags, Method, Operation};

#[cfg(test)]
mod tests;

/// What the flags say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Forward it.
    Allow,
    /// Refuse it.
    Deny(Denial),
}

/// A refusal by the flags. `Display` is the sentence for the client: what is off, and all that would have to be on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// What stands in the way first.
    pub reason: DenyReason,
    /// Everything that does.
    unmet: Vec<DenyReason>,
}

/// Why the flags refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenyReason {
    /// The flag of this method is off.
    MethodOff(Method, Flag),
    /// A websocket that writes stdin by GET counts as a write, and `POST` is off.
    WriteByGetOff,
    /// The family's flag is off.
    FamilyOff(Family, Flag),
    /// The flag that the operation needs besides its family's is off.
    OperationOff(&'static str, Flag),
    /// A family that no flag opens.
    FamilyClosed(Family),
    /// A path outside every family of the Engine API.
    UnknownFamily,
}

impl Decision {
    /// Whether the family is one that is never forwarded, so that no policy is asked either.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Deny(denial) if denial.is_closed())
    }
}

impl Denial {
    /// Whether the family is one that is never forwarded.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.reason, DenyReason::FamilyClosed(_))
    }
}

/// Decides from values alone.
#[must_use]
pub fn decide(flags: Flags, operation: &Operation) -> Decision {
    let unmet: Vec<_> = unmet(flags, operation).collect();
    unmet.first().copied().map_or(Decision::Allow, |reason| Decision::Deny(Denial { reason, unmet }))
}

/// Everything that stands in the operation's way, in the order in which it is asked.
pub fn unmet(flags: Flags, operation: &Operation) -> impl Iterator<Item = DenyReason> {
    reasons(operation).filter(move |reason| !reason.flag().is_some_and(|flag| flags.has(flag)))
}

/// The flags that an operation needs, in the order in which they are asked.
pub fn needed_flags(operation: &Operation) -> impl Iterator<Item = Flag> {
    reasons(operation).filter_map(DenyReason::flag)
}

fn reasons(operation: &Operation) -> impl Iterator<Item = DenyReason> {
    [method_reason(operation), family_reason(operation), operation_reason(operation)].into_iter().flatten()
}

fn method_reason(operation: &Operation) -> Option<DenyReason> {
    let method = operation.method();
    match method {
        Method::Get | Method::Head if operation.access() == Access::Read => None,
        Method::Get | Method::Head => Some(DenyReason::WriteByGetOff),
        Method::Post => Some(DenyReason::MethodOff(method, Flag::Post)),
        Method::Put => Some(DenyReason::MethodOff(method, Flag::Put)),
        Method::Delete => Some(DenyReason::MethodOff(method, Flag::Delete)),
    }
}

fn family_reason(operation: &Operation) -> Option<DenyReason> {
    Some(match operation.family() {
        None => DenyReason::UnknownFamily,
        Some(family) => match family.flag() {
            Some(flag) => DenyReason::FamilyOff(family, flag),
            None => DenyReason::FamilyClosed(family),
        },
    })
}

fn operation_reason(operation: &Operation) -> Option<DenyReason> {
    let endpoint = operation.endpoint()?;
    Some(DenyReason::OperationOff(endpoint.operation_id(), endpoint.extra_flag()?))
}

impl DenyReason {
    /// The flag that would lift this reason; `None` where none does.
    #[must_use]
    pub const fn flag(self) -> Option<Flag> {
        match self {
            Self::MethodOff(_, flag) | Self::FamilyOff(_, flag) | Self::OperationOff(_, flag) => Some(flag),
            Self::WriteByGetOff => Some(Flag::Post),
            Self::FamilyClosed(_) | Self::UnknownFamily => None,
        }
    }

    /// Whether it is the method that is refused (405), not the operation (403).
    #[must_use]
    pub const fn is_about_method(self) -> bool {
        match self {
            Self::MethodOff(..) | Self::WriteByGetOff => true,
            Self::FamilyOff(..) | Self::OperationOff(..) | Self::FamilyClosed(_) | Self::UnknownFamily => {
                false
            }
        }
    }
}

impl fmt::Display for DenyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MethodOff(method, flag) => write!(f, "the method {method} is off ({}=0)", flag.name()),
            Self::WriteByGetOff => {
                f.write_str("attaching by websocket writes stdin and writes are off (POST=0)")
            }
            Self::FamilyOff(family, flag) => write!(f, "/{family} is off ({}=0)", flag.name()),
            Self::OperationOff(operation_id, flag) => write!(f, "{operation_id} is off ({}=0)", flag.name()),
            Self::FamilyClosed(family) => write!(f, "/{family} is never forwarded"),
            Self::UnknownFamily => f.write_str("the path is outside every family of the Engine API"),
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hopeless = self.unmet.iter().find(|reason| reason.flag().is_none());
        write!(f, "{}; ", hopeless.unwrap_or(&self.reason))?;
        if hopeless.is_some() {
            return f.write_str("no setting allows it");
        }
        for flag in self.unmet.iter().filter_map(|reason| reason.flag()) {
            write!(f, "{}=1 ", flag.name())?;
        }
        f.write_str("would allow it")
    }
}
