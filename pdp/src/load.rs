//! Loading a policy: read, check, compile, configure, try out. What is wrong is said before anything is decided by it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine_api::{Endpoint, Method, Operation, Target};
use wasmtime::Engine;
use wasmtime::component::Component as Compiled;

use crate::bindings::{FlagsVerdict, Manifest, PolicyPre};
use crate::digest::Digest;
use crate::guest::fault::{Fault, one_line};
use crate::guest::interface::shown;
use crate::guest::policy::{Component, Unready};
use crate::guest::sandbox::Sandbox;
use crate::load::cache::{CodeCache, Origin};
use crate::load::files::Unreadable;
use crate::load::imports::BadImport;
use crate::lookup::{Lookups, NoEngine};
use crate::question::{InspectedBody, Question};
use crate::settings::Limits;
use complexity::{TooMuch, require_compilable};
use engine_api::untrusted;

pub(crate) mod cache;
pub(crate) mod complexity;
pub(crate) mod files;
pub(crate) mod imports;

/// The largest file that is loaded, in bytes.
pub(crate) const MAX_FILE: u64 = 32 * 1024 * 1024;

/// The longest name and version that a policy may give itself.
const MAX_NAME: usize = 64;

/// What to load, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// The file.
    pub path: PathBuf,
    /// What `configure` gets.
    pub settings: String,
    /// What the file must be, if that is pinned.
    pub sha256: Option<Digest>,
    /// What it may take.
    pub limits: Limits,
}

/// A policy that is ready to decide, and what was found out about it on the way.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// Decides.
    pub component: Component,
    /// Its own name and version, fit to be shown.
    pub name: Arc<str>,
    /// See `name`.
    pub version: String,
    /// What else it says of itself.
    pub attributes: Vec<(String, String)>,
    /// Whose bodies it reads.
    pub inspect: Vec<Endpoint>,
    /// Of its file.
    pub digest: Digest,
}

/// Why a policy is not loaded. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file is not read.
    #[error(transparent)]
    File(#[from] Unreadable),
    /// There is nothing in it.
    #[error("it is empty: copy or build it anew")]
    Empty,
    /// More than is compiled.
    #[error(transparent)]
    TooMuch(#[from] TooMuch),
    /// Not what `POLICY_SHA256` says.
    #[error(
        "its SHA-256 is {found}, and POLICY_SHA256 wants {wanted}: put the file back that was pinned, or pin this one"
    )]
    Digest {
        /// `POLICY_SHA256`.
        wanted: Digest,
        /// The file's.
        found: Digest,
    },
    /// WebAssembly, but no component.
    #[error(
        "it is a core module, not a component: build it for wasm32-wasip2, or make it one with `wasm-tools component new`"
    )]
    CoreModule,
    /// Native code.
    #[error("it is compiled already; sockgate loads only what it compiles itself: name the .wasm file")]
    Precompiled,
    /// The text format.
    #[error("it is WebAssembly text; load the binary form (`wasm-tools parse`)")]
    Text,
    /// Anything else.
    #[error("it is no WebAssembly component: name the .wasm file that its build makes")]
    NotWasm,
    /// The compiler says no.
    #[error("it is no valid component: {0}")]
    Invalid(String),
    /// It wants what nobody gives it.
    #[error("it imports what a policy is not given: {}", imports::listed(.0))]
    Imports(Vec<BadImport>),
    /// It is no policy, or one of another version.
    #[error("it does not implement the world `policy` of sockgate:policy@0.1: {0}")]
    World(String),
    /// `configure` says no.
    #[error("it refuses its settings (POLICY_SETTINGS): {0}")]
    Settings(String),
    /// `configure` failed.
    #[error("its configure failed: {0}")]
    Configure(#[source] Fault),
    /// `configure` does too much.
    #[error("its configure failed: it did not answer within {} ms, and there is no setting for that: let it do less", .0.as_millis())]
    SlowConfigure(Duration),
    /// `configure` answered what makes no sense.
    #[error("its manifest makes no sense: {0}")]
    Manifest(String),
    /// It could not decide on a ping.
    #[error(
        "it was asked about GET /_ping to try it out, and failed: {0}; whatever it is asked, it must answer \
         (`sockgate policy test` shows what it says)"
    )]
    Trial(#[source] Fault),
    /// The machine's fault.
    #[error("{0}")]
    Host(String),
}

/// A file's bytes, and what they are.
pub(crate) struct PolicyFile {
    /// All of it, as it was when it was read.
    pub bytes: Vec<u8>,
    /// Of these bytes.
    pub digest: Digest,
}

impl PolicyFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`LoadError`], if that is no file that could be a component.
    pub(crate) fn read(path: &Path) -> Result<Self, LoadError> {
        let bytes = files::read(path, MAX_FILE)?;
        match bytes.is_empty() {
            true => Err(LoadError::Empty),
            false => Ok(Self { digest: Digest::of(&bytes), bytes }),
        }
    }
}

/// Everything between a path and a policy that decides.
///
/// # Errors
/// [`LoadError`].
pub(crate) async fn load(sandbox: &Sandbox, cache: &CodeCache, source: Source) -> Result<Loaded, LoadError> {
    let draft = CompiledFile::read(sandbox, cache, &source.path, source.sha256).await?;
    draft.configured(sandbox, source.settings, source.limits).await
}

/// A file that was read and compiled. Whether it is a policy, nobody has looked at yet.
pub(crate) struct CompiledFile {
    component: Compiled,
    /// What its settings go by.
    stem: Arc<str>,
    /// Where its code came from.
    pub origin: Origin,
    /// How long the code took.
    pub compile_time: Duration,
    /// Of its file.
    pub digest: Digest,
    /// Of its file, in bytes.
    pub size: u64,
}

impl CompiledFile {
    /// Reads a file and compiles it, or finds its code in the cache.
    ///
    /// # Errors
    /// [`LoadError`].
    pub(crate) async fn read(
        sandbox: &Sandbox,
        cache: &CodeCache,
        path: &Path,
        pin: Option<Digest>,
    ) -> Result<Self, LoadError> {
        let (engine, cache, path) = (sandbox.engine().clone(), cache.clone(), path.to_owned());
        // Reading may wait for a disk, compiling takes its time: not on a thread where others wait.
        let compiled = tokio::task::spawn_blocking(move || compile(&engine, &cache, &path, pin)).await;
        compiled.map_err(|panic| LoadError::Host(format!("compiling it failed: {panic}")))?
    }

    /// What it imports, one by one: what it is given, and what it is not.
    pub(crate) fn imports(&self, sandbox: &Sandbox) -> Vec<Result<String, BadImport>> {
        imports::of(&self.component, sandbox.engine())
    }

    /// The policy that it is, with these settings.
    ///
    /// # Errors
    /// [`LoadError`].
    pub(crate) async fn configured(
        &self,
        sandbox: &Sandbox,
        settings: String,
        limits: Limits,
    ) -> Result<Loaded, LoadError> {
        imports::require_provided(&self.component, sandbox.engine()).map_err(LoadError::Imports)?;
        let pre = sandbox.linker().instantiate_pre(&self.component);
        let pre = pre.map_err(|error| LoadError::World(one_line(&error)))?;
        let pre = PolicyPre::new(pre).map_err(|error| LoadError::World(one_line(&error)))?;
        let component = Component::new(sandbox.clone(), pre, settings, limits, Arc::clone(&self.stem));
        let manifest = component.configure().await.map_err(|unready| match unready {
            Unready::Settings(complaint) => LoadError::Settings(shown(&complaint)),
            Unready::World(mismatch) => LoadError::World(mismatch),
            // No decision's time, which would have a setting.
            Unready::Fault(Fault::Timeout(time)) => LoadError::SlowConfigure(time),
            Unready::Fault(fault) => LoadError::Configure(fault),
        })?;
        let Manifest { name, version, inspect, attributes } = manifest;
        let name = word("name", &name)?.into();
        let version = word("version", &version)?;
        let inspect = inspect.iter().map(|id| inspected(id)).collect::<Result<_, _>>()?;
        let attributes =
            attributes.iter().take(32).map(|(name, value)| (shown(name), shown(value))).collect();
        try_out(&component).await.map_err(LoadError::Trial)?;
        Ok(Loaded { component, name, version, attributes, inspect, digest: self.digest })
    }
}

/// The name that a policy's own settings go by: its file's, without the extension.
pub(crate) fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn compile(
    engine: &Engine,
    cache: &CodeCache,
    path: &Path,
    pin: Option<Digest>,
) -> Result<CompiledFile, LoadError> {
    let PolicyFile { bytes, digest } = PolicyFile::read(path)?;
    if let Some(wanted) = pin.filter(|wanted| *wanted != digest) {
        return Err(LoadError::Digest { wanted, found: digest });
    }
    require_component(&bytes)?;
    let started = Instant::now();
    let (component, origin) = match cache.find(engine, &digest) {
        Some(component) => (component, Origin::Cached),
        None => {
            require_compilable(&bytes)?;
            let compiled = cache.compile(engine, &bytes, &digest);
            (compiled.map_err(|error| LoadError::Invalid(one_line(&error)))?, Origin::Compiled)
        }
    };
    let (compile_time, size) = (started.elapsed(), bytes.len() as u64);
    Ok(CompiledFile { component, stem: stem(path).into(), origin, compile_time, digest, size })
}

/// A look at the first bytes, for a better word than the compiler's.
fn require_component(bytes: &[u8]) -> Result<(), LoadError> {
    match bytes {
        [b'\0', b'a', b's', b'm', _, _, 1, 0, ..] => Ok(()),
        [b'\0', b'a', b's', b'm', ..] => Err(LoadError::CoreModule),
        [b'(', ..] => Err(LoadError::Text),
        bytes if Engine::detect_precompiled(bytes).is_some() => Err(LoadError::Precompiled),
        _ => Err(LoadError::NotWasm),
    }
}

/// A name or a version: short, not empty, and nothing that could be taken for more than a name.
fn word(what: &str, text: &str) -> Result<String, LoadError> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte));
    match is_plain && (1..=MAX_NAME).contains(&text.len()) {
        true => Ok(text.to_owned()),
        false => Err(LoadError::Manifest(format!(
            "its {what} must have from 1 to {MAX_NAME} characters, each a letter or digit of ASCII or one of . _ + -"
        ))),
    }
}

fn inspected(id: &str) -> Result<Endpoint, LoadError> {
    let found = Endpoint::ALL.iter().copied().find(|endpoint| endpoint.operation_id() == id);
    let missing = match found {
        Some(endpoint) if endpoint.body().is_some() => return Ok(endpoint),
        Some(_) => "which has no body of JSON",
        None => "which is no operation of the Engine API",
    };
    let id = untrusted::fit(id, MAX_NAME);
    Err(LoadError::Manifest(format!("it wants to inspect {id:?}, {missing}")))
}

/// Types that differ show only when it is asked. What it answers does not matter.
async fn try_out(component: &Component) -> Result<(), Fault> {
    let Ok(target) = Target::parse("/_ping") else { return Ok(()) };
    let operation = Arc::new(Operation::new(Method::Get, target));
    let question = Question {
        id: 0,
        lookups: Arc::new(Lookups::new(0, Arc::new(NoEngine), &operation)),
        operation,
        headers: Arc::default(),
        body: InspectedBody::Empty,
        attributes: Arc::default(),
    };
    component.decide(question, FlagsVerdict::Allow).await.map(drop)
}
