//! HTTP with clients: request heads, refusals, and bodies in both directions.

pub(crate) mod body;
pub(crate) mod head;
pub(crate) mod refusal;
pub(crate) mod unreadable;
