//! Reasons to refuse an operation, and the flags that remove them.
//!
//! A path outside every family, or in one that is never forwarded, is a reason by itself, whatever the method. Any other
//! operation needs up to four flags, which are asked in this order: that of its method, that of its family, one of its own,
//! and one for an argument that reaches the host.

use std::fmt;

use crate::{Access, Endpoint, Family, Flag, HostArgument, Method, Operation};

/// Why the settings refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenyReason {
    /// `DENY_OPERATIONS` names the operation.
    Named(Endpoint),
    /// The flag of the method is off.
    MethodOff(Method, Flag),
    /// A websocket that writes stdin by GET counts as a write, and `POST` is off.
    WriteByGetOff,
    /// The family's flag is off.
    FamilyOff(Family, Flag),
    /// The flag that the operation needs besides that of its family is off.
    OperationOff(&'static str, Flag),
    /// An argument would be used on the host, and the flag that allows that is off.
    HostArgumentOff(HostArgument),
    /// No flag opens the family.
    FamilyClosed(Family),
    /// The path is outside every family of the Engine API.
    UnknownFamily,
}

/// The flags that an operation needs, in the order in which they are asked, if it is not allowed by name.
pub fn needed_flags(operation: &Operation) -> impl Iterator<Item = Flag> {
    reasons(operation).filter_map(DenyReason::flag)
}

/// The flags that every request for an operation of the catalogue needs, if it is not allowed by name.
pub fn flags_of(endpoint: Endpoint) -> impl Iterator<Item = Flag> {
    let reasons = [
        method_reason(endpoint.method(), endpoint.access()),
        Some(family_reason(endpoint.family())),
        operation_reason(Some(endpoint)),
    ];
    reasons.into_iter().flatten().filter_map(DenyReason::flag)
}

/// Outside the families that can be opened nothing else is in the way, as nothing would help.
pub(crate) fn reasons(operation: &Operation) -> impl Iterator<Item = DenyReason> {
    let family = family_reason(operation.family());
    let others = family.flag().map(|_| {
        (
            method_reason(operation.method(), operation.access()),
            operation_reason(operation.endpoint()),
            operation.host_argument().map(DenyReason::HostArgumentOff),
        )
    });
    let (method, own, argument) = others.unwrap_or_default();
    [method, Some(family), own, argument].into_iter().flatten()
}

fn method_reason(method: Method, access: Access) -> Option<DenyReason> {
    match method {
        Method::Get | Method::Head if access == Access::Read => None,
        Method::Get | Method::Head => Some(DenyReason::WriteByGetOff),
        Method::Post => Some(DenyReason::MethodOff(method, Flag::Post)),
        Method::Put => Some(DenyReason::MethodOff(method, Flag::Put)),
        Method::Delete => Some(DenyReason::MethodOff(method, Flag::Delete)),
    }
}

fn family_reason(family: Option<Family>) -> DenyReason {
    match family {
        None => DenyReason::UnknownFamily,
        Some(family) => match family.flag() {
            Some(flag) => DenyReason::FamilyOff(family, flag),
            None => DenyReason::FamilyClosed(family),
        },
    }
}

fn operation_reason(endpoint: Option<Endpoint>) -> Option<DenyReason> {
    let endpoint = endpoint?;
    Some(DenyReason::OperationOff(endpoint.operation_id(), endpoint.extra_flag()?))
}

impl DenyReason {
    /// The flag that would remove this reason; `None` if no flag does.
    #[must_use]
    pub const fn flag(self) -> Option<Flag> {
        match self {
            Self::MethodOff(_, flag) | Self::FamilyOff(_, flag) | Self::OperationOff(_, flag) => Some(flag),
            Self::WriteByGetOff => Some(Flag::Post),
            Self::HostArgumentOff(_) => Some(Flag::AllowHostArgs),
            Self::Named(_) | Self::FamilyClosed(_) | Self::UnknownFamily => None,
        }
    }

    /// Whether it is the method that is refused (405), not the operation (403).
    pub(crate) const fn is_about_method(self) -> bool {
        match self {
            Self::MethodOff(..) | Self::WriteByGetOff => true,
            Self::Named(_)
            | Self::FamilyOff(..)
            | Self::OperationOff(..)
            | Self::HostArgumentOff(_)
            | Self::FamilyClosed(_)
            | Self::UnknownFamily => false,
        }
    }

    /// Whether no policy may lift this reason. A policy may open a family that is unknown: the API of tomorrow has it.
    pub(crate) const fn is_final(self) -> bool {
        match self {
            Self::Named(_) | Self::HostArgumentOff(_) | Self::FamilyClosed(_) => true,
            Self::MethodOff(..)
            | Self::WriteByGetOff
            | Self::FamilyOff(..)
            | Self::OperationOff(..)
            | Self::UnknownFamily => false,
        }
    }

    /// Whether the operation's name in `ALLOW_OPERATIONS` removes this reason.
    pub(crate) const fn is_lifted_by_name(self) -> bool {
        match self {
            Self::MethodOff(..) | Self::WriteByGetOff | Self::FamilyOff(..) | Self::OperationOff(..) => true,
            Self::Named(_) | Self::HostArgumentOff(_) | Self::FamilyClosed(_) | Self::UnknownFamily => false,
        }
    }
}

impl fmt::Display for DenyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(endpoint) => write!(f, "{} is in DENY_OPERATIONS", endpoint.operation_id()),
            Self::MethodOff(method, flag) => write!(f, "the method {method} is off ({}=0)", flag.name()),
            Self::WriteByGetOff => {
                f.write_str("attaching by websocket writes stdin, and writes are off (POST=0)")
            }
            Self::FamilyOff(family, flag) => write!(f, "/{family} is off ({}=0)", flag.name()),
            Self::OperationOff(operation_id, flag) => write!(f, "{operation_id} is off ({}=0)", flag.name()),
            Self::HostArgumentOff(argument) => {
                write!(f, "{argument} ({}=0)", Flag::AllowHostArgs.name())
            }
            Self::FamilyClosed(family) => write!(f, "/{family} is never forwarded"),
            Self::UnknownFamily => f.write_str("the path is outside every family of the Engine API"),
        }
    }
}
