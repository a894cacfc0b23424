//! The policy author's tools: look at a policy, test it, measure it, begin one.
//!
//! Policies are loaded and asked as in the gateway, by way of [`crate::workbench`]; requests and the engine's answers are
//! made up. Nothing here listens, connects or prints: each tool gives back what is to be said.

mod bench;
mod cases;
mod check;
mod expected;
mod explain;
mod fixtures;
mod gate;
mod junit;
mod new;
mod overheard;
mod trial;
mod yaml;

pub(crate) use bench::{Plan, Unmeasured, bench};
pub(crate) use cases::CaseFile;
pub(crate) use check::check;
pub(crate) use explain::{Circumstances, Outcome, explain};
pub(crate) use gate::{in_words, operation};
pub(crate) use junit::{junit, junit_error};
#[allow(unreachable_pub, reason = "it is reached by way of `cli`")]
pub use new::Language;
pub(crate) use new::{NotMade, new};
pub(crate) use trial::{Passed, run};

/// A size as people read it, and in bytes.
fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB ({bytes} bytes)", bytes.div_ceil(1024)),
        _ => format!("{} ({bytes} bytes)", mebibytes(bytes)),
    }
}

/// In MiB, with a digit after the point if there is something to tell.
fn mebibytes(bytes: u64) -> String {
    let tenths = (bytes * 10).div_ceil(1024 * 1024);
    match tenths % 10 {
        0 => format!("{} MiB", tenths / 10),
        tenth => format!("{}.{tenth} MiB", tenths / 10),
    }
}
