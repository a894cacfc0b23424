//! What wit-bindgen makes of `wit/policy.wit`, and the export of the policy.
#![allow(unsafe_code, missing_docs, unreachable_pub, reason = "generated")]
#![allow(clippy::all, clippy::restriction, clippy::pedantic, clippy::nursery, reason = "generated")]

wit_bindgen::generate!({ path: "../../wit", world: "policy" });
export!(RulesPolicy with_types_in self);

use super::RulesPolicy;
pub(crate) use exports::sockgate::policy::decision_point::{Decision, Guest, Manifest, Request};
pub(crate) use sockgate::policy::call::{self, RequestBody};
pub(crate) use sockgate::policy::engine::{self, Kind, LookupError};
pub(crate) use sockgate::policy::types::{Access, Denial};
