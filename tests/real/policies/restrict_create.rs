//! `examples/rust-restrict-create`: each way to reach past a container, by the docker command and by what it cannot say.

use e2e::dockerd::{Dockerd, IMAGE, Release};
use e2e::{Gateway, Via, guests};

use super::{clis_of, docker, expect_refusal, gateway, post, post_and_wait, readme, send};
use crate::client::{Client, on_both_engines};
use crate::programs;

pub(super) mod ways;

use ways::{RAW, REFUSED, REFUSED_IN_SERVICES};

const PACKAGE: &str = "rust-restrict-create";

/// An engine with something to lose, and a folder of the host that may be mounted.
pub(super) struct Scene {
    pub(super) engine: Dockerd,
    pub(super) folder: tempfile::TempDir,
    before: Vec<String>,
}

impl Scene {
    pub(super) fn new(engine: Release) -> Self {
        let engine = Dockerd::start(engine).unwrap();
        engine.docker(&["run", "--detach", "--name", "victim", IMAGE, "sleep", "1000"]);
        engine.docker(&["create", "--name", "idle", IMAGE, "true"]);
        engine.docker(&["tag", IMAGE, "other:1"]);
        let before = engine.events();
        Self { engine, folder: tempfile::tempdir().unwrap(), before }
    }

    fn settings(&self) -> String {
        format!(r#"{{"binds": ["{}"], "registries": ["docker.io/e2e"]}}"#, self.folder.path().display())
    }

    fn docker(&self, cli: Release, via: Via) -> Client {
        Self::with_files(docker(&self.engine, PACKAGE, &self.settings(), (cli, via)))
    }

    /// A docker command of today, behind a gateway with the two flags that a create needs.
    fn docker_of_two_flags(&self, settings: &str) -> Client {
        let policy = guests::rust(PACKAGE);
        let settings = [
            ("POLICY", policy.to_str().unwrap()),
            ("POLICY_SETTINGS", settings),
            ("POLICY_TIMEOUT", "10s"),
            ("POST", "1"),
            ("CONTAINERS", "1"),
        ];
        let gateway = Gateway::start(&self.engine.socket(), &settings);
        let docker = Client::behind(Release::Modern.docker(), gateway, Via::Unix);
        Self::with_files(docker.with("DOCKER_BUILDKIT", "0"))
    }

    pub(super) fn with_files(docker: Client) -> Client {
        docker.write("image.tar", "");
        docker.write("context/Dockerfile", "FROM other:1\n");
        docker
    }

    fn gateway(&self) -> Gateway {
        gateway(&self.engine, PACKAGE, &self.settings())
    }

    /// Puts names of this scene into a text.
    pub(super) fn fill(&self, text: &str) -> String {
        let host = self.engine.docker(&["network", "inspect", "--format", "{{.Id}}", "host"]);
        let id = self.engine.docker(&["image", "inspect", "--format", "{{.Id}}", IMAGE]);
        let volume = "volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/";
        text.replace("FOLDER", self.folder.path().to_str().unwrap())
            .replace("IMAGE", IMAGE)
            .replace("HOST ", &format!("{} ", host.trim()))
            .replace("VOLUME", volume)
            .replace("ID ", &format!("{} ", id.trim()))
    }

    fn refuses(&self, docker: &Client, command: &str, words: &str) {
        expect_refusal(docker, &self.fill(command), &self.fill(words), "restrict-create");
    }

    /// The engine has done nothing since the scene was set.
    pub(super) fn witnesses_nothing(&self) {
        assert_eq!(self.engine.events(), self.before);
    }
}

on_both_engines! {
    every_way_past_a_container_is_refused_to_the_docker_command_of_the_engine,
    what_other_clients_say_for_the_same_is_let_through,
    services_are_held_to_the_same,
    what_stays_in_its_box_works,
    an_ordinary_compose_file_goes_up_and_one_that_reaches_out_does_not,
}

fn every_way_past_a_container_is_refused_to_the_docker_command_of_the_engine(engine: Release) {
    let scene = Scene::new(engine);
    let docker = scene.docker(engine, Via::Tcp);
    for (command, words) in REFUSED {
        scene.refuses(&docker, command, words);
    }
    scene.witnesses_nothing();
}

#[test]
fn every_way_past_a_container_is_refused_to_a_docker_command_of_today_whatever_the_flags() {
    let scene = Scene::new(Release::Modern);
    let docker = scene.docker_of_two_flags(&scene.settings());
    for (command, words) in REFUSED {
        scene.refuses(&docker, command, words);
    }
    scene.witnesses_nothing();
}

#[test]
fn without_settings_there_are_official_images_and_no_folders() {
    let scene = Scene::new(Release::Modern);
    scene.engine.docker(&["tag", IMAGE, "alpine"]);
    let docker = scene.docker_of_two_flags("");
    docker.ok(&["create", "--volume", "named:/data", "alpine", "true"]);
    scene.refuses(&docker, "run --privileged alpine true", "body.HostConfig.Privileged: must be left out");
    scene.refuses(&docker, "run --volume /etc:/x alpine true", "/etc is not a listed folder (listed: none)");
    scene.refuses(
        &docker,
        "run IMAGE true",
        "docker.io/e2e/busybox is not of a listed registry (listed: docker.io/library)",
    );
    let said = docker.fails(&["run", "--volume", "named:/data", "alpine", "true"]);
    assert!(said.contains("ALLOW_START=1 would allow it"), "{said}");
}

#[test]
fn the_readme_runs_as_it_is_printed() {
    let scene = Scene::new(Release::Modern);
    scene.engine.docker(&["tag", IMAGE, "alpine"]);
    let folder = scene.folder.path().to_str().unwrap();
    for &cli in clis_of(Release::Modern) {
        readme::holds(PACKAGE, &scene.engine, cli, |text| text.replace("/srv/data", folder));
    }
}

#[tokio::test]
async fn what_no_docker_command_says_is_refused_as_well() {
    let scene = Scene::new(Release::Modern);
    let gateway = scene.gateway();
    for (line, body, words) in RAW {
        let response = send(&gateway, line, body).await;
        let said = response.text();
        assert!(
            response.status() == 403 && said.contains(words) && said.contains("(policy restrict-create)"),
            "{line} {body}: {} {said}",
            response.status()
        );
    }
    scene.witnesses_nothing();
}

fn what_other_clients_say_for_the_same_is_let_through(engine: Release) {
    let scene = Scene::new(engine);
    let gateway = scene.gateway();
    for (path, body, status) in [
        ("/containers/create", r#"{"Image":"e2e/busybox:1","HostConfig":{"Binds":["/anonymous"]}}"#, 201),
        ("/containers/create", r#"{"Image":"docker.io/e2e/busybox:1"}"#, 201),
        ("/containers/create", r#"{"Image":"index.docker.io/e2e/busybox:1"}"#, 201),
        ("/networks/create", r#"{"Name":"n","IPAM":{"Driver":"default","Config":[]}}"#, 201),
        ("/containers/idle/start", "{}", 204),
    ] {
        let response = post_and_wait(&gateway, path, body);
        assert_eq!(response.status(), status, "{path} {body}: {}", response.text());
    }
}

/// The gateway itself refuses most of these, as no policy could be expected to look for them.
#[tokio::test]
async fn where_old_engines_read_a_host_config_as_well_there_is_none() {
    let scene = Scene::new(Release::V20);
    let gateway = scene.gateway();
    for path in ["/containers/create", "/containers/idle/start", "/v1.23/containers/idle/start"] {
        for body in [
            r#"{"Privileged":true}"#,
            r#"{"privileged":true}"#,
            r#"{"Binds":["/:/host"]}"#,
            r#"{"PidMode":"host"}"#,
            r#"{"MaskedPaths":[]}"#,
            r#"{"HostConfig":{"Privileged":true}}"#,
        ] {
            let response = post(&gateway, path, body).await;
            assert!(matches!(response.status(), 400 | 403), "{path} {body}: {}", response.text());
        }
    }
    scene.witnesses_nothing();
}

fn services_are_held_to_the_same(engine: Release) {
    let mut scene = Scene::new(engine);
    scene.engine.docker(&["swarm", "init", "--advertise-addr", "127.0.0.1"]);
    let docker = scene.docker(engine, Via::Unix);
    let create = "service create --detach --no-resolve-image --replicas 0 --name web";
    for (channel, words) in REFUSED_IN_SERVICES {
        scene.refuses(&docker, &format!("{create} {channel} IMAGE true"), words);
    }
    scene.refuses(
        &docker,
        &format!("{create} other:1 true"),
        "ContainerSpec.Image: docker.io/library/other is not",
    );
    assert_eq!(docker.ok(&["service", "ls", "--quiet"]), "");
    scene.refuses(&docker, "swarm join-token manager", "GET /swarm is not let through");
    scene.refuses(&docker, "swarm unlock-key", "GET /swarm/unlockkey is not let through");

    docker.ok(&["network", "create", "--driver", "overlay", "inner"]);
    let command =
        scene.fill(&format!("{create} --network inner --mount type=volume,source=v,target=/v IMAGE true"));
    docker.ok(&command.split_whitespace().collect::<Vec<_>>());
    scene.before = scene.engine.events();
    let update = "service update --detach --no-resolve-image";
    scene.refuses(
        &docker,
        &format!("{update} --mount-add type=bind,source=/,target=/host web"),
        "the host's / is not",
    );
    scene.refuses(&docker, &format!("{update} --cap-add SYS_ADMIN web"), "CapabilityAdd: may only be one of");
    scene.refuses(&docker, &format!("{update} --image other:1 web"), "is not of a listed registry");
    scene.refuses(&docker, &format!("{update} --network-add host web"), "is the host's network");
    scene.refuses(&docker, "service rollback --detach web", "query.rollback: must be left out");
    scene.witnesses_nothing();
    docker.ok(&["service", "update", "--detach", "--no-resolve-image", "--env-add", "A=b", "web"]);
    docker.ok(&["service", "rm", "web"]);
}

fn what_stays_in_its_box_works(engine: Release) {
    for &cli in clis_of(engine) {
        let scene = Scene::new(engine);
        let docker = scene.docker(cli, Via::Unix);
        let run = |arguments: &str, script: &str| {
            let arguments = scene.fill(&format!("run --rm {arguments} IMAGE sh -c"));
            let words = arguments.split_whitespace().chain([script]);
            docker.ok(&words.collect::<Vec<_>>())
        };
        run("--volume named:/data", "echo kept >/data/file");
        assert_eq!(run("--volume named:/data", "cat /data/file"), "kept");
        assert_eq!(run("--mount type=volume,source=named,target=/data,readonly", "cat /data/file"), "kept");
        run("--volume FOLDER:/data", "echo out >/data/file");
        assert_eq!(std::fs::read_to_string(scene.folder.path().join("file")).unwrap(), "out\n");
        assert_eq!(run("--mount type=bind,source=FOLDER,target=/data", "cat /data/file"), "out");
        run(
            "--volume /anonymous --tmpfs /scratch --mount type=tmpfs,target=/more",
            "touch /anonymous/x /scratch/x",
        );
        run("--memory 64m --cpus 1 --pids-limit 100 --ulimit nofile=64 --shm-size 8m --read-only", "true");
        run("--cap-drop ALL --security-opt no-new-privileges --user 1 --ipc private --network none", "true");
        run(
            "--publish 127.0.0.1::80 --hostname a --add-host b:1.2.3.4 --dns 1.2.3.4 --env A=b --label c=d",
            "true",
        );
        run("--log-driver json-file --log-opt max-size=1m --health-cmd true --stop-signal TERM", "true");

        docker.ok(&["network", "create", "mine"]);
        docker.ok(&["volume", "create", "made"]);
        run("--network mine --network-alias here --volume made:/data", "true");
        docker.ok(&["network", "connect", "--alias", "there", "mine", "idle"]);
        docker.ok(&["start", "idle"]);
        scene.engine.docker(&["wait", "idle"]); // it ends by itself
        assert_eq!(docker.ok(&["exec", "victim", "echo", "plain"]), "plain");
        docker.ok(&[
            "update",
            "--memory",
            "64m",
            "--memory-swap",
            "64m",
            "--restart",
            "on-failure",
            "victim",
        ]);
        docker.ok(&["cp", &docker.write("inside", "x"), "victim:/tmp/inside"]);
        assert_eq!(docker.ok(&["ps", "--format", "{{.Names}}"]), "victim");
        docker.ok(&["stop", "--time", "0", "victim"]);
        docker.ok(&["rm", "victim"]);
        // There is no registry: that the engine looks for it shows that the pull has reached it.
        let said = docker.fails(&["pull", "docker.io/e2e/absent"]);
        assert!(!said.contains("sockgate"), "{said}");
        docker.ok(&["system", "prune", "--force"]);
    }
}

const PROJECT: &str = r#"
version: "2.4"
services:
  web:
    image: IMAGE
    restart: unless-stopped
    mem_limit: 64m
    ports: ["127.0.0.1::80"]
    volumes: ["pages:/pages", "FOLDER:/given:ro"]
    command: ["sh", "-c", "echo served >/pages/index.html; exec httpd -f -p 80 -h /pages"]
  visitor:
    image: IMAGE
    depends_on: [web]
    command: ["sh", "-c", "until wget -qO- http://web/; do :; done; exec sleep 1000"]
volumes:
  pages: {}
"#;

fn an_ordinary_compose_file_goes_up_and_one_that_reaches_out_does_not(engine: Release) {
    let scene = Scene::new(engine);
    let gateway = scene.gateway();
    let compose =
        Client::behind(programs::compose(engine), gateway, Via::Tcp).with("COMPOSE_PROJECT_NAME", "project");
    compose.write("docker-compose.yml", scene.fill(PROJECT));
    compose.ok(&["up", "--detach"]);
    compose.start(&["logs", "--follow", "visitor"]).expect("served");
    compose.ok(&["up", "--detach", "--force-recreate", "--timeout", "0"]);
    for (field, words) in [
        ("privileged: true", "body.HostConfig.Privileged: must be left out"),
        ("pid: host", "body.HostConfig.PidMode: must be left out"),
        (r#"cap_add: ["NET_ADMIN"]"#, "body.HostConfig.CapAdd: may only be one of"),
    ] {
        let project = scene.fill(PROJECT).replace("restart: unless-stopped", field);
        compose.write("docker-compose.yml", project);
        let said = compose.fails(&["up", "--detach", "--timeout", "0", "web"]);
        assert!(said.contains(words) && said.contains("(policy restrict-create)"), "{field}: {said}");
    }
    compose.write("docker-compose.yml", scene.fill(PROJECT));
    compose.ok(&["down", "--volumes", "--timeout", "0"]);
}

#[test]
fn settings_that_are_wrong_stop_the_start() {
    let engine = Dockerd::shared(Release::Modern);
    let policy = guests::rust(PACKAGE);
    for (settings, words) in [
        ("docker.io", r#"expected {"binds": ["/…"], "registries": ["…"]}"#),
        (
            r#"{"registries": ["alpine"]}"#,
            "registries: alpine: expected docker.io or registry.example.com/team",
        ),
    ] {
        let settings = [("POLICY", policy.to_str().unwrap()), ("POLICY_SETTINGS", settings)];
        let said = Gateway::start_at("127.0.0.1:0", &engine.socket(), &settings).err().unwrap_or_default();
        assert!(said.contains(words), "{said}");
    }
}
