//! Reloading: the policies follow their files, without a request that fails on the way.
//!
//! The files are looked at each second, through symbolic links. When they have changed, and look the same twice, they are
//! loaded beside the policies in force and take their place, all together or none; SIGHUP has the same done at once.
//! What does not load is not tried again until it has changed.
//!
//! Looking, and not being told (inotify): that works on every file system, for a link that is swapped three folders up,
//! and for a file that is not there yet.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use crate::chain::{Chain, Link};
use crate::decision_point::PolicyDecisionPoint;
use crate::load::files::Look;
use crate::runtime::Runtime;

/// Between two looks at the files.
const INTERVAL: Duration = Duration::from_secs(1);

/// Asks a running gateway to load its policies anew, whether or not their files seem to have changed.
#[derive(Clone, Debug, Default)]
pub struct Reload(Arc<Notify>);

impl Reload {
    /// Asks. Where that is being done already, it is done once more.
    pub fn ask(&self) {
        self.0.notify_one();
    }
}

/// Why policies are loaded anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Asked,
    FilesChanged,
}

impl PolicyDecisionPoint {
    /// Keeps the policies up to their files, for as long as it is polled.
    pub async fn follow_files(&self, reload: &Reload) {
        let Some((runtime, first_look)) = self.followed() else {
            loop {
                reload.0.notified().await;
                tracing::info!(target: "sockgate::policy", "there is nothing to reload: POLICY names no policy");
            }
        };
        let mut watch = Watch { runtime, tried: first_look.clone(), last: first_look.clone() };
        loop {
            let cause = watch.until_due(reload).await;
            self.reload(runtime, cause).await;
        }
    }

    async fn reload(&self, runtime: &Runtime, cause: Cause) {
        let old = self.chain();
        match runtime.load(&old).await {
            Ok(new) if is_same(&old, &new) => match cause {
                Cause::Asked => {
                    tracing::info!(target: "sockgate::policy", "the policies have not changed: {}", old.in_words());
                }
                Cause::FilesChanged => {}
            },
            Ok(new) => {
                let new = Arc::new(new);
                self.replace(Arc::clone(&new));
                log_changes(&old, &new);
                runtime.retire(&old, &new);
            }
            Err(problem) => {
                let in_force = old.in_words();
                tracing::error!(target: "sockgate::policy", "the policies stay as they were ({in_force}): {problem}");
            }
        }
    }
}

/// Watches the files.
struct Watch<'r> {
    runtime: &'r Runtime,
    /// How they looked before they were loaded the last time, with success or without.
    tried: Look,
    /// How they looked the last time.
    last: Look,
}

impl Watch<'_> {
    async fn until_due(&mut self, reload: &Reload) -> Cause {
        loop {
            let cause = tokio::select! {
                () = reload.0.notified() => Cause::Asked,
                () = sleep(INTERVAL) => Cause::FilesChanged,
            };
            // Before they are read: a change in the middle of that is seen by the next look.
            let look = self.runtime.look().await;
            let is_settled = look == self.last;
            self.last.clone_from(&look);
            let is_due = match cause {
                Cause::Asked => true,
                Cause::FilesChanged => is_settled && look != self.tried,
            };
            if is_due {
                self.tried = look;
                return cause;
            }
        }
    }
}

fn is_same(old: &Chain, new: &Chain) -> bool {
    pairs(old, new).all(|(old, new)| Arc::ptr_eq(old, new))
}

/// The entries of `POLICY`, as they were and as they are.
fn pairs<'c>(old: &'c Chain, new: &'c Chain) -> impl Iterator<Item = (&'c Arc<Link>, &'c Arc<Link>)> {
    old.links().iter().zip(new.links())
}

fn log_changes(old: &Chain, new: &Chain) {
    for (old, new) in pairs(old, new).filter(|(old, new)| !Arc::ptr_eq(old, new)) {
        let mode = new.mode.as_str();
        if old.id.digest == new.id.digest {
            tracing::info!(target: "sockgate::policy", mode, "policy {} has new settings", new.id);
        } else {
            tracing::info!(target: "sockgate::policy", mode, "policy {} replaces {}", new.id, old.id);
        }
    }
}
