//! Bodies in both directions: counted as they pass, never collected, except those that a policy inspects.
//!
//! A body that broke is never ended as if it were whole.

pub(crate) mod coalesce;
pub(crate) mod inspected;
pub(crate) mod request;
pub(crate) mod response;
