//! Faults: what can go wrong with a policy in the middle of a decision. Every fault denies the request.

use std::time::Duration;

use engine_api::untrusted;
use wasmtime::{PoolConcurrencyLimitError, Trap};

#[cfg(test)]
mod tests;

/// A policy that failed. The text is for the operator's log; the client is told that the policy failed, and no more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The policy took longer than it may.
    #[error("it did not answer within {} ms (POLICY_TIMEOUT)", .0.as_millis())]
    Timeout(Duration),
    /// The policy did not get its turn, because others took theirs.
    #[error("it waited {} ms for its turn, as others were decided on (ten times POLICY_TIMEOUT)", .0.as_millis())]
    Crowded(Duration),
    /// The policy needed more memory than it may have, and gave up.
    #[error("it needed more than {} MiB of memory (POLICY_MEMORY)", .0 / (1024 * 1024))]
    Memory(usize),
    /// The policy's calls are nested too deeply for its stack.
    #[error("it ran out of stack: its calls go too deep")]
    Stack,
    /// One call handed over more data than the host accepts.
    #[error("it handed over more than {} KiB of data at once", crate::guest::limits::MAX_HOSTCALL / 1024)]
    TooMuchData,
    /// The policy ended itself: by a panic, `unreachable`, `exit` or a division by zero.
    #[error("it crashed: {0}")]
    Crash(String),
    /// The policy's answer makes no sense.
    #[error("it gave a senseless answer: {0}")]
    Nonsense(String),
    /// As many decisions were running as may run at a time.
    #[error("{0} decisions were running already, and none ended in time (POLICY_CONCURRENCY)")]
    Busy(usize),
    /// As many decisions about requests of one client were running as it may have at a time.
    #[error(
        "{0} decisions about this client's requests were running already, its share, and none ended in time (POLICY_CONCURRENCY)"
    )]
    ShareTaken(usize),
    /// The pool has no room for another instance: many decisions run, some of them on policies that were replaced.
    #[error("there was no room for another instance (POLICY_CONCURRENCY): {0}")]
    NoRoom(String),
    /// The host failed, not the policy.
    #[error("the gateway could not run it: {0}")]
    Host(String),
}

/// What a guest was allowed, which tells what it ran out of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    /// `POLICY_TIMEOUT`, or what `configure` may take.
    pub time: Duration,
    /// `POLICY_MEMORY`, in bytes.
    pub memory: usize,
    /// Whether the guest asked for more memory, and was refused.
    pub memory_ran_out: MemoryAsked,
}

/// Whether a guest asked for more memory than it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemoryAsked {
    /// It did not.
    Within,
    /// It did, and was refused. It may have gone on.
    Beyond,
}

impl Fault {
    /// What a client is told about the fault.
    pub(crate) const fn for_client(&self) -> &'static str {
        match self {
            Self::Busy(_) | Self::ShareTaken(_) | Self::NoRoom(_) | Self::Crowded(_) => {
                "is busy with other requests"
            }
            Self::Timeout(_) => "did not answer in time",
            Self::Memory(_)
            | Self::Stack
            | Self::TooMuchData
            | Self::Crash(_)
            | Self::Nonsense(_)
            | Self::Host(_) => "failed (the gateway's log says how)",
        }
    }

    /// The fault that made a call into a guest fail, told by the type of the error where it has one.
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
        if is_out_of_memory(error) {
            return Self::Host(format!(
                "this machine gives it no more memory, or no more address space (ulimit -v): {}",
                one_line(error)
            ));
        }
        // What is left are errors of the component model (too much data, invalid UTF-8), and calls that need a request
        // when there is none. The type of the first is private to wasmtime: only its text tells it apart.
        let text = format!("{:#}", error.root_cause());
        if allowance.memory_ran_out == MemoryAsked::Beyond {
            return Self::Memory(allowance.memory); // for example, the memory that it starts with is too large
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

/// The error with which the epoch's callback ends a guest.
#[derive(Debug, thiserror::Error)]
#[error("out of time")]
pub(crate) struct TimeIsUp;

/// Whether the system gave no more memory, or no more address space.
pub(crate) fn is_out_of_memory(error: &wasmtime::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref() == Some(&rustix::io::Errno::NOMEM)
            || cause.downcast_ref().map(std::io::Error::kind) == Some(std::io::ErrorKind::OutOfMemory)
    })
}

/// The error and its causes, fit for one line.
pub(crate) fn one_line(error: &wasmtime::Error) -> String {
    let text = format!("{error:#}");
    untrusted::fit(&text.split_whitespace().collect::<Vec<_>>().join(" "), 1000)
}

fn first_line(text: &str) -> String {
    untrusted::fit(text.lines().next().unwrap_or_default(), 200)
}
