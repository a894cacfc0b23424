use wasmtime::{Config, Engine, Module};

use super::*;

/// `(import "" "" (func))`, then a function that calls the import, itself, the import, and a function of the table.
const MODULE: &[u8] = b"\0asm\x01\0\0\0\
    \x01\x04\x01\x60\0\0\
    \x02\x05\x01\0\0\0\0\
    \x03\x02\x01\0\
    \x04\x04\x01\x70\0\x01\
    \x0a\x0f\x01\x0d\0\x10\0\x10\x01\x10\0\x41\0\x11\0\0\x0b";

fn checkpoints_in(wasm: &[u8]) -> usize {
    wasm.windows(CHECKPOINT.len()).filter(|three| **three == CHECKPOINT).count()
}

/// A component with so many bytes of a section of that kind in it.
fn component(kind: u8, inner: &[u8]) -> Vec<u8> {
    let mut out = b"\0asm\x0d\0\x01\0".to_vec();
    out.push(kind);
    sized(&mut out, inner);
    out
}

#[test]
fn a_checkpoint_stands_before_each_call_that_may_leave_the_module() {
    assert!(Module::validate(&Engine::default(), MODULE).is_ok(), "the module of the test is valid");
    let checked = insert(MODULE).unwrap();
    assert_eq!(checkpoints_in(&checked), 3, "{checked:x?}");
    assert!(Module::validate(&Engine::default(), &checked).is_ok(), "{checked:x?}");
    assert_eq!(checkpoints_in(&insert(&component(4, &component(1, MODULE))).unwrap()), 3, "at any depth");
}

#[test]
fn what_has_no_such_calls_stays_as_it_is() {
    let module = b"\0asm\x01\0\0\0\0\x03\x01aa";
    assert_eq!(insert(module).unwrap(), module);
    let component = component(0, b"\x01aa");
    assert_eq!(insert(&component).unwrap(), component);
}

#[test]
fn what_cannot_be_read_to_its_end_is_an_error() {
    for length in 0..MODULE.len() {
        let cut = &MODULE[..length];
        assert!(insert(cut).is_err() || checkpoints_in(&insert(cut).unwrap()) == 0, "{length} bytes");
    }
    let deep = (0..MAX_DEPTH + 2).fold(MODULE.to_vec(), |inner, _| component(4, &inner));
    assert!(matches!(insert(&deep), Err(Unreadable::Depth)));
    assert!(matches!(insert(b"(module)"), Err(Unreadable::Kind)));
}

/// The engine's settings are those that matter here.
#[test]
fn the_compiler_makes_no_loop_of_a_checkpoint() {
    let mut config = Config::new();
    config.epoch_interruption(true);
    let engine = Engine::new(&config).unwrap();
    assert!(Module::new(&engine, insert(MODULE).unwrap()).is_ok());
}
