//! What can go wrong with a policy in the middle of a decision. All of it denies the request.

use std::time::Duration;

use wasmtime::{PoolConcurrencyLimitError, Trap};

use engine_api::untrusted;

#[cfg(test)]
mod tests;

/// A policy that failed. The text is for the operator's log; the client is told that the policy failed, and no more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It took longer than it may.
    #[error("it did not answer within {} ms (POLICY_TIMEOUT)", .0.as_millis())]
    Timeout(Duration),
    /// It wanted more memory than it may have, and gave up.
    #[error("it needed more than {} MiB of memory (POLICY_MEMORY)", .0 / (1024 * 1024))]
    Memory(usize),
    /// Its calls go too deep.
    #[error("it ran out of stack: its calls go too deep")]
    Stack,
    /// It gave the host more at once than the host takes.
    #[error("it handed over more data than {} KiB at once", crate::guest::limits::MAX_HOSTCALL / 1024)]
    TooMuchData,
    /// It ended itself: a panic, `unreachable`, `exit`, a division by zero.
    #[error("it crashed: {0}")]
    Crash(String),
    /// It answered what makes no sense.
    #[error("it gave a senseless answer: {0}")]
    Nonsense(String),
    /// As many decisions are running as may.
    #[error("{0} decisions were running already, and none ended in time (POLICY_CONCURRENCY)")]
    Busy(usize),
    /// All places for instances are taken: many decisions run, and some of them on policies that were replaced.
    #[error("there was no room for another instance (POLICY_CONCURRENCY): {0}")]
    NoRoom(String),
    /// The host failed, not the policy.
    #[error("the gateway could not run it: {0}")]
    Host(String),
}

/// What a guest was allowed, to name what it ran out of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    /// `POLICY_TIMEOUT`, or what `configure` may take.
    pub time: Duration,
    /// `POLICY_MEMORY`, in bytes.
    pub memory: usize,
    /// Whether more was asked for in vain.
    pub memory_ran_out: MemoryAsked,
}

/// What a guest asked for beyond its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemoryAsked {
    /// Nothing.
    Within,
    /// More than there is; it was told so, and may have gone on.
    Beyond,
}

impl Fault {
    /// What a client may know of it.
    pub(crate) const fn for_client(&self) -> &'static str {
        match self {
            Self::Busy(_) | Self::NoRoom(_) => "is busy with other requests",
            Self::Timeout(_) => "did not answer in time",
            Self::Memory(_)
            | Self::Stack
            | Self::TooMuchData
            | Self::Crash(_)
            | Self::Nonsense(_)
            | Self::Host(_) => "failed (the gateway's log says how)",
        }
    }

    /// Tells apart why a call into a guest failed: by type, never by text.
    pub(crate) fn from_error(error: &wasmtime::Error, allowance: Allowance) -> Self {
        if let Some(trap) = error.downcast_ref::<Trap>() {
            return Self::from_trap(*trap, allowance);
        }
        if error.is::<PoolConcurrencyLimitError>() {
            return Self::NoRoom(first_line(&format!("{error:#}")));
        }
        if error.is::<wasmtime_wasi::I32Exit>() {
            return Self::Crash("it called exit".to_owned());
        }
        if error.is::<TimeIsUp>() {
            return Self::Timeout(allowance.time);
        }
        // What is left are the component model's own complaints: too much data, invalid UTF-8, a call that has no request
        // to be about. The first has a type that wasmtime keeps to itself: its
        // text is all that tells it apart.
        let text = format!("{:#}", error.root_cause());
        if allowance.memory_ran_out == MemoryAsked::Beyond {
            return Self::Memory(allowance.memory); // the memory that it starts with, for one
        }
        if text.contains("allocated for hostcalls") {
            Self::TooMuchData
        } else {
            Self::Crash(first_line(&text))
        }
    }

    fn from_trap(trap: Trap, allowance: Allowance) -> Self {
        if trap == Trap::Interrupt {
            Self::Timeout(allowance.time)
        } else if trap == Trap::StackOverflow {
            Self::Stack
        } else if allowance.memory_ran_out == MemoryAsked::Beyond {
            Self::Memory(allowance.memory)
        } else {
            Self::Crash(trap.to_string())
        }
    }
}

/// The epoch's callback ends a guest with this.
#[derive(Debug, thiserror::Error)]
#[error("out of time")]
pub(crate) struct TimeIsUp;

/// The error and its causes, on a line.
pub(crate) fn one_line(error: &wasmtime::Error) -> String {
    let text = format!("{error:#}");
    untrusted::fit(&text.split_whitespace().collect::<Vec<_>>().join(" "), 1000)
}

fn first_line(text: &str) -> String {
    untrusted::fit(text.lines().next().unwrap_or_default(), 200)
}
