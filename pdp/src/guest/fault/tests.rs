use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

use super::*;

/// A component that makes an instance of an empty module.
const WITH_AN_INSTANCE: &[u8] = b"\0asm\x0d\0\x01\0\x01\x08\0asm\x01\0\0\0\x02\x04\x01\0\0\0";

const ALLOWANCE: Allowance =
    Allowance { time: Duration::from_millis(100), memory: 1 << 20, memory_ran_out: MemoryAsked::Within };

#[test]
fn a_pool_without_room_is_busy_and_no_failure() {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(1).total_core_instances(1);
    let mut config = Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    let engine = Engine::new(&config).unwrap();
    let component = Component::from_binary(&engine, WITH_AN_INSTANCE).unwrap();
    let linker = Linker::<()>::new(&engine);
    let mut first = Store::new(&engine, ());
    linker.instantiate(&mut first, &component).unwrap();
    let Err(full) = linker.instantiate(Store::new(&engine, ()), &component) else { panic!("there was room") };
    let fault = Fault::from_error(&full, ALLOWANCE);
    assert!(matches!(fault, Fault::NoRoom(_)), "{fault:?}");
    assert_eq!(fault.for_client(), "is busy with other requests");
    assert!(fault.to_string().contains("POLICY_CONCURRENCY"), "{fault}");
}

#[test]
fn what_the_engine_says_of_a_crash_is_fit_for_a_line() {
    let error = wasmtime::Error::msg("no export named `a\u{1b}[31m\u{202e}b`\nmore");
    let Fault::Crash(said) = Fault::from_error(&error, ALLOWANCE) else { panic!("a crash") };
    assert_eq!(said, "no export named `a [31m b`");
}

#[test]
fn memory_that_the_system_refuses_is_not_the_policys_fault() {
    let refused =
        wasmtime::Error::from(rustix::io::Errno::NOMEM).context("mmap failed to reserve 0x1000 bytes");
    let fault = Fault::from_error(&refused, ALLOWANCE);
    assert!(matches!(&fault, Fault::Host(said) if said.contains("ulimit -v")), "{fault}");
    assert!(!is_out_of_memory(&wasmtime::Error::from(rustix::io::Errno::NOENT)));
}
