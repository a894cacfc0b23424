//! The default policy: the env flags decide on an operation.
//!
//! A family that is never forwarded is refused first, whatever the method. Any other operation needs up to three flags,
//! which are asked in this order: that of its method, that of its family, and one of its own. The first that is off is the
//! reason for the denial, and the denial names it.

use std::fmt;

use crate::{Access, Family, Flag, Flags, Method, Operation, ways_to_root};

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

/// A family that is never forwarded is closed whatever the method: nothing else is in the way, as nothing would help.
fn reasons(operation: &Operation) -> impl Iterator<Item = DenyReason> {
    let family = family_reason(operation);
    let others = (!operation.is_closed()).then(|| (method_reason(operation), operation_reason(operation)));
    let (method, own) = others.unwrap_or_default();
    [method, family, own].into_iter().flatten()
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
    /// The flag that would remove this reason; `None` if no flag does.
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
                f.write_str("attaching by websocket writes stdin, and writes are off (POST=0)")
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
        f.write_str("would allow it")?;
        if self.opens_root {
            f.write_str(", but also give clients root on the host; a policy can allow it alone")?;
        }
        Ok(())
    }
}
