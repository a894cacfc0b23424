//! What builds, tests and deploys.

use engine_api::Endpoint::{
    ContainerArchive, ContainerArchiveInfo, ContainerAttach, ContainerCreate, ContainerDelete, ContainerExec,
    ContainerInspect, ContainerKill, ContainerList, ContainerLogs, ContainerPause, ContainerPrune,
    ContainerRename, ContainerResize, ContainerRestart, ContainerStart, ContainerStop, ContainerTop,
    ContainerUnpause, ContainerWait, DistributionInspect, ExecInspect, ExecResize, ExecStart, Grpc,
    ImageBuild, ImageCreate, ImageDelete, ImageGetAll, ImageInspect, ImageList, ImageLoad, ImagePrune,
    ImagePush, ImageTag, NetworkConnect, NetworkCreate, NetworkDelete, NetworkDisconnect, NetworkInspect,
    NetworkList, NetworkPrune, PutContainerArchive, Session, SystemEvents, SystemInfo, SystemPing,
    SystemVersion, VolumeCreate, VolumeDelete, VolumeInspect, VolumeList, VolumePrune,
};

use super::{Call, File, LeftOut, Preset, Reach, Root, Service};

/// For whoever creates containers.
const CREATES: Root = Root {
    how: "they create containers that mount / or are privileged",
    advice: "The policy examples/rust-restrict-create keeps new containers in a box, but not what others have started; \
             run it with POLICY_MODE=observe first, and the log shows what it would refuse.",
};

pub(super) const COMPOSE_DEPLOY: Preset = Preset {
    name: "compose-deploy",
    about: "docker compose pull, up --detach, ps, logs, restart and down, of images that are built already",
    sources: &["https://github.com/docker/compose (f729794), pkg/compose"],
    calls: &[
        Call(SystemPing, "the command agrees on a version of the API"),
        Call(SystemVersion, "older releases ask what the engine can do"),
        Call(SystemEvents, "logs --follow notices containers that start"),
        Call(SystemInfo, "whether the engine is in a swarm, for networks"),
        Call(ContainerList, "the project's containers"),
        Call(ContainerCreate, "up"),
        Call(ContainerInspect, "what is to be changed, and whether a service is healthy"),
        Call(ContainerLogs, "logs"),
        Call(ContainerStart, "up, start"),
        Call(ContainerStop, "down, stop, and a container that is replaced"),
        Call(ContainerRestart, "restart"),
        Call(ContainerRename, "a container that is replaced"),
        Call(ContainerDelete, "down, rm, and a container that is replaced"),
        Call(ImageCreate, "pull"),
        Call(ImageInspect, "which images are there"),
        Call(NetworkList, "the project's networks"),
        Call(NetworkCreate, "up"),
        Call(NetworkInspect, "whether a network is the project's"),
        Call(NetworkConnect, "services with more than one network"),
        Call(NetworkDisconnect, "a network that is replaced"),
        Call(NetworkDelete, "down"),
        Call(VolumeList, "the project's volumes"),
        Call(VolumeCreate, "up"),
        Call(VolumeInspect, "whether a volume is the project's"),
        Call(VolumeDelete, "down --volumes"),
    ],
    left_out: &[
        LeftOut("building: see buildx, whose operations can be added", &[Session, Grpc]),
        LeftOut("up in the foreground, and run", &[ContainerAttach, ContainerResize, ContainerWait]),
        LeftOut("exec, and hooks", &[ContainerExec, ExecStart, ExecResize, ExecInspect]),
        LeftOut("secrets and configs with content or from the environment", &[PutContainerArchive]),
        LeftOut("cp", &[ContainerArchiveInfo, ContainerArchive, PutContainerArchive]),
        LeftOut(
            "kill, pause, unpause, top",
            &[ContainerKill, ContainerPause, ContainerUnpause, ContainerTop],
        ),
        LeftOut("down --rmi", &[ImageList, ImageDelete]),
        LeftOut("push, config --resolve-image-digests", &[ImagePush, DistributionInspect]),
    ],
    root: Some(CREATES),
    service: Service {
        reach: Reach::Tcp,
        yaml: r#"image: docker:cli
environment:
  DOCKER_HOST: tcp://sockgate:2375
# The project that is to be deployed. Folders that it mounts are the host's, as the engine sees them.
command: docker compose --project-directory /project up --detach
volumes:
  - ./project:/project:ro
"#,
        volumes: &[],
        file: None,
    },
};

pub(super) const BUILDX: Preset = Preset {
    name: "buildx",
    about: "docker build and docker buildx build, with the engine's own BuildKit (driver docker)",
    sources: &["https://github.com/docker/buildx (461836b), driver/docker, util/dockerutil, build"],
    calls: &[
        Call(SystemPing, "the command agrees on a version of the API, and asks which builder is the default"),
        Call(SystemVersion, "whether the builder is there, and its version"),
        Call(SystemInfo, "whether the engine stores images with containerd"),
        Call(Session, "BuildKit's way back to the client: files, secrets, credentials"),
        Call(Grpc, "BuildKit: builds, build history, build cache"),
    ],
    left_out: &[
        LeftOut("--push", &[ImageInspect, ImagePush, ImageTag]),
        LeftOut("the classic builder (DOCKER_BUILDKIT=0)", &[ImageBuild]),
        LeftOut("--load, with a builder elsewhere", &[ImageLoad]),
        LeftOut("builders in containers (driver docker-container): they are privileged", &[]),
    ],
    root: Some(Root {
        how: "builds run commands, and BuildKit's protocol is forwarded as it is",
        advice: "No policy reads that protocol: where this is too much, give builds an engine of their own.",
    }),
    service: Service {
        reach: Reach::Tcp,
        yaml: r#"image: docker:cli
environment:
  DOCKER_HOST: tcp://sockgate:2375
# The folder with the Dockerfile.
command: docker buildx build /work
volumes:
  - ./work:/work:ro
"#,
        volumes: &[],
        file: None,
    },
};

pub(super) const TESTCONTAINERS: Preset = Preset {
    name: "testcontainers",
    about: "Testcontainers (Go, Java, Python), whose tests start the containers that they need",
    sources: &[
        "https://github.com/testcontainers/testcontainers-go (5dec9dd)",
        "https://github.com/testcontainers/testcontainers-java (deb78e1), core/src/main",
        "https://github.com/testcontainers/testcontainers-python (c958e40), src/testcontainers/core",
        "https://github.com/testcontainers/moby-ryuk (84f4ff0), reaper.go",
    ],
    calls: &[
        Call(SystemPing, "whether the engine is there, and its version of the API"),
        Call(SystemVersion, "the version of the API, in Java and Python"),
        Call(SystemInfo, "whether the engine is there, and what it is"),
        Call(ContainerList, "containers that are used again; what Ryuk removes"),
        Call(ContainerCreate, "a container for a test"),
        Call(ContainerInspect, "its state and its ports"),
        Call(ContainerLogs, "until it has said that it is ready"),
        Call(ContainerStart, "a container for a test"),
        Call(ContainerStop, "the end of a test"),
        Call(ContainerKill, "the end of a test, in Java"),
        Call(ContainerWait, "until it has ended, in Python"),
        Call(ContainerDelete, "the end of a test"),
        Call(ContainerArchive, "files from a container"),
        Call(PutContainerArchive, "files into a container"),
        Call(ContainerExec, "commands in a container"),
        Call(ExecStart, "commands in a container"),
        Call(ExecInspect, "their exit codes"),
        Call(ImageList, "which images are there; what Ryuk removes"),
        Call(ImageCreate, "pulling an image that is not there"),
        Call(ImageInspect, "which images are there"),
        Call(ImageDelete, "images that tests made"),
        Call(NetworkList, "networks of tests; what Ryuk removes"),
        Call(NetworkCreate, "a network for a test"),
        Call(NetworkInspect, "a network's gateway"),
        Call(NetworkConnect, "containers with more than one network"),
        Call(NetworkDelete, "the end of a test"),
        Call(VolumeList, "what Ryuk removes"),
        Call(VolumeDelete, "what Ryuk removes"),
    ],
    left_out: &[
        LeftOut("images from Dockerfiles", &[ImageBuild]),
        LeftOut("images from and into archives", &[ImageGetAll, ImageLoad, ImageTag]),
        LeftOut("cleaning up in Java without Ryuk", &[ContainerPrune, ImagePrune, NetworkPrune, VolumePrune]),
        LeftOut(
            "Ryuk, which cleans up after tests that were killed, as long as it has no socket: it mounts the engine's. \
             Either TESTCONTAINERS_RYUK_DISABLED=true, or TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE with the path of a \
             unix socket of this gateway on the host",
            &[],
        ),
    ],
    root: Some(CREATES),
    service: Service {
        reach: Reach::Tcp,
        yaml: r#"image: your-tests
environment:
  DOCKER_HOST: tcp://sockgate:2375
  TESTCONTAINERS_RYUK_DISABLED: "true"
  # Ports of tests' containers are the host's.
  TESTCONTAINERS_HOST_OVERRIDE: host.docker.internal
extra_hosts: ["host.docker.internal:host-gateway"]
"#,
        volumes: &[],
        file: None,
    },
};

pub(super) const GITLAB_RUNNER: Preset = Preset {
    name: "gitlab-runner",
    about: "GitLab Runner with the executor docker, which runs each job in containers",
    sources: &["https://github.com/gitlabhq/gitlab-runner (d79f3e7), helpers/docker, executors/docker"],
    calls: &[
        Call(SystemPing, "its client library agrees on a version of the API"),
        Call(SystemVersion, "asked for when a job begins"),
        Call(SystemInfo, "the engine's system and architecture, when a job begins"),
        Call(ContainerCreate, "the job's container, its helper's, and services'"),
        Call(ContainerInspect, "whether they run, and services' addresses"),
        Call(ContainerLogs, "what services say"),
        Call(ContainerStart, "these containers"),
        Call(ContainerStop, "the end of a job, also of one that is cancelled"),
        Call(ContainerAttach, "the job's script goes in, its log comes out"),
        Call(ContainerWait, "until a script has ended"),
        Call(ContainerDelete, "the end of a job"),
        Call(ContainerExec, "stopping a job's processes; steps"),
        Call(ExecStart, "stopping a job's processes; steps"),
        Call(ImageCreate, "pulling images"),
        Call(ImageInspect, "which images are there"),
        Call(NetworkList, "networks of earlier jobs"),
        Call(NetworkCreate, "a network for each job (FF_NETWORK_PER_BUILD)"),
        Call(NetworkInspect, "the job's network"),
        Call(NetworkDisconnect, "the end of a job"),
        Call(NetworkDelete, "the end of a job"),
        Call(VolumeCreate, "builds and caches"),
        Call(VolumeInspect, "whether a cache is there"),
        Call(VolumeDelete, "the end of a job"),
    ],
    left_out: &[
        LeftOut("helper images from archives, where none can be pulled", &[ImageLoad, ImageTag]),
        LeftOut("jobs that speak to Docker themselves: they get no socket", &[]),
    ],
    root: Some(CREATES),
    service: Service {
        reach: Reach::Tcp,
        yaml: r#"image: gitlab/gitlab-runner
volumes:
  - config:/etc/gitlab-runner
restart: unless-stopped
"#,
        volumes: &["config"],
        file: Some(File {
            path: "/etc/gitlab-runner/config.toml",
            content: r#"concurrent = 1

[[runners]]
  url = "https://gitlab.com/"
  token = "${RUNNER_TOKEN:?the token that GitLab shows for a new runner}"
  executor = "docker"
  [runners.docker]
    host = "tcp://sockgate:2375"
    image = "alpine"
"#,
        }),
    },
};

pub(super) const GITEA_ACT_RUNNER: Preset = Preset {
    name: "gitea-act-runner",
    about: "Gitea's runner (act_runner), which runs each job of a workflow in containers",
    sources: &[
        "https://gitea.com/gitea/runner, act/container, internal/pkg/envcheck",
        "https://github.com/nektos/act (bd86152), pkg/container, from which these come",
    ],
    calls: &[
        Call(SystemPing, "whether the engine is there, at the start"),
        Call(SystemVersion, "whether platforms can be chosen"),
        Call(SystemInfo, "the engine's architecture"),
        Call(ContainerList, "whether a job's container is there already"),
        Call(ContainerCreate, "the job's container, and services'"),
        Call(ContainerInspect, "whether it runs and is healthy"),
        Call(ContainerLogs, "what a service said that failed"),
        Call(ContainerStart, "these containers"),
        Call(ContainerKill, "a job that is cancelled"),
        Call(ContainerAttach, "what actions in containers say"),
        Call(ContainerWait, "until an action in a container has ended"),
        Call(ContainerDelete, "the end of a job"),
        Call(ContainerArchive, "files that steps leave for others"),
        Call(PutContainerArchive, "scripts and checked out files"),
        Call(ContainerExec, "the steps"),
        Call(ExecStart, "the steps"),
        Call(ExecInspect, "their exit codes"),
        Call(ImageCreate, "pulling images"),
        Call(ImageInspect, "which images are there, and their platform"),
        Call(NetworkList, "whether the job's network is there"),
        Call(NetworkCreate, "a network for each job"),
        Call(NetworkInspect, "whether a network is in use"),
        Call(NetworkConnect, "containers with more than one network"),
        Call(NetworkDelete, "the end of a job"),
        Call(VolumeList, "the job's volumes"),
        Call(VolumeDelete, "the end of a job"),
    ],
    left_out: &[
        LeftOut("actions with a Dockerfile", &[ImageBuild, ImageDelete]),
        LeftOut(
            "jobs that speak to Docker themselves: they get no socket (container.docker_host: \"-\")",
            &[],
        ),
    ],
    root: Some(CREATES),
    service: Service {
        reach: Reach::Tcp,
        yaml: r#"image: gitea/runner:latest
environment:
  DOCKER_HOST: tcp://sockgate:2375
  GITEA_INSTANCE_URL: "${GITEA_INSTANCE_URL:?the address of your Gitea}"
  GITEA_RUNNER_REGISTRATION_TOKEN: "${GITEA_RUNNER_REGISTRATION_TOKEN:?the token that Gitea shows for a new runner}"
volumes:
  - data:/data
restart: unless-stopped
"#,
        volumes: &["data"],
        file: None,
    },
};
