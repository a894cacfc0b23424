//! A loaded policy: asks one fresh, configured instance for each decision.
//!
//! Nothing that a decision leaves behind is there for the next one. An instance of most policies is made and configured
//! in some ten microseconds, and a decision does that itself: to have another thread do it costs more than it saves. If
//! a policy takes longer (an interpreter, or much to configure), some configured instances wait in a small pool, and
//! each of them decides once. The slow thread drops used instances and makes new ones, some at a time. When none waits,
//! a decision makes its own, in that thread.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wasmtime::Trap;

use crate::admit::SHORT_BODY;
use crate::bindings::{FlagsVerdict, Manifest, PolicyPre};
use crate::guest::fault::{Fault, one_line};
use crate::guest::interface::{Verdict, request, shown, verdict};
use crate::guest::lane::SlowLane;
use crate::guest::output::Output;
use crate::guest::ready::{Instance, ReadyInstances, Refill};
use crate::guest::sandbox::Sandbox;
use crate::guest::slow_operations::{SlowOperations, Speed, Start};
use crate::guest::state::{State, Term};
use crate::question::Question;
use crate::settings::Limits;

/// An instance that is made and configured within this time is made by its decision, and none need wait.
const QUICK: Duration = Duration::from_micros(50);

/// How often that time is measured. The shortest counts: this thread may be without a processor for a moment.
const TRIES: usize = 3;

/// How long it may take to make and configure an instance that no request waits for.
pub(crate) const CONFIGURE_TIMEOUT: Duration = Duration::from_secs(2);

/// A component that has been checked, compiled and configured.
pub(crate) struct Component {
    sandbox: Sandbox,
    pre: PolicyPre<State>,
    settings: String,
    limits: Limits,
    /// The policy's name in log lines.
    name: Arc<str>,
    instances: Mutex<ReadyInstances>,
    slow: Arc<SlowOperations>,
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
            settings,
            limits,
            name,
            instances: Mutex::default(),
            slow: Arc::new(SlowOperations::none()),
        }
    }

    /// Makes an instance and configures it.
    ///
    /// # Errors
    /// [`Unready`]: what the policy says about its settings, or what went wrong.
    async fn prepare(&self, output: Output, term: Term) -> Result<(Instance, Manifest), Unready> {
        let mut instance = self.instantiate(output, term).await?;
        let manifest = self.configure_in(&mut instance, term).await?;
        Ok((instance, manifest))
    }

    /// Makes an instance.
    ///
    /// # Errors
    /// [`Unready`]. Types that differ are found only here; a start function may trap as well.
    pub(crate) async fn instantiate(&self, output: Output, term: Term) -> Result<Instance, Unready> {
        let (engine, ticker) = (self.sandbox.engine(), self.sandbox.ticker());
        let slow = Arc::clone(&self.slow);
        let mut store = State::store(engine, ticker, self.limits.memory, output, slow, term);
        match term.bound(self.pre.instantiate_async(&mut store)).await.map_err(Unready::Fault)? {
            Ok(exports) => Ok(Instance { store, exports }),
            Err(error) => {
                let fault = Fault::from_error(&error, store.data().allowance());
                let is_mismatch = matches!(fault, Fault::Crash(_)) && !error.is::<Trap>();
                Err(if is_mismatch { Unready::World(one_line(&error)) } else { Unready::Fault(fault) })
            }
        }
    }

    /// Configures an instance.
    ///
    /// # Errors
    /// [`Unready`]: what the policy says about its settings, or what went wrong.
    pub(crate) async fn configure_in(
        &self,
        instance: &mut Instance,
        term: Term,
    ) -> Result<Manifest, Unready> {
        let Instance { store, exports } = instance;
        let configured = exports.sockgate_policy_decision_point().call_configure(&mut *store, &self.settings);
        match term.bound(configured).await.map_err(Unready::Fault)? {
            Err(error) => Err(Unready::Fault(Fault::from_error(&error, store.data().allowance()))),
            Ok(Err(complaint)) => Err(Unready::Settings(complaint)),
            Ok(Ok(manifest)) => Ok(manifest),
        }
    }

    /// Configures the policy for the first time, and returns its manifest. The instance is the first that waits.
    pub(crate) async fn configure(&self) -> Result<Manifest, Unready> {
        let term = Term::of(CONFIGURE_TIMEOUT);
        let (instance, manifest) = self.prepare(Output::new(Arc::clone(&self.name)), term).await?;
        let is_quick = self.is_quickly_made().await;
        let mut instances = self.instances();
        instances.make_ahead(if is_quick { Refill::None } else { Refill::Idle });
        instances.put_ready(instance);
        Ok(manifest)
    }

    async fn is_quickly_made(&self) -> bool {
        for _try in 0..TRIES {
            let begin = Instant::now();
            let made = self.prepare(self.silent(), Term::of(CONFIGURE_TIMEOUT)).await;
            if made.is_ok() && begin.elapsed() <= QUICK {
                return true;
            }
        }
        false
    }

    /// Asks the policy.
    ///
    /// # Errors
    /// [`Fault`], which is a denial.
    pub(crate) async fn decide(&self, question: Question, flags: FlagsVerdict) -> Result<Verdict, Fault> {
        let term = self.term();
        let ready = self.instances().take_ready();
        let mut instance = match ready {
            Some(instance) => instance,
            None => self.prepare(self.silent(), term).await.map_err(Unready::into_fault)?.0,
        };
        let verdict = self.decide_in(&mut instance, question, flags, term).await?;
        let unkept = self.instances().put_away(instance);
        drop(unkept); // this takes a while, so it is done when the lock is released
        Ok(verdict)
    }

    /// Asks this instance, which has been configured and has decided nothing.
    ///
    /// # Errors
    /// [`Fault`], which is a denial.
    pub(crate) async fn decide_in(
        &self,
        instance: &mut Instance,
        question: Question,
        flags: FlagsVerdict,
        term: Term,
    ) -> Result<Verdict, Fault> {
        let request = request(&question, flags);
        let operation = Arc::clone(&question.operation);
        State::ask(&mut instance.store, self.sandbox.ticker(), question, term);
        let Instance { store, exports } = instance;
        let asked = exports.sockgate_policy_decision_point().call_decide(&mut *store, &request);
        let answer = term.bound(asked).await;
        if store.data().speed() == Speed::Quick {
            self.slow.note(&operation, Speed::Quick);
        }
        match answer? {
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
    /// instance first and that takes long, or if there is much to show to the policy.
    pub(crate) fn start(&self, question: &Question) -> Start {
        if self.instances().is_short() || question.body.len() > SHORT_BODY {
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
        drop(self.instances().take_used());
        while self.instances().wants_more() {
            match self.prepare(self.silent(), Term::of(CONFIGURE_TIMEOUT)).await {
                Ok((instance, _)) => self.instances().put_ready(instance),
                Err(_) => return, // the next decision fails in the same way, and tells why
            }
        }
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
