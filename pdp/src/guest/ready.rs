//! Ready instances: configured ahead of the decisions that they will make, where making one takes long.

use wasmtime::Store;

use crate::bindings;
use crate::guest::state::State;

/// How many configured instances wait for a decision, and how many used ones to be dropped, if any are to wait.
pub(crate) const READY: usize = 8;

/// When fewer wait, new ones are made.
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
    /// None is made ahead: each decision makes its own.
    #[default]
    None,
    /// Some are to wait, and none is being made.
    Idle,
    /// The slow lane is making some.
    UnderWay,
    /// None is made any more: the policy was replaced.
    Over,
}

/// An instance that has been configured and has decided nothing.
pub(crate) struct Instance {
    /// Its memory and what the host keeps for it.
    pub store: Store<State>,
    /// What it can be called for.
    pub exports: bindings::Policy,
}

impl Instance {
    /// How much memory it holds, in bytes.
    pub(crate) fn memory_used(&self) -> usize {
        self.store.data().memory_used()
    }
}

impl ReadyInstances {
    /// Decides whether instances are made ahead from now on.
    pub(crate) fn make_ahead(&mut self, refill: Refill) {
        self.refill = refill;
    }

    /// An instance that waits, if one does.
    pub(crate) fn take_ready(&mut self) -> Option<Instance> {
        self.ready.pop()
    }

    /// Has one more wait, unless the policy was replaced.
    pub(crate) fn put_ready(&mut self, instance: Instance) {
        if self.refill != Refill::Over {
            self.ready.push(instance);
        }
    }

    /// Whether fewer wait than are to.
    pub(crate) fn wants_more(&self) -> bool {
        self.refill != Refill::Over && self.ready.len() < READY
    }

    /// Whether some are to wait.
    fn is_pool(&self) -> bool {
        matches!(self.refill, Refill::Idle | Refill::UnderWay)
    }

    /// None waits, though some are to.
    pub(crate) fn is_short(&self) -> bool {
        self.is_pool() && self.ready.is_empty()
    }

    /// None waits from now on. What waited is given back, to be dropped where nobody waits for that.
    pub(crate) fn retire(&mut self) -> (Vec<Instance>, Vec<Instance>) {
        self.refill = Refill::Over;
        (std::mem::take(&mut self.ready), std::mem::take(&mut self.used))
    }

    /// A refill has ended.
    pub(crate) fn end_refill(&mut self) {
        if self.refill == Refill::UnderWay {
            self.refill = Refill::Idle;
        }
    }

    /// Keeps a used one to be dropped by the slow thread, or gives it back.
    pub(crate) fn put_away(&mut self, instance: Instance) -> Option<Instance> {
        if self.is_pool() && self.used.len() < READY {
            self.used.push(instance);
            return None;
        }
        Some(instance)
    }

    /// The used ones, to be dropped.
    pub(crate) fn take_used(&mut self) -> Vec<Instance> {
        std::mem::take(&mut self.used)
    }

    /// Begins a refill if too few wait: `UnderWay` is for whoever has to do it.
    pub(crate) fn begin_refill(&mut self) -> Refill {
        if self.ready.len() >= FEW || self.refill != Refill::Idle {
            return Refill::None;
        }
        self.refill = Refill::UnderWay;
        Refill::UnderWay
    }
}
