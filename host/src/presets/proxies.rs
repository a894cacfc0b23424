//! What finds its routes, or its configuration, in the containers that run.

use engine_api::Endpoint::{
    ContainerInspect, ContainerKill, ContainerList, ContainerRestart, NetworkList, NodeInspect, ServiceList,
    SystemEvents, SystemInfo, SystemPing, SystemVersion, TaskList,
};

use super::{Call, LeftOut, Preset, Reach, Service};

pub(super) const TRAEFIK: Preset = Preset {
    name: "traefik",
    about: "Traefik, a reverse proxy that makes its routes of containers' labels (provider docker)",
    sources: &["https://github.com/traefik/traefik (fd5a576), pkg/provider/docker"],
    calls: &[
        Call(SystemPing, "its client library agrees on a version of the API"),
        Call(SystemVersion, "asked for whenever it connects; without an answer it reads nothing"),
        Call(SystemEvents, "it reads the containers anew when one starts, dies or changes its health"),
        Call(ContainerList, "which containers there are"),
        Call(ContainerInspect, "labels, networks, addresses, ports and health of each"),
    ],
    left_out: &[LeftOut("the provider swarm", &[NetworkList, NodeInspect, ServiceList, TaskList])],
    root: None,
    service: Service {
        reach: Reach::Tcp,
        yaml: r#"image: traefik:v3
command:
  - --providers.docker.endpoint=tcp://sockgate:2375
  - --providers.docker.exposedByDefault=false
  - --entryPoints.web.address=:80
ports: ["127.0.0.1:80:80"]
restart: unless-stopped
"#,
        volumes: &[],
        file: None,
    },
};

pub(super) const DOCKER_GEN: Preset = Preset {
    name: "docker-gen",
    about: "docker-gen, which writes files from templates and what it knows of containers",
    sources: &[
        "https://github.com/nginx-proxy/docker-gen (920275a), internal/generator",
        "https://github.com/fsouza/go-dockerclient (3a1971f), its client library",
    ],
    calls: &[
        Call(SystemPing, "whether the engine is still there, every ten seconds"),
        Call(SystemVersion, "for the templates: .Docker.Version and the like"),
        Call(SystemEvents, "-watch writes the files anew when containers start or stop"),
        Call(SystemInfo, "for the templates: .Docker.Name and the like"),
        Call(ContainerList, "which containers there are"),
        Call(ContainerInspect, "environment, labels, networks and ports of each, for the templates"),
    ],
    left_out: &[
        LeftOut(
            "signals to containers (-notify-sighup, -notify-container, -notify-filter)",
            &[ContainerKill],
        ),
        LeftOut("restarting containers (-notify-signal -1)", &[ContainerRestart]),
    ],
    root: None,
    service: Service {
        reach: Reach::Tcp,
        yaml: r#"image: nginxproxy/docker-gen
environment:
  DOCKER_HOST: tcp://sockgate:2375
# A template of yours, and the folder for what is written.
command: -watch /templates/site.tmpl /out/site.conf
volumes:
  - ./templates:/templates:ro
  - out:/out
restart: unless-stopped
"#,
        volumes: &["out"],
        file: None,
    },
};
