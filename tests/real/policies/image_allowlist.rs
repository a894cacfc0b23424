//! `examples/python-image-allowlist` in front of a real engine.

use e2e::dockerd::{Dockerd, IMAGE, Release};
use e2e::{Gateway, Via, guests};

use super::post_and_wait;
use crate::client::{Client, on_both_engines};

on_both_engines! {
    containers_run_images_of_the_list_by_name_and_by_id,
    no_other_image_runs_and_the_user_is_told_which_would,
    pulls_are_of_the_list_and_name_a_tag,
    services_run_images_of_the_list,
    a_plugin_does_not_hide_behind_an_image_of_the_list,
}

#[test]
fn its_own_tests_pass() {
    guests::python_tests("python-image-allowlist");
}

/// A gateway that asks the policy. The engine is its own: what it knows an image by is part of the test.
fn gateway(engine: &Dockerd) -> Gateway {
    let (policy, cache) = (guests::python("python-image-allowlist"), guests::code_cache());
    let settings = [
        ("POLICY", policy.to_str().unwrap()),
        ("POLICY_SETTINGS", r#"{"allowed": ["docker.io/e2e/*", "registry.invalid/team/*:1"]}"#),
        ("POLICY_CACHE", cache.to_str().unwrap()),
        ("POLICY_TIMEOUT", "10s"), // a machine that runs all tests at once may be slow
    ];
    Gateway::open_with(&engine.socket(), &settings)
}

/// The engine's own docker command behind the policy.
fn docker(engine: &Dockerd, via: Via) -> Client {
    Client::behind(engine.release().docker(), gateway(engine), via)
}

fn containers_run_images_of_the_list_by_name_and_by_id(engine: Release) {
    let engine = Dockerd::start(engine).unwrap();
    let docker = docker(&engine, Via::Unix);
    let id = engine.docker(&["image", "inspect", "--format", "{{.Id}}", IMAGE]);
    let id = id.trim();
    for image in [IMAGE, "docker.io/e2e/busybox:1", id, &id["sha256:".len()..][..12]] {
        assert_eq!(docker.ok(&["run", "--rm", image, "echo", "within"]), "within", "{image}");
    }
}

fn no_other_image_runs_and_the_user_is_told_which_would(engine: Release) {
    let engine = Dockerd::start(engine).unwrap();
    let docker = docker(&engine, Via::Tcp);
    let archive = docker.write("other.tar", []);
    let other = engine.docker(&["import", &archive, "other:1"]);
    for image in ["other:1", other.trim(), "docker.io/library/other:1"] {
        let said = docker.fails(&["create", image, "true"]);
        assert!(
            said.contains("is not allowed; allowed are docker.io/e2e/*, registry.invalid/team/*:1"),
            "{said}"
        );
    }
    // Neither does one that is given a name of the list first.
    for command in [
        vec!["tag", "other:1", "e2e/other"],
        vec!["import", &archive, "e2e/other"],
        vec!["load", "--input", &archive],
    ] {
        let said = docker.fails(&command);
        assert!(said.contains("(policy image-allowlist)"), "{command:?}: {said}");
    }
    docker.write("context/Dockerfile", "FROM other:1");
    let built = docker.with("DOCKER_BUILDKIT", "0");
    let said = built.fails(&["build", "--tag", "e2e/other", "context"]);
    assert!(said.contains("ImageBuild would get around the list of images"), "{said}");
    assert!(!engine.docker(&["images"]).contains("e2e/other"));
}

fn pulls_are_of_the_list_and_name_a_tag(engine: Release) {
    let engine = Dockerd::start(engine).unwrap();
    let docker = docker(&engine, Via::Unix);
    // There is no registry: what the engine says then shows that the pull has reached it.
    for image in ["registry.invalid/team/app:1", "registry.invalid/team/app/part:1"] {
        let said = docker.fails(&["pull", image]);
        assert!(!said.contains("sockgate denied"), "{image}: {said}");
    }
    for image in
        ["registry.invalid/team/app:2", "registry.invalid/team/app", "registry.invalid/other:1", "evil/miner"]
    {
        let said = docker.fails(&["pull", image]);
        assert!(
            said.contains("is not allowed; allowed are") && said.contains("(policy image-allowlist)"),
            "{said}"
        );
    }
    let said = docker.fails(&["pull", "--all-tags", "registry.invalid/team/app"]);
    assert!(said.contains("name one tag or one digest"), "{said}");
}

fn services_run_images_of_the_list(engine: Release) {
    let engine = Dockerd::start(engine).unwrap();
    let docker = docker(&engine, Via::Unix);
    engine.docker(&["swarm", "init", "--advertise-addr", "127.0.0.1"]);
    let create = |image| {
        ["service", "create", "--detach", "--no-resolve-image", "--replicas", "0", "--name", "web", image]
    };
    assert!(docker.fails(&create("other:1")).contains("image other:1 is not allowed"));
    docker.ok(&create(IMAGE));
    let said =
        docker.fails(&["service", "update", "--detach", "--no-resolve-image", "--image", "other:1", "web"]);
    assert!(said.contains("image other:1 is not allowed"), "{said}");
    docker.ok(&["service", "update", "--detach", "--env-add", "A=b", "web"]);
    let said = docker.fails(&["service", "rollback", "--detach", "web"]);
    assert!(said.contains("a rollback runs an image that the request does not name"), "{said}");
    for (command, operation) in [
        ("swarm init --force-new-cluster", "SwarmInit"),
        ("swarm join --token x 127.0.0.1", "SwarmJoin"),
        ("swarm join-token --quiet manager", "SwarmInspect"),
        ("swarm update --task-history-limit 1", "SwarmInspect"),
        ("swarm unlock-key", "SwarmUnlockkey"),
    ] {
        let said = docker.fails(&command.split(' ').collect::<Vec<_>>());
        assert!(said.contains(&format!("{operation} would get around")), "{command}: {said}");
    }
}

fn a_plugin_does_not_hide_behind_an_image_of_the_list(engine: Release) {
    let engine = Dockerd::start(engine).unwrap();
    engine.docker(&["swarm", "init", "--advertise-addr", "127.0.0.1"]);
    let plugin = format!(
        r#"{{"Name":"web","TaskTemplate":{{"Runtime":"plugin","ContainerSpec":{{"Image":"{IMAGE}"}},
            "PluginSpec":{{"name":"evil","remote":"registry.invalid/evil","disabled":true}}}}}}"#
    );
    let answer = post_and_wait(&gateway(&engine), "/services/create", &plugin);
    let (status, said) = (answer.status(), answer.text());
    assert!(status == 403 && said.contains("services run containers only"), "{status} {said}");
    assert_eq!(engine.docker(&["service", "ls", "--quiet"]), "");
}
