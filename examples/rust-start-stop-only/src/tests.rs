//! What is listed, as tables. Look-ups need an engine: sockgate's own tests have one.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use serde_json::json;

use super::{is_listed, listed};

#[test]
fn a_container_is_listed_by_its_name_or_by_a_label_and_its_value() {
    let words = listed("web  restartable=yes\nnote=a=b empty=").expect("settings");
    for (name, labels, want) in [
        ("/web", json!({}), true),
        ("/web", json!(null), true),
        ("/webs", json!({}), false),
        ("web", json!({}), false),
        ("/db", json!({"restartable": "yes"}), true),
        ("/db", json!({"restartable": "no"}), false),
        ("/db", json!({"restartable": ""}), false),
        ("/db", json!({"Restartable": "yes"}), false),
        ("/db", json!({"web": ""}), false),
        ("/db", json!({"note": "a=b"}), true),
        ("/db", json!({"empty": ""}), true),
        ("/restartable=yes", json!({}), false),
    ] {
        let container = json!({"Name": name, "Config": {"Labels": labels}});
        assert_eq!(is_listed(&words, &container), want, "{container}");
    }
    for answer in [json!(null), json!([]), json!({}), json!({"Name": 1, "Config": []})] {
        assert!(!is_listed(&words, &answer), "{answer}");
    }
}

#[test]
fn settings_that_list_nothing_are_refused() {
    for (settings, want) in [
        ("", "expected names of containers or labels"),
        (" \n", "expected names of containers or labels"),
        ("=yes", "=yes: expected a container's name"),
        ("web,db", "web,db: expected a container's name"),
        ("/web", "/web: expected a container's name"),
        (r#"{"names": ["web"]}"#, "expected a container's name"),
    ] {
        let problem = listed(settings).expect_err(settings);
        assert!(problem.contains(want), "{settings}: {problem}");
    }
}
