//! Real clients against a real engine, through the gateway, over both kinds of listener.
//!
//! Each function is one scenario of one client. Scenarios share an engine unless they count or sweep up what others
//! made, or need a swarm; those start their own.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and finds its programs through the environment"
)]

mod bollard;
mod client;
mod compose;
mod conversation;
mod docker_cli;
mod look_ups;
mod policies;
mod presets;
mod programs;
mod raw;
mod scripts;
mod top;
mod websocket;
