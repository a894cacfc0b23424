//! The time limit of every wait.

use std::time::Duration;

/// The longest time that a test waits for an event: long enough for a loaded machine, short enough that a case that
/// hangs fails soon.
pub const BOUND: Duration = Duration::from_secs(30);

/// Waits for `event`, and panics with `what` when it does not come in time.
pub async fn within<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(BOUND, event).await {
        Ok(value) => value,
        Err(_) => panic!("waited {BOUND:?} in vain for: {what}"),
    }
}
