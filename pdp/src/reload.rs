//! Reloads policies when their files change, without making a request fail.
//!
//! The files are looked at each second, through symbolic links. When they have changed, and then look the same twice,
//! they are loaded beside the policies in force and take their place, all of them or none; SIGHUP does the same at
//! once. Files that fail to load are not tried again until they have changed.
//!
//! The files are polled, without inotify, because that works on every file system, for a link that is swapped three
//! folders up, and for a file that is not there yet.

use std::sync::Arc;
use std::time::Duration;

use engine_api::report;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::chain::{Chain, Link};
use crate::decision_point::PolicyDecisionPoint;
use crate::events::POLICY_TARGET;
use crate::load::files::Look;
use crate::runtime::Runtime;

/// The time between two looks at the files.
const INTERVAL: Duration = Duration::from_secs(1);

/// Asks a running gateway to load its policies anew, whether or not their files seem to have changed.
#[derive(Clone, Debug, Default)]
pub struct Reload(Arc<Notify>);

impl Reload {
    /// Asks for a reload. If one is under way already, another one follows.
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
    /// Keeps the policies up to date with their files, for as long as the future is polled.
    pub async fn follow_files(&self, reload: &Reload) {
        let Some((runtime, first_look)) = self.followed() else {
            loop {
                reload.0.notified().await;
                tracing::info!(target: POLICY_TARGET, "there is nothing to reload: POLICY names no policy");
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
                    tracing::info!(target: POLICY_TARGET, "the policies have not changed: {}", old.in_words());
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
                let (in_force, problem) = (old.in_words(), report(&problem));
                tracing::error!(target: POLICY_TARGET, "the policies stay as they were ({in_force}): {problem}");
            }
        }
    }
}

/// Watches the files.
struct Watch<'r> {
    runtime: &'r Runtime,
    /// What the files looked like before they were last loaded, successfully or not.
    tried: Look,
    /// What the files looked like the last time that they were looked at.
    last: Look,
}

impl Watch<'_> {
    async fn until_due(&mut self, reload: &Reload) -> Cause {
        loop {
            let cause = tokio::select! {
                () = reload.0.notified() => Cause::Asked,
                () = sleep(INTERVAL) => Cause::FilesChanged,
            };
            // The files are looked at before they are read, so that a change in between is seen by the next look.
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

/// The old and the new policy of each entry of `POLICY`.
fn pairs<'c>(old: &'c Chain, new: &'c Chain) -> impl Iterator<Item = (&'c Arc<Link>, &'c Arc<Link>)> {
    old.links().iter().zip(new.links())
}

fn log_changes(old: &Chain, new: &Chain) {
    // A policy that is only called otherwise now, beside a new namesake, has not changed.
    for (old, new) in pairs(old, new).filter(|(old, new)| !Arc::ptr_eq(&old.component, &new.component)) {
        let mode = new.mode.as_str();
        if old.id.digest == new.id.digest {
            tracing::info!(target: POLICY_TARGET, mode, "policy {} has new settings", new.id);
        } else {
            tracing::info!(target: POLICY_TARGET, mode, "policy {} replaces {}", new.id, old.id);
        }
    }
}
