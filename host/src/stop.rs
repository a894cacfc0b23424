//! The gateway's own stop, in the two steps that connections see.

use tokio_util::sync::CancellationToken;

/// The two steps of a stop. All clones are one stop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop {
    /// Cancelled when the stop begins: connections without a request in flight end, and so do those that only follow
    /// something.
    pub begun: CancellationToken,
    /// Cancelled when the grace period is over, or is cut short: what is still open ends.
    pub cut: CancellationToken,
}
