//! What looks for new images, and what restarts and replaces containers by itself.

use engine_api::Endpoint::{
    ContainerCreate, ContainerDelete, ContainerExec, ContainerInspect, ContainerKill, ContainerList,
    ContainerRename, ContainerRestart, ContainerStart, ContainerStop, ContainerUpdate, DistributionInspect,
    ExecInspect, ExecStart, ImageCreate, ImageDelete, ImageInspect, NetworkConnect, NetworkDisconnect,
    NodeInspect, NodeList, ServiceInspect, ServiceList, ServiceUpdate, SystemEvents, SystemInfo, SystemPing,
    SystemVersion, TaskList,
};

use super::{Call, LeftOut, Preset, Reach, Root, Service};

pub(super) const DIUN: Preset = Preset {
    name: "diun",
    about: "Diun, which tells when there is a newer image of a container (provider docker)",
    sources: &["https://github.com/crazy-max/diun (9050b6a), pkg/docker, internal/provider/docker"],
    calls: &[
        Call(SystemPing, "its client library agrees on a version of the API"),
        Call(ContainerList, "which containers there are, and their labels"),
        Call(ContainerInspect, "which image a container was made of"),
        Call(ImageInspect, "the image's digest and platform"),
    ],
    left_out: &[LeftOut("the provider swarm", &[ServiceList])],
    root: None,
    service: Service {
        reach: Reach::Tcp,
        yaml: r#"image: crazymax/diun:latest
command: serve
environment:
  DIUN_WATCH_SCHEDULE: 0 */6 * * *
  DIUN_PROVIDERS_DOCKER: "true"
  DIUN_PROVIDERS_DOCKER_ENDPOINT: tcp://sockgate:2375
volumes:
  - data:/data
restart: unless-stopped
"#,
        volumes: &["data"],
        file: None,
    },
};

pub(super) const WATCHTOWER: Preset = Preset {
    name: "watchtower",
    about: "Watchtower, which replaces containers by new ones when there is a newer image",
    sources: &[
        "https://github.com/containrrr/watchtower (ca0e86e), pkg/container/client.go",
        "https://github.com/nicholas-fedor/watchtower (46a520f), pkg/container, which is kept up",
    ],
    calls: &[
        Call(SystemPing, "the version of the API"),
        Call(SystemInfo, "which engine this is"),
        Call(ContainerList, "which containers there are"),
        Call(ContainerCreate, "the new container, with the old one's name and settings"),
        Call(ContainerInspect, "a container's settings, and whether it has stopped"),
        Call(ContainerStart, "the new container"),
        Call(ContainerStop, "the old container"),
        Call(ContainerKill, "the old container, with the signal of its own"),
        Call(ContainerUpdate, "the restart policy of its own old container, when it replaces itself"),
        Call(ContainerRename, "its own old container, when it replaces itself"),
        Call(ContainerDelete, "the old container"),
        Call(ImageCreate, "the newer image"),
        Call(ImageInspect, "whether a container's image is the newest"),
        Call(NetworkConnect, "the new container's networks"),
        Call(NetworkDisconnect, "the network that the new container began with"),
    ],
    left_out: &[
        LeftOut("removing old images (WATCHTOWER_CLEANUP)", &[ImageDelete]),
        LeftOut("hooks in containers (WATCHTOWER_LIFECYCLE_HOOKS)", &[ContainerExec, ExecStart, ExecInspect]),
    ],
    root: Some(Root {
        how: "they create containers that mount / or are privileged",
        advice: "The policy examples/rust-restrict-create keeps new containers in a box, and with it those that are \
                 in none are no longer replaced. Diun only tells, and needs none of this.",
    }),
    service: Service {
        reach: Reach::Tcp,
        yaml: r#"image: nickfedor/watchtower
environment:
  DOCKER_HOST: tcp://sockgate:2375
restart: unless-stopped
"#,
        volumes: &[],
        file: None,
    },
};

pub(super) const AUTOHEAL: Preset = Preset {
    name: "autoheal",
    about: "docker-autoheal, which restarts containers that are unhealthy",
    sources: &["https://github.com/willfarrell/docker-autoheal (afb2c8b), docker-entrypoint"],
    calls: &[
        Call(SystemPing, "the gateway's own health check; the application does not ask"),
        Call(ContainerList, "which containers are unhealthy"),
        Call(ContainerRestart, "restarting these; it could restart any other"),
    ],
    left_out: &[],
    root: None,
    service: Service {
        reach: Reach::Tcp,
        yaml: r#"image: willfarrell/autoheal
environment:
  DOCKER_SOCK: tcp://sockgate:2375
  # Those with the label autoheal=true. With "all": any.
  AUTOHEAL_CONTAINER_LABEL: autoheal
restart: unless-stopped
"#,
        volumes: &[],
        file: None,
    },
};

pub(super) const SWARM_CRONJOB: Preset = Preset {
    name: "swarm-cronjob",
    about: "swarm-cronjob, which runs services of a swarm at set times",
    sources: &["https://github.com/crazy-max/swarm-cronjob (72d78d6), internal/docker"],
    calls: &[
        Call(SystemPing, "its client library agrees on a version of the API"),
        Call(SystemVersion, "asked for at the start; without an answer it ends"),
        Call(SystemEvents, "services that are created, changed and removed"),
        Call(DistributionInspect, "the image's digest, where swarm.cronjob.query-registry is on"),
        Call(NodeList, "which nodes can run a task"),
        Call(NodeInspect, "the name of a task's node"),
        Call(ServiceList, "services with the label swarm.cronjob.enable"),
        Call(ServiceInspect, "the service that is due"),
        Call(ServiceUpdate, "running it: its number of tasks, and a forced update"),
        Call(TaskList, "whether its last run is over"),
    ],
    left_out: &[],
    root: Some(Root {
        how: "they change a service so that it mounts /",
        advice: "The policy examples/rust-restrict-create keeps services in a box.",
    }),
    service: Service {
        reach: Reach::Tcp,
        yaml: r#"image: crazymax/swarm-cronjob
environment:
  DOCKER_HOST: tcp://sockgate:2375
restart: unless-stopped
"#,
        volumes: &[],
        file: None,
    },
};
