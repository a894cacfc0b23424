//! What a client may ask for, operation by operation.
//!
//! What has no line here must be left out, or be null, false, 0 or empty: also what an engine learns tomorrow. To allow
//! more, add a name; look it up first in the reference of the Docker Engine API.

/// What a field may hold, or each item of its list.
pub(crate) enum Rule {
    /// Whatever the engine takes.
    Any,
    /// What it is when it is left out.
    Nothing,
    /// Null only: an empty list says something here.
    Null,
    /// One of these words.
    Words(&'static str),
    /// An object with these fields.
    Object(Fields),
    /// Objects with these fields, each under the name of a network.
    Networks(Fields),
    /// A network that is not the host's, by name or id.
    Network,
    /// An image of a listed registry.
    Image,
    /// A listed folder of the host, or the name of a volume.
    Source,
    /// The same, as `source:target`.
    Bind,
}
use Rule::{Any, Bind, Image, Network, Networks, Nothing, Null, Object, Source, Words};

/// Names, and the rule for each of them.
pub(crate) type Fields = &'static [(&'static str, Rule)];

/// Operations that change something, with what their query and their body may hold.
pub(crate) const OPERATIONS: &[(&str, Rule, Rule)] = &[
    ("ConfigCreate ConfigDelete ConfigUpdate SecretCreate SecretDelete SecretUpdate ServiceDelete", Any, Any),
    (
        "ContainerAttach ContainerAttachWebsocket ContainerDelete ContainerKill ContainerPause ContainerPrune",
        Any,
        Any,
    ),
    (
        "ContainerRename ContainerResize ContainerRestart ContainerStop ContainerUnpause ContainerWait",
        Any,
        Any,
    ),
    ("ExecResize ExecStart PutContainerArchive ImageDelete ImagePrune ImagePush SystemAuth", Any, Any),
    ("NetworkDelete NetworkDisconnect NetworkPrune VolumeDelete VolumePrune", Any, Any),
    ("ContainerCreate", Any, Object(CONTAINER)),
    ("ContainerExec", Any, Object(EXEC)),
    ("ContainerStart", Object(&[("detachKeys", Any)]), Nothing), // checkpoints are host folders; a body was a HostConfig
    ("ContainerUpdate", Any, Object(HOST)),
    ("ImageCreate", Object(&[("fromImage", Image), ("platform tag", Any)]), Any),
    ("NetworkConnect", Any, Object(&[("Container", Any), ("EndpointConfig", Object(ENDPOINT))])),
    ("NetworkCreate", Any, Object(NETWORK)),
    ("ServiceCreate ServiceUpdate", Any, Object(SERVICE)),
    ("VolumeCreate", Any, Object(&[("Labels Name", Any), ("Driver", Words("local"))])),
];

const CONTAINER: Fields = &[
    (
        "ArgsEscaped AttachStderr AttachStdin AttachStdout Cmd Domainname Entrypoint Env ExposedPorts Healthcheck",
        Any,
    ),
    (
        "Hostname Labels MacAddress NetworkDisabled OnBuild OpenStdin Shell StdinOnce StopSignal StopTimeout",
        Any,
    ),
    ("Tty User Volumes WorkingDir", Any),
    ("HostConfig", Object(HOST)),
    ("Image", Image),
    ("MaskedPaths ReadonlyPaths", Null), // engines up to 26 read what is in HostConfig here as well
    ("NetworkingConfig", Object(&[("EndpointsConfig", Networks(ENDPOINT))])),
];

const HOST: Fields = &[
    (
        "AutoRemove BlkioWeight CapDrop ConsoleSize ContainerIDFile CpuPeriod CpuQuota CpuShares CpusetCpus",
        Any,
    ),
    (
        "CpusetMems Dns DnsOptions DnsSearch ExtraHosts GroupAdd Init KernelMemory Links Memory MemoryReservation",
        Any,
    ),
    ("MemorySwap MemorySwappiness NanoCpus OomKillDisable PidsLimit PortBindings PublishAllPorts", Any),
    ("ReadonlyRootfs RestartPolicy ShmSize Tmpfs Ulimits", Any),
    ("Binds", Bind),
    ("CgroupnsMode", Words("private")),
    ("IpcMode", Words("none private shareable")),
    ("Isolation", Words("default")),
    ("LogConfig", Object(&[("Type", LOGGING), ("Config", LOG_OPTIONS)])),
    ("MaskedPaths ReadonlyPaths", Null),
    ("Mounts", Object(MOUNT)),
    ("NetworkMode", Network),
    ("SecurityOpt", Words("no-new-privileges no-new-privileges:true")),
    ("VolumeDriver", Words("local")),
];

const LOGGING: Rule = Words("json-file local none");
const LOG_OPTIONS: Rule = Object(&[("compress env labels max-file max-size tag", Any)]);

const MOUNT: Fields = &[
    ("BindOptions Consistency ReadOnly Target TmpfsOptions", Any),
    ("Type", Words("bind tmpfs volume")),
    ("Source", Source),
    (
        "VolumeOptions",
        Object(&[("Labels NoCopy Subpath", Any), ("DriverConfig", Object(&[("Name", Words("local"))]))]),
    ),
];

const ENDPOINT: Fields = &[("Aliases GwPriority IPAMConfig Links MacAddress", Any)];

const NETWORK: Fields = &[
    ("Attachable CheckDuplicate EnableIPv4 EnableIPv6 IPAM Internal Labels Name", Any),
    ("Driver", Words("bridge overlay")),
];

const EXEC: Fields = &[(
    "AttachStderr AttachStdin AttachStdout Cmd ConsoleSize Detach DetachKeys Env Tty User WorkingDir",
    Any,
)];

const SERVICE: Fields = &[
    ("EndpointSpec Labels Mode Name RollbackConfig UpdateConfig", Any),
    ("Networks", Object(ATTACHMENT)),
    ("TaskTemplate", Object(TASK)),
];

const TASK: Fields = &[
    ("ForceUpdate Placement Resources RestartPolicy", Any),
    ("ContainerSpec", Object(TASK_CONTAINER)),
    ("LogDriver", Object(&[("Name", LOGGING), ("Options", LOG_OPTIONS)])),
    ("Networks", Object(ATTACHMENT)),
    ("Runtime", Words("container")),
];

const TASK_CONTAINER: Fields = &[
    (
        "Args CapabilityDrop Command Configs DNSConfig Dir Env Groups Healthcheck Hostname Hosts Init Labels",
        Any,
    ),
    ("OpenStdin ReadOnly Secrets StopGracePeriod StopSignal TTY Ulimits User", Any),
    ("Image", Image),
    ("Isolation", Words("default")),
    ("Mounts", Object(MOUNT)),
    ("Privileges", Object(&[("NoNewPrivileges", Any)])),
];

const ATTACHMENT: Fields = &[("Aliases", Any), ("Target", Network)];
