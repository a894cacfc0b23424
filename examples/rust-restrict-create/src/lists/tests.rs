//! Settings, as tables.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use docker_facts::{Judge, escapes};
use serde_json::json;

use super::Lists;

#[test]
fn settings_that_mean_nothing_or_too_much_are_refused() {
    for (settings, want) in [
        ("docker.io", "expected {\"binds\""),
        ("null", "expected {\"binds\""),
        (r#"{"binds": null}"#, "invalid type: null, expected a sequence"),
        (r#"{"registries": "docker.io"}"#, "invalid type: string \"docker.io\", expected a sequence"),
        (r#"{"registry": []}"#, "unknown field `registry`"),
        (
            r#"{"registries": ["alpine"]}"#,
            "registries: alpine: expected docker.io or registry.example.com/team",
        ),
        (r#"{"registries": ["https://registry.example.com"]}"#, "expected docker.io or"),
        (r#"{"registries": [""]}"#, "expected docker.io or"),
        (r#"{"registries": ["docker.io/"]}"#, "expected docker.io or"),
        (r#"{"registries": [], "binds": ["data"]}"#, "binds: data: expected a folder's whole path"),
        (r#"{"registries": [], "binds": ["/"]}"#, "expected a folder's whole path"),
        (r#"{"registries": [], "binds": ["/a/../b"]}"#, "expected a folder's whole path"),
        (r#"{"registries": [], "binds": ["/a/"]}"#, "expected a folder's whole path"),
        (r#"{"registries": [], "binds": ["/srv", "/srv/data"]}"#, "/srv/data: who may write to /srv can put"),
    ] {
        let problem = Lists::parse(settings).err().unwrap_or_default();
        assert!(problem.contains(want), "{settings}: {problem}");
    }
}

#[test]
fn without_settings_there_are_official_images_and_no_folders() {
    for settings in ["", " \n", "{}", r#"{"binds": []}"#] {
        let lists = Lists::parse(settings).expect(settings);
        assert_eq!(lists.image("alpine"), Ok(()), "{settings}");
        let problem = lists.image("e2e/app").expect_err(settings);
        assert!(problem.contains("(listed: docker.io/library)"), "{settings}: {problem}");
        let body = json!({"Image": "alpine", "HostConfig": {"Binds": ["/srv/data:/x"]}});
        let found = escapes("ContainerCreate", &[], &body, &lists).join("; ");
        assert!(found.contains("(listed: none)"), "{settings}: {found}");
    }
    let lists = Lists::parse(r#"{"registries": []}"#).expect("settings");
    assert!(lists.image("alpine").is_err());
}
