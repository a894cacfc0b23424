//! A loaded policy: asks one fresh, configured instance for each decision.
//!
//! Nothing that a decision leaves behind is there for the next one. An instance of most policies is made and configured
//! in some ten microseconds, and a decision does that itself: to have another thread do it costs more than it saves. If
//! a policy takes longer (an interpreter, or much to configure), some configured instances wait in a small pool, and
//! each of them decides once. The slow thread drops used instances and makes new ones, some at a time. When none waits,
//! a decision makes its own, in that thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use engine_api::Operation;
use tokio::task::yield_now;
use wasmtime::Trap;

use crate::admit::SHORT_BODY;
use crate::bindings::{FlagsVerdict, Manifest, PolicyPre};
use crate::guest::fault::{Fault, one_line};
use crate::guest::interface::{Verdict, request, shown, verdict};
use crate::guest::lane::{self, SlowLane};
use crate::guest::output::Output;
use crate::guest::ready::{Configured, Instance, ReadyInstances, Refill};
use crate::guest::sandbox::Sandbox;
use crate::guest::slow_operations::{Noted, QUICK_DECISION, SlowOperations, Start};
use crate::guest::state::State;
use crate::guest::term::{Cost, Term};
use crate::question::Question;
use crate::settings::Limits;

/// An instance that is made and configured within this time is made by its decision, and none need wait.
pub(crate) const QUICK: Duration = Duration::from_micros(50);

/// How often that time is measured. The shortest counts: this thread may be without a processor for a moment.
const TRIES: usize = 3;

/// How long it may take to make and configure an instance that no request waits for.
pub(crate) const CONFIGURE_TIMEOUT: Duration = Duration::from_secs(2);

/// A component that has been checked, compiled and configured.
pub(crate) struct Component {
    sandbox: Sandbox,
    pre: PolicyPre<State>,
    /// The same policy as `configure` has left it, once that is there: its instances are configured when they are made.
    snapshot: OnceLock<PolicyPre<State>>,
    settings: String,
    limits: Limits,
    /// The policy's name in log lines.
    name: Arc<str>,
    instances: Mutex<ReadyInstances>,
    slow: SlowOperations,
    /// Whether the log says already that the policy held up the gateway's own thread.
    is_told_of: AtomicBool,
}

impl Component {
    /// A component whose imports and exports have been checked.
    pub(crate) fn new(
        sandbox: Sandbox,
        pre: PolicyPre<State>,
        settings: String,
        limits: Limits,
        name: Arc<str>,
    ) -> Self {
        Self {
            sandbox,
            pre,
            snapshot: OnceLock::new(),
            settings,
            limits,
            name,
            instances: Mutex::default(),
            slow: SlowOperations::of_new_policy(),
            is_told_of: AtomicBool::new(false),
        }
    }

    /// Makes an instance that is configured, as a part of what runs within `term`.
    ///
    /// # Errors
    /// [`Unready`]: what the policy says about its settings, or what went wrong.
    async fn prepare(&self, output: Output, term: &Term) -> Result<Instance, Unready> {
        let mut instance = self.instantiate(output, term).await?;
        self.configure_in(&mut instance).await?;
        Ok(instance)
    }

    /// Makes an instance that is configured, when no decision waits for that.
    ///
    /// # Errors
    /// Those of [`Component::prepare`].
    async fn prepare_ahead(&self) -> Result<Instance, Unready> {
        let term = Term::of(CONFIGURE_TIMEOUT);
        term.run(self.prepare(self.silent(), &term)).await.map_err(Unready::Fault)?
    }

    /// Makes an instance. [`Component::configure_in`] is still to come.
    ///
    /// # Errors
    /// [`Unready`]. Types that differ are found only here; a start function may trap as well.
    pub(crate) async fn instantiate(&self, output: Output, term: &Term) -> Result<Instance, Unready> {
        match self.snapshot.get() {
            Some(snapshot) => self.instantiate_from(snapshot, Configured::Already, output, term).await,
            None => self.instantiate_from(&self.pre, Configured::NotYet, output, term).await,
        }
    }

    async fn instantiate_from(
        &self,
        pre: &PolicyPre<State>,
        configured: Configured,
        output: Output,
        term: &Term,
    ) -> Result<Instance, Unready> {
        let (engine, ticker) = (self.sandbox.engine(), self.sandbox.ticker());
        let mut store = State::store(engine, ticker, self.limits.memory, output, term);
        match pre.instantiate_async(&mut store).await {
            Ok(exports) => Ok(Instance { store, exports, configured }),
            Err(error) => {
                let fault = Fault::from_error(&error, store.data().allowance());
                let is_mismatch = matches!(fault, Fault::Crash(_)) && !error.is::<Trap>();
                Err(if is_mismatch { Unready::World(one_line(&error)) } else { Unready::Fault(fault) })
            }
        }
    }

    /// Configures an instance, unless it is a snapshot of one that is configured.
    ///
    /// # Errors
    /// [`Unready`]: what the policy says about its settings, or what went wrong.
    pub(crate) async fn configure_in(&self, instance: &mut Instance) -> Result<(), Unready> {
        match instance.configured {
            Configured::Already => Ok(()),
            Configured::NotYet => self.call_configure(instance).await.map(drop),
        }
    }

    async fn call_configure(&self, instance: &mut Instance) -> Result<Manifest, Unready> {
        let Instance { store, exports, .. } = instance;
        let called = exports.sockgate_policy_decision_point().call_configure(&mut *store, &self.settings);
        let manifest = match called.await {
            Err(error) => Err(Unready::Fault(Fault::from_error(&error, store.data().allowance()))),
            Ok(Err(complaint)) => Err(Unready::Settings(complaint)),
            Ok(Ok(manifest)) => Ok(manifest),
        }?;
        instance.configured = Configured::Already;
        Ok(manifest)
    }

    /// Configures the policy for the first time, and returns its manifest and how long it takes to configure. The
    /// instance is the first that waits.
    pub(crate) async fn configure(&self) -> Result<(Manifest, Duration), Unready> {
        let term = Term::of(CONFIGURE_TIMEOUT);
        let first = async {
            let mut instance = self.instantiate(Output::new(Arc::clone(&self.name)), &term).await?;
            let manifest = self.call_configure(&mut instance).await?;
            Ok((instance, manifest))
        };
        let (instance, manifest) = term.run(first).await.map_err(Unready::Fault)??;
        let making = self.measure().await;
        let mut instances = self.instances();
        instances.make_ahead(making.refill());
        instances.put_ready(instance);
        Ok((manifest, making.configure))
    }

    /// Measures how long it takes to make an instance: until one is made quickly, or some times.
    async fn measure(&self) -> Making {
        let mut least = Making { instance: Duration::MAX, configure: Duration::MAX };
        for _try in 0..TRIES {
            let (term, began) = (Term::of(CONFIGURE_TIMEOUT), Instant::now());
            let made = async {
                let mut instance = self.instantiate(self.silent(), &term).await?;
                let instance_took = began.elapsed();
                self.configure_in(&mut instance).await?;
                Ok::<_, Unready>(Making {
                    instance: instance_took,
                    configure: began.elapsed() - instance_took,
                })
            };
            if let Ok(Ok(made)) = term.run(made).await {
                least.instance = least.instance.min(made.instance);
                least.configure = least.configure.min(made.configure);
                if made.refill() == Refill::None {
                    break;
                }
            }
        }
        least
    }

    /// Makes an instance of a snapshot of this policy, to try it out.
    ///
    /// # Errors
    /// [`Unready`]
    pub(crate) async fn try_snapshot(
        &self,
        snapshot: &PolicyPre<State>,
        term: &Term,
    ) -> Result<Instance, Unready> {
        self.instantiate_from(snapshot, Configured::Already, self.silent(), term).await
    }

    /// Makes all instances from now on of this snapshot, which has been tried out. Those that wait are dropped.
    pub(crate) async fn adopt(&self, snapshot: PolicyPre<State>) {
        if self.snapshot.set(snapshot).is_ok() {
            let making = self.measure().await;
            let replaced = self.instances().restart(making.refill());
            drop(replaced);
        }
    }

    /// Asks the policy. All of it is within `term`, and counts: making the instance, and dropping it.
    ///
    /// # Errors
    /// [`Fault`], which is a denial.
    pub(crate) async fn decide(
        &self,
        question: Question,
        flags: FlagsVerdict,
        term: &Term,
    ) -> Result<Verdict, Fault> {
        let operation = Arc::clone(&question.operation);
        let answer = self.answer(question, flags, term);
        let answered = term.run_noting(answer, |cost| self.note_turn(&operation, cost)).await;
        if term.ran() <= QUICK_DECISION {
            self.slow.note_quick(&operation, lane::current());
        }
        answered?
    }

    async fn answer(&self, question: Question, flags: FlagsVerdict, term: &Term) -> Result<Verdict, Fault> {
        let ready = self.instances().take_ready();
        let mut instance = match ready {
            Some(instance) => instance,
            None => self.prepare(self.silent(), term).await.map_err(Unready::into_fault)?,
        };
        let verdict = self.decide_in(&mut instance, question, flags, term).await?;
        let unkept = self.instances().put_away(instance);
        drop(unkept); // this takes a while, so it is done when the lock is released
        Ok(verdict)
    }

    fn note_turn(&self, operation: &Operation, cost: Cost) {
        let noted = self.slow.note_turn(operation, cost, lane::current());
        if noted == Noted::HeldUp && !self.is_told_of.swap(true, Ordering::Relaxed) {
            let (policy, operation, ms) = (self.name.as_ref(), operation.id(), cost.turn.as_millis());
            tracing::warn!(
                policy,
                operation,
                "a policy held up all requests for {ms} ms: until it is loaded anew, it decides on such operations in \
                 the thread for slow policies"
            );
        }
    }

    /// Asks this instance, which has been configured and has decided nothing, as a part of what runs within `term`.
    ///
    /// # Errors
    /// [`Fault`], which is a denial.
    pub(crate) async fn decide_in(
        &self,
        instance: &mut Instance,
        question: Question,
        flags: FlagsVerdict,
        term: &Term,
    ) -> Result<Verdict, Fault> {
        let request = request(&question, flags);
        State::ask(&mut instance.store, self.sandbox.ticker(), question, term);
        let Instance { store, exports, .. } = instance;
        match exports.sockgate_policy_decision_point().call_decide(&mut *store, &request).await {
            Err(error) => Err(Fault::from_error(&error, store.data().allowance())),
            Ok(decision) => {
                store.data_mut().question = None;
                verdict(decision)
            }
        }
    }

    /// The time that one decision may take in all, from now on.
    pub(crate) fn term(&self) -> Term {
        Term::of(self.limits.timeout)
    }

    /// The thread in which a decision on this question begins: the slow thread, if the decision has to make an
    /// instance first and that takes long, or gets one that holds much memory, or if there is much to show to the policy.
    pub(crate) fn start(&self, question: &Question) -> Start {
        if self.instances().is_short_or_large() || question.body.len() > SHORT_BODY {
            return Start::There;
        }
        self.slow.start(&question.operation)
    }

    /// Has the slow thread replace used instances, if few wait and it is not doing so already.
    pub(crate) fn refill(self: &Arc<Self>, lane: &SlowLane) {
        if self.instances().begin_refill() == Refill::UnderWay {
            let component = Arc::clone(self);
            lane.spawn(async move { component.make_ready().await });
        }
    }

    /// Drops used instances, and makes new ones until enough wait or one cannot be made.
    pub(crate) async fn make_ready(&self) {
        let _ended = EndOfRefill(self);
        let used = self.instances().take_used();
        for instance in used {
            drop(instance);
            yield_now().await;
        }
        while self.instances().wants_more() {
            match self.prepare_ahead().await {
                Ok(instance) => self.instances().put_ready(instance),
                Err(_) => return, // the next decision fails in the same way, and tells why
            }
        }
    }

    /// Whether the policy was replaced.
    pub(crate) fn is_retired(&self) -> bool {
        self.instances().is_over()
    }

    /// Drops the instances that wait, because the policy was replaced. Decisions that have begun go on, with instances
    /// of their own.
    pub(crate) fn retire(&self) {
        let (ready, used) = self.instances().retire();
        drop((ready, used));
    }

    /// The settings that `configure` is given.
    pub(crate) fn settings(&self) -> &str {
        &self.settings
    }

    pub(crate) fn silent(&self) -> Output {
        Output::silent(Arc::clone(&self.name))
    }

    fn instances(&self) -> MutexGuard<'_, ReadyInstances> {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long it takes to make an instance, and to configure it.
struct Making {
    instance: Duration,
    configure: Duration,
}

impl Making {
    /// Whether instances are made ahead.
    fn refill(&self) -> Refill {
        match self.instance.saturating_add(self.configure) <= QUICK {
            true => Refill::None,
            false => Refill::Idle,
        }
    }
}

/// Marks a refill as over when it is dropped, however the refill ended.
struct EndOfRefill<'c>(&'c Component);

impl Drop for EndOfRefill<'_> {
    fn drop(&mut self) {
        self.0.instances().end_refill();
    }
}

/// Why there is no configured instance.
pub(crate) enum Unready {
    /// The policy refuses its settings, for this reason.
    Settings(String),
    /// The policy's functions are not those of the interface.
    World(String),
    /// The policy failed.
    Fault(Fault),
}

impl Unready {
    pub(crate) fn into_fault(self) -> Fault {
        match self {
            Self::World(mismatch) => Fault::Host(mismatch),
            Self::Settings(complaint) => Fault::Nonsense(format!(
                "its configure accepted the settings at first, and now refuses them: {}",
                shown(&complaint)
            )),
            Self::Fault(fault) => fault,
        }
    }
}

impl std::fmt::Debug for Component {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Component")
            .field("name", &self.name)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
