//! The runtime of the policies: loads the chain, and asks it.
//!
//! Decisions run in the gateway's own thread or in the slow thread (see `guest/lane.rs`), as many at a time as
//! `POLICY_CONCURRENCY` allows. Policies that only observe have places and a slow thread of their own, so that what they
//! take, they take from each other.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::bindings::FlagsVerdict;
use crate::chain::{Chain, Link, Weight};
use crate::guest::fault::Fault;
use crate::guest::interface::Verdict;
use crate::guest::lane::{Panicked, SlowLane};
use crate::guest::policy::Component;
use crate::guest::ready::READY;
use crate::guest::sandbox::{Sandbox, SandboxError};
use crate::guest::slow_operations::Start;
use crate::load::adopt::adopt_snapshot;
use crate::load::cache::CodeCache;
use crate::load::compiler::Compiler;
use crate::load::files::{self, Look, Unreadable};
use crate::load::{self, CodeSource, LoadError, Loaded, PolicyFile, Source};
use crate::places::Places;
use crate::question::Question;
use crate::ruling::{Denied, PolicyId, Ruling, observe};
use crate::settings::{Mode, Policies, PolicyConfig, PolicySettings};

/// How many instances policies that are being loaded need.
const LOADING: usize = 4;

/// How much the slow threads yield to others (nice(2)): that of the policies that decide, and that of those which only
/// observe, which gets what is left.
const DECIDING: i32 = 5;
const OBSERVING: i32 = 15;

/// The largest settings file that is read, in bytes.
const MAX_SETTINGS: u64 = 1024 * 1024;

/// Why policies cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// There is no sandbox to load any policy into.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The slow thread cannot be started.
    #[error("cannot start the thread for slow policies")]
    Lane(#[source] std::io::Error),
    /// A policy cannot be loaded.
    #[error("the policy {} is not loaded", path.display())]
    Load {
        /// The policy's path in `POLICY`.
        path: PathBuf,
        /// Why it is not loaded.
        source: LoadError,
    },
    /// The file that `POLICY_SETTINGS=@file` names cannot be read.
    #[error("the settings file {} cannot be used", path.display())]
    Settings {
        /// The file's path in `POLICY_SETTINGS`.
        path: PathBuf,
        /// Why it cannot be read.
        source: Unreadable,
    },
    /// The task that reads the policies' files failed.
    #[error("the policies' files cannot be looked at")]
    Host(#[source] tokio::task::JoinError),
}

/// The verdict of the chain of policies, if it is not a denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChainVerdict {
    /// A policy allowed the request.
    Allowed,
    /// Every policy deferred, or its verdict did not count.
    Deferred,
}

/// The runtime of the policies.
#[derive(Debug)]
pub(crate) struct Runtime {
    policies: Policies,
    sandbox: Sandbox,
    code: CodeSource,
    lane: SlowLane,
    /// Where decisions of policies that only observe go on; `None` if there is no such policy.
    observers_lane: Option<SlowLane>,
    /// Limits how many decisions run at a time.
    decisions: Places,
    /// Does the same for policies that only observe.
    observations: Places,
    /// One snapshot is taken at a time: that needs as much as to compile a policy.
    snapshots: Arc<Mutex<()>>,
}

impl Runtime {
    /// Starts a runtime for the policies of a configuration, which `compiler` compiles.
    ///
    /// # Errors
    /// [`ChainError`] if the machine cannot run policies. No policy can cause this.
    pub(crate) async fn start(policies: Policies, compiler: &Compiler) -> Result<Self, ChainError> {
        // The instances that decide or observe; those that wait and those that were used, of the old and the new
        // policies during a reload; and those of policies that are being loaded.
        let instances = 2 * policies.concurrency + 4 * READY * policies.chain.len() + LOADING;
        let instances = u32::try_from(instances).unwrap_or(u32::MAX);
        let sandbox = Sandbox::new(instances, policies.limits.memory)?;
        let lane = SlowLane::start("policy-slow", DECIDING).map_err(ChainError::Lane)?;
        let folder = policies.cache.clone();
        let open = move || folder.as_deref().map_or_else(CodeCache::none, CodeCache::open);
        let cache = lane.read(open).await.map_err(ChainError::Host)?;
        let code = CodeSource { cache, compiler: compiler.clone() };
        let observe = policies.chain.iter().any(|policy| policy.mode == Mode::Observe);
        let observers_lane = observe.then(|| SlowLane::start("policy-observe", OBSERVING)).transpose();
        let observers_lane = observers_lane.map_err(ChainError::Lane)?;
        let (decisions, observations) =
            (Places::new(policies.concurrency), Places::new(policies.concurrency));
        let snapshots = Arc::default();
        Ok(Self { policies, sandbox, code, lane, observers_lane, decisions, observations, snapshots })
    }

    /// Loads every policy that is not in `before`, or whose file or settings have changed since.
    ///
    /// # Errors
    /// The first [`ChainError`].
    pub(crate) async fn load(&self, before: &Chain) -> Result<Chain, ChainError> {
        let mut links = Vec::new();
        for (at, config) in self.policies.chain.iter().enumerate() {
            let settings = self.read_settings(&config.settings).await?;
            let known = before.links().get(at).filter(|link| link.component.settings() == settings);
            let link = match known {
                Some(link) if self.is_unchanged(config, link).await? => Arc::clone(link),
                _ => Arc::new(self.load_one(config, settings).await?),
            };
            links.push((link, load::stem(&config.path)));
        }
        Ok(Chain::new(links))
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
        let (sandbox, code) = (self.sandbox.clone(), self.code.clone());
        let loading = async move { load::load(&sandbox, &code, source).await };
        let loaded = self.lane.run(Start::There, loading).await;
        let loaded = loaded.unwrap_or(Err(LoadError::Panicked));
        let failed = |source| ChainError::Load { path: config.path.clone(), source };
        let loaded = loaded.map_err(failed)?;
        let wants_snapshot = loaded.wants_snapshot();
        let Loaded { component, name, version, inspect, digest, .. } = loaded;
        let (id, component) = (Arc::new(PolicyId::new(name, version, digest)), Arc::new(component));
        if wants_snapshot {
            self.spawn_snapshot(config.path.clone(), Arc::clone(&id), Arc::clone(&component));
        }
        Ok(Link { id, mode: config.mode, inspect, component })
    }

    /// Has a snapshot taken of a policy that takes long to configure. It decides in the meantime.
    fn spawn_snapshot(&self, path: PathBuf, id: Arc<PolicyId>, component: Arc<Component>) {
        let (sandbox, code, turn) = (self.sandbox.clone(), self.code.clone(), Arc::clone(&self.snapshots));
        self.lane.spawn(async move {
            let _turn = turn.lock().await;
            if component.is_retired() {
                return; // the policy was replaced in the meantime
            }
            match adopt_snapshot(&sandbox, &code, &path, id.digest, &component).await {
                Ok(()) => tracing::debug!(policy = %id, "its decisions begin with a snapshot of it, configured"),
                Err(why) => {
                    let why = engine_api::report(&why);
                    tracing::debug!(policy = %id, "no snapshot of it, so it is configured for each decision: {why}");
                }
            }
        });
    }

    async fn read_settings(&self, settings: &PolicySettings) -> Result<String, ChainError> {
        let settings = settings.clone();
        self.lane.read(move || read_settings(&settings)).await.map_err(ChainError::Host)?
    }

    /// What the files of policies and settings look like at present. If they cannot be looked at, they look like no
    /// files.
    pub(crate) async fn look(&self) -> Look {
        let settings = self.policies.chain.iter().filter_map(|policy| match &policy.settings {
            PolicySettings::Text(_) => None,
            PolicySettings::File(path) => Some(path),
        });
        let files: Vec<_> =
            self.policies.chain.iter().map(|policy| &policy.path).chain(settings).cloned().collect();
        self.lane.read(move || Look::at(&files)).await.unwrap_or_default()
    }

    /// Drops the ready instances of `old` policies that are not `new` ones too. A slow request may keep such a policy
    /// for long.
    pub(crate) fn retire(&self, old: &Chain, new: &Chain) {
        let is_gone =
            |link: &&Arc<Link>| !new.links().iter().any(|kept| Arc::ptr_eq(&kept.component, &link.component));
        let gone: Vec<_> =
            old.links().iter().filter(is_gone).map(|link| Arc::clone(&link.component)).collect();
        self.lane.spawn(async move { gone.iter().for_each(|component| component.retire()) });
    }

    /// Asks the policies of `chain` until one has the last word.
    ///
    /// # Errors
    /// [`Denied`], by a policy or because one failed.
    pub(crate) async fn ask(
        &self,
        chain: &Chain,
        question: &Question,
        flags: FlagsVerdict,
        ruling: &mut Ruling,
    ) -> Result<ChainVerdict, Denied> {
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
                    return Ok(ChainVerdict::Allowed);
                }
                Weight::Denies(denial) => Denied::ByPolicy(Arc::clone(&link.id), denial),
                Weight::Fails(fault) => Denied::PolicyFault(Arc::clone(&link.id), fault),
            };
            ruling.policy = Some(Arc::clone(&link.id));
            return Err(denied);
        }
        Ok(ChainVerdict::Deferred)
    }

    async fn ask_one(&self, link: &Link, question: Question, flags: FlagsVerdict) -> Result<Verdict, Fault> {
        let (places, lane, patience) = match link.mode {
            Mode::Observe => {
                (&self.observations, self.observers_lane.as_ref().unwrap_or(&self.lane), Duration::ZERO)
            }
            Mode::Decide | Mode::Narrow => (&self.decisions, &self.lane, self.policies.limits.timeout),
        };
        let place = places.take(&question.attributes, patience).await?;
        let component = Arc::clone(&link.component);
        let (start, term) = (component.start(&question), component.term());
        let decided = async move {
            let verdict = component.decide(question, flags, &term).await;
            drop(place); // only when the instance is gone, even if nobody waits for the verdict any more
            verdict
        };
        let verdict = lane.run(start, decided).await;
        link.component.refill(lane);
        verdict.unwrap_or_else(|Panicked| Err(Fault::Host("a call of the policy panicked".to_owned())))
    }
}

/// The text of `POLICY_SETTINGS`. Reading it may wait for a disk.
///
/// # Errors
/// [`ChainError::Settings`] if the file that it names cannot be read.
pub(crate) fn read_settings(settings: &PolicySettings) -> Result<String, ChainError> {
    let path = match settings {
        PolicySettings::Text(text) => return Ok(text.clone()),
        PolicySettings::File(path) => path,
    };
    let text = files::read(path, MAX_SETTINGS).and_then(|bytes| {
        String::from_utf8(bytes).map_err(|error| Unreadable::Io(std::io::Error::other(error)))
    });
    text.map_err(|source| ChainError::Settings { path: path.clone(), source })
}
