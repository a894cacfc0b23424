//! `policies/rules`, the policy whose settings are rules: its cases, its manual, and what a client is told.

use std::path::PathBuf;

use e2e::binary::sockgate;
use e2e::reference::root;
use e2e::{FakeEngine, Gateway, Via, guests, on_both_listeners};

on_both_listeners![
    rules_open_an_operation_that_the_flags_close_and_close_what_they_open,
    a_rule_that_has_no_value_refuses,
];

fn example(name: &str) -> PathBuf {
    root().join("policies/rules").join(name)
}

#[test]
fn its_cases_pass() {
    let (policy, cache) = (guests::rust_compiled("rules"), guests::code_cache());
    let done = sockgate(&[("POLICY_CACHE", cache.to_str().unwrap()), ("POLICY_TIMEOUT", "5s")])
        .args(["policy", "test"])
        .args([policy, example("cases.yaml")])
        .output()
        .unwrap();
    let printed = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{printed}{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn the_manual_shows_the_rules_that_the_cases_are_about() {
    let rules = std::fs::read_to_string(example("rules.yaml")).unwrap();
    let (_, rules) = rules.split_once("otherwise:").unwrap();
    for document in ["docs/RULES.md", "docs/POLICIES.md"] {
        let text = std::fs::read_to_string(root().join(document)).unwrap();
        assert!(text.contains(&format!("```yaml\notherwise:{rules}```")), "{document}");
    }
}

fn gateway(engine: &FakeEngine, rules: &str) -> Gateway {
    // What compiles it has a runtime of its own.
    let policy = std::thread::spawn(|| guests::rust_compiled("rules")).join().unwrap();
    let cache = guests::code_cache();
    let settings = [
        ("POLICY_CACHE", cache.to_str().unwrap()),
        ("POLICY", policy.to_str().unwrap()),
        ("POLICY_SETTINGS", rules),
        ("POLICY_TIMEOUT", "10s"),
        ("CONTAINERS", "1"),
    ];
    Gateway::start(engine.socket(), &settings)
}

async fn rules_open_an_operation_that_the_flags_close_and_close_what_they_open(via: Via) {
    let engine = FakeEngine::start();
    let rules = "rules:\n- {name: stop, operations: [ContainerStop], allow: 'subject == \"web\"'}\n\
                 - {name: logs, operations: [ContainerLogs], deny: [{if: 'true', message: logs are not for reading}]}\n";
    let gateway = gateway(&engine, rules);
    let mut client = gateway.connect(via).await;
    assert_eq!(client.fetch("GET /containers/json", &[]).await.status(), 200);
    assert_eq!(client.fetch("POST /containers/web/stop", &["Content-Length: 0"]).await.status(), 200);
    let refused = client.fetch("POST /containers/db/stop", &["Content-Length: 0"]).await;
    assert_eq!(refused.status(), 403);
    assert_eq!(
        refused.text(),
        r#"{"message":"sockgate denied ContainerStop: the rule \"stop\" does not allow this (policy rules)"}"#
    );
    let refused = client.fetch("GET /containers/web/logs", &[]).await;
    assert!(refused.text().contains("logs are not for reading (policy rules)"), "{}", refused.text());
    let arrived: Vec<_> = engine.requests().iter().map(|seen| seen.head.target().to_owned()).collect();
    assert_eq!(arrived, ["/containers/json", "/containers/web/stop"]);
}

async fn a_rule_that_has_no_value_refuses(via: Via) {
    let engine = FakeEngine::start();
    let rules = "rules:\n- {name: stop, operations: [ContainerStop], allow: 'query.t[0] == \"5\"'}\n";
    let gateway = gateway(&engine, rules);
    let mut client = gateway.connect(via).await;
    assert_eq!(client.fetch("POST /containers/web/stop?t=5", &["Content-Length: 0"]).await.status(), 200);
    let refused = client.fetch("POST /containers/web/stop", &["Content-Length: 0"]).await;
    assert_eq!(refused.status(), 403);
    let words =
        r#"line 2, column 52: allow of the rule \"stop\" has no value: the field or key t is missing"#;
    assert!(refused.text().contains(words), "{}", refused.text());
    assert_eq!(engine.requests().len(), 1);
}
