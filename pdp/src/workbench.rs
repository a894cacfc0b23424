//! The workbench: loads and asks policies outside the gateway, for the author's tools and for tests.
//!
//! Policies are loaded and run as in the gateway; only the request and the engine's answers are made up.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine_api::{Endpoint, Operation, Rights};
use http::HeaderMap;

use crate::bindings::FlagsVerdict;
use crate::digest::Digest;
use crate::guest::fault::Fault;
use crate::guest::interface::Verdict;
use crate::guest::policy::{CONFIGURE_TIMEOUT, QUICK, Unready};
use crate::guest::sandbox::{Sandbox, SandboxError};
use crate::guest::term::Term;
use crate::load::adopt::adopt_snapshot;
use crate::load::cache::{CodeCache, Origin};
use crate::load::compiler::Compiler;
use crate::load::imports::BadImport;
use crate::load::{self, CodeSource, CompiledFile, LoadError, Loaded, Source};
use crate::lookup::{Inspector, Lookups};
use crate::question::{InspectedBody, Question, flags_verdict};
use crate::runtime::{self, ChainError};
use crate::settings::{Limits, PolicyConfig};

/// The number of a request here, where there is no other.
const FIRST: u64 = 1;

/// A place where policies are loaded in order to examine them.
#[derive(Debug)]
pub struct Workbench {
    sandbox: Sandbox,
    code: CodeSource,
    limits: Limits,
}

/// A compiled file on the workbench, which may or may not be a policy.
pub struct Draft<'w> {
    compiled: CompiledFile,
    workbench: &'w Workbench,
}

/// A policy on the workbench.
#[derive(Debug)]
pub struct Candidate(Loaded);

/// Instances that take longer than this to make and configure are made ahead of requests.
pub const MADE_AHEAD_FROM: Duration = QUICK;

/// How long each part of one decision took, and how much memory it needed.
#[derive(Clone, Copy, Debug)]
pub struct Parts {
    /// The time to make the instance.
    pub instantiate: Duration,
    /// The time for its `configure`. From [`MADE_AHEAD_FROM`] on, the gateway does these two ahead of requests, as far as it
    /// comes to it.
    pub configure: Duration,
    /// The time for its `decide`, which a request waits for.
    pub decide: Duration,
    /// The time to drop the instance.
    pub drop: Duration,
    /// The memory that the instance held in the end, in bytes.
    pub memory: usize,
}

/// The request that a candidate is asked about.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What the request asks for.
    pub operation: Operation,
    /// What the operator's settings let through.
    pub rights: Rights,
    /// The request's header fields.
    pub headers: HeaderMap,
    /// The request's body, which the policy is shown if it inspects the operation.
    pub body: InspectedBody,
    /// Facts about the client, by documented name (see `wit/policy.wit`).
    pub attributes: Vec<(String, String)>,
}

impl Workbench {
    /// A workbench for policies that have to keep to `limits`. They are compiled by `compiler`, and the code is kept in the
    /// folder `cache`, if there is one.
    ///
    /// # Errors
    /// [`SandboxError`] if this machine cannot run WebAssembly.
    pub fn new(limits: Limits, compiler: &Compiler, cache: Option<&Path>) -> Result<Self, SandboxError> {
        let sandbox = Sandbox::new(64, limits.memory)?;
        let cache = cache.map_or_else(CodeCache::none, CodeCache::open);
        Ok(Self { sandbox, code: CodeSource { cache, compiler: compiler.clone() }, limits })
    }

    /// Loads a policy, as the gateway would.
    ///
    /// # Errors
    /// [`LoadError`] if the gateway would not load it.
    pub async fn load(&self, path: &Path, settings: &str) -> Result<Candidate, LoadError> {
        let source = Source {
            path: path.to_owned(),
            settings: settings.to_owned(),
            sha256: None,
            limits: self.limits,
        };
        load::load(&self.sandbox, &self.code, source).await.map(Candidate::new)
    }

    /// Loads a policy of the gateway's configuration: with its settings, and only if its file is the one that is
    /// pinned.
    ///
    /// # Errors
    /// [`ChainError`] if the gateway would not load it.
    pub async fn load_configured(&self, config: &PolicyConfig) -> Result<Candidate, ChainError> {
        let source = Source {
            path: config.path.clone(),
            settings: runtime::read_settings(&config.settings)?,
            sha256: config.sha256,
            limits: self.limits,
        };
        let loaded = load::load(&self.sandbox, &self.code, source).await;
        loaded.map(Candidate::new).map_err(|source| ChainError::Load { path: config.path.clone(), source })
    }

    /// Has the instances of a policy that takes long to configure begin as a snapshot, as the gateway would. If there can be
    /// none, it stays as it is.
    pub async fn adopt_snapshot(&self, path: &Path, candidate: &Candidate) {
        let Candidate(loaded) = candidate;
        if loaded.wants_snapshot() {
            let (sandbox, component) = (&self.sandbox, &loaded.component);
            let adopted = adopt_snapshot(sandbox, &self.code, path, loaded.digest, component).await;
            drop(adopted);
            component.retire();
        }
    }

    /// Compiles a file, in order to examine it or to configure it more than once.
    ///
    /// # Errors
    /// [`LoadError`] if it cannot be read or compiled.
    pub async fn compile(&self, path: &Path) -> Result<Draft<'_>, LoadError> {
        let compiled = CompiledFile::read(&self.sandbox, &self.code, path, None).await?;
        Ok(Draft { compiled, workbench: self })
    }
}

impl Draft<'_> {
    /// The file's SHA-256.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.compiled.digest
    }

    /// The file's size, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.compiled.size
    }

    /// How long it took to compile; `None` if its code was in the cache.
    #[must_use]
    pub fn compile_time(&self) -> Option<Duration> {
        match self.compiled.origin {
            Origin::Cached => None,
            Origin::Compiled => Some(self.compiled.compile_time),
        }
    }

    /// The interfaces that it imports: the name of each that is provided, and an error for each that is not.
    #[must_use]
    pub fn imports(&self) -> Vec<Result<String, BadImport>> {
        self.compiled.imports(&self.workbench.sandbox)
    }

    /// Configures the file as a policy with these settings.
    ///
    /// # Errors
    /// [`LoadError`] if the gateway would not load it.
    pub async fn configured(&self, settings: &str) -> Result<Candidate, LoadError> {
        let Workbench { sandbox, limits, .. } = self.workbench;
        self.compiled.configured(sandbox, settings.to_owned(), *limits).await.map(Candidate::new)
    }
}

impl std::fmt::Debug for Draft<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Draft").field("digest", &self.compiled.digest).finish_non_exhaustive()
    }
}

impl Candidate {
    /// Takes over a loaded policy. On the workbench each decision makes an instance of its own, so the one that has
    /// been configured already is dropped: it would take up one of the few places in the sandbox.
    fn new(loaded: Loaded) -> Self {
        loaded.component.retire();
        Self(loaded)
    }

    /// The name that the policy gives itself.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The version that the policy gives itself.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// The attributes of its manifest.
    #[must_use]
    pub fn attributes(&self) -> &[(String, String)] {
        &self.0.attributes
    }

    /// The operations whose bodies it reads.
    #[must_use]
    pub fn inspect(&self) -> &[Endpoint] {
        &self.0.inspect
    }

    /// The file's SHA-256.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// Asks the policy, in a new instance.
    ///
    /// # Errors
    /// [`Fault`], which is a denial in the gateway.
    pub async fn decide(&self, asked: Asked, engine: Arc<dyn Inspector>) -> Result<Verdict, Fault> {
        self.dissect(asked, engine).await.map(|(verdict, _parts)| verdict)
    }

    /// Asks the policy, and measures how long each part takes.
    ///
    /// # Errors
    /// [`Fault`], which is a denial in the gateway.
    pub async fn dissect(&self, asked: Asked, engine: Arc<dyn Inspector>) -> Result<(Verdict, Parts), Fault> {
        let (question, flags) = self.question(asked, engine);
        let component = &self.0.component;
        let mut clock = Stopwatch(Instant::now());
        let term = Term::of(CONFIGURE_TIMEOUT);
        let made = async {
            let mut instance = component.instantiate(component.silent(), &term).await?;
            let instantiate = clock.lap();
            component.configure_in(&mut instance).await?;
            Ok((instance, instantiate, clock.lap()))
        };
        let (mut instance, instantiate, configure) = term.run(made).await?.map_err(Unready::into_fault)?;
        let term = component.term();
        let verdict = term.run(component.decide_in(&mut instance, question, flags, &term)).await??;
        let decide = clock.lap();
        let memory = instance.memory_used();
        clock.lap();
        drop(instance);
        Ok((verdict, Parts { instantiate, configure, decide, drop: clock.lap(), memory }))
    }

    fn question(&self, asked: Asked, engine: Arc<dyn Inspector>) -> (Question, FlagsVerdict) {
        let Asked { operation, rights, headers, body, attributes } = asked;
        let settings_say = flags_verdict(&engine_api::decide(rights, &operation));
        let body = match self.reads_body_of(&operation) {
            true => body,
            false => InspectedBody::Unread,
        };
        let operation = Arc::new(operation);
        let question = Question {
            id: FIRST,
            lookups: Arc::new(Lookups::new(FIRST, engine, &operation)),
            operation,
            headers: Arc::new(headers),
            body,
            attributes: attributes.into(),
        };
        (question, settings_say)
    }

    /// Whether the policy reads the body of this operation.
    #[must_use]
    pub fn reads_body_of(&self, operation: &Operation) -> bool {
        operation.endpoint().is_some_and(|endpoint| self.0.inspect.contains(&endpoint))
    }
}

/// A stopwatch, which measures the time since the last lap.
struct Stopwatch(Instant);

impl Stopwatch {
    fn lap(&mut self) -> Duration {
        let now = Instant::now();
        now.duration_since(std::mem::replace(&mut self.0, now))
    }
}
