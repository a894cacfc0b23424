//! Limits that are met while a policy decides, by shapes that no compiler makes.

use e2e::guests::shape::{self, Shape, WIT};

use super::gate::Gate;
use super::shapes::{ENDLESS, file};
use super::{Failures, refusal};

/// Past its limit a table does not grow, and the policy is told so: this one denies then.
#[tokio::test]
async fn a_table_does_not_grow_past_its_limit() {
    let grow = "(table $t 1 funcref)";
    let decide = format!(
        "(if (result i32) (i32.eq (table.grow $t (ref.null func) (i32.const 20000)) (i32.const -1)) (then {}) (else {}))",
        shape::DENY,
        shape::ALLOW
    );
    let (_folder, path) = file(&Shape { more: grow, decide: &decide, ..Shape::default() }.component());
    let gate = Gate::start(&path, &[]).unwrap_or_else(|refused| panic!("{refused:?}"));
    let refusal = gate.fetch("GET /_ping", &[]).await;
    assert_eq!(refusal.status(), 403, "a table grows past its limit");
    gate.engine.assert_untouched();
    gate.stop();
}

/// The trial asks about a ping, whose path is shorter: the host's own call for memory is what never ends.
#[tokio::test]
async fn a_realloc_that_loops_for_some_requests_only_is_ended_by_the_deadline() {
    let is_path = "(i32.and (i32.eq (local.get 3) (i32.const 16)) (i32.eq (local.get 2) (i32.const 1)))";
    let at = "(local $at i32)";
    let realloc = shape::REALLOC.replace(at, &format!("{at} (if {is_path} (then {ENDLESS}))"));
    let (_folder, path) = file(&Shape { realloc: &realloc, ..Shape::default() }.component());
    let gate = Gate::start(&path, &[("POLICY_TIMEOUT", "300ms")]).unwrap();
    assert_eq!("/containers/json".len(), 16);
    assert_eq!(gate.fetch("GET /containers/json", &[]).await.status(), 403);
    gate.lines(&["the policy shape failed: it did not answer within 300 ms (POLICY_TIMEOUT)"]);
    gate.engine.assert_untouched();
    assert_eq!(gate.fetch("GET /_ping", &[]).await.status(), 200);
    gate.stop();
}

/// The interface with what it takes to wait for a clock.
pub(super) fn wit_with_pollables() -> String {
    let world =
        "import wasi:io/poll@0.2.6;\n  import wasi:clocks/monotonic-clock@0.2.6;\n  export decision-point;";
    WIT.replace("export decision-point;", world)
        + "package wasi:io@0.2.6 {
            interface poll { resource pollable; poll: func(in: list<borrow<pollable>>) -> list<u32>; }
        }
        package wasi:clocks@0.2.6 {
            interface monotonic-clock {
                use wasi:io/poll@0.2.6.{pollable};
                subscribe-duration: func(when: u64) -> pollable;
            }
        }"
}

#[test]
fn more_resources_than_a_policy_may_hold_and_a_flood_of_polls_are_faults() {
    let imports = r#"
        (import "wasi:clocks/monotonic-clock@0.2.6" "subscribe-duration" (func $subscribe (param i64) (result i32)))
        (import "wasi:io/poll@0.2.6" "poll" (func $poll (param i32 i32 i32)))"#;
    let hoarding = "(loop $again (drop (call $subscribe (i64.const 1))) (br $again)) unreachable";
    // One that is ready at once, asked for over and over.
    let polling = "(i32.store (i32.const 256) (call $subscribe (i64.const 0)))
        (loop $again (call $poll (i32.const 256) (i32.const 1) (i32.const 512)) (br $again)) unreachable";
    let mut failures = Failures::default();
    for (name, decide, why) in [
        ("hoarding", hoarding, "shows what it says): it crashed: "),
        ("polling", polling, "shows what it says): it did not answer within 300 ms (POLICY_TIMEOUT)"),
    ] {
        let shape = Shape { imports, decide, realloc: "i32.const 32768", ..Shape::default() };
        let (_folder, path) = file(&shape.component_of(&wit_with_pollables()));
        failures.expect(name, &refusal(&path, &[("POLICY_TIMEOUT", "300ms")]), why);
    }
    failures.none();
}
