//! The ways past a container that a policy has to know, and what refuses each.

/// Commands, and how the refusal of each begins. IMAGE, FOLDER and HOST stand for a listed image, a listed folder and the
/// id of the host's network.
pub(in crate::policies) const REFUSED: &[(&str, &str)] = &[
    // Privileges.
    ("run --privileged IMAGE true", "body.HostConfig.Privileged: must be left out"),
    ("create --privileged IMAGE true", "body.HostConfig.Privileged: must be left out"),
    ("run --cap-add SYS_ADMIN IMAGE true", "body.HostConfig.CapAdd: may only be one of"),
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
    ("network create --ipam-driver other stolen", "body.IPAM.Driver: may only be one of: default"),
    ("network create --ipam-opt a=b stolen", "body.IPAM.Options: must be left out"),
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
    // Names that read as the id of another container, network or volume, or that are a path.
    ("run --link victim:../8df7222bb245 IMAGE true", "body.HostConfig.Links: ../8df7222bb245 is not a name"),
    ("run --link victim:8df7222bb245 IMAGE true", "body.HostConfig.Links: 8df7222bb245 could be an id"),
    ("run --link victim:x/db IMAGE true", "body.HostConfig.Links: x/db is not a name"),
    ("create --name 8df7222bb245 IMAGE true", "query.name: 8df7222bb245 could be an id"),
    ("rename victim 8df7222bb245", "query.name: 8df7222bb245 could be an id"),
    ("network create 8df7222bb245", "body.Name: 8df7222bb245 could be an id"),
    ("volume create 8df7222bb245", "body.Name: 8df7222bb245 could be an id"),
    // Images.
    (
        "run evil/miner",
        "body.Image: docker.io/evil/miner is not of a listed registry (listed: docker.io/e2e)",
    ),
    ("run registry.invalid/e2e/busybox:1 true", "body.Image: registry.invalid/e2e/busybox is not"),
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
    ("swarm join-token manager", "GET /swarm is not let through"),
    ("swarm unlock-key", "GET /swarm/unlockkey is not let through"),
    ("plugin enable stolen", "POST /plugins/stolen/enable is not let through"),
];

/// Ways into a service, each in place of SERVICE: what is `service create --detach --no-resolve-image … IMAGE true`.
pub(in crate::policies) const REFUSED_IN_SERVICES: &[(&str, &str)] = &[
    (
        "--mount type=bind,source=/,target=/host",
        "ContainerSpec.Mounts.Source: the host's / is not a listed folder",
    ),
    (
        "--mount type=volume,target=/host,VOLUME",
        "Mounts.VolumeOptions.DriverConfig.Options: must be left out",
    ),
    ("--cap-add SYS_ADMIN", "body.TaskTemplate.ContainerSpec.CapabilityAdd: may only be one of"),
    ("--sysctl net.ipv4.ip_forward=1", "body.TaskTemplate.ContainerSpec.Sysctls: must be left out"),
    ("--network host", "is the host's network"),
    ("--log-driver syslog", "body.TaskTemplate.LogDriver.Name: may only be one of"),
];

/// Requests that no docker command sends, their bodies, and how the refusal of each begins.
pub(in crate::policies) const RAW: &[(&str, &str, &str)] = &[
    (
        "POST /containers/create",
        r#"{"HostConfig":{"DeviceCgroupRules":["b 8:* rwm"]}}"#,
        "body.HostConfig.DeviceCgroupRules",
    ),
    ("POST /containers/create", r#"{"HostConfig":{"Annotations":{"a":"b"}}}"#, "body.HostConfig.Annotations"),
    ("POST /containers/create", r#"{"HostConfig":{"Cgroup":"container:victim"}}"#, "body.HostConfig.Cgroup"),
    (
        "POST /containers/create",
        r#"{"HostConfig":{"OfNextYear":true}}"#,
        "body.HostConfig.OfNextYear: must be left out",
    ),
    (
        "POST /containers/create",
        r#"{"NetworkingConfig":{"EndpointsConfig":{"host":{}}}}"#,
        "body.NetworkingConfig.EndpointsConfig: host is not allowed",
    ),
    (
        "POST /containers/create",
        r#"{"NetworkingConfig":{"EndpointsConfig":{"bridge":{"NetworkID":"host"}}}}"#,
        "EndpointsConfig.bridge.NetworkID: must be left out",
    ),
    (
        "POST /containers/create",
        r#"{"NetworkingConfig":{"EndpointsConfig":{"bridge":{"DriverOpts":{"a":"b"}}}}}"#,
        "EndpointsConfig.bridge.DriverOpts: must be left out",
    ),
    // Engines from 23 on take a backslash for a slash, and make what does not exist.
    (
        "POST /containers/create",
        r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"\\/../../../../..","Target":"/host","BindOptions":{"CreateMountpoint":true}}]}}"#,
        "is not a volume's name, nor a listed folder of the host",
    ),
    (
        "POST /containers/create",
        r#"{"HostConfig":{"Binds":["\\/../../../../..:/host"]}}"#,
        "is not a volume's name",
    ),
    (
        "POST /containers/create",
        r#"{"HostConfig":{"Mounts":[{"Type":"image","Source":"alpine","Target":"/x"}]}}"#,
        "body.HostConfig.Mounts.Type: may only be one of: bind tmpfs volume",
    ),
    (
        "POST /networks/bridge/connect",
        r#"{"Container":"victim","EndpointConfig":{"Aliases":["db","8df7222bb245"]}}"#,
        "body.EndpointConfig.Aliases: 8df7222bb245 could be an id",
    ),
    (
        "POST /containers/create",
        r#"{"NetworkingConfig":{"EndpointsConfig":{"bridge":{"Links":["victim:../8df7222bb245"]}}}}"#,
        "EndpointsConfig.bridge.Links: ../8df7222bb245 is not a name",
    ),
    // That it is there counts.
    (
        "POST /containers/create",
        r#"{"HostConfig":{"Sysctls":{"net.ipv4.ip_forward":""}}}"#,
        "body.HostConfig.Sysctls: must be left out",
    ),
    ("POST /volumes/create", r#"{"ClusterVolumeSpec":{}}"#, "body.ClusterVolumeSpec: must be left out"),
    // A container without an image starts from what a PUT has copied into it.
    ("POST /containers/create", "{}", "body.Image: an image has to be named"),
    ("POST /containers/create", "", "body.Image: an image has to be named"),
    ("POST /containers/create", r#"{"Image":null}"#, "body.Image: an image has to be named"),
    ("POST /containers/create", r#"{"Image":"","Cmd":["/x"]}"#, "body.Image: an image has to be named"),
    (
        "POST /containers/victim/update",
        r#"{"DeviceCgroupRules":["b 8:* rwm"]}"#,
        "body.DeviceCgroupRules: must be left out",
    ),
    ("POST /containers/idle/start", r#"{"HostConfig":{}}"#, "body.HostConfig: must be left out"),
    ("POST /v1.23/containers/idle/start", r#"{"Hostname":"x"}"#, "body.Hostname: must be left out"),
    ("POST /containers/idle/start?checkpoint=x&checkpoint-dir=/", "", "query.checkpoint: must be left out"),
    (
        "POST /containers/victim/checkpoints",
        r#"{"CheckpointDir":"/"}"#,
        "POST /containers/victim/checkpoints is not",
    ),
    (
        "POST /networks/bridge/connect",
        r#"{"Container":"idle","EndpointConfig":{"NetworkID":"host"}}"#,
        "NetworkID: must be",
    ),
    (
        "POST /networks/create",
        r#"{"Name":"stolen","ConfigFrom":{"Network":"host"}}"#,
        "body.ConfigFrom: must be left out",
    ),
    (
        "POST /volumes/create",
        r#"{"ClusterVolumeSpec":{"Group":"x"}}"#,
        "body.ClusterVolumeSpec: must be left out",
    ),
    (
        "POST /services/create",
        r#"{"TaskTemplate":{"Runtime":"plugin"}}"#,
        "body.TaskTemplate.Runtime: may only be one of",
    ),
    (
        "POST /services/create",
        r#"{"TaskTemplate":{"PluginSpec":{"name":"x"}}}"#,
        "body.TaskTemplate.PluginSpec: must be",
    ),
    (
        "POST /services/create",
        r#"{"Networks":[{"Target":"host"}]}"#,
        "body.Networks.Target: host is not allowed",
    ),
    (
        "POST /services/create",
        r#"{"TaskTemplate":{"ContainerSpec":{"Privileges":{"Seccomp":{"Mode":"unconfined"}}}}}"#,
        "ContainerSpec.Privileges.Seccomp: must be left out",
    ),
    (
        "POST /services/create",
        r#"{"TaskTemplate":{"ContainerSpec":{"Mounts":[{"Type":"bind","Source":"\\/..","Target":"/host"}]}}}"#,
        "is not a volume's name",
    ),
    (
        "POST /services/create",
        r#"{"TaskTemplate":{"ContainerSpec":{"Command":["/x"]}}}"#,
        "body.TaskTemplate.ContainerSpec.Image: an image has to be named",
    ),
    (
        "POST /services/create",
        r#"{"TaskTemplate":{"NetworkAttachmentSpec":{"ContainerID":"x"}}}"#,
        "body.TaskTemplate.NetworkAttachmentSpec: must be left out",
    ),
    // The engine then takes the service's previous spec, and not the body.
    (
        "POST /services/web/update?version=1&rollback=previous",
        r#"{"TaskTemplate":{"ContainerSpec":{"Image":"e2e/busybox:1"}}}"#,
        "query.rollback: must be left out",
    ),
    ("POST /images/create?fromImage=e2e%2Fbusybox&fromSrc=-", "", "query.fromSrc: must be left out"),
    ("POST /images/create?fromImage=evil/x&fromImage=e2e/x", "", "query.fromImage: docker.io/evil/x is not"),
    ("POST /images/create?repo=e2e%2Fstolen", "", "query.repo: must be left out"),
    ("POST /images/create?tag=1", "", "query.fromImage: an image has to be named"),
    ("PUT /volumes/x?version=1", r#"{"Spec":{"Availability":"drain"}}"#, "PUT /volumes/x is not let through"),
    ("GET /swarm", "", "GET /swarm is not let through"),
    ("GET /v1.24/swarm", "", "GET /swarm is not let through"),
    ("GET /swarm/unlockkey", "", "GET /swarm/unlockkey is not let through"),
    ("POST /swarm/update?version=1&rotateManagerToken=true", "{}", "POST /swarm/update is not let through"),
    ("POST /swarm/unlock", r#"{"UnlockKey":"x"}"#, "POST /swarm/unlock is not let through"),
    ("POST /nodes/x/update?version=1", r#"{"Role":"manager"}"#, "POST /nodes/x/update is not let through"),
    ("DELETE /nodes/x", "", "DELETE /nodes/x is not let through"),
    ("GET /containers/victim/of-next-year", "", "GET /containers/victim/of-next-year is not let through"),
    ("POST /plugins/pull?remote=evil/x", "[]", "POST /plugins/pull is not let through"),
    ("POST /session", "", "POST /session is not let through"),
    ("POST /grpc", "", "POST /grpc is not let through"),
    ("POST /containers/victim/of-next-year", "", "POST /containers/victim/of-next-year is not let through"),
];
