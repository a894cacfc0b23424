//! Guests that misbehave while they are loaded: the gateway does not start, and says why in one line.

use std::time::{Duration, Instant};

use super::gate::Gate;
use super::{Failures, hostile, refusal};

#[test]
fn a_guest_that_fails_in_configure_is_not_loaded() {
    let mut failures = Failures::default();
    for (settings, want) in [
        ("configure=abort", "wasm `unreachable` instruction executed"),
        ("configure=panic:oh", "wasm `unreachable` instruction executed"),
        ("configure=out-of-bounds", "out of bounds memory access"),
        ("configure=recurse", "it ran out of stack"),
        ("configure=exit", "it called exit"),
        ("configure=loop", "it did not answer within"),
        ("configure=sleep:60000", "it did not answer within"),
        ("configure=hoard", "it needed more than 64 MiB of memory"),
        ("configure=ask-for-header", "there is no request yet"),
        ("configure=ask-for-headers", "there is no request yet"),
        ("configure=ask-for-body", "there is no request yet"),
        ("configure=look-up", "there is no request yet"),
        ("colour=red", "\"colour\" is no setting"),
        ("nonsense", "\"nonsense\" is not key=value"),
        ("complain=a\\nb\\e[31m\\x00c", "a b [31m c"),
        ("complain=left\u{202e}right\u{2028}end", "left right end"),
    ] {
        failures.expect(settings, &refusal(&hostile(), &[("POLICY_SETTINGS", settings)]), want);
    }
    failures.none();
}

#[test]
fn a_guest_that_fails_at_its_trial_is_not_loaded() {
    let mut failures = Failures::default();
    for (settings, want) in [
        ("decide=abort", "wasm `unreachable` instruction executed"),
        ("decide=loop", "it did not answer within"),
        ("decide=deny:no:200", "a denial with status 200"),
    ] {
        failures.expect(settings, &refusal(&hostile(), &[("POLICY_SETTINGS", settings)]), want);
    }
    failures.none();
}

#[test]
fn a_manifest_that_makes_no_sense_is_not_accepted() {
    let mut failures = Failures::default();
    for (settings, want) in [
        ("name=", "its name must have"),
        ("name=a\\nb", "its name must have"),
        ("name=\\e[31mred", "its name must have"),
        ("name=a\\x9bb", "its name must have"),
        ("name=a b", "its name must have"),
        ("name=two=words", "its name must have"),
        ("name=ädmin", "its name must have"),
        ("name=left\u{202e}right", "its name must have"),
        ("version=1\u{200b}", "its version must have"),
        ("version=1 2", "its version must have"),
        ("version=", "its version must have"),
        ("version=1\\r", "its version must have"),
        ("inspect=ContainerCrate", "\"ContainerCrate\", which is not an operation"),
        ("inspect=containercreate", "\"containercreate\", which is not an operation"),
        ("inspect=a\\nb\\e[31m", "which is not an operation"),
        ("inspect-count=100000", "it handed over more than"),
    ] {
        failures.expect(settings, &refusal(&hostile(), &[("POLICY_SETTINGS", settings)]), want);
    }
    let long = format!("name={}", "n".repeat(65));
    failures.expect("a long name", &refusal(&hostile(), &[("POLICY_SETTINGS", &long)]), "its name must have");
    let huge = [("POLICY_SETTINGS", "name-mib=100"), ("POLICY_MEMORY", "256M")];
    failures.expect("a huge name", &refusal(&hostile(), &huge), "it handed over more than");
    failures.none();
}

/// In every other instance: the first one is configured, a later one is not, and the one after that is again.
#[tokio::test]
async fn a_configure_that_fails_in_later_instances_fails_single_decisions() {
    let settings = [("POLICY_SETTINGS", "configure=abort-perhaps"), ("POLICY_TIMEOUT", "10s")];
    let gate = gate_in_the_end(&settings);
    let mut client = gate.connect().await;
    let (mut let_through, mut refused) = (0, 0);
    for _ in 0..1000 {
        match client.fetch("GET /_ping", &[]).await {
            answer if answer.status() == 200 => let_through += 1,
            refusal => {
                assert_eq!(refusal.status(), 403, "{refusal:?}");
                assert!(refusal.text().contains("the policy hostile failed"), "{}", refusal.text());
                refused += 1;
            }
        }
    }
    assert!(let_through > 0 && refused > 0, "{let_through} let through, {refused} refused");
    gate.lines(&["the policy hostile failed: it crashed"]);
    gate.stop();
}

/// In every other instance, and a decision that needs such an instance has no more time for it than for anything else.
#[tokio::test]
async fn a_configure_that_loops_in_later_instances_takes_no_more_than_a_decision_may() {
    let settings = [("POLICY_SETTINGS", "configure=loop-perhaps"), ("POLICY_TIMEOUT", "300ms")];
    let gate = gate_in_the_end(&settings);
    for _ in 0..1000 {
        let begin = Instant::now();
        let answer = gate.fetch("GET /_ping", &[]).await;
        if answer.status() == 403 {
            assert!(answer.text().contains("did not answer in time"), "{}", answer.text());
            assert!(begin.elapsed() < Duration::from_millis(1500), "{:?}", begin.elapsed());
            gate.lines(&["it did not answer within 300 ms"]);
            gate.stop();
            return;
        }
    }
    panic!("no decision met an instance that loops");
}

/// Of a guest that can be loaded at some of the starts.
fn gate_in_the_end(settings: &[(&str, &str)]) -> Gate {
    (0..50).find_map(|_| Gate::start(&hostile(), settings).ok()).expect("a start, sooner or later")
}

#[tokio::test]
async fn a_guest_may_inspect_everything_that_is_json_and_is_told_of_once() {
    let with_body = engine_api::Endpoint::ALL.iter().filter(|endpoint| endpoint.body().is_some());
    let ids: Vec<_> = with_body.map(|endpoint| endpoint.operation_id()).collect();
    let settings = format!("inspect={}\ninspect-count=1000", ids.join(","));
    let gate = Gate::start(&hostile(), &[("POLICY_SETTINGS", &settings)]).unwrap();
    assert_eq!(gate.fetch("GET /_ping", &[]).await.status(), 200);
    let log = gate.stop();
    let (_, inspects) = log.split_once(" inspects=").expect("what it inspects");
    let inspects: Vec<_> = inspects.lines().next().unwrap_or_default().split(',').collect();
    assert_eq!(inspects, ids, "each once, however often the manifest names it");
}

#[tokio::test]
async fn what_a_guest_says_while_it_is_configured_is_cut_and_does_not_come_again() {
    for way in ["flood-stdout:1", "flood-stderr:1", "flood-log:1", "flood-log-with-nothing:1", "log:hello"] {
        let settings = format!("configure={way}");
        let settings = [("POLICY_SETTINGS", settings.as_str()), ("POLICY_TIMEOUT", "10s")];
        let gate = Gate::start(&hostile(), &settings).unwrap();
        for _ in 0..20 {
            assert_eq!(gate.fetch("GET /_ping", &[]).await.status(), 200);
        }
        let log = gate.stop();
        assert!(log.len() < 16 << 10, "{way}: {} bytes of log", log.len());
        let lines: Vec<_> = log.lines().filter(|line| line.contains("hello")).collect();
        assert!(lines.len() == usize::from(way == "log:hello"), "{way}: {lines:#?}");
    }
}
