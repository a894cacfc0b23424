//! A snapshot of a policy: a component whose instances begin as `configure` has left the first one, so that a policy may
//! take long to configure and its decisions need not.
//!
//! It is taken in a process apart (`compiler_process.rs`), since it is made by what the policy does there. What cannot be
//! kept is refused, and the policy is then configured for each decision, as most are: handles to what the host has given
//! (a stream that it has written to), changed tables, and shapes of components that [`wasmtime_wizer`] does not know.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::Store;
use wasmtime::component::{ComponentNamedList, Instance, Lift, WasmList};
use wasmtime_wizer::{ComponentInstanceState, Wizer};

use crate::bindings::Policy;
use crate::digest::Digest;
use crate::guest::output::Output;
use crate::guest::policy::CONFIGURE_TIMEOUT;
use crate::guest::sandbox::{Sandbox, SandboxError};
use crate::guest::state::State;
use crate::guest::term::Term;
use crate::load::checkpoints;

/// A policy that is configured within this time is not worth a snapshot.
pub(crate) const WORTHWHILE: Duration = Duration::from_micros(100);

/// How much memory a policy may hold to be kept in a snapshot, in bytes. All of it becomes part of the component.
const MAX_MEMORY: usize = 32 << 20;

/// What the code of a snapshot is known by in the cache.
pub(crate) fn key(policy: &Digest, settings: &str) -> Digest {
    Digest::of_all(&[b"snapshot 1", policy.as_bytes(), Digest::of(settings.as_bytes()).as_bytes()])
}

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoSnapshot {
    /// The settings do not come whole.
    #[error("its settings do not come whole")]
    Input,
    /// wasmtime or wizer refuses the component.
    #[error("{0:#}")]
    Wasmtime(#[from] wasmtime::Error),
    /// The sandbox cannot be set up.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// There is no runtime to call the policy in.
    #[error(transparent)]
    Host(#[from] std::io::Error),
    /// The policy refuses its settings here, or takes too long.
    #[error("it could not be configured again")]
    Configure,
    /// The policy holds streams, or other things of the host's.
    #[error("it holds things of the host's, which a snapshot cannot keep")]
    Resources,
    /// It cannot be given checkpoints.
    #[error("it cannot be given checkpoints: {0}")]
    Unreadable(#[from] checkpoints::Unreadable),
    /// Its state could not be read.
    #[error("its state could not be read: {0:#}")]
    State(wasmtime::Error),
}

/// What the process is sent: the length of the settings, the settings, the component.
pub(crate) fn input(settings: &str, wasm: &[u8]) -> Vec<u8> {
    [&(settings.len() as u64).to_le_bytes(), settings.as_bytes(), wasm].concat()
}

/// Configures the policy of what [`input`] made, and takes the snapshot.
///
/// # Errors
/// [`NoSnapshot`]
pub(crate) fn take(input: &[u8]) -> Result<Vec<u8>, NoSnapshot> {
    let (length, rest) = input.split_first_chunk().ok_or(NoSnapshot::Input)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_too_long| NoSnapshot::Input)?;
    let (settings, wasm) = rest.split_at_checked(length).ok_or(NoSnapshot::Input)?;
    let settings = str::from_utf8(settings).map_err(|_not_text| NoSnapshot::Input)?;
    let wizer = Wizer::new();
    let (context, instrumented) = wizer.instrument_component(wasm)?;
    let instrumented = checkpoints::insert(&instrumented)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(async {
        let mut configured = ConfiguredPolicy::new(&instrumented, settings).await?;
        let snapshot = wizer.snapshot_component(&context, &mut configured).await?;
        configured.failed.map_or(Ok(snapshot), |error| Err(NoSnapshot::State(error)))
    })
}

/// A policy that has been configured, with functions that tell its state.
struct ConfiguredPolicy {
    store: Store<State>,
    instance: Instance,
    /// The first failure to read the state. What was read after it means nothing.
    failed: Option<wasmtime::Error>,
}

impl ConfiguredPolicy {
    async fn new(instrumented: &[u8], settings: &str) -> Result<Self, NoSnapshot> {
        let sandbox = Sandbox::sparing()?;
        let component = wasmtime::component::Component::new(sandbox.engine(), instrumented)?;
        let term = Term::of(CONFIGURE_TIMEOUT);
        let output = Output::silent(Arc::from(""));
        let mut store = State::store(sandbox.engine(), sandbox.ticker(), MAX_MEMORY, output, &term);
        store.set_hostcall_fuel(MAX_MEMORY);
        let pre = sandbox.linker().instantiate_pre(&component)?;
        let configuring = async {
            let instance = pre.instantiate_async(&mut store).await?;
            let policy = Policy::new(&mut store, &instance)?;
            let manifest =
                policy.sockgate_policy_decision_point().call_configure(&mut store, settings).await?;
            Ok::<_, wasmtime::Error>(manifest.is_ok().then_some(instance))
        };
        let configured = term.run(configuring).await.map_err(|_timeout| NoSnapshot::Configure)??;
        let instance = configured.ok_or(NoSnapshot::Configure)?;
        match store.data().holds_resources() {
            true => Err(NoSnapshot::Resources),
            false => Ok(Self { store, instance, failed: None }),
        }
    }

    /// What a function of the instance returns.
    async fn call<R: Lift + 'static>(&mut self, instance: &str, function: &str) -> Option<R>
    where
        (R,): ComponentNamedList,
    {
        if self.failed.is_some() {
            return None;
        }
        self.try_call(instance, function).await.map_err(|error| self.failed = Some(error)).ok()
    }

    async fn try_call<R: Lift + 'static>(&mut self, instance: &str, function: &str) -> wasmtime::Result<R>
    where
        (R,): ComponentNamedList,
    {
        let missing = || wasmtime::format_err!("there is no {instance}#{function}");
        let (_, found) = self.instance.get_export(&mut self.store, None, instance).ok_or_else(missing)?;
        let (_, found) =
            self.instance.get_export(&mut self.store, Some(&found), function).ok_or_else(missing)?;
        let function = self.instance.get_typed_func::<(), (R,)>(&mut self.store, found)?;
        let (result,) = function.call_async(&mut self.store, ()).await?;
        Ok(result)
    }
}

impl ComponentInstanceState for ConfiguredPolicy {
    async fn call_func_ret_list_u8(
        &mut self,
        instance: &str,
        func: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) {
        let list: Option<WasmList<u8>> = self.call(instance, func).await;
        contents(list.as_ref().map_or(&[], |list| list.as_le_slice(&self.store)));
    }

    async fn call_func_ret_s32(&mut self, instance: &str, func: &str) -> i32 {
        self.call(instance, func).await.unwrap_or_default()
    }

    async fn call_func_ret_s64(&mut self, instance: &str, func: &str) -> i64 {
        self.call(instance, func).await.unwrap_or_default()
    }

    async fn call_func_ret_f32(&mut self, instance: &str, func: &str) -> u32 {
        self.call::<f32>(instance, func).await.unwrap_or_default().to_bits()
    }

    async fn call_func_ret_f64(&mut self, instance: &str, func: &str) -> u64 {
        self.call::<f64>(instance, func).await.unwrap_or_default().to_bits()
    }
}
