//! The chain of policies, in the order in which they are asked, and what the verdict of each counts for.

use std::sync::Arc;

use engine_api::{Endpoint, Operation};

use crate::admit::{self, Readers};
use crate::guest::fault::Fault;
use crate::guest::interface::{PolicyDenial, Verdict};
use crate::guest::policy::Component;
use crate::question::{InspectedBody, Question};
use crate::ruling::PolicyId;
use crate::settings::Mode;

/// The policies in the order in which they are asked. It is empty if the flags decide alone.
#[derive(Debug, Default)]
pub struct Chain(Vec<Arc<Link>>);

/// One policy of the chain.
#[derive(Clone, Debug)]
pub struct Link {
    /// The policy's name, version and digest.
    pub id: Arc<PolicyId>,
    /// What its verdict counts for.
    pub mode: Mode,
    /// The operations whose bodies it reads.
    pub inspect: Vec<Endpoint>,
    /// The component that decides.
    pub(crate) component: Arc<Component>,
}

impl Link {
    /// The operations whose bodies it reads, on one line; `None` if there are none.
    #[must_use]
    pub fn inspects_in_words(&self) -> Option<String> {
        let ids: Vec<_> = self.inspect.iter().map(|endpoint| endpoint.operation_id()).collect();
        (!ids.is_empty()).then(|| ids.join(","))
    }

    /// The same policy with this identity. It stays the very same if that is the one that it has.
    fn called(self: Arc<Self>, identity: impl FnOnce(&PolicyId) -> PolicyId) -> Arc<Self> {
        let id = identity(&self.id);
        match id == *self.id {
            true => self,
            false => Arc::new(Self { id: Arc::new(id), ..Self::clone(&self) }),
        }
    }

    /// Whether it reads the body of this operation.
    fn reads(&self, operation: &Operation) -> bool {
        operation.endpoint().is_some_and(|endpoint| self.inspect.contains(&endpoint))
    }

    /// The question as this policy is asked it. A body that only another policy reads is not in it; otherwise a client
    /// could choose whether this policy sees the body, by sending one that cannot be shown.
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

/// What a verdict counts for, given the mode of its policy.
#[derive(Debug)]
pub enum Weight {
    /// The verdict counts for nothing: the next policy is asked, or the flags.
    Nothing,
    /// The request is forwarded.
    Allows,
    /// The request is refused.
    Denies(PolicyDenial),
    /// The request is refused because the policy failed.
    Fails(Fault),
}

impl Weight {
    /// What the verdict (or the failure) of a policy in `mode` counts for.
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
    /// A chain of these policies, in this order, each with its file's name. Policies that give themselves the same name
    /// are told apart by that.
    pub(crate) fn new(links: Vec<(Arc<Link>, String)>) -> Self {
        let names: Vec<_> = links.iter().map(|(link, _)| Arc::clone(&link.id.name)).collect();
        let told_apart = links.into_iter().map(|(link, file)| {
            match names.iter().filter(|name| **name == link.id.name).count() {
                0 | 1 => link.called(PolicyId::alone),
                _ => link.called(|id| id.beside_a_namesake(&file)),
            }
        });
        Self(told_apart.collect())
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

    /// The policies by name, on one line.
    pub(crate) fn in_words(&self) -> String {
        let names: Vec<_> = self.0.iter().map(|link| link.id.to_string()).collect();
        names.join(", ")
    }

    /// Whether one of the policies can allow what the settings deny.
    pub(crate) fn can_allow(&self) -> bool {
        admit::can_allow(self.0.iter().map(|link| link.mode))
    }

    /// Which kinds of policies read the body of this operation.
    #[must_use]
    pub fn readers(&self, operation: &Operation) -> Readers {
        Readers::of(self.0.iter().filter(|link| link.reads(operation)).map(|link| link.mode))
    }
}
