//! What sockgate bases a decision on: the request target, the endpoint catalogue, the env flags and the operations that
//! are allowed or denied by name, and their verdict.
//!
//! Everything here is a pure function of its arguments: no socket, clock, environment, log or `async`, so that the
//! same code can be tabled, fuzzed, measured and compiled to a WebAssembly component. Reading the environment and
//! answering clients are the host's part.

mod authority;
pub mod body;
mod decide;
mod denial;
mod deny_reason;
mod endpoint;
mod error_chain;
mod family;
mod flags;
pub mod headers;
mod host_argument;
mod method;
mod operation;
mod operation_set;
mod rights;
mod root;
mod target;
pub mod untrusted;

pub use authority::{BadAuthority, HostRule, OriginRule, UntrustedOrigin, is_host_name, is_web_origin};
pub use decide::{Decision, decide, unmet};
pub use denial::Denial;
pub(crate) use deny_reason::reasons;
pub use deny_reason::{DenyReason, flags_of, needed_flags};
pub use endpoint::{Access, Endpoint, Transport};
pub use error_chain::report;
pub use family::Family;
pub use flags::{BadWords, Flag, Flags, NotASwitch};
pub use host_argument::HostArgument;
pub use method::Method;
pub use operation::{BadRequestLine, Operation};
pub use operation_set::OperationSet;
pub use rights::{OperationList, Rights};
pub use root::{WayToRoot, ways_to_root};
pub use target::{BadTarget, Target, encoded_in_query};
