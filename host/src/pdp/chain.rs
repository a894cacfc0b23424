//! The chain of policies, and what runs it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ::policy::body::BodyShape;
use ::policy::{Endpoint, Operation};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::bindings::FlagsVerdict;
use super::cache::CodeCache;
use super::fault::Fault;
use super::files::{self, Look, Unreadable};
use super::interface::{PolicyDenial, Verdict};
use super::lane::{Panicked, SlowLane, Start};
use super::load::{self, LoadError, Loaded, PolicyFile, Source};
use super::policy::{Component, READY};
use super::question::{Body, Question};
use super::sandbox::{Sandbox, SandboxError};
use super::{Denied, Outcome, PolicyId, Ruling, observe};
use crate::config::{Mode, Policies, PolicyConfig, PolicySettings};

/// Instances of policies that are being loaded.
const LOADING: usize = 4;

/// The largest settings file that is read, in bytes.
const MAX_SETTINGS: u64 = 1024 * 1024;

/// The policies in the order in which they are asked; none, if the flags decide alone.
#[derive(Debug, Default)]
pub(crate) struct Chain(Vec<Arc<Link>>);

/// One policy, with what its word is worth.
#[derive(Debug)]
pub(crate) struct Link {
    /// Who it is.
    pub id: Arc<PolicyId>,
    /// What its verdict is worth.
    pub mode: Mode,
    /// Whose bodies it reads.
    pub inspect: Vec<Endpoint>,
    component: Arc<Component>,
}

impl Link {
    /// The operations whose bodies it reads; `None` if there are none.
    pub(crate) fn inspects_in_words(&self) -> Option<String> {
        let ids: Vec<_> = self.inspect.iter().map(|endpoint| endpoint.operation_id()).collect();
        (!ids.is_empty()).then(|| ids.join(","))
    }

    /// Whether it reads the body of this operation.
    fn reads(&self, operation: &Operation) -> bool {
        operation.endpoint().is_some_and(|endpoint| self.inspect.contains(&endpoint))
    }

    /// `question` as this policy is asked it: a body that another one reads is none of its business, or the client could
    /// choose, by a body that none can be shown, whether this one sees it.
    fn asked(&self, question: &Question) -> Question {
        let question = match self.mode {
            Mode::Observe => question.aside(),
            Mode::Decide | Mode::Narrow => question.clone(),
        };
        match self.reads(&question.operation) {
            true => question,
            false => Question { body: Body::Unread, ..question },
        }
    }
}

/// What a verdict counts for, in the mode of its policy.
#[derive(Debug)]
pub(crate) enum Weight {
    /// The next policy is asked, or the flags.
    Nothing,
    /// The request is forwarded.
    Allows,
    /// It is refused.
    Denies(PolicyDenial),
    /// It is refused, because the policy failed.
    Fails(Fault),
}

impl Weight {
    /// Of what a policy in `mode` came to.
    pub(crate) fn of(mode: Mode, verdict: Result<Verdict, Fault>) -> Self {
        match (mode, verdict) {
            (Mode::Observe, _) | (Mode::Decide | Mode::Narrow, Ok(Verdict::Defer)) => Self::Nothing,
            (Mode::Narrow, Ok(Verdict::Allow)) => Self::Nothing,
            (Mode::Decide, Ok(Verdict::Allow)) => Self::Allows,
            (Mode::Decide | Mode::Narrow, Ok(Verdict::Deny(denial))) => Self::Denies(denial),
            (Mode::Decide | Mode::Narrow, Err(fault)) => Self::Fails(fault),
        }
    }
}

/// Why policies cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// No policy could be.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// There is no thread to be had.
    #[error("cannot start the thread for slow policies: {0}")]
    Lane(#[source] std::io::Error),
    /// This one cannot.
    #[error("the policy {} is not loaded: {source}", path.display())]
    Load {
        /// The entry of `POLICY`.
        path: PathBuf,
        /// What is wrong.
        source: LoadError,
    },
    /// `POLICY_SETTINGS=@file`.
    #[error("the settings file {} is not taken: {source}", path.display())]
    Settings {
        /// As `POLICY_SETTINGS` has it.
        path: PathBuf,
        /// What is wrong.
        source: Unreadable,
    },
    /// The machine's fault.
    #[error("the policies' files cannot be looked at: {0}")]
    Host(#[source] tokio::task::JoinError),
}

impl Chain {
    /// Whether there is no policy, and the flags decide alone.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The policies.
    pub(crate) fn links(&self) -> &[Arc<Link>] {
        &self.0
    }

    /// The policies by name, on a line.
    pub(super) fn in_words(&self) -> String {
        let names: Vec<_> = self.0.iter().map(|link| link.id.to_string()).collect();
        names.join(", ")
    }

    /// What the body of this operation is, if a policy reads it.
    pub(crate) fn inspects(&self, operation: &Operation) -> Option<BodyShape> {
        let is_inspected = self.0.iter().any(|link| link.reads(operation));
        operation.endpoint()?.body().filter(|_| is_inspected)
    }

    /// Whether a policy that reads it has a say, and does not only observe.
    pub(crate) fn insists_on_body(&self, operation: &Operation) -> bool {
        self.0.iter().any(|link| link.mode != Mode::Observe && link.reads(operation))
    }
}

/// What policies run in.
#[derive(Debug)]
pub(crate) struct Runtime {
    policies: Policies,
    sandbox: Sandbox,
    cache: CodeCache,
    lane: SlowLane,
    places: Arc<Semaphore>,
    /// Of policies that only observe: they never keep a place from one that decides.
    observers: Arc<Semaphore>,
}

impl Runtime {
    /// For the policies of a configuration.
    ///
    /// # Errors
    /// [`ChainError`], none of them a policy's fault.
    pub(crate) fn start(policies: Policies) -> Result<Self, ChainError> {
        // Those that decide or observe; those that wait and those that were used, of two generations during a reload;
        // those that are being loaded.
        let instances = 2 * policies.concurrency + 4 * READY * policies.chain.len() + LOADING;
        let instances = u32::try_from(instances).unwrap_or(u32::MAX);
        let sandbox = Sandbox::new(instances, policies.limits.memory)?;
        let cache = policies.cache.as_deref().map_or_else(CodeCache::none, CodeCache::open);
        let lane = SlowLane::start().map_err(ChainError::Lane)?;
        let places = || Arc::new(Semaphore::new(policies.concurrency));
        let (places, observers) = (places(), places());
        Ok(Self { policies, sandbox, cache, lane, places, observers })
    }

    /// Loads every policy; of those that are loaded already, only what has changed.
    ///
    /// # Errors
    /// The first [`ChainError`].
    pub(crate) async fn load(&self, before: &Chain) -> Result<Chain, ChainError> {
        let mut links = Vec::new();
        for (at, config) in self.policies.chain.iter().enumerate() {
            let settings = self.read_settings(&config.settings).await?;
            let known = before.0.get(at).filter(|link| link.component.settings() == settings);
            links.push(match known {
                Some(link) if self.is_unchanged(config, link).await? => Arc::clone(link),
                _ => Arc::new(self.load_one(config, settings).await?),
            });
        }
        Ok(Chain(links))
    }

    /// Whether the file is the one that this link was made from.
    async fn is_unchanged(&self, config: &PolicyConfig, link: &Link) -> Result<bool, ChainError> {
        let path = config.path.clone();
        let read = self.lane.read(move || PolicyFile::read(&path)).await.map_err(ChainError::Host)?;
        let file = read.map_err(|source| ChainError::Load { path: config.path.clone(), source })?;
        Ok(file.digest == link.id.digest)
    }

    async fn load_one(&self, config: &PolicyConfig, settings: String) -> Result<Link, ChainError> {
        let source = Source {
            path: config.path.clone(),
            settings,
            sha256: config.sha256,
            limits: self.policies.limits,
        };
        let (sandbox, cache) = (self.sandbox.clone(), self.cache.clone());
        let loading = async move { load::load(&sandbox, &cache, source).await };
        let loaded = self.lane.run(Start::There, loading).await;
        let loaded = loaded.unwrap_or_else(|Panicked| Err(LoadError::Host("loading it panicked".to_owned())));
        let failed = |source| ChainError::Load { path: config.path.clone(), source };
        let Loaded { component, name, version, inspect, digest, .. } = loaded.map_err(failed)?;
        let id = Arc::new(PolicyId::new(name, version, digest));
        Ok(Link { id, mode: config.mode, inspect, component: Arc::new(component) })
    }

    async fn read_settings(&self, settings: &PolicySettings) -> Result<String, ChainError> {
        let settings = settings.clone();
        self.lane.read(move || read_settings(&settings)).await.map_err(ChainError::Host)?
    }

    /// How the files of policies and settings look at present. Where that cannot be said, they look like no files.
    pub(super) async fn look(&self) -> Look {
        let settings = self.policies.chain.iter().filter_map(|policy| match &policy.settings {
            PolicySettings::Text(_) => None,
            PolicySettings::File(path) => Some(path),
        });
        let files: Vec<_> =
            self.policies.chain.iter().map(|policy| &policy.path).chain(settings).cloned().collect();
        self.lane.read(move || Look::at(&files)).await.unwrap_or_default()
    }

    /// Gives back what `old` policies hold ready for decisions to come, unless they are `new` ones too. A slow request may
    /// keep such a policy for long.
    pub(super) fn retire(&self, old: &Chain, new: &Chain) {
        let is_gone = |link: &&Arc<Link>| !new.0.iter().any(|kept| Arc::ptr_eq(kept, link));
        let gone: Vec<_> = old.0.iter().filter(is_gone).map(|link| Arc::clone(&link.component)).collect();
        self.lane.spawn(async move { gone.iter().for_each(|component| component.retire()) });
    }

    /// Asks the policies of `chain` until one has the last word.
    ///
    /// # Errors
    /// [`Denied`], by a policy or because one failed.
    pub(super) async fn ask(
        &self,
        chain: &Chain,
        question: &Question,
        flags: FlagsVerdict,
        ruling: &mut Ruling,
    ) -> Result<Outcome, Denied> {
        for link in chain.links() {
            let verdict = self.ask_one(link, link.asked(question), flags).await;
            if link.mode == Mode::Observe {
                observe(ruling, &link.id, &verdict);
                continue;
            }
            let denied = match Weight::of(link.mode, verdict) {
                Weight::Nothing => continue,
                Weight::Allows => {
                    ruling.policy = Some(Arc::clone(&link.id));
                    return Ok(Outcome::Allowed);
                }
                Weight::Denies(denial) => Denied::ByPolicy(Arc::clone(&link.id), denial),
                Weight::Fails(fault) => Denied::PolicyFault(Arc::clone(&link.id), fault),
            };
            ruling.policy = Some(Arc::clone(&link.id));
            return Err(denied);
        }
        Ok(Outcome::Deferred)
    }

    async fn ask_one(&self, link: &Link, question: Question, flags: FlagsVerdict) -> Result<Verdict, Fault> {
        let place = self.place(link.mode).await?;
        let component = Arc::clone(&link.component);
        let start = component.start(&question.operation);
        let decided = async move {
            let verdict = component.decide(question, flags).await;
            drop(place); // not before the instance is gone, also where nobody waits for the verdict any more
            verdict
        };
        let verdict = self.lane.run(start, decided).await;
        link.component.refill(&self.lane);
        verdict.unwrap_or_else(|Panicked| Err(Fault::Host("a call of the policy panicked".to_owned())))
    }

    /// A place among the decisions that may run at a time. What only observes does not wait for one.
    async fn place(&self, mode: Mode) -> Result<OwnedSemaphorePermit, Fault> {
        let (places, patience) = match mode {
            Mode::Observe => (&self.observers, Duration::ZERO),
            Mode::Decide | Mode::Narrow => (&self.places, self.policies.limits.timeout),
        };
        if let Ok(place) = Arc::clone(places).try_acquire_owned() {
            return Ok(place);
        }
        let waited = timeout(patience, Arc::clone(places).acquire_owned()).await;
        waited.ok().and_then(Result::ok).ok_or(Fault::Busy(self.policies.concurrency))
    }
}

/// The text of `POLICY_SETTINGS`. May wait for a disk.
///
/// # Errors
/// [`ChainError::Settings`].
pub(super) fn read_settings(settings: &PolicySettings) -> Result<String, ChainError> {
    let path = match settings {
        PolicySettings::Text(text) => return Ok(text.clone()),
        PolicySettings::File(path) => path,
    };
    let text = files::read(path, MAX_SETTINGS).and_then(|bytes| {
        String::from_utf8(bytes).map_err(|error| Unreadable::Io(std::io::Error::other(error)))
    });
    text.map_err(|source| ChainError::Settings { path: path.clone(), source })
}
