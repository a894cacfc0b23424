//! Loads a policy: reads, checks, compiles and configures it, and tries it out. So what is wrong with a policy is told
//! before the policy decides anything.

use std::collections::HashSet;
use std::io::PipeReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine_api::untrusted;
use engine_api::{Endpoint, Method, Operation, Target};
use wasmtime::Engine;
use wasmtime::component::Component as Compiled;

use crate::bindings::{FlagsVerdict, Manifest, PolicyPre};
use crate::digest::Digest;
use crate::events::TRIAL;
use crate::guest::fault::{Fault, one_line};
use crate::guest::interface::shown;
use crate::guest::policy::{Component, Unready};
use crate::guest::sandbox::Sandbox;
use crate::load::cache::{CodeCache, Origin};
use crate::load::compiler::{CompileError, Compiler};
use crate::load::files::Unreadable;
use crate::load::imports::BadImport;
use crate::lookup::{Lookups, NoEngine};
use crate::question::{InspectedBody, Question};
use crate::settings::Limits;

pub(crate) mod adopt;
pub(crate) mod cache;
pub(crate) mod checkpoints;
pub(crate) mod compiler;
pub(crate) mod compiler_process;
pub(crate) mod files;
pub(crate) mod imports;
pub(crate) mod native_code;
pub(crate) mod snapshot;

/// The largest file that is loaded, in bytes.
pub(crate) const MAX_FILE: u64 = 32 * 1024 * 1024;

/// The longest name and the longest version that a policy may give itself, in bytes.
const MAX_NAME: usize = 64;

/// What to load, with which settings and limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// The path of the policy's file.
    pub path: PathBuf,
    /// The settings that `configure` is given.
    pub settings: String,
    /// The SHA-256 that the file must have, if it is pinned.
    pub sha256: Option<Digest>,
    /// The limits that the policy has to keep to.
    pub limits: Limits,
}

/// A policy that is ready to decide, and what was found out about it on the way.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The component that decides.
    pub component: Component,
    /// The name that the policy gives itself, fit to be shown.
    pub name: Arc<str>,
    /// The version that the policy gives itself, fit to be shown.
    pub version: String,
    /// The attributes of its manifest.
    pub attributes: Vec<(String, String)>,
    /// The operations whose bodies it reads, each once.
    pub inspect: Vec<Endpoint>,
    /// The file's SHA-256.
    pub digest: Digest,
    /// How long its `configure` takes.
    pub configure_time: Duration,
}

/// Why a policy is not loaded. The text also says what to do.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] Unreadable),
    /// The file is empty.
    #[error("it is empty: copy or build it anew")]
    Empty,
    /// The file is not the one that `POLICY_SHA256` pins.
    #[error(
        "its SHA-256 is {found}, and POLICY_SHA256 wants {wanted}: put back the file that was pinned, or pin this one"
    )]
    Digest {
        /// The SHA-256 in `POLICY_SHA256`.
        wanted: Digest,
        /// The file's SHA-256.
        found: Digest,
    },
    /// The file is a WebAssembly module, not a component.
    #[error(
        "it is a core module, not a component: build it for wasm32-wasip2, or make it one with `wasm-tools component new`"
    )]
    CoreModule,
    /// The file is native code that was compiled from a component.
    #[error("it is already compiled; sockgate loads only what it compiles itself: name the .wasm file")]
    Precompiled,
    /// The file is WebAssembly in its text format.
    #[error("it is WebAssembly text; load the binary form (`wasm-tools parse`)")]
    Text,
    /// The file is anything else.
    #[error("it is not a WebAssembly component: name the .wasm file that its build makes")]
    NotWasm,
    /// The component is not valid, or cannot be compiled within the limits.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// What it was compiled to cannot be loaded.
    #[error("its code, which was compiled just now, cannot be loaded")]
    Code(#[source] wasmtime::Error),
    /// The component imports what the gateway does not provide.
    #[error("it imports what a policy is not given: {}", imports::listed(.0))]
    Imports(Vec<BadImport>),
    /// The component is not a policy, or one of another version.
    #[error("it does not implement the world `policy` of sockgate:policy@0.1: {0}")]
    World(String),
    /// `configure` refuses the settings.
    #[error("it refuses its settings (POLICY_SETTINGS): {0}")]
    Settings(String),
    /// `configure` failed.
    #[error("its configure failed")]
    Configure(#[source] Fault),
    /// `configure` takes too long.
    #[error(
        "its configure failed: it did not answer within {} ms, and there is no setting for that: let it do less",
        .0.as_millis()
    )]
    SlowConfigure(Duration),
    /// `configure` returned a manifest that is not valid.
    #[error("its manifest is not valid: {0}")]
    Manifest(String),
    /// The policy failed to decide on a ping.
    #[error(
        "it must answer whatever it is asked, and failed when it was asked about GET /_ping to try it out \
         (`sockgate policy check` shows what it logged)"
    )]
    Trial(#[source] Fault),
    /// The gateway failed, not the policy.
    #[error("loading it failed: the gateway's log has a panic")]
    Panicked,
    /// The gateway cannot do its part for the policy.
    #[error("the gateway cannot load it")]
    Host(#[source] std::io::Error),
}

/// A policy's file that has been read.
pub(crate) struct PolicyFile {
    /// The whole content.
    pub bytes: Vec<u8>,
    /// The SHA-256 of the content.
    pub digest: Digest,
}

impl PolicyFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`LoadError`] if the file cannot be read or is empty.
    pub(crate) fn read(path: &Path) -> Result<Self, LoadError> {
        let bytes = files::read(path, MAX_FILE)?;
        match bytes.is_empty() {
            true => Err(LoadError::Empty),
            false => Ok(Self { digest: Digest::of(&bytes), bytes }),
        }
    }

    /// Reads a file that must have this digest, if one is given.
    ///
    /// # Errors
    /// [`LoadError`] if the file cannot be read, is empty, or is another one.
    fn read_pinned(path: &Path, pin: Option<Digest>) -> Result<Self, LoadError> {
        let file = Self::read(path)?;
        match pin.filter(|wanted| *wanted != file.digest) {
            Some(wanted) => Err(LoadError::Digest { wanted, found: file.digest }),
            None => Ok(file),
        }
    }
}

/// Loads a policy: all the steps from a path to a policy that is ready to decide.
///
/// # Errors
/// [`LoadError`] if one of the steps fails.
pub(crate) async fn load(sandbox: &Sandbox, code: &CodeSource, source: Source) -> Result<Loaded, LoadError> {
    let draft = CompiledFile::read(sandbox, code, &source.path, source.sha256).await?;
    draft.configured(sandbox, source.settings, source.limits).await
}

/// Where a policy's code comes from: the cache, or else the compiler.
#[derive(Clone, Debug)]
pub(crate) struct CodeSource {
    /// The cache.
    pub cache: CodeCache,
    /// The compiler.
    pub compiler: Compiler,
}

impl CodeSource {
    /// Compiles a component, whatever is in the cache, and loads its code, which is the second result.
    ///
    /// # Errors
    /// [`LoadError`] if it cannot be compiled or loaded.
    fn compile(
        &self,
        sandbox: &Sandbox,
        wasm: Vec<u8>,
        abandoned: &PipeReader,
    ) -> Result<(Compiled, Vec<u8>), LoadError> {
        let code = self.compiler.compile(wasm, sandbox.memories(), abandoned)?;
        let component = native_code::load(sandbox.engine(), &code).map_err(LoadError::Code)?;
        Ok((component, code))
    }
}

/// A file that was read and compiled. It has not been checked yet whether it is a policy.
pub(crate) struct CompiledFile {
    component: Compiled,
    /// The file's name without its extension, which names the policy in its log lines.
    stem: Arc<str>,
    /// Where the compiled code came from.
    pub origin: Origin,
    /// How long it took to compile or find the code.
    pub compile_time: Duration,
    /// The file's SHA-256.
    pub digest: Digest,
    /// The file's size, in bytes.
    pub size: u64,
}

impl CompiledFile {
    /// Reads a file and compiles it, or finds its code in the cache.
    ///
    /// # Errors
    /// [`LoadError`] if it cannot be read or compiled.
    pub(crate) async fn read(
        sandbox: &Sandbox,
        code: &CodeSource,
        path: &Path,
        pin: Option<Digest>,
    ) -> Result<Self, LoadError> {
        let (sandbox, code, path) = (sandbox.clone(), code.clone(), path.to_owned());
        while_waited_for(move |abandoned| compile(&sandbox, &code, &path, pin, abandoned)).await
    }

    /// The imports of the component: the name of each that is provided, and an error for each that is not.
    pub(crate) fn imports(&self, sandbox: &Sandbox) -> Vec<Result<String, BadImport>> {
        imports::of(&self.component, sandbox.engine())
    }

    /// Configures the component as a policy with these settings, and tries it out.
    ///
    /// # Errors
    /// [`LoadError`] if it is not a policy, refuses its settings or fails.
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
        let (manifest, configure_time) = component.configure().await.map_err(|unready| match unready {
            Unready::Settings(complaint) => LoadError::Settings(shown(&complaint)),
            Unready::World(mismatch) => LoadError::World(mismatch),
            // The time for `configure` has no setting, unlike that for a decision, so this is another error.
            Unready::Fault(Fault::Timeout(time)) => LoadError::SlowConfigure(time),
            Unready::Fault(fault) => LoadError::Configure(fault),
        })?;
        let Manifest { name, version, inspect, attributes } = manifest;
        let name = word("name", &name)?.into();
        let version = word("version", &version)?;
        let inspect = inspect.iter().map(|id| inspected(id)).collect::<Result<HashSet<_>, _>>()?;
        // Each once, in the catalogue's order, however often the policy names it.
        let inspect = Endpoint::ALL.iter().copied().filter(|endpoint| inspect.contains(endpoint)).collect();
        let attributes =
            attributes.iter().take(32).map(|(name, value)| (shown(name), shown(value))).collect();
        try_out(&component).await.map_err(LoadError::Trial)?;
        Ok(Loaded { component, name, version, attributes, inspect, digest: self.digest, configure_time })
    }
}

impl Loaded {
    /// Whether its decisions would be cheaper with a snapshot.
    pub(crate) fn wants_snapshot(&self) -> bool {
        self.configure_time >= snapshot::WORTHWHILE
    }
}

/// The file's name without its extension, by which settings name a policy.
pub(crate) fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Reads and compiles. Reading may wait for a disk and compiling takes long, so neither runs on a thread where others
/// wait. What `work` is given tells the compiler when this future is dropped: then nobody waits for it any more.
async fn while_waited_for<T: Send + 'static>(
    work: impl FnOnce(&PipeReader) -> Result<T, LoadError> + Send + 'static,
) -> Result<T, LoadError> {
    let (abandoned, _waiting) = std::io::pipe().map_err(LoadError::Host)?;
    tokio::task::spawn_blocking(move || work(&abandoned)).await.unwrap_or(Err(LoadError::Panicked))
}

fn compile(
    sandbox: &Sandbox,
    code: &CodeSource,
    path: &Path,
    pin: Option<Digest>,
    abandoned: &PipeReader,
) -> Result<CompiledFile, LoadError> {
    let engine = sandbox.engine();
    let PolicyFile { bytes, digest } = PolicyFile::read_pinned(path, pin)?;
    require_component(&bytes)?;
    let (started, size) = (Instant::now(), bytes.len() as u64);
    let (component, origin) = match code.cache.find(engine, &digest) {
        Some(component) => (component, Origin::Cached),
        None => {
            let (component, native) = code.compile(sandbox, bytes, abandoned)?;
            code.cache.keep(engine, &digest, &native);
            (component, Origin::Compiled)
        }
    };
    let compile_time = started.elapsed();
    Ok(CompiledFile { component, stem: stem(path).into(), origin, compile_time, digest, size })
}

/// Looks at the first bytes, to give a better message than the compiler would.
fn require_component(bytes: &[u8]) -> Result<(), LoadError> {
    match bytes {
        [b'\0', b'a', b's', b'm', _, _, 1, 0, ..] => Ok(()),
        [b'\0', b'a', b's', b'm', ..] => Err(LoadError::CoreModule),
        [b'(', ..] => Err(LoadError::Text),
        bytes if Engine::detect_precompiled(bytes).is_some() => Err(LoadError::Precompiled),
        _ => Err(LoadError::NotWasm),
    }
}

/// Accepts a name or a version if it is short, not empty, and cannot be taken for anything else on a log line.
fn word(what: &str, text: &str) -> Result<String, LoadError> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte));
    match is_plain && (1..=MAX_NAME).contains(&text.len()) {
        true => Ok(text.to_owned()),
        false => Err(LoadError::Manifest(format!(
            "its {what} must have from 1 to {MAX_NAME} characters, each an ASCII letter or digit or one of . _ + -"
        ))),
    }
}

fn inspected(id: &str) -> Result<Endpoint, LoadError> {
    let found = Endpoint::ALL.iter().copied().find(|endpoint| endpoint.operation_id() == id);
    let missing = match found {
        Some(endpoint) if endpoint.body().is_some() => return Ok(endpoint),
        Some(_) => "which has no JSON body",
        None => "which is not an operation of the Engine API",
    };
    let id = untrusted::fit(id, MAX_NAME);
    Err(LoadError::Manifest(format!("it wants to inspect {id:?}, {missing}")))
}

/// Asks the policy about a ping, because types that differ are found only when it is asked. Its answer does not matter.
async fn try_out(component: &Component) -> Result<(), Fault> {
    match trial() {
        Some(ping) => component.decide(ping, FlagsVerdict::Allow, &component.term()).await.map(drop),
        None => Ok(()),
    }
}

/// A ping.
fn trial() -> Option<Question> {
    let operation = Arc::new(Operation::new(Method::Get, Target::parse("/_ping").ok()?));
    Some(Question {
        id: TRIAL,
        lookups: Arc::new(Lookups::new(TRIAL, Arc::new(NoEngine), &operation)),
        operation,
        headers: Arc::default(),
        body: InspectedBody::Empty,
        attributes: Arc::default(),
    })
}
