//! `examples/rust-restrict-create`: each way to reach past a container, by the docker command and by what it cannot say.

use e2e::dockerd::{Dockerd, IMAGE};
use e2e::{Gateway, Via};

use super::{docker, expect_refusal, gateway, post};
use crate::client::Client;
use crate::programs::{self, DockerCli};

const PACKAGE: &str = "rust-restrict-create";

/// Commands, and how the refusal of each begins. IMAGE, FOLDER and HOST stand for a listed image, a listed folder and the
/// id of the host's network.
const REFUSED: &[(&str, &str)] = &[
    // Privileges.
    ("run --privileged IMAGE true", "body.HostConfig.Privileged: must be left out"),
    ("create --privileged IMAGE true", "body.HostConfig.Privileged: must be left out"),
    ("run --cap-add SYS_ADMIN IMAGE true", "body.HostConfig.CapAdd: must be left out"),
    ("run --security-opt seccomp=unconfined IMAGE true", "body.HostConfig.SecurityOpt: may only be one of"),
    ("run --security-opt apparmor=unconfined IMAGE true", "body.HostConfig.SecurityOpt: may only be one of"),
    ("run --security-opt label=disable IMAGE true", "body.HostConfig.SecurityOpt: may only be one of"),
    ("run --security-opt systempaths=unconfined IMAGE true", "body.HostConfig.MaskedPaths: must be left out"),
    ("run --sysctl net.ipv4.ip_forward=1 IMAGE true", "body.HostConfig.Sysctls: must be left out"),
    ("run --runtime other IMAGE true", "body.HostConfig.Runtime: must be left out"),
    ("run --cgroup-parent / IMAGE true", "body.HostConfig.CgroupParent: must be left out"),
    ("run --oom-score-adj -1000 IMAGE true", "body.HostConfig.OomScoreAdj: must be left out"),
    ("exec --privileged victim true", "body.Privileged: must be left out"),
    // Namespaces of the host, and of other containers.
    ("run --network host IMAGE true", "host is not allowed: use a network of its own"),
    ("run --network HOST IMAGE true", "is the host's network"),
    (
        "run --network container:victim IMAGE true",
        "body.HostConfig.NetworkMode: container:victim is not allowed",
    ),
    ("run --pid host IMAGE true", "body.HostConfig.PidMode: must be left out"),
    ("run --pid container:victim IMAGE true", "body.HostConfig.PidMode: must be left out"),
    ("run --ipc host IMAGE true", "body.HostConfig.IpcMode: may only be one of: none private shareable"),
    ("run --ipc container:victim IMAGE true", "body.HostConfig.IpcMode: may only be one of"),
    ("run --uts host IMAGE true", "body.HostConfig.UTSMode: must be left out"),
    ("run --userns host IMAGE true", "body.HostConfig.UsernsMode: must be left out"),
    ("run --cgroupns host IMAGE true", "body.HostConfig.CgroupnsMode: may only be one of: private"),
    (
        "network create --driver macvlan --opt parent=lo stolen",
        "body.Driver: may only be one of: bridge overlay",
    ),
    // Folders and devices of the host.
    (
        "run --volume /:/host IMAGE true",
        "body.HostConfig.Binds: the host's / is not a listed folder (listed: FOLDER)",
    ),
    (
        "run --volume /var/run/docker.sock:/s:ro IMAGE true",
        "body.HostConfig.Binds: the host's /var/run/docker.sock",
    ),
    ("run --volume FOLDER/part:/data IMAGE true", "body.HostConfig.Binds: the host's FOLDER/part is not"),
    ("run --volume FOLDER/..:/data IMAGE true", "is not a listed folder"),
    ("run --mount type=bind,source=/,target=/host IMAGE true", "body.HostConfig.Mounts.Source: the host's /"),
    (
        "run --mount type=volume,target=/host,VOLUME IMAGE true",
        "Mounts.VolumeOptions.DriverConfig.Options: must be",
    ),
    (
        "run --mount type=volume,target=/d,volume-driver=other IMAGE true",
        "DriverConfig.Name: may only be one of: local",
    ),
    (
        "run --volume-driver other --volume x:/data IMAGE true",
        "body.HostConfig.VolumeDriver: may only be one of: local",
    ),
    ("run --volumes-from victim IMAGE true", "body.HostConfig.VolumesFrom: must be left out"),
    ("volume create --opt type=none --opt o=bind --opt device=/ stolen", "body.DriverOpts: must be left out"),
    ("volume create --driver other stolen", "body.Driver: may only be one of: local"),
    ("run --device /dev/null IMAGE true", "body.HostConfig.Devices: must be left out"),
    ("run --gpus all IMAGE true", "body.HostConfig.DeviceRequests: must be left out"),
    (
        "run --device-read-bps /dev/null:1mb IMAGE true",
        "body.HostConfig.BlkioDeviceReadBps: must be left out",
    ),
    (
        "run --log-driver syslog IMAGE true",
        "body.HostConfig.LogConfig.Type: may only be one of: json-file local none",
    ),
    (
        "run --log-opt syslog-address=unix:///x IMAGE true",
        "LogConfig.Config.syslog-address: must be left out",
    ),
    // Images.
    (
        "run evil/miner",
        "body.Image: docker.io/evil/miner is not of a listed registry (listed: docker.io/e2e)",
    ),
    ("run registry.invalid/e2e/busybox:1 true", "body.Image: registry.invalid/e2e/busybox:1 is not"),
    ("run ID true", "body.Image: ID is an image's id"),
    ("pull evil/miner", "query.fromImage: docker.io/evil/miner is not of a listed registry"),
    ("import image.tar e2e/stolen", "query.fromSrc: must be left out"),
    ("load --input image.tar", "POST /images/load is not let through"),
    ("tag other:1 e2e/stolen", "POST /images/other:1/tag is not let through"),
    ("commit victim e2e/stolen", "POST /commit is not let through"),
    ("build context", "POST /build is not let through"),
    // More than containers.
    ("swarm init --advertise-addr 127.0.0.1", "POST /swarm/init is not let through"),
    ("swarm join --token x 127.0.0.1", "POST /swarm/join is not let through"),
    ("plugin enable stolen", "POST /plugins/stolen/enable is not let through"),
];

/// Ways into a service, each in place of SERVICE: what is `service create --detach --no-resolve-image … IMAGE true`.
const REFUSED_IN_SERVICES: &[(&str, &str)] = &[
    (
        "--mount type=bind,source=/,target=/host",
        "ContainerSpec.Mounts.Source: the host's / is not a listed folder",
    ),
    (
        "--mount type=volume,target=/host,VOLUME",
        "Mounts.VolumeOptions.DriverConfig.Options: must be left out",
    ),
    ("--cap-add SYS_ADMIN", "body.TaskTemplate.ContainerSpec.CapabilityAdd: must be left out"),
    ("--sysctl net.ipv4.ip_forward=1", "body.TaskTemplate.ContainerSpec.Sysctls: must be left out"),
    ("--network host", "is the host's network"),
    ("--log-driver syslog", "body.TaskTemplate.LogDriver.Name: may only be one of"),
];

/// Bodies that no docker command sends, and how the refusal of each begins.
const RAW: &[(&str, &str, &str)] = &[
    (
        "/containers/create",
        r#"{"HostConfig":{"DeviceCgroupRules":["b 8:* rwm"]}}"#,
        "body.HostConfig.DeviceCgroupRules",
    ),
    ("/containers/create", r#"{"HostConfig":{"Annotations":{"a":"b"}}}"#, "body.HostConfig.Annotations"),
    ("/containers/create", r#"{"HostConfig":{"Cgroup":"container:victim"}}"#, "body.HostConfig.Cgroup"),
    (
        "/containers/create",
        r#"{"HostConfig":{"OfNextYear":true}}"#,
        "body.HostConfig.OfNextYear: must be left out",
    ),
    (
        "/containers/create",
        r#"{"NetworkingConfig":{"EndpointsConfig":{"host":{}}}}"#,
        "body.NetworkingConfig.EndpointsConfig: host is not allowed",
    ),
    (
        "/containers/create",
        r#"{"NetworkingConfig":{"EndpointsConfig":{"bridge":{"NetworkID":"host"}}}}"#,
        "EndpointsConfig.bridge.NetworkID: must be left out",
    ),
    (
        "/containers/victim/update",
        r#"{"DeviceCgroupRules":["b 8:* rwm"]}"#,
        "body.DeviceCgroupRules: must be left out",
    ),
    ("/containers/idle/start", r#"{"HostConfig":{}}"#, "body: must be left out"),
    ("/v1.23/containers/idle/start", r#"{"Hostname":"x"}"#, "body: must be left out"),
    ("/containers/idle/start?checkpoint=x&checkpoint-dir=/", "", "query.checkpoint: must be left out"),
    (
        "/containers/victim/checkpoints",
        r#"{"CheckpointDir":"/"}"#,
        "POST /containers/victim/checkpoints is not",
    ),
    (
        "/networks/bridge/connect",
        r#"{"Container":"idle","EndpointConfig":{"NetworkID":"host"}}"#,
        "NetworkID: must be",
    ),
    (
        "/networks/create",
        r#"{"Name":"stolen","ConfigFrom":{"Network":"host"}}"#,
        "body.ConfigFrom: must be left out",
    ),
    ("/volumes/create", r#"{"ClusterVolumeSpec":{"Group":"x"}}"#, "body.ClusterVolumeSpec: must be left out"),
    (
        "/services/create",
        r#"{"TaskTemplate":{"Runtime":"plugin"}}"#,
        "body.TaskTemplate.Runtime: may only be one of",
    ),
    (
        "/services/create",
        r#"{"TaskTemplate":{"PluginSpec":{"name":"x"}}}"#,
        "body.TaskTemplate.PluginSpec: must be",
    ),
    ("/services/create", r#"{"Networks":[{"Target":"host"}]}"#, "body.Networks.Target: host is not allowed"),
    (
        "/services/create",
        r#"{"TaskTemplate":{"ContainerSpec":{"Privileges":{"Seccomp":{"Mode":"unconfined"}}}}}"#,
        "ContainerSpec.Privileges.Seccomp: must be left out",
    ),
    ("/images/create?fromImage=e2e%2Fbusybox&fromSrc=-", "", "query.fromSrc: must be left out"),
    ("/images/create?fromImage=evil/x&fromImage=e2e/x", "", "query.fromImage: docker.io/evil/x is not"),
    ("/plugins/pull?remote=evil/x", "[]", "POST /plugins/pull is not let through"),
    ("/session", "", "POST /session is not let through"),
    ("/grpc", "", "POST /grpc is not let through"),
    ("/containers/victim/of-next-year", "", "POST /containers/victim/of-next-year is not let through"),
];

/// An engine with something to lose, and a folder of the host that may be mounted.
struct Scene {
    engine: Dockerd,
    folder: tempfile::TempDir,
    before: Vec<String>,
}

impl Scene {
    fn new() -> Self {
        let engine = Dockerd::start().unwrap();
        engine.docker(&["run", "--detach", "--name", "victim", IMAGE, "sleep", "1000"]);
        engine.docker(&["create", "--name", "idle", IMAGE, "true"]);
        engine.docker(&["tag", IMAGE, "other:1"]);
        let before = engine.events();
        Self { engine, folder: tempfile::tempdir().unwrap(), before }
    }

    fn settings(&self) -> String {
        format!(r#"{{"binds": ["{}"], "registries": ["docker.io/e2e"]}}"#, self.folder.path().display())
    }

    fn docker(&self, version: DockerCli, via: Via) -> Client {
        let docker = docker(&self.engine, PACKAGE, &self.settings(), (version, via));
        docker.write("image.tar", "");
        docker.write("context/Dockerfile", "FROM other:1\n");
        docker
    }

    fn gateway(&self) -> Gateway {
        gateway(&self.engine, PACKAGE, &self.settings())
    }

    /// Puts names of this scene into a text.
    fn fill(&self, text: &str) -> String {
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
    fn witnesses_nothing(&self) {
        assert_eq!(self.engine.events(), self.before);
    }
}

#[test]
fn every_way_past_a_container_is_refused_to_the_docker_command_of_the_engine() {
    let scene = Scene::new();
    let docker = scene.docker(DockerCli::V20, Via::Tcp);
    for (command, words) in REFUSED {
        scene.refuses(&docker, command, words);
    }
    scene.witnesses_nothing();
}

#[test]
fn every_way_past_a_container_is_refused_to_a_docker_command_of_today() {
    let scene = Scene::new();
    let docker = scene.docker(DockerCli::Modern, Via::Unix);
    for (command, words) in REFUSED {
        scene.refuses(&docker, command, words);
    }
    scene.witnesses_nothing();
}

#[tokio::test]
async fn what_no_docker_command_says_is_refused_as_well() {
    let scene = Scene::new();
    let gateway = scene.gateway();
    for (path, body, words) in RAW {
        let response = post(&gateway, path, body).await;
        let said = response.text();
        assert!(
            response.status() == 403 && said.contains(words) && said.contains("(policy restrict-create)"),
            "{path} {body}: {} {said}",
            response.status()
        );
    }
    scene.witnesses_nothing();
}

/// The gateway itself refuses most of these, as no policy could be expected to look for them.
#[tokio::test]
async fn where_old_engines_read_a_host_config_as_well_there_is_none() {
    let scene = Scene::new();
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

#[test]
fn services_are_held_to_the_same() {
    let mut scene = Scene::new();
    scene.engine.docker(&["swarm", "init", "--advertise-addr", "127.0.0.1"]);
    let docker = scene.docker(DockerCli::V20, Via::Unix);
    let create = "service create --detach --no-resolve-image --replicas 0 --name web";
    for (channel, words) in REFUSED_IN_SERVICES {
        scene.refuses(&docker, &format!("{create} {channel} IMAGE true"), words);
    }
    scene.refuses(
        &docker,
        &format!("{create} other:1 true"),
        "ContainerSpec.Image: docker.io/library/other:1 is not",
    );
    assert_eq!(docker.ok(&["service", "ls", "--quiet"]), "");

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
    scene.refuses(&docker, &format!("{update} --cap-add SYS_ADMIN web"), "CapabilityAdd: must be left out");
    scene.refuses(&docker, &format!("{update} --image other:1 web"), "is not of a listed registry");
    scene.refuses(&docker, &format!("{update} --network-add host web"), "is the host's network");
    scene.witnesses_nothing();
    docker.ok(&["service", "update", "--detach", "--no-resolve-image", "--env-add", "A=b", "web"]);
    docker.ok(&["service", "rm", "web"]);
}

#[test]
fn what_stays_in_its_box_works() {
    for version in [DockerCli::V20, DockerCli::Modern] {
        let scene = Scene::new();
        let docker = scene.docker(version, Via::Unix);
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

#[test]
fn an_ordinary_compose_file_goes_up_and_one_that_reaches_out_does_not() {
    let scene = Scene::new();
    let gateway = scene.gateway();
    let compose =
        Client::behind(programs::compose(), gateway, Via::Tcp).with("COMPOSE_PROJECT_NAME", "project");
    compose.write("docker-compose.yml", scene.fill(PROJECT));
    compose.ok(&["up", "--detach"]);
    compose.start(&["logs", "--follow", "visitor"]).expect("served");
    compose.ok(&["up", "--detach", "--force-recreate", "--timeout", "0"]);
    for (field, words) in [
        ("privileged: true", "body.HostConfig.Privileged: must be left out"),
        ("pid: host", "body.HostConfig.PidMode: must be left out"),
        (r#"cap_add: ["NET_ADMIN"]"#, "body.HostConfig.CapAdd: must be left out"),
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
    let engine = Dockerd::shared();
    let policy = e2e::guests::rust(PACKAGE);
    for (settings, words) in [
        ("", r#"expected {"binds": ["/…"], "registries": ["…"]}"#),
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
