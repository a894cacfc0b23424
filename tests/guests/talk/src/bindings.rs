//! What wit-bindgen makes of `wit/policy.wit`, and the export of the policy.
#![allow(unsafe_code, missing_docs, unreachable_pub, reason = "generated")]
#![allow(clippy::all, clippy::restriction, clippy::pedantic, clippy::nursery, reason = "generated")]

wit_bindgen::generate!({ path: "../../../wit", world: "policy" });
export!(Talk with_types_in self);

use super::Talk;
pub(crate) use exports::sockgate::policy::decision_point::{Decision, Guest, Manifest, Request};
pub(crate) use sockgate::policy::call::{RequestBody, body, headers};
pub(crate) use sockgate::policy::log::{Level, log};
pub(crate) use sockgate::policy::types::Denial;
