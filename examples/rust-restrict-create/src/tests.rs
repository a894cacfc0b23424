//! What passes, and what the lists say of images and folders, as tables.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use docker_facts::{escapes, operations, operations_with_body};
use serde_json::{Value, json};

use super::bindings::Access;
use super::lists::Lists;
use super::{HARMLESS, KEYS, Rule, rule_for};

const SETTINGS: &str =
    r#"{"binds": ["/srv/data"], "registries": ["docker.io/library", "registry.example.com/team"]}"#;

/// The refusal of a body, or `lets through`.
fn judge(operation: &str, body: &Value) -> String {
    let lists = Lists::parse(SETTINGS).expect("settings");
    let first = escapes(operation, &[], body, &lists).into_iter().next();
    first.unwrap_or_else(|| "lets through".to_owned())
}

#[test]
fn images_come_from_listed_registries() {
    for (image, want) in [
        ("alpine", "lets through"),
        ("alpine:3", "lets through"),
        ("docker.io/alpine", "lets through"),
        ("docker.io/alpine:3", "lets through"),
        ("index.docker.io/alpine", "lets through"),
        ("index.docker.io/library/alpine", "lets through"),
        ("index.docker.io/evil/alpine", "docker.io/evil/alpine is not of a listed registry"),
        ("registry-1.docker.io/library/alpine", "is not of a listed registry"),
        (&format!("docker.io/library/alpine@sha256:{}", "ab".repeat(32)), "lets through"),
        ("registry.example.com/team/app/part:1", "lets through"),
        ("registry.example.com/team", "is not of a listed registry"),
        ("registry.example.com/teams/app", "is not of a listed registry"),
        ("registry.example.com:5000/team/app", "is not of a listed registry"),
        (
            "evil/alpine",
            "docker.io/evil/alpine is not of a listed registry (listed: docker.io/library, registry.example.com/team)",
        ),
        ("localhost/alpine", "localhost/alpine is not of a listed registry"),
        ("Evil/alpine", "Evil/alpine is not of a listed registry"),
        ("evil.example/library/alpine", "is not of a listed registry"),
        ("c0ffee", "is an image's id"),
        ("sha256:c0ffee", "is an image's id"),
        ("c0ffee:1", "lets through"),
    ] {
        for (operation, body) in [
            ("ContainerCreate", json!({ "Image": image })),
            ("ServiceUpdate", json!({"TaskTemplate": {"ContainerSpec": {"Image": image}}})),
        ] {
            let verdict = judge(operation, &body);
            assert!(verdict.contains(want), "{operation} {image}: {verdict}");
        }
    }
}

#[test]
fn folders_are_those_of_the_list() {
    for (source, want) in [
        ("/srv/data", "lets through"),
        ("/etc", "the host's /etc is not a listed folder (listed: /srv/data)"),
    ] {
        let body = json!({"Image": "alpine", "HostConfig": {"Binds": [format!("{source}:/x")]}});
        assert!(judge("ContainerCreate", &body).contains(want), "{source}");
    }
}

#[test]
fn what_is_not_listed_is_not_let_through_and_bodies_are_searched_where_they_count() {
    for operation in
        "ImageBuild ImageLoad ImageCommit ImageTag PluginPull SwarmJoin SwarmUpdate NodeUpdate VolumeUpdate \
        CheckpointCreate Session Grpc"
            .split_whitespace()
            .chain(KEYS.split_whitespace())
            .chain([""])
    {
        assert_eq!(rule_for(operation, Access::Write), Rule::Refuse, "{operation}");
    }
    for operation in KEYS.split_whitespace().chain([""]) {
        assert_eq!(rule_for(operation, Access::Read), Rule::Refuse, "{operation}");
    }
    assert_eq!(rule_for("ContainerList", Access::Read), Rule::Pass);
    for operation in operations() {
        assert_eq!(rule_for(operation, Access::Write), Rule::Search, "{operation}");
    }
    for name in HARMLESS.split_whitespace() {
        assert_eq!(rule_for(name, Access::Write), Rule::Pass, "{name}");
        assert!(!name.ends_with("Create") || matches!(name, "ConfigCreate" | "SecretCreate"), "{name}");
        assert!(operations_with_body().all(|searched| searched != name), "{name}");
    }
}
