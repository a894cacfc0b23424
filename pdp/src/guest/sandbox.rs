//! The engine that all policies run in: what WebAssembly may do here, and what it costs.
//!
//! One engine for the process. Instances come out of a pool of reserved memory, so that a decision costs microseconds;
//! where the reservation fails (a low limit of address space), they are made on demand, slower.

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

/// The most WebAssembly stack that a guest may take, in bytes.
const MAX_STACK: usize = 512 * 1024;

/// The stack that a guest and the host calls below it run on, in bytes.
const FIBER_STACK: usize = 1024 * 1024;

/// Memory that stays with a slot after use, in bytes: what a small guest dirties, so that no page is given back and faulted
/// in again for each decision.
const KEEP_RESIDENT: usize = 1024 * 1024;

/// Where policies run.
#[derive(Clone)]
pub(crate) struct Sandbox {
    engine: Engine,
    linker: Arc<Linker<State>>,
    ticker: Arc<EpochTicker>,
}

/// Why there is no sandbox. Nothing that a policy does leads here.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// wasmtime says no.
    #[error("cannot set up the WebAssembly engine: {0:#}")]
    Engine(wasmtime::Error),
    /// No thread, no time limit.
    #[error("cannot start the thread that tells policies their time: {0}")]
    EpochTicker(#[source] std::io::Error),
}

impl Sandbox {
    /// For up to `instances` at a time, with `memory` bytes each.
    ///
    /// # Errors
    /// [`SandboxError`], if this machine cannot run WebAssembly.
    pub(crate) fn new(instances: u32, memory: usize) -> Result<Self, SandboxError> {
        let engine = pooled(instances, memory).or_else(|error| {
            tracing::warn!(
                "policies run slower than they could: no pool of memory could be reserved ({error:#})"
            );
            Engine::new(&base_config())
        });
        let engine = engine.map_err(SandboxError::Engine)?;
        let linker = Arc::new(linker(&engine).map_err(SandboxError::Engine)?);
        let ticker = Arc::new(EpochTicker::start(engine.weak()).map_err(SandboxError::EpochTicker)?);
        Ok(Self { engine, linker, ticker })
    }

    /// The engine.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Everything that a policy may import.
    pub(crate) fn linker(&self) -> &Linker<State> {
        &self.linker
    }

    /// Interrupts guests.
    pub(crate) fn ticker(&self) -> &Arc<EpochTicker> {
        &self.ticker
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").finish_non_exhaustive()
    }
}

fn base_config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(MAX_STACK)
        .async_stack_size(FIBER_STACK)
        .concurrency_support(false) // half again on every call, for nothing that the interface has
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
    let mut config = base_config();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
}

fn has_swap() -> bool {
    // A head line, then one line for each.
    std::fs::read_to_string("/proc/swaps").is_ok_and(|swaps| swaps.lines().count() > 1)
}

/// The policy world, and of WASI what std toolchains import even when they do nothing with it: stdio, clocks, random,
/// exit, an empty environment. No files, no sockets: a component that imports those is refused.
fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    bindings::Policy::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    wasmtime_wasi::p2::add_to_linker_proxy_interfaces_async(&mut linker)?;
    // Where hash maps of std have their seeds from.
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
