//! The tools for those who write policies: check a policy, test it, measure it, begin a new one, and explain a decision.
//!
//! Policies are loaded and asked as in the gateway, by way of [`pdp::workbench`]. Nothing here listens or prints: each tool
//! returns the text that is to be printed. Requests are made up, and so are the engine's answers; only `explain` asks the
//! real engine.

mod bench;
mod capture_log;
mod cases;
mod check;
mod expected;
mod explain;
mod fixtures;
mod junit;
mod new;
mod request;
mod run;
mod text_file;
mod units;

pub use bench::{BenchError, BenchPlan, bench};
pub use cases::{CaseFile, CaseFileError};
pub use check::check;
pub use explain::{ExplainError, FinalDecision, RequestDetails, explain, explain_by_settings};
pub use junit::{junit, junit_error};
pub use new::{Language, NewError, new};
pub use request::{refused_in_words, unknown_fact};
pub use run::{CaseResult, RunResults, run};
