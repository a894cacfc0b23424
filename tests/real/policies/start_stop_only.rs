//! `examples/rust-start-stop-only`: its rules by name and by label, and that nothing else changes.

use e2e::dockerd::{Dockerd, IMAGE, Release};
use e2e::{Gateway, Via, guests};

use super::{clis_of, docker, expect_refusal, gateway, post, post_and_wait, readme, send};
use crate::client::{Client, on_both_engines};

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

/// What no docker command says, and the words of its refusal.
const RAW: &[(&str, &str)] = &[
    ("GET /swarm", "GET /swarm is not let through"),
    ("GET /v1.24/swarm", "GET /swarm is not let through"),
    ("GET /swarm/unlockkey", "GET /swarm/unlockkey is not let through"),
    ("GET /containers/web/of-next-year", "GET /containers/web/of-next-year is not let through"),
    ("GET /containers/web/attach/ws?stream=1&stdin=1", "nothing else changed"),
    ("POST /containers/web/attach?stream=1&stdin=1", "nothing else changed"),
    ("POST /containers/web/of-next-year", "nothing else changed"),
    ("PUT /containers/web/archive?path=/", "nothing else changed"),
    ("PUT /containers/web/of-next-year", "nothing else changed"),
    ("PUT /volumes/x?version=1", "nothing else changed"),
    ("DELETE /containers/web", "nothing else changed"),
    ("DELETE /containers/web/of-next-year", "nothing else changed"),
    ("POST /of-next-year", "nothing else changed"),
];

fn start(engine: Release) -> Dockerd {
    let engine = Dockerd::start(engine).unwrap();
    for (name, label) in [("web", "a=b"), ("worker", "team=a"), ("web2", "team=b"), ("bare", "a=b")] {
        engine.docker(&["run", "--detach", "--name", name, "--label", label, IMAGE, "sleep", "1000"]);
    }
    engine
}

fn docker_of(engine: &Dockerd, via: Via) -> Client {
    let docker = docker(engine, PACKAGE, LISTED, (engine.release(), via));
    docker.write("image.tar", "");
    docker
}

fn id_of(engine: &Dockerd, name: &str) -> String {
    engine.docker(&["inspect", "--format", "{{.Id}}", name]).trim().to_owned()
}

on_both_engines! {
    listed_containers_stop_start_and_restart_by_every_name_they_have,
    no_other_container_stops_starts_or_restarts,
    a_label_that_a_container_has_from_its_image_lists_nothing,
    nothing_else_changes_and_everything_is_read,
    a_body_that_says_nothing_changes_nothing,
}

fn listed_containers_stop_start_and_restart_by_every_name_they_have(engine: Release) {
    let engine = start(engine);
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

fn no_other_container_stops_starts_or_restarts(engine: Release) {
    let engine = start(engine);
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
    expect_refusal(&docker, "stop absent", "there is no container absent", "start-stop-only");
    assert_eq!(engine.events(), before);
}

fn a_label_that_a_container_has_from_its_image_lists_nothing(engine: Release) {
    let engine = start(engine);
    let docker = docker_of(&engine, Via::Unix);
    engine.docker(&["commit", "--change", "LABEL team=a", "bare", "marked:1"]);
    engine.docker(&["run", "--detach", "--name", "marked", "marked:1", "sleep", "1000"]);
    engine.docker(&["run", "--detach", "--name", "twice", "--label", "team=a", "marked:1", "sleep", "1000"]);
    let before = engine.events();
    for name in ["marked", "twice"] {
        let label = engine.docker(&["inspect", "--format", "{{.Config.Labels.team}}", name]);
        assert_eq!(label, "a\n");
        for command in ["stop", "start", "restart"] {
            let words = "is not among the containers that may be started";
            expect_refusal(&docker, &format!("{command} {name}"), words, "start-stop-only");
        }
    }
    assert_eq!(engine.events(), before);
    engine.docker(&["rename", "marked", "web3"]);
    engine.docker(&["rename", "web", "web4"]);
    engine.docker(&["rename", "web3", "web"]);
    docker.ok(&["stop", "--time", "0", "web"]); // by its name it is listed
}

fn nothing_else_changes_and_everything_is_read(engine: Release) {
    let engine = start(engine);
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
async fn what_no_docker_command_says_is_refused_as_well() {
    let engine = start(Release::Modern);
    let gateway = gateway(&engine, PACKAGE, LISTED);
    let before = engine.events();
    for (line, words) in RAW {
        let response = send(&gateway, line, "").await;
        let said = response.text();
        assert!(response.status() == 403 && said.contains(words), "{line}: {} {said}", response.status());
    }
    assert_eq!(engine.events(), before);
}

#[tokio::test]
async fn a_start_takes_nothing_with_it() {
    let engine = start(Release::Modern);
    engine.docker(&["stop", "--time", "0", "web"]);
    let gateway = gateway(&engine, PACKAGE, LISTED);
    let before = engine.events();
    for (path, body, words) in [
        ("/v1.23/containers/web/start", r#"{"HostConfig":{"Privileged":true}}"#, "leave out the body"),
        ("/v1.23/containers/web/start", r#"{"Memory":0}"#, "leave out the body"),
        ("/containers/web/start?checkpoint=x&checkpoint-dir=/", "", "leave out checkpoint"),
    ] {
        let response = post(&gateway, path, body).await;
        assert!(response.status() == 403 && response.text().contains(words), "{path}: {}", response.text());
    }
    assert_eq!(engine.events(), before);
    assert_eq!(post(&gateway, "/containers/web/start?detachKeys=ctrl-x", "").await.status(), 204);
}

/// Old clients send one, and old engines read it if it is longer than seven bytes. The engine of today knows no API as old
/// as the one in which it could say something.
fn a_body_that_says_nothing_changes_nothing(release: Release) {
    let engine = start(release);
    engine.docker(&["update", "--memory", "64m", "--memory-swap", "64m", "web"]);
    let gateway = gateway(&engine, PACKAGE, LISTED);
    for (path, body) in [
        ("/containers/web/start", "{}"),
        ("/containers/web/start", "null"),
        ("/v1.23/containers/web/start", "{}        "),
        ("/v1.23/containers/web/start", "    null"),
    ] {
        engine.docker(&["stop", "--time", "0", "web"]);
        let response = post_and_wait(&gateway, path, body);
        let status = if release == Release::Modern && path.starts_with("/v1.23") { 400 } else { 204 };
        assert_eq!(response.status(), status, "{path} {body}: {}", response.text());
        assert_eq!(engine.docker(&["inspect", "--format", "{{.HostConfig.Memory}}", "web"]), "67108864\n");
    }
}

#[test]
fn the_readme_runs_as_it_is_printed() {
    let engine = Dockerd::start(Release::Modern).unwrap();
    let script = "trap exit TERM; sleep 1000 & wait"; // ends when it is told to
    for name in ["web", "other"] {
        engine.docker(&["run", "--detach", "--name", name, IMAGE, "sh", "-c", script]);
    }
    for &cli in clis_of(Release::Modern) {
        readme::holds(PACKAGE, &engine, cli, str::to_owned);
    }
}

#[test]
fn flags_that_only_read_are_enough() {
    let engine = start(Release::Modern);
    let policy = guests::rust(PACKAGE);
    let settings = [
        ("POLICY", policy.to_str().unwrap()),
        ("POLICY_SETTINGS", LISTED),
        ("POLICY_TIMEOUT", "10s"),
        ("CONTAINERS", "1"),
    ];
    let gateway = Gateway::start(&engine.socket(), &settings);
    let docker = Client::behind(Release::Modern.docker(), gateway, Via::Unix);
    docker.ok(&["restart", "--time", "0", "web"]);
    assert!(docker.ok(&["ps"]).contains("web"));
    assert!(docker.fails(&["images"]).contains("IMAGES=1"));
}

#[test]
fn settings_that_list_nothing_stop_the_start() {
    let policy = guests::rust(PACKAGE);
    let settings = [("POLICY", policy.to_str().unwrap()), ("POLICY_SETTINGS", "")];
    let said = Gateway::start_at("127.0.0.1:0", &Dockerd::shared(Release::Modern).socket(), &settings)
        .err()
        .unwrap_or_default();
    assert!(said.contains("expected names of containers or labels, such as: web team=a"), "{said}");
}
