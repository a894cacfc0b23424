//! HTTP with clients: heads that may be judged, refusals, and bodies in both directions.

pub(crate) mod body;
pub(crate) mod head;
pub(crate) mod refusal;
