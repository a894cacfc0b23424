//! The policies in their order, and what the verdict of each is worth.

use std::sync::Arc;

use engine_api::{Endpoint, Operation};

use crate::admit::Readers;
use crate::guest::fault::Fault;
use crate::guest::interface::{PolicyDenial, Verdict};
use crate::guest::policy::Component;
use crate::question::{InspectedBody, Question};
use crate::ruling::PolicyId;
use crate::settings::Mode;

/// The policies in the order in which they are asked; none, if the flags decide alone.
#[derive(Debug, Default)]
pub struct Chain(Vec<Arc<Link>>);

/// One policy, with what its word is worth.
#[derive(Debug)]
pub struct Link {
    /// Who it is.
    pub id: Arc<PolicyId>,
    /// What its verdict is worth.
    pub mode: Mode,
    /// Whose bodies it reads.
    pub inspect: Vec<Endpoint>,
    /// Decides.
    pub(crate) component: Arc<Component>,
}

impl Link {
    /// The operations whose bodies it reads; `None` if there are none.
    #[must_use]
    pub fn inspects_in_words(&self) -> Option<String> {
        let ids: Vec<_> = self.inspect.iter().map(|endpoint| endpoint.operation_id()).collect();
        (!ids.is_empty()).then(|| ids.join(","))
    }

    /// Whether it reads the body of this operation.
    fn reads(&self, operation: &Operation) -> bool {
        operation.endpoint().is_some_and(|endpoint| self.inspect.contains(&endpoint))
    }

    /// `question` as this policy is asked it: a body that another one reads is none of its business, or the client could
    /// choose, by a body that none can be shown, whether this one sees it.
    pub(crate) fn asked(&self, question: &Question) -> Question {
        let question = match self.mode {
            Mode::Observe => question.aside(),
            Mode::Decide | Mode::Narrow => question.clone(),
        };
        match self.reads(&question.operation) {
            true => question,
            false => Question { body: InspectedBody::Unread, ..question },
        }
    }
}

/// What a verdict counts for, in the mode of its policy.
#[derive(Debug)]
pub enum Weight {
    /// The next policy is asked, or the flags.
    Nothing,
    /// The request is forwarded.
    Allows,
    /// It is refused.
    Denies(PolicyDenial),
    /// It is refused, because the policy failed.
    Fails(Fault),
}

impl Weight {
    /// Of what a policy in `mode` came to.
    #[must_use]
    pub fn of(mode: Mode, verdict: Result<Verdict, Fault>) -> Self {
        match (mode, verdict) {
            (Mode::Observe, _) | (Mode::Decide | Mode::Narrow, Ok(Verdict::Defer)) => Self::Nothing,
            (Mode::Narrow, Ok(Verdict::Allow)) => Self::Nothing,
            (Mode::Decide, Ok(Verdict::Allow)) => Self::Allows,
            (Mode::Decide | Mode::Narrow, Ok(Verdict::Deny(denial))) => Self::Denies(denial),
            (Mode::Decide | Mode::Narrow, Err(fault)) => Self::Fails(fault),
        }
    }
}

impl Chain {
    /// Of these policies, in this order.
    pub(crate) fn new(links: Vec<Arc<Link>>) -> Self {
        Self(links)
    }

    /// Whether there is no policy, and the flags decide alone.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The policies.
    #[must_use]
    pub fn links(&self) -> &[Arc<Link>] {
        &self.0
    }

    /// The policies by name, on a line.
    pub(crate) fn in_words(&self) -> String {
        let names: Vec<_> = self.0.iter().map(|link| link.id.to_string()).collect();
        names.join(", ")
    }

    /// Who of them reads the body of this operation.
    #[must_use]
    pub fn readers(&self, operation: &Operation) -> Readers {
        Readers::of(self.0.iter().filter(|link| link.reads(operation)).map(|link| link.mode))
    }
}
