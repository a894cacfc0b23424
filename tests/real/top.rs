//! `top` through a gateway that lets containers be read: it shows what runs in the container, and nothing of the host.

use e2e::dockerd::{Dockerd, IMAGE, Release};
use e2e::{Client, Endpoint, Gateway, Via};

use crate::client::{fresh_name, on_each_engine};

on_each_engine! {
    what_runs_in_the_container_is_shown,
    what_runs_outside_the_container_is_not_shown,
    a_folder_of_the_host_is_not_listed,
}

/// Spellings of `ps_args` that clients use, in a query.
const HARMLESS: &[&str] = &[
    "",
    "?ps_args=",
    "?ps_args=aux",
    "?ps_args=-aux",
    "?ps_args=auxww",
    "?ps_args=axu",
    "?ps_args=ax",
    "?ps_args=-ef",
    "?ps_args=-ef%20-ww",
    "?ps_args=-eF",
    "?ps_args=-x",
    "?ps_args=-o+pid,args",
    "?ps_args=-opid,ppid,cmd",
    "?ps_args=-eo+pid,user,%25cpu,%25mem,rss,etime,args+ww",
    "?ps_args=axo%20pid%2Ccommand",
    "?ps_args=--format=pid,args",
];

/// A running container with a secret in its environment, behind a gateway with these flags.
struct Scene {
    engine: &'static Dockerd,
    gateway: Gateway,
    name: String,
}

impl Scene {
    fn new(engine: Release, flags: &[(&str, &str)]) -> Self {
        let engine = Dockerd::shared(engine);
        let name = fresh_name();
        engine.docker(&[
            "run",
            "--detach",
            "--name",
            &name,
            "--env",
            "SECRET=hunter2",
            IMAGE,
            "sleep",
            "1234",
        ]);
        let gateway = Gateway::start(&engine.socket(), flags);
        Self { engine, gateway, name }
    }

    async fn through_gateway(&self, via: Via, tail: &str) -> (u16, String) {
        fetch(&self.gateway.endpoint(via), &format!("GET /containers/{}/{tail}", self.name)).await
    }

    async fn past_gateway(&self, tail: &str) -> (u16, String) {
        let engine = Endpoint::Unix(self.engine.socket());
        fetch(&engine, &format!("GET /containers/{}/{tail}", self.name)).await
    }

    fn count_of_tops(&self) -> usize {
        self.engine.events_of(&self.name).iter().filter(|event| event.contains(" top")).count()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.engine.docker(&["rm", "--force", &self.name]);
    }
}

async fn fetch(endpoint: &Endpoint, line: &str) -> (u16, String) {
    let answer = Client::connect(endpoint).await.fetch(line, &[]).await;
    (answer.status(), answer.text())
}

/// Lets the engine quote the word at this place of what `ps` shows of the first process that it sees, environment
/// included: columns without a number come before that of the process id.
fn attack(place: usize) -> String {
    format!("top?ps_args=e%20-ww%20-p%201%20-o%20{}pid", "args:4000,".repeat(place))
}

async fn what_runs_in_the_container_is_shown(engine: Release, via: Via) {
    let scene = Scene::new(engine, &[("CONTAINERS", "1")]);
    for query in HARMLESS {
        let (status, text) = scene.through_gateway(via, &format!("top{query}")).await;
        assert_eq!(status, 200, "{query}: {text}");
        let processes = text.split_once("Processes").expect("a list of processes").1;
        assert_eq!(processes.matches("1234").count(), 1, "{query}: the one process of the container: {text}");
        assert!(!text.contains("hunter2"), "{query}: {text}");
    }
    assert_eq!(scene.count_of_tops(), HARMLESS.len());
}

async fn what_runs_outside_the_container_is_not_shown(engine: Release, via: Via) {
    let scene = Scene::new(engine, &[("CONTAINERS", "1")]);
    let mut quoted = Vec::new();
    for place in 3..20 {
        quoted.push(scene.past_gateway(&attack(place)).await);
        let (status, text) = scene.through_gateway(via, &attack(place)).await;
        assert_eq!(status, 403, "{text}");
        assert!(text.contains("ALLOW_HOST_ARGS=1 would allow it"), "{text}");
    }
    let shows_environment = |(status, text): &(u16, String)| *status == 500 && text.contains('=');
    assert!(quoted.iter().any(shows_environment), "the attack has lost its point: {quoted:#?}");
    for ps_args in ["e", "axe", "-eo+args,pid", "-o+pid%3DPID", "-C+dockerd", "aux+1"] {
        let (status, text) = scene.through_gateway(via, &format!("top?ps_args={ps_args}")).await;
        assert_eq!(status, 403, "{ps_args}: {text}");
    }
    let lifted = Scene::new(engine, &[("CONTAINERS", "1"), ("ALLOW_HOST_ARGS", "1")]);
    let (status, text) = lifted.through_gateway(via, "top?ps_args=-o+args,pid").await;
    assert_ne!(status, 403, "the flag hands it to the engine: {text}");
}

async fn a_folder_of_the_host_is_not_listed(engine: Release, via: Via) {
    let scene = Scene::new(engine, &[("CONTAINERS", "1")]);
    let (status, text) = scene.through_gateway(via, "checkpoints?dir=/etc").await;
    assert_eq!(status, 403, "{text}");
    assert!(text.contains("dir names a folder of the host"), "{text}");
    let (without, _) = scene.through_gateway(via, "checkpoints").await;
    assert_ne!(without, 403, "the engine may have no checkpoints, but it is asked");
}
