//! Policies of a shape that no compiler makes: loops in unexpected places, strange imports and exports, and parts of
//! WebAssembly that are turned off.

use std::path::PathBuf;

use e2e::guests::shape::{self, Shape, WIT};
use tempfile::TempDir;

use super::gate::Gate;
use super::{Failures, refusal};

pub(super) const ENDLESS: &str = "(loop $again (br $again)) unreachable";

/// A file with these bytes, in a folder that goes with it.
pub(super) fn file(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shape.wasm");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// Each of these is not loaded, and the line says why.
fn each_refused(cases: &[(&str, Vec<u8>, &str)]) {
    let mut failures = Failures::default();
    for (name, bytes, why) in cases {
        let (_folder, path) = file(bytes);
        failures.expect(name, &refusal(&path, &[]), why);
    }
    failures.none();
}

#[tokio::test]
async fn a_shape_without_malice_is_loaded() {
    let (_folder, path) = file(&Shape { decide: shape::DENY, ..Shape::default() }.component());
    let gate = Gate::start(&path, &[]).unwrap_or_else(|refused| panic!("{refused:?}"));
    let refusal = gate.fetch("GET /_ping", &[]).await;
    assert_eq!((refusal.status(), refusal.text().contains(": no (policy shape")), (403, true), "{refusal:?}");
    gate.engine.assert_untouched();
    gate.stop();
}

#[test]
fn loops_outside_of_the_functions_of_a_policy_end_with_the_deadline() {
    let start = "(start $spin) (func $spin (loop $again (br $again)))";
    each_refused(&[
        (
            "in the start function",
            Shape { more: start, ..Shape::default() }.component(),
            "did not answer within",
        ),
        ("in realloc", Shape { realloc: ENDLESS, ..Shape::default() }.component(), "did not answer within"),
        (
            "in configure",
            Shape { configure: ENDLESS, ..Shape::default() }.component(),
            "did not answer within",
        ),
    ]);
}

#[test]
fn traps_outside_of_the_functions_of_a_policy_refuse_the_load() {
    let start = "(start $trap) (func $trap unreachable)";
    let divide = "(i32.div_u (i32.const 1) (i32.const 0))";
    let nowhere = "i32.const 0x7fffffff";
    // A string of 100 MiB at address 0, of which the memory has 64 KiB.
    let liar = r#"(data (i32.const 64) "\00\00\00\00" "\00\00\00\00\00\00\40\06")"#;
    let segment = r#"(data (i32.const 65530) "past the end")"#;
    each_refused(&[
        ("in the start function", Shape { more: start, ..Shape::default() }.component(), "it crashed"),
        ("in realloc", Shape { realloc: "unreachable", ..Shape::default() }.component(), "it crashed"),
        (
            "a division by zero",
            Shape { configure: divide, ..Shape::default() }.component(),
            "integer divide by zero",
        ),
        (
            "a manifest outside the memory",
            Shape { configure: nowhere, ..Shape::default() }.component(),
            "it crashed",
        ),
        (
            "memory for the request outside the memory",
            Shape { realloc: nowhere, ..Shape::default() }.component(),
            "it crashed",
        ),
        (
            "a name longer than the memory",
            Shape { more: liar, ..Shape::default() }.component(),
            "its configure failed: it crashed: string pointer/length out of bounds of memory",
        ),
        ("data outside the memory", Shape { more: segment, ..Shape::default() }.component(), "it crashed"),
    ]);
}

#[test]
fn what_a_policy_may_not_import_is_named() {
    let with_import = |interface: &str, declared: &str| {
        let world = format!("import {interface};\n  export decision-point;");
        let wit = WIT.replace("export decision-point;", &world) + declared;
        let imports = format!(r#"(import "{interface}" "harm" (func))"#);
        Shape { imports: &imports, ..Shape::default() }.component_of(&wit)
    };
    let cases = [
        ("evil:things/act@1.0.0", "package evil:things@1.0.0 { interface act { harm: func(); } }"),
        (
            "wasi:filesystem/types@0.2.6",
            "package wasi:filesystem@0.2.6 { interface types { harm: func(); } }",
        ),
        ("wasi:sockets/tcp@0.2.6", "package wasi:sockets@0.2.6 { interface tcp { harm: func(); } }"),
        (
            "wasi:http/outgoing-handler@0.2.6",
            "package wasi:http@0.2.6 { interface outgoing-handler { harm: func(); } }",
        ),
        ("wasi:cli/command@0.2.6", "package wasi:cli@0.2.6 { interface command { harm: func(); } }"),
        ("sockgate:policy/call@0.2.0", "package sockgate:policy@0.2.0 { interface call { harm: func(); } }"),
        ("sockgate:policy/secrets@0.1.0", ""),
    ];
    let mut failures = Failures::default();
    for (interface, declared) in cases {
        let bytes = match interface {
            "sockgate:policy/secrets@0.1.0" => {
                let wit = WIT.replace("export decision-point;", "import secrets;\n  export decision-point;");
                let wit = wit + "interface secrets { harm: func(); }";
                let imports = format!(r#"(import "{interface}" "harm" (func))"#);
                Shape { imports: &imports, ..Shape::default() }.component_of(&wit)
            }
            _ => with_import(interface, declared),
        };
        let (_folder, path) = file(&bytes);
        failures.expect(interface, &refusal(&path, &[]), interface);
    }
    failures.none();
}

#[test]
fn a_function_that_this_gateway_lacks_is_named() {
    let wit = WIT.replace("interface log {", "interface log {\n  shout: func();");
    let imports = r#"(import "sockgate:policy/log@0.1.0" "shout" (func))"#;
    each_refused(&[("log.shout", Shape { imports, ..Shape::default() }.component_of(&wit), "shout")]);
}

#[test]
fn a_component_that_is_no_policy_of_ours_is_not_loaded() {
    let later = |wit: &str| wit.replace("package sockgate:policy@0.1.0", "package sockgate:policy@0.2.0");
    let module = String::from_utf8(wat_of_later()).unwrap();
    let later = shape::component(shape::binary(&module), &later(WIT));
    let less = WIT.replace("    family: string,\n", "");
    let more = WIT.replace("    family: string,\n", "    family: string,\n    colour: string,\n");
    let renamed = WIT.replace(
        "    defer,\n  }\n\n  /// What a policy says of itself",
        "    maybe,\n  }\n\n  /// What a policy says of itself",
    );
    assert!(less != WIT && more != WIT && renamed != WIT, "the interface has changed: change these with it");
    each_refused(&[
        ("nothing at all", shape::binary("(component)"), "decision-point"),
        ("an interface of a later version", later, "sockgate:policy/types@0.2.0"),
        ("a request with a field less", Shape::default().component_of(&less), "does not implement the world"),
        ("a request with a field more", Shape::default().component_of(&more), "does not implement the world"),
        (
            "a decision with another case",
            Shape::default().component_of(&renamed),
            "does not implement the world",
        ),
        (
            "a function of the same name",
            shape::binary(
                r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
                (func (export "sockgate:policy/decision-point@0.1.0") (canon lift (core func $i "f"))))"#,
            ),
            "decision-point",
        ),
    ]);
}

fn wat_of_later() -> Vec<u8> {
    r#"(module (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
        (func (export "sockgate:policy/decision-point@0.2.0#configure") (param i32 i32) (result i32) unreachable)
        (func (export "sockgate:policy/decision-point@0.2.0#decide") (param i32) (result i32) unreachable))"#
        .into()
}

/// What the compiler is told not to know is refused as invalid, wherever it stands: here in a module that nobody
/// instantiates.
#[test]
fn parts_of_webassembly_that_are_turned_off_are_refused() {
    let component = |module: &str| shape::binary(&format!("(component (core module {module}))"));
    each_refused(&[
        ("64-bit memory", component("(memory i64 1)"), "memory64"),
        ("shared memory", component("(memory 1 1 shared)"), "threads"),
        ("atomics", component("(memory 1) (func (drop (i32.atomic.load (i32.const 0))))"), "threads"),
        ("exceptions", component("(tag $t) (func (throw $t))"), "exceptions"),
        ("garbage collection", component("(type (struct (field i32)))"), "gc"),
        ("tail calls", component("(func $f (return_call $f))"), "tail call"),
    ]);
}

#[test]
fn a_component_that_is_too_much_is_refused_and_not_run() {
    let mut memories = String::from(r#"(memory (export "memory") 1)"#);
    let mut tables = String::new();
    for _ in 0..50 {
        memories.push_str("(memory 1)");
        tables.push_str("(table 1 funcref)");
    }
    let huge_table = "(table 10000000 funcref)";
    let huge_memory = r#"(memory (export "memory") 2000)"#;
    let instances = "(core instance (instantiate $m))".repeat(500);
    let instances = shape::binary(&format!("(component (core module $m) {instances})"));
    each_refused(&[
        ("five hundred instances", instances, "500 core module instances, which exceeds"),
        ("fifty memories", Shape { memory: &memories, ..Shape::default() }.component(), "memories"),
        ("fifty tables", Shape { more: &tables, ..Shape::default() }.component(), "tables"),
        ("ten million elements", Shape { more: huge_table, ..Shape::default() }.component(), "table"),
        ("a memory of 125 MiB", Shape { memory: huge_memory, ..Shape::default() }.component(), "memory"),
    ]);
}
