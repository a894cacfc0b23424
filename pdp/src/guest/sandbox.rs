//! The sandbox: the WebAssembly engine that all policies run in, and what it lets them do.
//!
//! There is one engine for the process. Instances come out of a pool of reserved memory, so that a decision takes
//! microseconds. If the memory cannot be reserved (a low limit on address space), they are made on demand, with as
//! little address space as they use, which is slower.

use std::sync::Arc;

use wasmtime::component::{HasSelf, Linker};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails,
};
use wasmtime_wasi::cli::{WasiCli, WasiCliView as _};
use wasmtime_wasi::p2::bindings::{cli, random};
use wasmtime_wasi::random::WasiRandom;

use crate::bindings;
use crate::guest::epoch_ticker::EpochTicker;
use crate::guest::limits::{MAX_CORE_INSTANCES, MAX_MEMORIES, MAX_TABLE_ELEMENTS, MAX_TABLES};
use crate::guest::state::State;

/// How much WebAssembly stack a guest may use, in bytes.
const MAX_STACK: usize = 512 * 1024;

/// The stack that a guest and the host calls below it run on, in bytes.
const FIBER_STACK: usize = 1024 * 1024;

/// How much memory stays with a slot of the pool after use, in bytes. It is what a small guest writes to, so that no
/// page is given back and faulted in again for each decision.
const KEEP_RESIDENT: usize = 1024 * 1024;

/// The sandbox that policies run in.
#[derive(Clone)]
pub(crate) struct Sandbox {
    engine: Engine,
    memories: Memories,
    linker: Arc<Linker<State>>,
    ticker: Arc<EpochTicker>,
}

/// Why there is no sandbox. No policy can cause this.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// wasmtime cannot run on this machine.
    #[error("cannot set up the WebAssembly engine")]
    Engine(#[source] wasmtime::Error),
    /// The epoch ticker cannot be started, without which there is no time limit.
    #[error("cannot start the thread that limits how long policies run")]
    EpochTicker(#[source] std::io::Error),
}

impl Sandbox {
    /// A sandbox for up to `instances` at a time, with `memory` bytes each.
    ///
    /// # Errors
    /// [`SandboxError`] if this machine cannot run WebAssembly.
    pub(crate) fn new(instances: u32, memory: usize) -> Result<Self, SandboxError> {
        let pooled = pooled(instances, memory).map(|engine| (engine, Memories::Reserved));
        let engine = pooled.or_else(|error| {
            tracing::warn!(
                "policies run slower than they could: no pool of memory could be reserved for {instances} instances \
                 ({error:#}); each is made on its own now. Name fewer policies in POLICY, lower POLICY_CONCURRENCY, \
                 or allow more address space (ulimit -v)"
            );
            Memories::Sparing.engine().map(|engine| (engine, Memories::Sparing))
        });
        let (engine, memories) = engine.map_err(SandboxError::Engine)?;
        Self::around(engine, memories)
    }

    /// A sandbox without a pool, which takes little address space and writes no file, as memory images are to the kernel.
    ///
    /// # Errors
    /// [`SandboxError`] if this machine cannot run WebAssembly.
    pub(crate) fn sparing() -> Result<Self, SandboxError> {
        let memories = Memories::Sparing;
        let engine = Engine::new(base_config(memories).parallel_compilation(false).memory_init_cow(false));
        Self::around(engine.map_err(SandboxError::Engine)?, memories)
    }

    fn around(engine: Engine, memories: Memories) -> Result<Self, SandboxError> {
        let linker = Arc::new(linker(&engine).map_err(SandboxError::Engine)?);
        let ticker = Arc::new(EpochTicker::start(engine.weak()).map_err(SandboxError::EpochTicker)?);
        Ok(Self { engine, memories, linker, ticker })
    }

    /// The WebAssembly engine.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What code for this engine is compiled for.
    pub(crate) fn memories(&self) -> Memories {
        self.memories
    }

    /// The linker, which has everything that a policy may import.
    pub(crate) fn linker(&self) -> &Linker<State> {
        &self.linker
    }

    /// The epoch ticker, which interrupts guests.
    pub(crate) fn ticker(&self) -> &Arc<EpochTicker> {
        &self.ticker
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").finish_non_exhaustive()
    }
}

/// How the memories of guests lie in the address space. Code is compiled for one or the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Memories {
    /// All addresses that a guest can name are reserved, so that no access need be checked.
    Reserved,
    /// Only what is used takes addresses: accesses are checked, and a memory that grows may be copied.
    Sparing,
}

impl Memories {
    pub(crate) const ALL: [Self; 2] = [Self::Reserved, Self::Sparing];

    /// The word for it on a command line.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Sparing => "sparing",
        }
    }

    /// An engine without a pool, which compiles and loads the same code as one with a pool.
    ///
    /// # Errors
    /// If wasmtime cannot run on this machine.
    pub(crate) fn engine(self) -> wasmtime::Result<Engine> {
        // A compiler that uses one core leaves the others to the gateway, and needs the same memory on every machine.
        Engine::new(base_config(self).parallel_compilation(false))
    }
}

fn base_config(memories: Memories) -> Config {
    let mut config = Config::new();
    match memories {
        Memories::Reserved => {}
        Memories::Sparing => {
            config.memory_reservation(0).memory_guard_size(0).memory_reservation_for_growth(1 << 20);
        }
    }
    config
        .epoch_interruption(true)
        .max_wasm_stack(MAX_STACK)
        .async_stack_size(FIBER_STACK)
        .concurrency_support(false) // costs half again on every call, and the interface does not need it
        .wasm_memory64(false)
        .wasm_tail_call(false)
        .native_unwind_info(false)
        .generate_address_map(false) // nobody reads addresses in a guest's code
        .wasm_backtrace_details(WasmBacktraceDetails::Disable);
    config
}

fn pooled(instances: u32, memory: usize) -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(MAX_CORE_INSTANCES))
        .total_memories(instances.saturating_mul(MAX_MEMORIES))
        .total_tables(instances.saturating_mul(MAX_TABLES))
        .total_stacks(instances)
        .max_core_instances_per_component(MAX_CORE_INSTANCES)
        .max_memories_per_component(MAX_MEMORIES)
        .max_tables_per_component(MAX_TABLES)
        .max_memory_size(memory)
        .table_elements(MAX_TABLE_ELEMENTS)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(64 * 1024)
        .max_unused_warm_slots(16)
        // Before wasmtime 50 the scan can miss a dirty page that was swapped out.
        .pagemap_scan(if has_swap() { Enabled::No } else { Enabled::Auto });
    let mut config = base_config(Memories::Reserved);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
}

fn has_swap() -> bool {
    // A header, then one line for each swap area.
    std::fs::read_to_string("/proc/swaps").is_ok_and(|swaps| swaps.lines().count() > 1)
}

/// A linker with the policy world, and with those parts of WASI that common toolchains import even if they do not use
/// them: stdio, clocks, random, exit, an empty environment. It has no files and no sockets: a component that imports
/// those is refused.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    bindings::Policy::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    wasmtime_wasi::p2::add_to_linker_proxy_interfaces_async(&mut linker)?;
    // The hash maps of std take their seeds from these.
    random::insecure::add_to_linker::<State, WasiRandom>(&mut linker, State::random)?;
    random::insecure_seed::add_to_linker::<State, WasiRandom>(&mut linker, State::random)?;
    cli::environment::add_to_linker::<State, WasiCli>(&mut linker, State::cli)?;
    cli::exit::add_to_linker::<State, WasiCli>(&mut linker, State::cli)?;
    cli::terminal_input::add_to_linker::<State, WasiCli>(&mut linker, State::cli)?;
    cli::terminal_output::add_to_linker::<State, WasiCli>(&mut linker, State::cli)?;
    cli::terminal_stdin::add_to_linker::<State, WasiCli>(&mut linker, State::cli)?;
    cli::terminal_stdout::add_to_linker::<State, WasiCli>(&mut linker, State::cli)?;
    cli::terminal_stderr::add_to_linker::<State, WasiCli>(&mut linker, State::cli)?;
    Ok(linker)
}

#[cfg(test)]
mod tests {
    use super::Sandbox;

    /// So many policies are slower, and work.
    #[test]
    fn where_no_pool_has_room_for_all_instances_there_is_a_sandbox_without_one() {
        let sandbox = Sandbox::new(1_000_000, 64 << 20);
        assert!(sandbox.is_ok(), "{:?}", sandbox.err());
    }
}
