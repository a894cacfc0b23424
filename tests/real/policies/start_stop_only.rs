//! `examples/rust-start-stop-only`: its rules by name and by label, and that nothing else changes.

use e2e::dockerd::{Dockerd, IMAGE};
use e2e::{Gateway, Via, guests};

use super::{docker, expect_refusal, gateway, post};
use crate::client::Client;
use crate::programs::DockerCli;

const PACKAGE: &str = "rust-start-stop-only";
const LISTED: &str = "web team=a";

/// What is refused for every container, listed or not.
const WRITES: &[&str] = &[
    "create IMAGE true",
    "run IMAGE true",
    "kill web",
    "pause web",
    "rename web other",
    "update --memory 64m web",
    "exec web true",
    "commit web stolen",
    "cp image.tar web:/tmp",
    "rm --force web",
    "tag IMAGE stolen",
    "rmi --force IMAGE",
    "import image.tar stolen",
    "network create stolen",
    "network connect none web",
    "volume create stolen",
    "container prune --force",
    "swarm init --advertise-addr 127.0.0.1",
];

fn engine() -> Dockerd {
    let engine = Dockerd::start().unwrap();
    for (name, label) in [("web", "a=b"), ("worker", "team=a"), ("web2", "team=b"), ("bare", "a=b")] {
        engine.docker(&["run", "--detach", "--name", name, "--label", label, IMAGE, "sleep", "1000"]);
    }
    engine
}

fn docker_of(engine: &Dockerd, via: Via) -> Client {
    let docker = docker(engine, PACKAGE, LISTED, (DockerCli::V20, via));
    docker.write("image.tar", "");
    docker
}

fn id_of(engine: &Dockerd, name: &str) -> String {
    engine.docker(&["inspect", "--format", "{{.Id}}", name]).trim().to_owned()
}

#[test]
fn listed_containers_stop_start_and_restart_by_every_name_they_have() {
    let engine = engine();
    let docker = docker_of(&engine, Via::Tcp);
    let ids = ["web", "worker"].map(|name| id_of(&engine, name));
    let names = ["web".to_owned(), "worker".to_owned(), ids[0].clone(), ids[1][..12].to_owned()];
    for name in &names {
        docker.ok(&["stop", "--time", "0", name]);
        docker.ok(&["start", name]);
        docker.ok(&["restart", "--time", "0", name]);
    }
    assert_eq!(docker.ok(&["ps", "--quiet"]).lines().count(), 4);
}

#[test]
fn no_other_container_stops_starts_or_restarts() {
    let engine = engine();
    let docker = docker_of(&engine, Via::Unix);
    let before = engine.events();
    let id = id_of(&engine, "bare");
    for name in ["web2", "bare", &id, &id[..12]] {
        for command in ["stop", "start", "restart"] {
            expect_refusal(
                &docker,
                &format!("{command} {name}"),
                "is not among the containers that may be started",
                "start-stop-only",
            );
        }
    }
    expect_refusal(&docker, "stop absent", "absent cannot be looked up", "start-stop-only");
    assert_eq!(engine.events(), before);
}

#[test]
fn nothing_else_changes_and_everything_is_read() {
    let engine = engine();
    let docker = docker_of(&engine, Via::Tcp);
    let before = engine.events();
    for command in WRITES {
        let words = "containers may be started, stopped and restarted, and nothing else changed";
        expect_refusal(&docker, &command.replace("IMAGE", IMAGE), words, "start-stop-only");
    }
    for command in ["ps --all", "logs web2", "inspect bare", "images", "network ls", "volume ls", "info"] {
        docker.ok(&command.split_whitespace().collect::<Vec<_>>());
    }
    assert_eq!(engine.events(), before);
}

#[tokio::test]
async fn a_start_takes_nothing_with_it() {
    let engine = engine();
    engine.docker(&["stop", "--time", "0", "web"]);
    let gateway = gateway(&engine, PACKAGE, LISTED);
    let before = engine.events();
    for (path, body, words) in [
        ("/v1.23/containers/web/start", r#"{"HostConfig":{"Privileged":true}}"#, "leave out the body"),
        ("/containers/web/start", "{}", "leave out the body"),
        ("/containers/web/start?checkpoint=x&checkpoint-dir=/", "", "leave out checkpoint"),
    ] {
        let response = post(&gateway, path, body).await;
        assert!(response.status() == 403 && response.text().contains(words), "{path}: {}", response.text());
    }
    assert_eq!(engine.events(), before);
    assert_eq!(post(&gateway, "/containers/web/start?detachKeys=ctrl-x", "").await.status(), 204);
}

#[test]
fn flags_that_only_read_are_enough() {
    let engine = engine();
    let policy = guests::rust(PACKAGE);
    let settings = [
        ("POLICY", policy.to_str().unwrap()),
        ("POLICY_SETTINGS", LISTED),
        ("POLICY_TIMEOUT", "10s"),
        ("CONTAINERS", "1"),
    ];
    let gateway = Gateway::start(&engine.socket(), &settings);
    let docker = Client::behind(DockerCli::V20.program(), gateway, Via::Unix);
    docker.ok(&["restart", "--time", "0", "web"]);
    assert!(docker.ok(&["ps"]).contains("web"));
    assert!(docker.fails(&["images"]).contains("IMAGES=1"));
}

#[test]
fn settings_that_list_nothing_stop_the_start() {
    let policy = guests::rust(PACKAGE);
    let settings = [("POLICY", policy.to_str().unwrap()), ("POLICY_SETTINGS", "")];
    let said =
        Gateway::start_at("127.0.0.1:0", &Dockerd::shared().socket(), &settings).err().unwrap_or_default();
    assert!(said.contains("expected names of containers or labels, such as: web team=a"), "{said}");
}
