//! The policy decision point: runs policies in a sandbox, and gives a permit to each operation that is allowed.
//!
//! A policy is a WebAssembly component. `load` makes one from a file, `guest` runs it, `chain` holds all policies in
//! their order, `runtime` asks them, `reload` loads them anew when their files change, and `decision_point` makes a
//! [`Permit`] from what they and the env flags say. All code that uses wasmtime is in this crate, and nothing here
//! knows the gateway's configuration, its listeners or how it speaks HTTP: a [`Question`] comes in, a [`Permit`] or a
//! [`Denied`] goes out.
//!
//! `workbench` loads and asks policies outside of a gateway, for the author's tools and for tests.

pub mod admit;
mod bindings;
mod chain;
mod decision_point;
mod digest;
mod events;
mod guest;
mod load;
mod lookup;
mod permit;
mod places;
mod question;
mod reload;
mod ruling;
mod runtime;
mod settings;
pub mod workbench;

pub use bindings::{LookupError, ObjectKind};
pub use chain::{Chain, Link, Weight};
pub use decision_point::PolicyDecisionPoint;
pub use digest::Digest;
pub use events::GUEST_TARGET;
pub use guest::fault::Fault;
pub use guest::interface::{PolicyDenial, Verdict};
pub use guest::sandbox::SandboxError;
pub use load::LoadError;
pub use load::compiler::{COMPILE_POLICY, CompileError, Compiler};
pub use load::compiler_process::compile_policy;
pub use load::files::Unreadable;
pub use load::imports::BadImport;
pub use lookup::{Inspector, LookupAnswer, Lookups, NoEngine, no_name};
pub use permit::Permit;
pub use question::{CLIENT_FACTS, InspectedBody, Question};
pub use reload::Reload;
pub use ruling::{Denied, PolicyId, Ruling};
pub use runtime::ChainError;
pub use settings::{Limits, Mode, Policies, PolicyConfig, PolicySettings};
