//! The tools for those who write policies: check a policy, test it, measure it, begin a new one, and explain a decision.
//!
//! Policies are loaded and asked as in the gateway, by way of [`crate::workbench`]. Nothing here listens or prints: each tool
//! returns the text that is to be printed. Requests are made up, and so are the engine's answers; only `explain` asks the
//! real engine.

mod bench;
mod capture_log;
mod cases;
mod check;
mod expected;
mod explain;
mod fixtures;
mod gate;
mod junit;
mod new;
mod run;
mod text_file;
mod yaml;

pub(crate) use bench::{BenchError, BenchPlan, bench};
pub(crate) use capture_log::POLICY_TARGET;
pub(crate) use cases::CaseFile;
pub(crate) use check::check;
pub(crate) use explain::{FinalDecision, RequestDetails, explain};
pub(crate) use gate::{in_words, operation};
pub(crate) use junit::{junit, junit_error};
#[allow(unreachable_pub, reason = "`cli` exports it")]
pub use new::Language;
pub(crate) use new::{NewError, new};
pub(crate) use run::run;

/// A size, rounded for people and in bytes.
fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB ({bytes} bytes)", bytes.div_ceil(1024)),
        _ => format!("{} ({bytes} bytes)", mebibytes(bytes)),
    }
}

/// A size in MiB, with a digit after the point unless that is 0.
fn mebibytes(bytes: u64) -> String {
    let tenths = (bytes * 10).div_ceil(1024 * 1024);
    match tenths % 10 {
        0 => format!("{} MiB", tenths / 10),
        tenth => format!("{}.{tenth} MiB", tenths / 10),
    }
}
