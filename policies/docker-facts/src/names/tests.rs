//! Names, in every place where a request makes one.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};

use crate::escapes::tests::{judge, judge_query};

/// What is said of a name in each place that makes one.
fn verdicts(name: &str) -> Vec<String> {
    let container = |part: Value| {
        let mut body = json!({"Image": "alpine"});
        body.as_object_mut().expect("an object").extend(part.as_object().expect("an object").clone());
        judge("ContainerCreate", &body)
    };
    let endpoint = |config: Value| json!({"NetworkingConfig": {"EndpointsConfig": {"bridge": config}}});
    let connect = |config: Value| json!({"Container": "web", "EndpointConfig": config});
    let link = format!("web:{name}");
    let task = json!({"Image": "alpine"});
    let networks = json!([{"Target": "bridge", "Aliases": [name]}]);
    vec![
        judge_query(
            "ContainerCreate",
            &json!({"name": name, "Image": "x", "HostConfig": "{}"}),
            &json!({"Image": "x"}),
        ),
        judge_query("ContainerRename", &json!({"name": name}), &Value::Null),
        container(json!({"name": name})),
        container(json!({"HostConfig": {"Links": ["web:db", link]}})),
        container(endpoint(json!({"Aliases": ["db", name]}))),
        container(endpoint(json!({"Links": [link]}))),
        judge("NetworkConnect", &connect(json!({"Aliases": [name]}))),
        judge("NetworkConnect", &connect(json!({"Links": [link]}))),
        judge("NetworkCreate", &json!({"Name": name})),
        judge("VolumeCreate", &json!({"Name": name})),
        judge("ServiceCreate", &json!({"Name": name, "TaskTemplate": {"ContainerSpec": task}})),
        judge("ServiceUpdate", &json!({"TaskTemplate": {"ContainerSpec": task, "Networks": networks}})),
        judge("ServiceUpdate", &json!({"Networks": networks, "TaskTemplate": {"ContainerSpec": task}})),
    ]
}

#[test]
fn no_name_could_be_an_id_or_is_a_path_wherever_it_is_made() {
    let whole = "8df7".repeat(16);
    for (name, want) in [
        ("8df7222bb245", "could be an id"),
        ("000000000000", "could be an id"),
        (&whole, "could be an id"),
        ("yk7v3x1q0a2b4c6d8e0f2g4h5", "could be an id"), // of a swarm
        ("../8df7222bb245", "is not a name"),
        ("..", "is not a name"),
        (".web", "is not a name"),
        ("victim/db", "is not a name"),
        ("//web", "is not a name"),
        ("a b", "is not a name"),
        ("web\n", "is not a name"),
        ("w\u{e9}b", "is not a name"),
        ("db", "lets through"),
        ("d", "lets through"),
        ("cafe", "lets through"),
        ("8df7222bb24", "lets through"),
        ("8DF7222BB245", "lets through"),
        ("8df7222bb245_web", "lets through"), // as Compose 1.x calls a container that it replaces
        ("Web_1.x-y", "lets through"),
    ] {
        for (place, verdict) in verdicts(name).into_iter().enumerate() {
            assert!(verdict.contains(want), "{name} in place {place}: {verdict}");
        }
    }
}

#[test]
fn a_links_alias_is_read_as_the_engine_reads_it() {
    for (link, want) in [
        ("web", "lets through"),
        ("web:db", "lets through"),
        ("/web:/this/db", "lets through"), // as an inspection shows it
        ("/web:/this/..", ".. is not a name"),
        ("/web:/this/", "is not a name"),
        ("/web:/this/8df7222bb245", "could be an id"),
        ("web:/db", "leave out the /"),
        ("web:", "is not a name"),
        ("web:a:b", "a:b is not a name"),
        ("8df7222bb245", "could be an id"), // without an alias, the id is one
    ] {
        let verdict = judge("ContainerCreate", &json!({"Image": "alpine", "HostConfig": {"Links": [link]}}));
        assert!(verdict.contains(want), "{link}: {verdict}");
    }
}

#[test]
fn a_container_may_be_called_by_the_start_of_its_own_id_when_it_is_connected() {
    let id = "8df7222bb245".repeat(6);
    let (id, short) = (&id[..64], &id[..12]);
    let connect = |container: &str, alias: &str| {
        let aliases = json!({"Aliases": ["web", alias]});
        judge("NetworkConnect", &json!({"Container": container, "EndpointConfig": aliases}))
    };
    assert_eq!(connect(id, short), "lets through");
    assert!(connect(id, "0123456789ab").contains("could be an id"));
    assert!(connect(short, short).contains("could be an id")); // that could be another's
    let name = format!("{short}-{}", "x".repeat(51));
    assert!(connect(&name, short).contains("could be an id"));
}

#[test]
fn what_is_there_counts_even_if_all_in_it_is_at_its_default() {
    let container = |host: Value| ("ContainerCreate", json!({"Image": "alpine", "HostConfig": host}));
    let task = |spec: Value| {
        let container = json!({"Image": "alpine", "Privileges": {"Seccomp": spec}});
        ("ServiceCreate", json!({"TaskTemplate": {"ContainerSpec": container}}))
    };
    for (operation, body) in [
        container(json!({"Sysctls": {"net.ipv4.ip_forward": ""}})),
        container(json!({"Annotations": {"a": ""}})),
        container(json!({"StorageOpt": {"size": ""}})),
        container(json!({"LogConfig": {"Config": {"syslog-address": {}}}})),
        container(json!({"DeviceRequests": [{}]})),
        container(json!({"Devices": [null]})),
        container(json!({"MaskedPaths": []})),
        container(json!({"OfNextYear": {}})),
        container(json!({"OfNextYear": []})),
        container(json!({"Mounts": [{"Type": "volume", "ImageOptions": {}}]})),
        task(json!({})),
        ("VolumeCreate", json!({"ClusterVolumeSpec": {}})),
        ("VolumeCreate", json!({"DriverOpts": {"device": ""}})),
        ("NetworkCreate", json!({"ConfigFrom": {}})),
        ("ServiceCreate", json!({"TaskTemplate": {"ContainerSpec": {"Image": "alpine"}, "PluginSpec": {}}})),
    ] {
        let verdict = judge(operation, &body);
        assert!(verdict.contains("must be left out"), "{operation} {body}: {verdict}");
    }
}

#[test]
fn what_clients_repeat_of_path_and_query_passes() {
    for (operation, body) in [
        (
            "ContainerCreate",
            json!({"Image": "alpine", "name": "web", "platform": "linux/amd64", "VolumesFrom": []}),
        ),
        ("ContainerStart", json!({"detachKeys": "ctrl-x"})),
        ("ContainerExec", json!({"Container": "web", "Cmd": ["true"], "detachKeys": "ctrl-x"})),
    ] {
        assert_eq!(judge(operation, &body), "lets through");
    }
    let stolen = judge("ContainerCreate", &json!({"Image": "alpine", "VolumesFrom": ["web"]}));
    assert!(stolen.contains("VolumesFrom: must be left out"), "{stolen}");
}
