//! What measures, and what watches logs.

use engine_api::Endpoint::{
    ContainerExec, ContainerInspect, ContainerList, ContainerLogs, ContainerStats, ExecInspect, ExecStart,
    ImageInspect, ImageList, NetworkList, NodeList, ServiceInspect, ServiceList, ServiceLogs,
    SystemDataUsage, SystemEvents, SystemInfo, SystemPing, SystemVersion, TaskList,
};

use super::{Call, File, LeftOut, Preset, Reach, Service};

pub(super) const PROMETHEUS: Preset = Preset {
    name: "prometheus",
    about: "Prometheus, which finds its targets among containers (docker_sd_configs)",
    sources: &["https://github.com/prometheus/prometheus (d15adb9), discovery/moby"],
    calls: &[
        Call(SystemPing, "its client library agrees on a version of the API"),
        Call(ContainerList, "the targets: containers with their labels, addresses and ports"),
        Call(NetworkList, "the labels of their networks"),
    ],
    left_out: &[LeftOut("dockerswarm_sd_configs", &[NodeList, ServiceList, TaskList])],
    root: None,
    service: Service {
        reach: Reach::Tcp,
        yaml: r#"image: prom/prometheus
ports: ["127.0.0.1:9090:9090"]
restart: unless-stopped
"#,
        volumes: &[],
        file: Some(File {
            path: "/etc/prometheus/prometheus.yml",
            content: r#"scrape_configs:
  - job_name: docker
    docker_sd_configs:
      - host: tcp://sockgate:2375
"#,
        }),
    },
};

pub(super) const CADVISOR: Preset = Preset {
    name: "cadvisor",
    about: "cAdvisor, which exports figures of containers",
    sources: &["https://github.com/google/cadvisor (6a0c4f2), container/docker"],
    calls: &[
        Call(SystemPing, "the engine's version of the API"),
        Call(SystemVersion, "the engine's version"),
        Call(SystemInfo, "the storage driver and its folder; without it no container gets its name"),
        Call(ContainerInspect, "each container's name, labels and process"),
        Call(ImageList, "its page on Docker"),
    ],
    left_out: &[LeftOut(
        "figures of file systems: they need / mounted, and with it comes the engine's own socket",
        &[],
    )],
    root: None,
    service: Service {
        reach: Reach::Tcp,
        yaml: r#"image: ghcr.io/google/cadvisor:0.55.1
command: -docker=tcp://sockgate:2375
ports: ["127.0.0.1:8080:8080"]
volumes:
  # Neither / nor /var/run, which its documentation mounts: the engine's socket is below them.
  - /sys:/sys:ro
  - /var/lib/docker/:/var/lib/docker:ro
restart: unless-stopped
"#,
        volumes: &[],
        file: None,
    },
};

pub(super) const ZABBIX: Preset = Preset {
    name: "zabbix",
    about: "Zabbix agent 2 with its plugin Docker",
    sources: &["https://github.com/zabbix/zabbix, src/go/plugins/docker (metrics.go, handlers/query.go)"],
    calls: &[
        Call(SystemPing, "docker.ping"),
        Call(SystemInfo, "docker.info"),
        Call(SystemDataUsage, "docker.data_usage"),
        Call(ContainerList, "docker.containers, docker.containers.discovery"),
        Call(ContainerInspect, "docker.container_info"),
        Call(ContainerStats, "docker.container_stats"),
        Call(ImageList, "docker.images, docker.images.discovery"),
    ],
    left_out: &[],
    root: None,
    // It puts a version of the API where a host's name belongs, which no rule for hosts lets in over TCP.
    service: Service {
        reach: Reach::Unix,
        yaml: r#"image: zabbix/zabbix-agent2
environment:
  ZBX_SERVER_HOST: "${ZBX_SERVER_HOST:?the name of your Zabbix server}"
# For the socket, which is root's and its group's.
group_add: ["0"]
volumes:
  - gate:/run/sockgate
restart: unless-stopped
"#,
        volumes: &[],
        file: Some(File {
            path: "/etc/zabbix/zabbix_agentd.d/docker.conf",
            content: "Plugins.Docker.Endpoint=unix:///run/sockgate/docker.sock\n",
        }),
    },
};

pub(super) const NETDATA: Preset = Preset {
    name: "netdata",
    about: "Netdata, which measures a host and its containers",
    sources: &[
        "https://github.com/netdata/netdata (04b1cf5), src/go/plugin/go.d/collector/docker",
        "https://github.com/netdata/netdata (04b1cf5), src/go/plugin/go.d/discovery/sdext/discoverer/dockersd",
        "https://github.com/netdata/netdata (04b1cf5), src/collectors/cgroups.plugin/cgroup-name",
    ],
    calls: &[
        Call(SystemPing, "its client library agrees on a version of the API"),
        Call(SystemInfo, "how many containers run, are paused and have stopped"),
        Call(ContainerList, "states, health and sizes; services that run in containers"),
        Call(ContainerInspect, "the names of containers, in place of ids of control groups"),
        Call(ImageList, "how many images there are, and their size"),
    ],
    left_out: &[
        LeftOut(
            "collectors that run a program in a container, such as varnish",
            &[ContainerExec, ExecStart, ExecInspect],
        ),
        LeftOut("figures that need / mounted: with it comes the engine's own socket", &[]),
    ],
    root: None,
    service: Service {
        reach: Reach::Tcp,
        yaml: r#"image: netdata/netdata:stable
environment:
  DOCKER_HOST: sockgate:2375
pid: host
cap_add: [SYS_PTRACE, SYS_ADMIN]
security_opt: ["apparmor:unconfined"]
ports: ["127.0.0.1:19999:19999"]
volumes:
  # Not /, which its documentation mounts: the engine's socket is below it.
  - /proc:/host/proc:ro
  - /sys:/host/sys:ro
  - /etc/os-release:/host/etc/os-release:ro
restart: unless-stopped
"#,
        volumes: &[],
        file: None,
    },
};

pub(super) const GLANCES: Preset = Preset {
    name: "glances",
    about: "Glances, which shows a host's processes and containers",
    sources: &[
        "https://github.com/nicolargo/glances (92156d0), glances/plugins/containers/engines/docker.py",
        "https://github.com/docker/docker-py (afc6d1e), docker/api/client.py, its client library",
    ],
    calls: &[
        Call(SystemPing, "the gateway's own health check; the application does not ask"),
        Call(SystemVersion, "its client library takes the version of the API from it"),
        Call(ContainerList, "which containers there are"),
        Call(ContainerInspect, "each container's command, state and limits"),
        Call(ContainerStats, "each container's figures"),
        Call(ImageInspect, "the names of each container's image"),
    ],
    left_out: &[],
    root: None,
    service: Service {
        reach: Reach::Tcp,
        yaml: r#"image: nicolargo/glances:latest-full
environment:
  DOCKER_HOST: tcp://sockgate:2375
  GLANCES_OPT: -w
pid: host
ports: ["127.0.0.1:61208:61208"]
restart: unless-stopped
"#,
        volumes: &[],
        file: None,
    },
};

pub(super) const CROWDSEC: Preset = Preset {
    name: "crowdsec",
    about: "CrowdSec, which reads the logs of containers (acquisition source docker)",
    sources: &["https://github.com/crowdsecurity/crowdsec (a88b497), pkg/acquisition/modules/docker"],
    calls: &[
        Call(SystemPing, "its client library agrees on a version of the API"),
        Call(SystemEvents, "it begins to read when a container starts"),
        Call(SystemInfo, "whether the engine manages a swarm; without it the source does not start"),
        Call(ContainerList, "which containers match"),
        Call(ContainerInspect, "whether a container has a terminal, and its labels"),
        Call(ContainerLogs, "the logs"),
    ],
    left_out: &[LeftOut(
        "logs of a swarm's services (service_name and the like)",
        &[ServiceInspect, ServiceList, ServiceLogs],
    )],
    root: None,
    service: Service {
        reach: Reach::Tcp,
        yaml: r#"image: crowdsecurity/crowdsec
environment:
  COLLECTIONS: crowdsecurity/nginx
volumes:
  - config:/etc/crowdsec
  - data:/var/lib/crowdsec/data
restart: unless-stopped
"#,
        volumes: &["config", "data"],
        file: Some(File {
            path: "/etc/crowdsec/acquis.d/docker.yaml",
            content: r#"source: docker
docker_host: tcp://sockgate:2375
container_name: [web] # yours
labels:
  type: nginx
"#,
        }),
    },
};
