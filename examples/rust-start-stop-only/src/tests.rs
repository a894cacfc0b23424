//! What is listed, as tables. Look-ups need an engine: sockgate's own tests have one.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use serde_json::json;

use super::{Listing, listed, listing, not_from_image, says_nothing};

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
        assert_eq!(!matches!(listing(&words, &container), Listing::None), want, "{container}");
    }
    for answer in [json!(null), json!([]), json!({}), json!({"Name": 1, "Config": []})] {
        assert!(matches!(listing(&words, &answer), Listing::None), "{answer}");
    }
}

#[test]
fn a_label_that_the_image_has_lists_nothing() {
    let words = listed("a=1 b=2").expect("settings");
    let both = json!({"Name": "/db", "Config": {"Labels": {"a": "1", "b": "2"}}});
    for (labels, want) in [
        (json!(null), true),
        (json!({"a": "other", "c": "1"}), true),
        (json!({"a": "1"}), true), // there is still b=2
        (json!({"a": "1", "b": "2"}), false),
    ] {
        let Listing::ByLabels(carried) = listing(&words, &both) else { panic!("it carries them") };
        assert_eq!(not_from_image(&carried, &json!({"Config": {"Labels": labels}})), want, "{labels}");
    }
    let named = json!({"Name": "/a", "Config": {"Labels": {"a": "1"}}});
    let words = listed("a a=1").expect("settings");
    assert!(matches!(listing(&words, &named), Listing::ByName));
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

#[test]
fn a_body_says_nothing_but_how_to_detach() {
    for (body, want) in [
        ("{}", true),
        (" null ", true),
        (r#"{"detachKeys": "ctrl-x"}"#, true),
        (r#"{"Memory": 0}"#, false),
        (r#"{"HostConfig": {}}"#, false),
        ("[]", false),
        ("", false),
    ] {
        assert_eq!(says_nothing(body), want, "{body}");
    }
}
