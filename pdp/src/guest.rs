//! Guests: one instance of a policy for one decision, what the instance may do, and for how long it may run.

pub(crate) mod epoch_ticker;
pub(crate) mod fault;
pub(crate) mod guest_clock;
pub(crate) mod interface;
pub(crate) mod lane;
pub(crate) mod limits;
pub(crate) mod output;
pub(crate) mod policy;
pub(crate) mod ready;
pub(crate) mod sandbox;
pub(crate) mod slow_operations;
pub(crate) mod state;
pub(crate) mod term;
