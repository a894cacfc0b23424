//! The code that wasmtime generates from `wit/policy.wit`: the types of the world, traits for its imports, and calls of
//! its exports.
#![allow(missing_docs, unreachable_pub, reason = "generated")]
#![allow(clippy::all, clippy::restriction, clippy::pedantic, clippy::nursery, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "policy",
    imports: {
        "sockgate:policy/engine": async | trappable,
        "sockgate:policy/call.body": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    additional_derives: [Hash, PartialEq, Eq],
});

pub use exports::sockgate::policy::decision_point::{Decision, Manifest, Request};
pub use sockgate::policy::call::RequestBody;
pub use sockgate::policy::engine::{Kind as ObjectKind, LookupError};
pub use sockgate::policy::log::Level;
pub use sockgate::policy::types::{Access, FlagsVerdict};
pub use sockgate::policy::{call, engine, log, types};
