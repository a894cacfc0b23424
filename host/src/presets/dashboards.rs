//! What shows people their containers, and what manages them.

use engine_api::Endpoint::{
    ConfigInspect, ConfigList, ContainerAttach, ContainerCreate, ContainerDelete, ContainerExec,
    ContainerInspect, ContainerKill, ContainerList, ContainerLogs, ContainerPause, ContainerRename,
    ContainerResize, ContainerRestart, ContainerStart, ContainerStats, ContainerStop, ContainerTop,
    ContainerUnpause, ContainerUpdate, ContainerWait, ExecResize, ExecStart, Grpc, ImageBuild, ImageCommit,
    ImageCreate, ImageDelete, ImageGetAll, ImageHistory, ImageInspect, ImageList, ImageLoad, ImagePush,
    ImageTag, NetworkConnect, NetworkCreate, NetworkDelete, NetworkDisconnect, NetworkInspect, NetworkList,
    NodeInspect, NodeList, PluginList, PutContainerArchive, SecretInspect, SecretList, ServiceInspect,
    ServiceList, ServiceLogs, Session, SwarmInspect, SystemEvents, SystemInfo, SystemPing, SystemVersion,
    TaskInspect, TaskList, TaskLogs, VolumeCreate, VolumeDelete, VolumeInspect, VolumeList,
};

use super::{Call, File, LeftOut, Preset, Reach, Root, Service};

const PORTAINER: &[&str] = &[
    "https://github.com/portainer/portainer (cc75167), api/docker, api/http/proxy/factory/docker, app/react/docker",
];

pub(super) const PORTAINER_LOOK: Preset = Preset {
    name: "portainer-look",
    about: "Portainer, a web interface for an engine, which shows all and changes nothing",
    sources: PORTAINER,
    calls: &[
        Call(SystemPing, "whether the engine is there, and its version of the API"),
        Call(SystemVersion, "the overview, and each snapshot"),
        Call(SystemEvents, "the page of events"),
        Call(SystemInfo, "the overview; without it no environment is shown"),
        Call(ContainerList, "the list of containers, and each snapshot"),
        Call(ContainerInspect, "a container's page, with its environment"),
        Call(ContainerTop, "a container's processes"),
        Call(ContainerLogs, "a container's log"),
        Call(ContainerStats, "a container's figures"),
        Call(ImageList, "the list of images, and each snapshot"),
        Call(ImageInspect, "an image's page"),
        Call(ImageHistory, "an image's layers"),
        Call(NetworkList, "the list of networks, and each snapshot"),
        Call(NetworkInspect, "a network's page"),
        Call(VolumeList, "the list of volumes, and each snapshot"),
        Call(VolumeInspect, "a volume's page"),
    ],
    left_out: &[
        LeftOut("all that changes something: see portainer-manage", &[]),
        LeftOut("downloading an image", &[ImageGetAll]),
        LeftOut(
            "services and tasks, on a manager of a swarm",
            &[
                NodeInspect,
                NodeList,
                ServiceInspect,
                ServiceList,
                ServiceLogs,
                TaskInspect,
                TaskList,
                TaskLogs,
            ],
        ),
        LeftOut(
            "names of secrets, and configs with their content",
            &[SecretInspect, SecretList, ConfigInspect, ConfigList],
        ),
        LeftOut("the swarm's own page, which shows the tokens with which machines join it", &[SwarmInspect]),
    ],
    root: None,
    service: PORTAINER_SERVICE,
};

/// They meet on a unix socket: older releases pass on the browser's Origin, which a TCP listener refuses.
const PORTAINER_SERVICE: Service = Service {
    reach: Reach::Unix,
    yaml: r#"image: portainer/portainer-ce:lts
command: -H unix:///run/sockgate/docker.sock
ports: ["127.0.0.1:9443:9443"]
volumes:
  - gate:/run/sockgate
  - data:/data
restart: unless-stopped
"#,
    volumes: &["data"],
    file: None,
};

pub(super) const PORTAINER_MANAGE: Preset = Preset {
    name: "portainer-manage",
    about: "Portainer, a web interface for an engine, which manages containers, images, networks, volumes and stacks",
    sources: PORTAINER,
    calls: &[
        Call(SystemPing, "whether the engine is there, and its version of the API"),
        Call(SystemVersion, "the overview, and each snapshot"),
        Call(SystemEvents, "the page of events"),
        Call(SystemInfo, "the overview; without it no environment is shown"),
        Call(ContainerList, "the list of containers, and each snapshot"),
        Call(ContainerCreate, "adding, duplicating and recreating a container; stacks"),
        Call(ContainerInspect, "a container's page, with its environment"),
        Call(ContainerTop, "a container's processes"),
        Call(ContainerLogs, "a container's log"),
        Call(ContainerStats, "a container's figures"),
        Call(ContainerResize, "the window of an attached console"),
        Call(ContainerStart, "start; stacks"),
        Call(ContainerStop, "stop; recreating a container; stacks"),
        Call(ContainerRestart, "restart"),
        Call(ContainerKill, "kill"),
        Call(ContainerUpdate, "limits and the restart policy"),
        Call(ContainerRename, "rename; recreating a container; stacks"),
        Call(ContainerPause, "pause"),
        Call(ContainerUnpause, "resume"),
        Call(ContainerAttach, "the console of a container's main process"),
        Call(ContainerWait, "stacks from a git repository, until the container that unpacks it is done"),
        Call(ContainerDelete, "remove; recreating a container; stacks"),
        Call(ContainerExec, "a console in a container"),
        Call(ExecStart, "a console in a container"),
        Call(ExecResize, "the window of a console"),
        Call(ImageCommit, "an image from a container"),
        Call(ImageList, "the list of images, and each snapshot"),
        Call(ImageCreate, "pull"),
        Call(ImageInspect, "an image's page; stacks"),
        Call(ImageHistory, "an image's layers"),
        Call(ImagePush, "push"),
        Call(ImageTag, "tag"),
        Call(ImageDelete, "remove an image"),
        Call(NetworkList, "the list of networks, and each snapshot"),
        Call(NetworkCreate, "adding a network; stacks"),
        Call(NetworkInspect, "a network's page; stacks"),
        Call(NetworkConnect, "joining a network; recreating a container"),
        Call(NetworkDisconnect, "leaving a network; recreating a container"),
        Call(NetworkDelete, "removing a network; stacks"),
        Call(VolumeList, "the list of volumes, and each snapshot"),
        Call(VolumeCreate, "adding a volume; stacks"),
        Call(VolumeInspect, "a volume's page; stacks"),
        Call(VolumeDelete, "removing a volume; stacks"),
        Call(PluginList, "the drivers that a new volume or network can have"),
    ],
    left_out: &[
        LeftOut("downloading and uploading images", &[ImageGetAll, ImageLoad]),
        LeftOut("building images from a Dockerfile", &[ImageBuild]),
        LeftOut("stacks that build their images", &[Session, Grpc]),
        LeftOut("secrets and configs with content, in stacks without a swarm", &[PutContainerArchive]),
        LeftOut("services, secrets and configs of a swarm: allow Service*,Task*,Secret*,Config*,Node*", &[]),
    ],
    root: Some(Root {
        how: "they create containers that mount / or are privileged",
        advice: "The policy examples/rust-restrict-create keeps new containers in a box, but not what is there already.",
    }),
    service: PORTAINER_SERVICE,
};

pub(super) const HOMEPAGE: Preset = Preset {
    name: "homepage",
    about: "Homepage, a start page that shows containers with their state",
    sources: &[
        "https://github.com/gethomepage/homepage (b2a52ff), src/pages/api/docker, src/utils/config/service-helpers.js",
    ],
    calls: &[
        Call(SystemPing, "the gateway's own health check; the application does not ask"),
        Call(ContainerList, "services from labels, and which containers there are"),
        Call(ContainerInspect, "a container's state and health"),
        Call(ContainerStats, "a container's figures, where showStats is on"),
    ],
    left_out: &[LeftOut("services of a swarm (swarm: true)", &[ServiceInspect, ServiceList, TaskList])],
    root: None,
    service: Service {
        reach: Reach::Tcp,
        yaml: r#"image: ghcr.io/gethomepage/homepage:latest
environment:
  HOMEPAGE_ALLOWED_HOSTS: localhost:3000
ports: ["127.0.0.1:3000:3000"]
restart: unless-stopped
"#,
        volumes: &[],
        file: Some(File {
            path: "/app/config/docker.yaml",
            content: "my-docker: # what labels and services.yaml call `server`\n  host: sockgate\n  port: 2375\n",
        }),
    },
};

pub(super) const DOZZLE: Preset = Preset {
    name: "dozzle",
    about: "Dozzle, a web interface for the logs of containers",
    sources: &["https://github.com/amir20/dozzle (ca4cab8), internal/docker/client.go"],
    calls: &[
        Call(SystemPing, "its client library agrees on a version of the API; its health check"),
        Call(SystemVersion, "whether the engine is Podman"),
        Call(SystemEvents, "containers appear when they start"),
        Call(SystemInfo, "the host's name, processors and memory; without it Dozzle does not start"),
        Call(ContainerList, "which containers there are"),
        Call(ContainerInspect, "a container's name, labels and state"),
        Call(ContainerLogs, "the logs"),
        Call(ContainerStats, "processor and memory beside the log"),
    ],
    left_out: &[
        LeftOut(
            "buttons that start, stop, restart and remove (DOZZLE_ENABLE_ACTIONS)",
            &[ContainerStart, ContainerStop, ContainerRestart, ContainerDelete],
        ),
        LeftOut(
            "shells in containers (DOZZLE_ENABLE_SHELL)",
            &[ContainerAttach, ContainerExec, ExecStart, ExecResize],
        ),
        LeftOut(
            "updates of containers, which are root on the host",
            &[ContainerCreate, ContainerDelete, ContainerStart, ContainerStop, ImageCreate],
        ),
    ],
    root: None,
    service: Service {
        reach: Reach::Tcp,
        yaml: r#"image: amir20/dozzle:latest
environment:
  DOCKER_HOST: tcp://sockgate:2375
ports: ["127.0.0.1:8080:8080"]
restart: unless-stopped
"#,
        volumes: &[],
        file: None,
    },
};
