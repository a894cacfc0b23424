//! Ready instances: configured ahead of the decisions that they will make, if it takes long to make one.

use wasmtime::Store;

use crate::bindings;
use crate::guest::state::{MUCH_MEMORY, State};

/// How many configured instances of a policy wait for a decision, and at most how many used ones wait to be dropped.
pub(crate) const READY: usize = 8;

/// New instances are made when fewer than this wait.
const FEW: usize = 4;

/// The instances of one policy that wait for a decision, and those that wait to be dropped.
#[derive(Default)]
pub(crate) struct ReadyInstances {
    ready: Vec<Instance>,
    used: Vec<Instance>,
    refill: Refill,
}

/// Whether instances are made ahead, and whether that is being done now.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Refill {
    /// No instance is made ahead: each decision makes its own.
    #[default]
    None,
    /// Instances are made ahead, but none is being made now.
    Idle,
    /// The slow thread is making instances now.
    UnderWay,
    /// No instance is made ahead any more, because the policy was replaced.
    Over,
}

/// An instance that has been configured and has decided nothing.
pub(crate) struct Instance {
    /// The instance's memory, and what the host keeps for it.
    pub store: Store<State>,
    /// The functions that the instance exports.
    pub exports: bindings::Policy,
    /// Whether it is configured.
    pub configured: Configured,
}

/// Whether an instance is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Configured {
    /// Its `configure` is still to be called.
    NotYet,
    /// Its `configure` was called, or it began as a snapshot of an instance that was configured.
    Already,
}

impl Instance {
    /// How much memory the instance holds, in bytes.
    pub(crate) fn memory_used(&self) -> usize {
        self.store.data().memory_used()
    }
}

impl ReadyInstances {
    /// Decides whether instances are made ahead from now on.
    pub(crate) fn make_ahead(&mut self, refill: Refill) {
        self.refill = refill;
    }

    /// Begins anew, because instances are made in another way from now on. Returns those that waited.
    pub(crate) fn restart(&mut self, refill: Refill) -> Vec<Instance> {
        if self.refill != Refill::Over {
            self.refill = refill;
        }
        std::mem::take(&mut self.ready)
    }

    /// Takes an instance that waits, if there is one.
    pub(crate) fn take_ready(&mut self) -> Option<Instance> {
        self.ready.pop()
    }

    /// Adds an instance to those that wait, unless the policy was replaced.
    pub(crate) fn put_ready(&mut self, instance: Instance) {
        if self.refill != Refill::Over {
            self.ready.push(instance);
        }
    }

    /// Whether fewer instances wait than should.
    pub(crate) fn wants_more(&self) -> bool {
        self.refill != Refill::Over && self.ready.len() < READY
    }

    /// Whether instances are made ahead.
    fn is_pool(&self) -> bool {
        matches!(self.refill, Refill::Idle | Refill::UnderWay)
    }

    /// Whether instances are made ahead, but none waits or the next one holds much memory: a single instruction can
    /// fill it.
    pub(crate) fn is_short_or_large(&self) -> bool {
        let is_large = |next: &Instance| next.memory_used() >= MUCH_MEMORY;
        self.is_pool() && self.ready.last().is_none_or(is_large)
    }

    /// Makes no more instances wait. Returns those that waited, to be dropped where nothing waits for that.
    pub(crate) fn retire(&mut self) -> (Vec<Instance>, Vec<Instance>) {
        self.refill = Refill::Over;
        (std::mem::take(&mut self.ready), std::mem::take(&mut self.used))
    }

    /// Whether the policy was replaced, so that no instance is made ahead any more.
    pub(crate) fn is_over(&self) -> bool {
        self.refill == Refill::Over
    }

    /// Notes that a refill has ended.
    pub(crate) fn end_refill(&mut self) {
        if self.refill == Refill::UnderWay {
            self.refill = Refill::Idle;
        }
    }

    /// Keeps a used instance for the slow thread to drop, or returns it.
    pub(crate) fn put_away(&mut self, instance: Instance) -> Option<Instance> {
        if self.is_pool() && self.used.len() < READY {
            self.used.push(instance);
            return None;
        }
        Some(instance)
    }

    /// Takes the used instances, to be dropped.
    pub(crate) fn take_used(&mut self) -> Vec<Instance> {
        std::mem::take(&mut self.used)
    }

    /// Begins a refill if too few instances wait. A caller that gets `UnderWay` has to do it.
    pub(crate) fn begin_refill(&mut self) -> Refill {
        if self.ready.len() >= FEW || self.refill != Refill::Idle {
            return Refill::None;
        }
        self.refill = Refill::UnderWay;
        Refill::UnderWay
    }
}
