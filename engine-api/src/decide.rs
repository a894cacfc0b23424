//! The default policy: the env flags decide on an operation.
//!
//! A path outside every family, or in one that is never forwarded, is refused first, whatever the method. Any other
//! operation needs up to four flags, which are asked in this order: that of its method, that of its family, one of its
//! own, and one for an argument that reaches the host. The first that is off is the reason for the denial, and the denial
//! names it.

use std::fmt;

use crate::{Access, Family, Flag, Flags, HostArgument, Method, Operation, ways_to_root};

#[cfg(test)]
mod tests;

/// The verdict of the flags.
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

    /// The refusal that nothing but a flag lifts, if it is one: then no policy is asked.
    #[must_use]
    pub fn final_denial(&self) -> Option<&Denial> {
        self.denial().filter(|denial| denial.is_final())
    }
}

/// A refusal by the flags. `Display` is the sentence for the client: what is off, every flag that would have to be on,
/// and whether those would hand out root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The first reason, in the order in which the flags are asked.
    pub reason: DenyReason,
    /// All reasons.
    unmet: Vec<DenyReason>,
    /// Whether the flags that would allow the operation let clients become root, as the flags at present do not.
    opens_root: bool,
}

/// Why the flags refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenyReason {
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

/// Decides on an operation, from values alone.
///
/// ```
/// use engine_api::{Decision, Flags, Operation, decide};
///
/// let list = Operation::parse("GET", "/containers/json").unwrap();
/// assert_eq!(decide(Flags::from_words("CONTAINERS=1").unwrap(), &list), Decision::Allow);
/// let Decision::Deny(denial) = decide(Flags::default(), &list) else { panic!("CONTAINERS is off by default") };
/// assert_eq!(denial.to_string(), "/containers is off (CONTAINERS=0); CONTAINERS=1 would allow it");
/// ```
#[must_use]
pub fn decide(flags: Flags, operation: &Operation) -> Decision {
    let unmet: Vec<_> = unmet(flags, operation).collect();
    let Some(reason) = unmet.first().copied() else { return Decision::Allow };
    let enough = unmet.iter().filter_map(|reason| reason.flag()).fold(flags, Flags::with);
    let opens_root = ways_to_root(enough).any(|way| way.flags.iter().any(|&flag| !flags.has(flag)));
    Decision::Deny(Denial { reason, unmet, opens_root })
}

/// All reasons to refuse the operation, in the order in which the flags are asked.
pub fn unmet(flags: Flags, operation: &Operation) -> impl Iterator<Item = DenyReason> {
    reasons(operation).filter(move |reason| !reason.flag().is_some_and(|flag| flags.has(flag)))
}

/// The flags that an operation needs, in the order in which they are asked.
pub fn needed_flags(operation: &Operation) -> impl Iterator<Item = Flag> {
    reasons(operation).filter_map(DenyReason::flag)
}

/// Outside the families that can be opened nothing else is in the way, as nothing would help.
fn reasons(operation: &Operation) -> impl Iterator<Item = DenyReason> {
    let family = family_reason(operation);
    let others = family.flag().map(|_| {
        (
            method_reason(operation),
            operation_reason(operation),
            operation.host_argument().map(DenyReason::HostArgumentOff),
        )
    });
    let (method, own, argument) = others.unwrap_or_default();
    [method, Some(family), own, argument].into_iter().flatten()
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

fn family_reason(operation: &Operation) -> DenyReason {
    match operation.family() {
        None => DenyReason::UnknownFamily,
        Some(family) => match family.flag() {
            Some(flag) => DenyReason::FamilyOff(family, flag),
            None => DenyReason::FamilyClosed(family),
        },
    }
}

fn operation_reason(operation: &Operation) -> Option<DenyReason> {
    let endpoint = operation.endpoint()?;
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
            Self::FamilyClosed(_) | Self::UnknownFamily => None,
        }
    }

    /// Whether it is the method that is refused (405), not the operation (403).
    const fn is_about_method(self) -> bool {
        match self {
            Self::MethodOff(..) | Self::WriteByGetOff => true,
            Self::FamilyOff(..)
            | Self::OperationOff(..)
            | Self::HostArgumentOff(_)
            | Self::FamilyClosed(_)
            | Self::UnknownFamily => false,
        }
    }

    /// Whether no policy may lift this reason. A policy may open a family that is unknown: the API of tomorrow has it.
    const fn is_final(self) -> bool {
        match self {
            Self::HostArgumentOff(_) | Self::FamilyClosed(_) => true,
            Self::MethodOff(..)
            | Self::WriteByGetOff
            | Self::FamilyOff(..)
            | Self::OperationOff(..)
            | Self::UnknownFamily => false,
        }
    }
}

impl Denial {
    /// The HTTP status of the refusal: 405 if the method is what stands in the way first, else 403.
    #[must_use]
    pub const fn status(&self) -> u16 {
        if self.reason.is_about_method() { 405 } else { 403 }
    }

    /// Whether no policy may lift the denial: one of its reasons, whichever comes first, is up to the flags alone.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.unmet.iter().any(|reason| reason.is_final())
    }
}

impl fmt::Display for DenyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
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
        f.write_str("would allow it")?;
        if self.opens_root {
            f.write_str(", but also give clients root on the host")?;
            if !self.is_final() {
                f.write_str("; a policy can allow it alone")?;
            }
        }
        Ok(())
    }
}
