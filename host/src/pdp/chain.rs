//! The chain of policies, and what runs it.

use std::path::PathBuf;
use std::sync::Arc;

use ::policy::{Endpoint, Operation};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::bindings::FlagsVerdict;
use super::cache::CodeCache;
use super::fault::Fault;
use super::lane::{Panicked, SlowLane, Start};
use super::load::{self, LoadError, Loaded, Source};
use super::policy::{Component, READY, Verdict};
use super::question::Question;
use super::sandbox::{Sandbox, SandboxError};
use super::{Denied, Outcome, PolicyId, Ruling, observe};
use crate::config::{Mode, Policies, PolicyConfig, PolicySettings};

/// Instances of policies that are being loaded.
const LOADING: usize = 4;

/// The largest settings file that is read, in bytes.
const MAX_SETTINGS: u64 = 1024 * 1024;

/// The policies in the order in which they are asked; none, if the flags decide alone.
#[derive(Debug, Default)]
pub(crate) struct Chain(Vec<Link>);

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
    #[error("the settings file {} cannot be read: {source}", path.display())]
    Settings {
        /// As `POLICY_SETTINGS` has it.
        path: PathBuf,
        /// What is wrong.
        source: std::io::Error,
    },
}

impl Chain {
    /// Whether there is no policy, and the flags decide alone.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The policies.
    pub(crate) fn links(&self) -> &[Link] {
        &self.0
    }

    /// Whether a policy reads the body of this operation.
    pub(crate) fn inspects(&self, operation: &Operation) -> bool {
        let endpoint = operation.endpoint();
        endpoint.is_some_and(|endpoint| self.0.iter().any(|link| link.inspect.contains(&endpoint)))
    }
}

/// What policies run in.
#[derive(Debug)]
pub(crate) struct Runtime {
    policies: Policies,
    sandbox: Sandbox,
    cache: CodeCache,
    lane: SlowLane,
    places: Semaphore,
}

impl Runtime {
    /// For the policies of a configuration.
    ///
    /// # Errors
    /// [`ChainError`], none of them a policy's fault.
    pub(crate) fn start(policies: Policies) -> Result<Self, ChainError> {
        // Those that decide; those that wait and those that were used, of two generations during a reload; those that
        // are being loaded.
        let instances = policies.concurrency + 4 * READY * policies.chain.len() + LOADING;
        let instances = u32::try_from(instances).unwrap_or(u32::MAX);
        let sandbox = Sandbox::new(instances, policies.limits.memory)?;
        let cache = policies.cache.as_deref().map_or_else(CodeCache::none, CodeCache::open);
        let lane = SlowLane::start().map_err(ChainError::Lane)?;
        let places = Semaphore::new(policies.concurrency);
        Ok(Self { policies, sandbox, cache, lane, places })
    }

    /// Loads every policy.
    ///
    /// # Errors
    /// The first [`ChainError`].
    pub(crate) async fn load(&self) -> Result<Chain, ChainError> {
        let mut links = Vec::new();
        for config in &self.policies.chain {
            links.push(self.load_one(config).await?);
        }
        Ok(Chain(links))
    }

    async fn load_one(&self, config: &PolicyConfig) -> Result<Link, ChainError> {
        let source = Source {
            path: config.path.clone(),
            settings: read_settings(&config.settings).await?,
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
            let question = match link.mode {
                Mode::Observe => question.aside(),
                Mode::Decide | Mode::Narrow => question.clone(),
            };
            let verdict = self.ask_one(link, question, flags).await;
            if link.mode == Mode::Observe {
                observe(ruling, &link.id, &verdict);
                continue;
            }
            match verdict {
                Ok(Verdict::Allow) if link.mode == Mode::Decide => {
                    ruling.policy = Some(Arc::clone(&link.id));
                    return Ok(Outcome::Allowed);
                }
                Ok(Verdict::Allow | Verdict::Defer) => {}
                Ok(Verdict::Deny(denial)) => {
                    ruling.policy = Some(Arc::clone(&link.id));
                    return Err(Denied::ByPolicy(Arc::clone(&link.id), denial));
                }
                Err(fault) => {
                    ruling.policy = Some(Arc::clone(&link.id));
                    return Err(Denied::PolicyFault(Arc::clone(&link.id), fault));
                }
            }
        }
        Ok(Outcome::Deferred)
    }

    async fn ask_one(&self, link: &Link, question: Question, flags: FlagsVerdict) -> Result<Verdict, Fault> {
        let _place = self.place().await?;
        let component = Arc::clone(&link.component);
        let start = component.start(&question.operation);
        let verdict = self.lane.run(start, async move { component.decide(question, flags).await }).await;
        link.component.refill(&self.lane);
        verdict.unwrap_or_else(|Panicked| Err(Fault::Host("a call of the policy panicked".to_owned())))
    }

    /// A place among the decisions that may run at a time.
    async fn place(&self) -> Result<SemaphorePermit<'_>, Fault> {
        if let Ok(place) = self.places.try_acquire() {
            return Ok(place);
        }
        let waited = timeout(self.policies.limits.timeout, self.places.acquire()).await;
        waited.ok().and_then(Result::ok).ok_or(Fault::Busy(self.policies.concurrency))
    }
}

async fn read_settings(settings: &PolicySettings) -> Result<String, ChainError> {
    let path = match settings {
        PolicySettings::Text(text) => return Ok(text.clone()),
        PolicySettings::File(path) => path.clone(),
    };
    let file = path.clone();
    let read = tokio::task::spawn_blocking(move || {
        use std::io::Read as _;
        let mut text = String::new();
        std::fs::File::open(file)?.take(MAX_SETTINGS).read_to_string(&mut text).map(|_length| text)
    });
    let read = read.await.unwrap_or_else(|panic| Err(std::io::Error::other(panic)));
    read.map_err(|source| ChainError::Settings { path, source })
}
