//! Look-ups of policies in a real engine, and the container that they pin.

use std::path::Path;
use std::sync::LazyLock;

use e2e::dockerd::{Dockerd, IMAGE, Release};
use e2e::{Client, Endpoint, FakeEngine, Gateway, Via, guests, json};
use tempfile::TempDir;

use crate::client::{fresh_name, on_both_engines, on_each_engine};

on_each_engine! {
    every_kind_of_object_is_found_by_its_names,
    what_is_not_there_is_not_found_and_what_is_no_name_is_refused,
    a_container_that_was_exchanged_is_not_started,
}

on_both_engines! {
    an_id_that_no_container_has_is_read_as_a_name,
}

/// Compiled policies, for all cases: all of them load the same.
static CODE: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder for compiled code"));

/// A gateway with a policy that looks things up (see `tests/guests/lookup`), in front of the engine on `socket`.
fn gateway(socket: &Path, looks_up: &str) -> Gateway {
    let policy = guests::rust("lookup");
    let settings = [
        ("POLICY", policy.to_str().unwrap()),
        ("POLICY_SETTINGS", looks_up),
        ("POLICY_CACHE", CODE.path().to_str().unwrap()),
        ("POLICY_TIMEOUT", "9s"),
    ];
    Gateway::open_with(socket, &settings)
}

async fn every_kind_of_object_is_found_by_its_names(engine: Release, via: Via) {
    let engine = Dockerd::start(engine).unwrap();
    let docker = |arguments: &str| {
        let arguments: Vec<_> = arguments.split(' ').collect();
        engine.docker(&arguments).trim().to_owned()
    };
    docker("swarm init --advertise-addr 127.0.0.1");
    let container = docker(&format!("run -d --name web {IMAGE} sleep 1000"));
    docker("exec -d web sleep 1000");
    let execs = docker("inspect web --format {{.ExecIDs}}"); // `[5bd1…]`
    let exec = execs.trim_matches(['[', ']']).to_owned();
    let image = docker(&format!("image inspect {IMAGE} --format {{{{.Id}}}}"));
    let network = docker("network create net");
    docker("volume create vol");
    let service = docker(&format!("service create --quiet --name job {IMAGE} sleep 1000"));
    let task = docker("service ps --quiet --no-trunc job");
    let node = docker("info --format {{.Swarm.NodeID}}");
    let secret = docker("secret create hush /etc/hostname");
    let config = docker("config create conf /etc/hostname");

    let short = container.get(..12).unwrap();
    let objects = [
        ("container web".to_owned(), container.as_str()),
        (format!("container {short}"), &container),
        (format!("container {container}"), &container),
        (format!("image {IMAGE}"), &image),
        (format!("image {image}"), &image),
        ("network net".to_owned(), &network),
        (format!("network {network}"), &network),
        ("volume vol".to_owned(), "/vol/_data"),
        (format!("exec {exec}"), &exec),
        ("service job".to_owned(), &service),
        (format!("service {service}"), &service),
        (format!("task {task}"), &task),
        (format!("node {node}"), &node),
        ("secret hush".to_owned(), &secret),
        ("config conf".to_owned(), &config),
    ];
    for (looks_up, want) in &objects {
        let gateway = gateway(&engine.socket(), looks_up);
        let said = gateway.connect(via).await.fetch("GET /v1.24/info", &[]).await.text();
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        let said = said["message"].as_str().unwrap();
        assert!(said.contains(": found ") && said.contains(want), "{looks_up}: {said}");
    }
}

async fn what_is_not_there_is_not_found_and_what_is_no_name_is_refused(engine: Release, via: Via) {
    let engine = Dockerd::shared(engine);
    for (looks_up, want) in [
        ("container nobody", "not found"),
        ("container prune", "not found"),
        ("container json", "not found"),
        ("container x?all=1", "not found"),
        ("container a b", "not found"),
        ("image nobody:1", "not found"),
        ("image Not/A/Name", "refused: the engine answered 400 Bad Request: "),
        ("network nobody", "not found"),
        ("network prune", "not found"),
        ("volume nobody", "not found"),
        ("exec nobody", "not found"),
        ("plugin nobody", "not found"),
        ("service nobody", "refused: the engine answered 503 Service Unavailable: This node is not a swarm"),
        ("container ../images/json", "refused: no object can have that name"),
    ] {
        let gateway = gateway(&engine.socket(), looks_up);
        let said = gateway.connect(via).await.fetch("GET /info", &[]).await.text();
        assert!(said.contains(&format!(": {want}")), "{looks_up}: {said}");
    }
}

/// Between decision and action somebody gives the name of the container to another one. The case stands between the
/// gateway and the engine, so it knows when that is.
async fn a_container_that_was_exchanged_is_not_started(engine: Release, via: Via) {
    let engine = Dockerd::shared(engine);
    let create =
        |name: &str| engine.docker(&["create", "--name", name, IMAGE, "sleep", "1000"]).trim().to_owned();
    let name = fresh_name();
    let other_name = format!("{name}-other");
    let (inspected, other) = (create(&name), create(&other_name));
    let between = FakeEngine::start();
    let mut calls = between.hand_over("*");
    let gateway = gateway(between.socket(), "container *\nthen allow");
    let mut direct = Client::connect(&Endpoint::Unix(engine.socket())).await;

    let mut client = gateway.connect(via).await;
    client.ask(&format!("POST /containers/{name}/start"), &["Content-Length: 0"]).await;
    let look_up = calls.next().await;
    assert_eq!(look_up.request.target(), format!("/containers/{name}/json"));
    let answer = direct.fetch(&format!("GET /containers/{name}/json"), &[]).await;
    engine.docker(&["rename", &name, &format!("{name}-before")]);
    engine.docker(&["rename", &other_name, &name]);
    look_up.answer(json("200 OK", &answer.text())).await;

    let start = calls.next().await;
    assert_eq!(start.request.target(), format!("/containers/{inspected}/start"));
    let line = format!("POST {}", start.request.target());
    assert_eq!(direct.fetch(&line, &["Content-Length: 0"]).await.status(), 204);
    start.answer("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(client.read_response().await.status(), 204);
    let is_running = |id: &str| engine.docker(&["inspect", id, "--format", "{{.State.Running}}"]);
    assert_eq!((is_running(&inspected).trim(), is_running(&other).trim()), ("true", "false"));
}

/// The threat model says so of what a pin does not help against.
fn an_id_that_no_container_has_is_read_as_a_name(engine: Release) {
    let engine = Dockerd::shared(engine);
    let create = |name: &str| engine.docker(&["create", "--name", name, IMAGE]).trim().to_owned();
    let gone = create("soon-gone");
    let named_so = create("soon-named-so");
    engine.docker(&["rename", "soon-named-so", &gone]);
    let found = |name: &str| engine.docker(&["inspect", name, "--format", "{{.Id}}"]).trim().to_owned();
    assert_eq!(found(&gone), gone);
    engine.docker(&["rm", "soon-gone"]);
    assert_eq!(found(&gone), named_so);
}
