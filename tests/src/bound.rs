//! The failure bound of every wait.

use std::time::Duration;

/// Long enough for a loaded machine, short enough that a hanging case says so.
pub const BOUND: Duration = Duration::from_secs(30);

/// Waits for `event`; panics with `what` when it does not come.
pub async fn within<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(BOUND, event).await {
        Ok(value) => value,
        Err(_) => panic!("waited {BOUND:?} in vain for: {what}"),
    }
}
