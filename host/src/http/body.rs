//! Bodies in both directions: their bytes are counted as they pass, and only bodies that a policy inspects are
//! collected.
//!
//! A broken body is never ended as if it were whole.

pub(crate) mod coalesce;
pub(crate) mod inspected;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod room;
