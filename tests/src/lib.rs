//! The end-to-end harness: a stand-in engine, the gateway in front of it, and a raw client.
//!
//! All three speak bytes, so that a test can say exactly what was sent and see exactly what came. Every wait has a time
//! limit (`within`) and fails with what it was waiting for; none of them is a pause. Errors panic: this is test code.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a harness fails by panicking, and its tasks end with its runtime"
)]

pub mod binary;
mod bound;
mod client;
pub mod dockerd;
mod fake_engine;
mod gateway;
pub mod guests;
mod head;
mod installed;
mod program;
pub mod reference;
mod socket;
mod wire;

pub use bound::{BOUND, within};
pub use client::{Client, Endpoint, Response, request};
pub use fake_engine::{Call, Calls, Counts, FakeEngine, RawConnections, Seen, json};
pub use gateway::{Gateway, Via, scene, scene_with};
pub use head::Head;
pub use installed::installed;
pub use program::Program;
pub use socket::Socket;
pub use wire::{Body, BodyEnd, Ended, Ending, Wire};

/// Runs each case once over the gateway's TCP listener and once over its unix listener. A case is an
/// `async fn(Via)` beside the call; one that is left out of the list is dead code, which the lints refuse.
#[macro_export]
macro_rules! on_both_listeners {
    ($($case:ident),+ $(,)?) => {
        mod over_tcp {
            $(#[tokio::test] async fn $case() { super::$case($crate::Via::Tcp).await; })+
        }
        mod over_unix {
            $(#[tokio::test] async fn $case() { super::$case($crate::Via::Unix).await; })+
        }
    };
}
