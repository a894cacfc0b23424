//! The policy author's tools: look at a policy, test it, measure it, begin one.
//!
//! Policies are loaded and asked as in the gateway, by way of [`pdp::workbench`]; requests and the engine's answers are
//! made up. Nothing here listens, connects or prints: each tool gives back what is to be said.

mod bench;
mod cases;
mod check;
mod expected;
mod explain;
mod fixtures;
mod junit;
mod new;
mod overheard;
mod request;
mod trial;
mod units;
mod yaml;

pub use bench::{Plan, Unmeasured, bench};
pub use cases::CaseFile;
pub use check::check;
pub use explain::{Circumstances, Outcome, explain, explain_by_flags};
pub use junit::{junit, junit_error};
pub use new::{Language, NotMade, new};
pub use request::refused_in_words;
pub use trial::{CaseResult, Difference, Passed, Results, run};
