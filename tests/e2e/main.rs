//! The end-to-end cases.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a case fails by panicking, and its tasks end with its runtime"
)]

mod agreement;
mod cli;
mod docs;
mod faults;
mod forwarding;
mod guests;
mod hostile;
mod inspection;
mod lookups;
mod native_grpc;
mod operations;
mod policies;
mod policy_tools;
mod presets;
mod regression;
mod reload;
mod rules;
