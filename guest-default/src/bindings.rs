//! The code that wit-bindgen generates from `wit/policy.wit`, and the export of the policy.
#![allow(unsafe_code, missing_docs, unreachable_pub, reason = "generated")]
#![allow(clippy::all, clippy::restriction, clippy::pedantic, clippy::nursery, reason = "generated")]

wit_bindgen::generate!({ path: "../wit", world: "policy" });
export!(DefaultPolicy with_types_in self);

use super::DefaultPolicy;
pub(crate) use exports::sockgate::policy::decision_point::{Decision, Guest, Manifest, Request};
pub(crate) use sockgate::policy::types::Denial;
