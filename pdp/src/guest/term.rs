//! The term of a decision: how long it may take, and what counts as its time.
//!
//! A decision runs in turns. Its own time counts: its turns, and how long it waits for the engine or a clock. The time in
//! which others have their turn does not count, so that decisions do not deny each other. When it has waited for its turn
//! many times as long as it may run, it ends all the same, as one for which there was no time. Whether it is slow is
//! another question: that is told by what its turns took of the processor.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::time::sleep;

use crate::guest::fault::Fault;

#[cfg(test)]
mod tests;

/// A slice: what a guest may take of the processor before others have their turn.
pub(crate) const SLICE: Duration = Duration::from_micros(200);

/// How many times its time a decision waits for its turn: those that come together have theirs in slices.
const PATIENCE: u32 = 10;

/// The time that one piece of work may take. A clone is the same term.
#[derive(Clone, Debug)]
pub(crate) struct Term(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    time: Duration,
    account: Mutex<Account>,
}

#[derive(Debug)]
struct Account {
    /// What the turns that are over took of the processor.
    ran: Duration,
    /// How long the work waited for something else than its turn, or for the processor during its turn.
    waited: Duration,
    /// How long the work waited for its turn.
    queued: Duration,
    /// When the last turn ended, or the term began.
    since: Instant,
    /// When the work was told that it can go on; `None` if it waits for that.
    ready: Option<Instant>,
    turn: Turn,
    waker: Option<Waker>,
}

/// The beginning of a turn, by two clocks.
#[derive(Debug)]
struct Turn {
    began: Instant,
    processor: Duration,
}

/// What a turn took of the processor, and what all turns up to it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    /// The last turn.
    pub turn: Duration,
    /// All turns.
    pub all: Duration,
}

/// What a guest is to do at a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// It goes on.
    GoOn,
    /// It lets others have their turn.
    Yield,
    /// It ends, because its time is over.
    End,
}

impl Term {
    /// A term that begins now.
    pub(crate) fn of(time: Duration) -> Self {
        let now = Instant::now();
        let account = Mutex::new(Account {
            ran: Duration::ZERO,
            waited: Duration::ZERO,
            queued: Duration::ZERO,
            since: now,
            ready: Some(now),
            turn: Turn { began: now, processor: Duration::ZERO },
            waker: None,
        });
        Self(Arc::new(Shared { time, account }))
    }

    /// The whole time.
    pub(crate) fn time(&self) -> Duration {
        self.0.time
    }

    /// Runs `work` within the term.
    ///
    /// # Errors
    /// [`Fault::Timeout`] if its time is over, also if `work` ends nevertheless; [`Fault::Crowded`] if it did not get
    /// its turn.
    pub(crate) async fn run<T>(&self, work: impl Future<Output = T>) -> Result<T, Fault> {
        self.run_noting(work, |_cost| ()).await
    }

    /// Runs `work` within the term, and tells `note` after each turn what it cost: a client that never waits for the
    /// end cannot prevent it.
    ///
    /// # Errors
    /// Those of [`Term::run`].
    pub(crate) async fn run_noting<T>(
        &self,
        work: impl Future<Output = T>,
        mut note: impl FnMut(Cost),
    ) -> Result<T, Fault> {
        let waker = Waker::from(Arc::clone(&self.0));
        let (mut work, mut timer) = (pin!(work), pin!(None));
        std::future::poll_fn(|cx| {
            self.0.begin_turn(cx.waker())?;
            let mut cx = Context::from_waker(&waker);
            let polled = work.as_mut().poll(&mut cx);
            note(self.0.end_turn());
            if let Poll::Ready(done) = polled {
                return Poll::Ready(self.0.require_time().map(|()| done));
            }
            if let Some(left) = self.0.may_wait() {
                timer.set(Some(sleep(left)));
                if let Some(timer) = timer.as_mut().as_pin_mut()
                    && timer.poll(&mut cx).is_ready()
                {
                    return Poll::Ready(Err(Fault::Timeout(self.0.time)));
                }
            }
            Poll::Pending
        })
        .await
    }

    /// What a guest whose turn it is does at a tick.
    pub(crate) fn pace(&self) -> Pace {
        let account = self.0.account();
        let took = account.turn.took();
        if account.own() + account.turn.began.elapsed() >= self.0.time {
            Pace::End
        } else if took >= SLICE {
            Pace::Yield
        } else {
            Pace::GoOn
        }
    }

    /// What the turns took of the processor.
    pub(crate) fn ran(&self) -> Duration {
        self.0.account().ran
    }
}

impl Shared {
    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// # Errors
    /// The [`Fault`] that it is if the time is over.
    fn begin_turn(&self, waker: &Waker) -> Result<(), Fault> {
        let mut account = self.account();
        let now = Instant::now();
        // Who was woken during his turn waits for the next one from its end on.
        let ready = account.ready.take().map_or(now, |ready| ready.max(account.since));
        let (waited, queued) = (ready - account.since, now.saturating_duration_since(ready));
        account.waited += waited;
        account.queued += queued;
        if account.own() >= self.time {
            return Err(Fault::Timeout(self.time));
        }
        let patience = self.time.saturating_mul(PATIENCE);
        if account.queued >= patience {
            return Err(Fault::Crowded(patience));
        }
        if !account.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            account.waker = Some(waker.clone());
        }
        account.turn = Turn { began: now, processor: processor_time() };
        Ok(())
    }

    fn end_turn(&self) -> Cost {
        let mut account = self.account();
        let turn = account.turn.took();
        account.since = Instant::now();
        let lost = account.since.duration_since(account.turn.began).saturating_sub(turn);
        account.waited += lost;
        account.ran += turn;
        Cost { turn, all: account.ran }
    }

    /// # Errors
    /// [`Fault::Timeout`] if the time is over.
    fn require_time(&self) -> Result<(), Fault> {
        match self.account().own() >= self.time {
            true => Err(Fault::Timeout(self.time)),
            false => Ok(()),
        }
    }

    /// How long the work may wait, unless it can go on already.
    fn may_wait(&self) -> Option<Duration> {
        let account = self.account();
        account.ready.is_none().then(|| self.time.saturating_sub(account.own()))
    }
}

/// The waker that notes when the work can go on.
impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let waker = {
            let mut account = self.account();
            account.ready.get_or_insert_with(Instant::now);
            account.waker.clone()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Account {
    /// The time that counts, up to the end of the last turn.
    fn own(&self) -> Duration {
        self.ran + self.waited
    }
}

impl Turn {
    /// What the turn took of the processor until now. While that cannot be more than a slice, the thread's clock, which
    /// takes a system call, is not read.
    fn took(&self) -> Duration {
        let passed = self.began.elapsed();
        if passed <= SLICE {
            return passed;
        }
        processor_time().saturating_sub(self.processor).min(passed)
    }
}

/// What this thread has had of the processor.
fn processor_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}
