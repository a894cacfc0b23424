//! The limit of clients' connections: `MAX_CONNECTIONS` of them, and a few more that are only told that it is reached.
//!
//! Each further one waits for a place among those few and is told as well. One that has had the time to ask, and has not,
//! gives its place to the newest, so that nobody keeps the answer from others by being silent.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::open_files;

/// How many connections beyond the limit are open at a time, to be answered 503. With few file descriptors they are fewer.
const MAX_TURNED_AWAY: usize = 64;

/// How long each of them has its place to itself. A client that has connected sends its request within this time.
const TIME_TO_ASK: Duration = Duration::from_millis(500);

/// The time between two lines of the log about connections that were turned away.
const REPORT_PAUSE: Duration = Duration::from_secs(10);

/// The file descriptors of a connection: the client's socket, a second one to poll it, and the engine's socket, which
/// may be a kept one.
const FILES_PER_CONNECTION: usize = 3;

/// The file descriptors of a connection that is turned away, which never needs the engine.
const FILES_PER_TURNED_AWAY: usize = 2;

/// At most one of so many file descriptors is for connections that are turned away: most are for those that are served.
const TURNED_AWAY_SHARE: usize = 4;

/// The file descriptors for everything else: listeners, the log, files of policies.
const FILES_APART: usize = 32;

/// The free slots for connections that are served and for connections that are turned away.
#[derive(Debug)]
pub(crate) struct ConnectionLimit {
    /// How many connections are served at a time.
    pub connections: usize,
    /// Why there are not more.
    pub limited_by: LimitedBy,
    free: Arc<Semaphore>,
    turned_away: Arc<TurnedAway>,
}

/// What limits the number of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LimitedBy {
    /// The setting.
    #[error("MAX_CONNECTIONS")]
    Setting,
    /// The limit of open files, which has no room for `MAX_CONNECTIONS`.
    #[error("the limit of open files")]
    OpenFiles,
}

/// A connection's slot, which is free again when this is dropped.
#[derive(Debug)]
pub(crate) enum Slot {
    /// The connection is served.
    Taken(#[allow(dead_code, reason = "held for its drop")] OwnedSemaphorePermit),
    /// The connection is beyond the limit, and is answered 503.
    TurnedAway(Place),
}

impl ConnectionLimit {
    /// A limit of `wanted` connections, or as many as there are file descriptors for beside `look_ups` connections for
    /// policies: if clients held them all, none would be left for connections to the engine.
    pub(crate) fn new(wanted: usize, look_ups: usize) -> Self {
        let limit = open_files::limit();
        let left = limit.saturating_sub(FILES_APART + look_ups);
        let places = (left / TURNED_AWAY_SHARE / FILES_PER_TURNED_AWAY).clamp(1, MAX_TURNED_AWAY);
        let apart = FILES_APART + look_ups + FILES_PER_TURNED_AWAY * places;
        let fit = (limit.saturating_sub(apart) / FILES_PER_CONNECTION).max(1);
        let limited_by = if fit < wanted { LimitedBy::OpenFiles } else { LimitedBy::Setting };
        if limited_by == LimitedBy::OpenFiles {
            let apart = FILES_APART + look_ups + FILES_PER_TURNED_AWAY * MAX_TURNED_AWAY;
            let needed = wanted.saturating_mul(FILES_PER_CONNECTION).saturating_add(apart);
            tracing::warn!(
                "MAX_CONNECTIONS={wanted} is lowered to {fit}: the limit of open files is {limit}, \
                 and {needed} are needed (ulimit -n, LimitNOFILE=)"
            );
        }
        let connections = wanted.min(fit);
        let free = Arc::new(Semaphore::new(connections));
        Self { connections, limited_by, free, turned_away: Arc::new(TurnedAway::new(places)) }
    }

    /// Takes a slot. Where all of either kind are taken, it waits until one is free.
    pub(crate) async fn take(&self) -> Slot {
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
            return Slot::Taken(permit);
        }
        let free = async {
            match Arc::clone(&self.free).acquire_owned().await {
                Ok(permit) => permit,
                Err(_never_closed) => pending().await,
            }
        };
        tokio::select! {
            biased;
            permit = free => Slot::Taken(permit),
            place = TurnedAway::enter(&self.turned_away) => Slot::TurnedAway(place),
        }
    }

    /// Says in the log how many connections were turned away: of the first at once, of others every ten seconds.
    pub(crate) async fn report(&self) -> ! {
        loop {
            self.turned_away.unreported_came.notified().await;
            self.report_now();
            sleep(REPORT_PAUSE).await;
        }
    }

    /// Says in the log how many connections were turned away since the last time, if any were.
    pub(crate) fn report_now(&self) {
        let count = self.turned_away.unreported.swap(0, Ordering::Relaxed);
        if count > 0 {
            let (limit, cause, next_step) = (self.connections, self.limited_by, self.limited_by.next_step());
            tracing::warn!(
                count,
                limit,
                "connections were turned away: there are as many as {cause} allows; {next_step}"
            );
        }
    }
}

impl LimitedBy {
    /// What makes room for more.
    pub(crate) const fn next_step(self) -> &'static str {
        match self {
            Self::Setting => "raise it",
            Self::OpenFiles => "raise it (ulimit -n, LimitNOFILE=)",
        }
    }
}

impl Slot {
    /// Waits until a newer connection needs the place of this one; for ever if it is served.
    pub(crate) async fn until_needed(&self) {
        match self {
            Self::Taken(_) => pending().await,
            Self::TurnedAway(place) => place.is_needed.cancelled().await,
        }
    }
}

/// The connections that are turned away.
#[derive(Debug)]
struct TurnedAway {
    most: usize,
    places: Mutex<Places>,
    one_left: Notify,
    /// How many have come that the log does not tell of yet.
    unreported: AtomicUsize,
    unreported_came: Notify,
}

/// Who has the places, by the order in which they came.
#[derive(Debug, Default)]
struct Places {
    came: u64,
    taken: BTreeMap<u64, Holder>,
}

#[derive(Debug)]
struct Holder {
    since: Instant,
    is_needed: CancellationToken,
}

/// The place of a connection that is turned away.
#[derive(Debug)]
pub(crate) struct Place {
    number: u64,
    is_needed: CancellationToken,
    among: Arc<TurnedAway>,
}

impl TurnedAway {
    fn new(most: usize) -> Self {
        let (places, one_left) = (Mutex::default(), Notify::new());
        let (unreported, unreported_came) = (AtomicUsize::new(0), Notify::new());
        Self { most, places, one_left, unreported, unreported_came }
    }

    /// Takes a place, if need be from the one that has had it for the longest time, as soon as that had time to ask.
    async fn enter(this: &Arc<Self>) -> Place {
        loop {
            match Self::try_enter(this) {
                Ok(place) => {
                    this.unreported.fetch_add(1, Ordering::Relaxed);
                    this.unreported_came.notify_one();
                    // Whoever gave it up closes in a turn of its own, and before the next connection comes: files are
                    // reckoned for as many as there are places.
                    yield_now().await;
                    return place;
                }
                // Whether one has left or the time is over is seen when it is tried again.
                Err(until) => drop(timeout_at(until, this.one_left.notified()).await),
            }
        }
    }

    /// Takes a place, or tells until when none may be taken from anybody.
    fn try_enter(this: &Arc<Self>) -> Result<Place, Instant> {
        let mut places = this.places();
        let now = Instant::now();
        if places.taken.len() >= this.most
            && let Some(oldest) = places.taken.first_entry()
        {
            let until = oldest.get().since + TIME_TO_ASK;
            if now < until {
                return Err(until);
            }
            oldest.remove().is_needed.cancel();
        }
        let (number, is_needed) = (places.came, CancellationToken::new());
        places.came += 1;
        places.taken.insert(number, Holder { since: now, is_needed: is_needed.clone() });
        Ok(Place { number, is_needed, among: Arc::clone(this) })
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.among.places().taken.remove(&self.number);
        self.among.one_left.notify_one();
    }
}
