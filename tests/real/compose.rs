//! Compose: a project with a build, a network and a volume. By the plugin of today on the engine of today, and by the
//! program that it once was on the old engine.

use std::collections::BTreeSet;

use e2e::Via;
use e2e::dockerd::{Dockerd, IMAGE, Release};

use crate::client::{Client, on_each_engine};
use crate::programs;

on_each_engine! {
    a_project_goes_up_works_and_goes_down,
}

const PROJECT: &str = r#"
version: "2.4"
services:
  web:
    build: web
    image: PROJECT-web
    volumes: ["pages:/pages"]
    command: ["sh", "-c", "echo served >/pages/index.html; echo ready; exec httpd -f -p 80 -h /pages"]
  visitor:
    image: IMAGE
    stdin_open: true
    depends_on: [web]
    command: ["sh", "-c", "until wget -qO- http://web/; do :; done; exec cat"]
volumes:
  pages: {}
"#;

async fn a_project_goes_up_works_and_goes_down(engine: Release, via: Via) {
    let engine = Dockerd::shared(engine);
    let compose = Client::of_open_gateway(programs::compose(engine.release()), engine, via);
    let project = compose.name().to_owned();
    let compose = compose.with("COMPOSE_PROJECT_NAME", &project);
    compose.write("docker-compose.yml", PROJECT.replace("PROJECT", &project).replace("IMAGE", IMAGE));
    compose.write("web/Dockerfile", format!("FROM {IMAGE}\nRUN mkdir /pages\n"));

    compose.ok(&["up", "--detach", "--build"]);
    // Before anybody follows the logs: that would follow this container as well, and trip over its removal.
    let visit = ["run", "--rm", "-T", "visitor", "sh", "-c", "until wget -qO- http://web/; do :; done"];
    assert_eq!(compose.ok(&visit), "served");
    let mut logs = compose.start(&["logs", "--follow", "visitor"]);
    logs.expect("served");
    assert_eq!(compose.ok(&["exec", "-T", "web", "cat", "/pages/index.html"]), "served");
    let running = compose.ok(&["ps", "--services", "--filter", "status=running"]);
    assert_eq!(running.lines().collect::<BTreeSet<_>>(), BTreeSet::from(["visitor", "web"]));

    compose.ok(&["restart", "--timeout", "0", "web"]);
    compose.ok(&["up", "--detach", "--scale", "visitor=2"]);
    assert_eq!(compose.ok(&["ps", "--quiet", "visitor"]).lines().count(), 2);
    compose.ok(&["stop", "--timeout", "0"]);
    let (status, said) = logs.finish();
    assert!(status.success(), "{said}");
    compose.ok(&["down", "--volumes", "--rmi", "local", "--timeout", "0"]);

    let label = format!("label=com.docker.compose.project={project}");
    for things in [&["ps", "--all"][..], &["network", "ls"], &["volume", "ls"]] {
        assert_eq!(
            engine.docker(&[things, &["--quiet", "--filter", &label]].concat()),
            "",
            "{things:?} are left"
        );
    }
}
