//! A refusal by the operator's settings, and what would lift it.

use std::fmt;

use crate::{DenyReason, Endpoint, Flags, OperationList, Rights, ways_to_root};

/// A refusal by the settings. `Display` is the sentence for the client: what is in the way, the settings that would allow
/// the operation, the finest first, and whether those would hand out root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The first reason, in the order in which the settings are asked.
    pub reason: DenyReason,
    /// All reasons.
    unmet: Vec<DenyReason>,
    /// The operation; `None` if the catalogue does not list it, so that no setting can name it.
    operation: Option<Endpoint>,
    /// The settings that refuse it.
    rights: Rights,
}

/// Which of the settings that would allow an operation let clients become root, as the present ones do not.
enum OpensRoot {
    Neither,
    /// The flags that the operation needs do, for they let more through. Its name does not.
    Flags,
    /// The operation itself does, whatever allows it.
    Either,
}

impl Denial {
    /// The refusal of an operation for these reasons, if there is one.
    pub(crate) fn new(rights: Rights, operation: Option<Endpoint>, unmet: Vec<DenyReason>) -> Option<Self> {
        let reason = unmet.first().copied()?;
        Some(Self { reason, unmet, operation, rights })
    }

    /// The HTTP status of the refusal: 405 if the method is what stands in the way first, else 403.
    #[must_use]
    pub const fn status(&self) -> u16 {
        if self.reason.is_about_method() { 405 } else { 403 }
    }

    /// Whether no policy may lift the denial: one of its reasons, whichever comes first, is up to the settings alone.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.unmet.iter().any(|reason| reason.is_final())
    }

    /// The list that refuses the operation; `None` if the flags do.
    #[must_use]
    pub const fn list(&self) -> Option<OperationList> {
        match self.reason {
            DenyReason::Named(_) => Some(OperationList::Deny),
            DenyReason::MethodOff(..)
            | DenyReason::WriteByGetOff
            | DenyReason::FamilyOff(..)
            | DenyReason::OperationOff(..)
            | DenyReason::HostArgumentOff(_)
            | DenyReason::FamilyClosed(_)
            | DenyReason::UnknownFamily => None,
        }
    }

    /// The operation, if its name in `ALLOW_OPERATIONS` would allow it, but for an argument that reaches the host.
    fn allowed_by_name(&self) -> Option<&'static str> {
        let is_lifted = self.unmet.iter().any(|reason| reason.is_lifted_by_name());
        self.operation.filter(|_| is_lifted).map(Endpoint::operation_id)
    }

    /// Writes what would allow the operation.
    fn fmt_remedy(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_argument = |reason: &DenyReason| matches!(reason, DenyReason::HostArgumentOff(_));
        let argument = if self.unmet.iter().any(is_argument) { " with ALLOW_HOST_ARGS=1" } else { "" };
        match (self.list(), self.allowed_by_name()) {
            (Some(_), Some(_)) => {
                return write!(f, "naming it in ALLOW_OPERATIONS instead{argument} would allow just this");
            }
            (Some(_), None) => return write!(f, "taking it out of there{argument} would allow it"),
            (None, Some(name)) => write!(f, "ALLOW_OPERATIONS={name}{argument} would allow just this; ")?,
            (None, None) => {}
        }
        for flag in self.unmet.iter().filter_map(|reason| reason.flag()) {
            write!(f, "{}=1 ", flag.name())?;
        }
        f.write_str("would allow it")
    }

    fn opens_root(&self) -> OpensRoot {
        let now = self.rights;
        let flags = self.unmet.iter().filter_map(|reason| reason.flag()).fold(now.flags, Flags::with);
        let opens_root = |after: Rights| ways_to_root(after).any(|way| !way.is_open(now));
        if self.operation.is_some_and(|endpoint| opens_root(now.with(endpoint))) {
            OpensRoot::Either
        } else if opens_root(Rights { flags, ..now }) {
            OpensRoot::Flags
        } else {
            OpensRoot::Neither
        }
    }

    /// Where what would allow the operation leads, as the end of a sentence.
    fn leads_to(&self) -> &'static str {
        let has_choice = self.list().is_none() && self.allowed_by_name().is_some();
        match (self.opens_root(), self.is_final()) {
            (OpensRoot::Neither, _) => "",
            (OpensRoot::Flags, _) if self.list().is_some() => "",
            (OpensRoot::Flags, false) if !has_choice => {
                ", but also give clients root on the host; a policy can allow it alone"
            }
            (OpensRoot::Either, false) if has_choice => {
                ", but either would also give clients root on the host; a policy can allow what is harmless"
            }
            (OpensRoot::Either, true) if has_choice => {
                ", but either would also give clients root on the host"
            }
            (OpensRoot::Flags | OpensRoot::Either, _) => ", but also give clients root on the host",
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_hopeless =
            |reason: &&DenyReason| matches!(reason, DenyReason::FamilyClosed(_) | DenyReason::UnknownFamily);
        if let Some(hopeless) = self.unmet.iter().find(is_hopeless) {
            return write!(f, "{hopeless}; no setting allows it");
        }
        write!(f, "{}; ", self.reason)?;
        self.fmt_remedy(f)?;
        f.write_str(self.leads_to())
    }
}
