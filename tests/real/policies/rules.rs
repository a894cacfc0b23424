//! `policies/rules`: by rules alone, each way to reach past a container is refused in the rules' words, and what is a team's
//! own is started and stopped.

use e2e::dockerd::{Dockerd, IMAGE, Release};
use e2e::{Gateway, Via, guests};

use super::restrict_create::Scene;
use super::restrict_create::ways::{RAW, REFUSED};
use super::{expect_refusal, send};
use crate::client::{Client, on_both_engines};

const PACKAGE: &str = "rules";

/// A gateway that asks the rules, with every flag on: what is refused, the rules refuse.
fn gateway(engine: &Dockerd, rules: &str) -> Gateway {
    let (policy, cache) = (guests::rust_compiled(PACKAGE), guests::code_cache());
    let settings = [
        ("POLICY", policy.to_str().unwrap()),
        ("POLICY_SETTINGS", rules),
        ("POLICY_CACHE", cache.to_str().unwrap()),
        ("POLICY_TIMEOUT", "10s"), // a machine that runs all tests at once may be slow
    ];
    Gateway::open_with(&engine.socket(), &settings)
}

/// Nothing gets at the host but by the scene's folder.
fn nothing_gets_at_the_host(scene: &Scene) -> String {
    let folder = scene.folder.path().display();
    format!(
        "let:\n  reached: 'escapes(body, {{\"folders\": [\"{folder}\"]}})'\n\
         rules:\n- name: nothing gets at the host\n  operations: [ContainerCreate, ContainerExec, ContainerStart, \
         ContainerUpdate, NetworkConnect, NetworkCreate, ServiceCreate, ServiceUpdate, VolumeCreate]\n  deny:\n  \
         - if: reached.size() > 0\n    messageExpression: '\"not allowed: \" + reached.join(\"; \")'\n"
    )
}

/// The ways that are a body's; others are those of operations, images and queries, of which the example has rules.
fn of_bodies() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let others = ["is not let through", "query.", "body.Image"];
    REFUSED.iter().filter(move |(_, words)| !others.iter().any(|other| words.contains(other)))
}

on_both_engines! {
    every_way_past_a_container_is_refused_in_the_words_of_the_rules,
    a_team_starts_and_stops_its_own_containers_and_no_others,
}

fn every_way_past_a_container_is_refused_in_the_words_of_the_rules(engine: Release) {
    let scene = Scene::new(engine);
    let rules = nothing_gets_at_the_host(&scene);
    let client = Client::behind(engine.docker(), gateway(&scene.engine, &rules), Via::Tcp);
    let client = Scene::with_files(client.with("DOCKER_BUILDKIT", "0"));
    let mut tried = 0;
    for (command, words) in of_bodies() {
        expect_refusal(&client, &scene.fill(command), &scene.fill(words), PACKAGE);
        expect_refusal(&client, &scene.fill(command), "not allowed: ", PACKAGE);
        tried += 1;
    }
    assert!(tried >= 30, "{tried} ways are a body's");
    scene.witnesses_nothing();
    let folder = format!("{}:/data", scene.folder.path().display());
    client.ok(&[
        "run",
        "--rm",
        "--volume",
        &folder,
        "--volume",
        "named:/named",
        "--cap-drop",
        "ALL",
        IMAGE,
        "true",
    ]);
}

#[test]
fn what_no_docker_command_says_is_refused_in_the_words_of_the_rules_as_well() {
    let scene = Scene::new(Release::Modern);
    let rules = nothing_gets_at_the_host(&scene);
    let gateway = gateway(&scene.engine, &rules);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut tried = 0;
    for (line, body, words) in RAW.iter().filter(|(_, _, words)| words.starts_with("body.HostConfig")) {
        let response = runtime.block_on(send(&gateway, line, body));
        let said = response.text();
        assert!(
            response.status() == 403 && said.contains(words) && said.contains("(policy rules)"),
            "{line}: {said}"
        );
        tried += 1;
    }
    assert!(tried > 0, "no way is a body's");
    scene.witnesses_nothing();
}

fn a_team_starts_and_stops_its_own_containers_and_no_others(engine: Release) {
    let engine = Dockerd::start(engine).unwrap();
    for (name, label) in [("web", "team=a"), ("db", "team=b")] {
        engine.docker(&["run", "--detach", "--name", name, "--label", label, IMAGE, "sleep", "1000"]);
    }
    let rules = "let: {mine: 'own_labels(subject)[?\"team\"] == optional.of(\"a\")'}\n\
                 rules: [{name: mine, operations: [ContainerStart, ContainerStop, ContainerRestart], allow: mine}]";
    let docker = Client::behind(engine.release().docker(), gateway(&engine, rules), Via::Unix);
    for command in ["stop --time 0 web", "start web", "restart --time 0 web"] {
        docker.ok(&command.split_whitespace().collect::<Vec<_>>());
    }
    for command in ["stop --time 0 db", "restart --time 0 db"] {
        expect_refusal(&docker, command, "the rule \"mine\" does not allow this", PACKAGE);
    }
    expect_refusal(&docker, "stop gone", "there is no container gone", PACKAGE);
}
