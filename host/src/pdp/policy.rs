//! A loaded policy: asks one fresh, configured instance for each decision.
//!
//! Instances that have been through `configure` wait in a small pool; each decides once and is dropped, and another is
//! made ready when the request is on its way. So `configure` is not in a decision's time, and nothing that a decision
//! leaves behind is there for the next.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use policy::Access;
use tokio::time::timeout;
use wasmtime::Store;

use super::bindings::{self, Decision, FlagsVerdict, Manifest, PolicyPre, Request};
use super::fault::Fault;
use super::output::Output;
use super::question::Question;
use super::sandbox::Sandbox;
use super::state::State;

/// How many configured instances wait for a decision.
pub(super) const READY: usize = 4;

/// How long `configure` may take.
pub(super) const CONFIGURE_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest denial that a client is told, in bytes.
const MAX_MESSAGE: usize = 4 * 1024;

/// What one policy may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `POLICY_TIMEOUT`: wall time for one decision, look-ups included.
    pub timeout: Duration,
    /// `POLICY_MEMORY`, in bytes.
    pub memory: usize,
}

/// A component that has been checked, compiled and configured.
pub(crate) struct Component {
    sandbox: Sandbox,
    pre: PolicyPre<State>,
    settings: String,
    limits: Limits,
    /// For its log lines.
    name: Arc<str>,
    ready: Mutex<Vec<Instance>>,
}

/// What a policy makes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Forward it.
    Allow,
    /// Refuse it.
    Deny(PolicyDenial),
    /// Ask somebody else.
    Defer,
}

/// A policy's refusal, fit to be shown: no control character, not too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyDenial {
    /// For the client.
    pub message: String,
    /// From 400 to 499.
    pub status: u16,
}

/// An instance that has been configured and has decided nothing.
struct Instance {
    store: Store<State>,
    exports: bindings::Policy,
}

impl Component {
    /// A component whose imports and exports are as they must be.
    pub(super) fn new(
        sandbox: Sandbox,
        pre: PolicyPre<State>,
        settings: String,
        limits: Limits,
        name: Arc<str>,
    ) -> Self {
        Self { sandbox, pre, settings, limits, name, ready: Mutex::default() }
    }

    /// Makes an instance and configures it.
    ///
    /// # Errors
    /// [`Unready`]: what the policy says of its settings, or what went wrong.
    async fn prepare(&self) -> Result<(Instance, Manifest), Unready> {
        let output = Output::new(Arc::clone(&self.name));
        let mut store = State::store(&self.sandbox, self.limits.memory, output, CONFIGURE_TIMEOUT);
        let configured = async {
            let exports = self.pre.instantiate_async(&mut store).await?;
            let manifest =
                exports.sockgate_policy_decision_point().call_configure(&mut store, &self.settings).await?;
            Ok((exports, manifest))
        };
        let configured = timeout(CONFIGURE_TIMEOUT, configured).await;
        match configured {
            Err(_elapsed) => Err(Unready::Fault(Fault::Timeout(CONFIGURE_TIMEOUT))),
            Ok(Err(error)) => Err(Unready::Fault(Fault::from_error(&error, store.data().allowance()))),
            Ok(Ok((_, Err(complaint)))) => Err(Unready::Settings(complaint)),
            Ok(Ok((exports, Ok(manifest)))) => Ok((Instance { store, exports }, manifest)),
        }
    }

    /// The first time: what `configure` says. Its instance is the first that waits.
    pub(super) async fn configure(&self) -> Result<Manifest, Unready> {
        let (instance, manifest) = self.prepare().await?;
        self.put(instance);
        Ok(manifest)
    }

    /// Asks.
    ///
    /// # Errors
    /// [`Fault`], which denies.
    pub(super) async fn decide(&self, question: Question, flags: FlagsVerdict) -> Result<Verdict, Fault> {
        let mut instance = match self.take() {
            Some(instance) => instance,
            None => self.prepare().await.map_err(Unready::into_fault)?.0,
        };
        let request = request(&question, flags);
        State::ask(&mut instance.store, &self.sandbox, question, self.limits.timeout);
        let Instance { store, exports } = &mut instance;
        let asked = exports.sockgate_policy_decision_point().call_decide(&mut *store, &request);
        match timeout(self.limits.timeout, asked).await {
            Err(_elapsed) => Err(Fault::Timeout(self.limits.timeout)),
            Ok(Err(error)) => Err(Fault::from_error(&error, store.data().allowance())),
            Ok(Ok(decision)) => verdict(decision),
        }
    }

    /// Makes up for an instance that was used, if few wait.
    pub(super) async fn make_ready(&self) {
        if self.waiting() < READY
            && let Ok((instance, _)) = self.prepare().await
        {
            self.put(instance);
        }
    }

    fn waiting(&self) -> usize {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn take(&self) -> Option<Instance> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn put(&self, instance: Instance) {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if ready.len() < READY {
            ready.push(instance);
        }
    }
}

/// Why there is no configured instance.
pub(super) enum Unready {
    /// The policy refuses its settings.
    Settings(String),
    /// It failed.
    Fault(Fault),
}

impl Unready {
    fn into_fault(self) -> Fault {
        match self {
            Self::Settings(complaint) => Fault::Nonsense(format!(
                "configure accepted the settings once and now says: {}",
                shown(&complaint)
            )),
            Self::Fault(fault) => fault,
        }
    }
}

fn request(question: &Question, flags: FlagsVerdict) -> Request {
    let operation = &question.operation;
    let target = operation.target();
    Request {
        id: question.id.to_string(),
        method: operation.method().as_str().to_owned(),
        path: target.path().to_owned(),
        api_version: target.version().map(str::to_owned),
        operation: operation.id().to_owned(),
        family: operation.family_segment().to_owned(),
        access: match operation.access() {
            Access::Read => bindings::Access::Read,
            Access::Write => bindings::Access::Write,
            Access::Interactive => bindings::Access::Interactive,
        },
        subject: operation.subject().map(str::to_owned),
        query: target.query_pairs().collect(),
        attributes: question.attributes.to_vec(),
        flags,
    }
}

fn verdict(decision: Decision) -> Result<Verdict, Fault> {
    let denial = match decision {
        Decision::Allow => return Ok(Verdict::Allow),
        Decision::Defer => return Ok(Verdict::Defer),
        Decision::Deny(denial) => denial,
    };
    match denial.status.unwrap_or(403) {
        status @ 400..=499 => Ok(Verdict::Deny(PolicyDenial { message: shown(&denial.message), status })),
        status => Err(Fault::Nonsense(format!(
            "a denial with status {status} (it must be from 400 to 499): {}",
            shown(&denial.message)
        ))),
    }
}

/// A guest's words, for a client or a log line.
pub(super) fn shown(text: &str) -> String {
    let start = text.get(..text.floor_char_boundary(MAX_MESSAGE)).unwrap_or_default();
    start.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl std::fmt::Debug for Component {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Component")
            .field("name", &self.name)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
