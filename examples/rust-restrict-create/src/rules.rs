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
    (HARMLESS, Any, Any),
    ("ContainerCreate", Any, Object(CONTAINER)),
    ("ContainerExec", Any, Object(EXEC)),
    ("ContainerStart", Object(&[("detachKeys", Any)]), Nothing), // a checkpoint's folder; a HostConfig
    ("ContainerUpdate", Any, Object(HOST)),
    ("ImageCreate", Object(&[("fromImage", Image), ("platform tag", Any)]), Any),
    ("NetworkConnect", Any, Object(&[("Container", Any), ("EndpointConfig", Object(ENDPOINT))])),
    ("NetworkCreate", Any, Object(NETWORK)),
    ("ServiceCreate ServiceUpdate", Any, Object(SERVICE)),
    ("VolumeCreate", Any, Object(&[("Labels Name", Any), ("Driver", Words("local"))])),
];

const HARMLESS: &str = "
    ConfigCreate ConfigDelete ConfigUpdate ContainerAttach ContainerAttachWebsocket ContainerDelete ContainerKill
    ContainerPause ContainerPrune ContainerRename ContainerResize ContainerRestart ContainerStop ContainerUnpause
    ContainerWait ExecResize ExecStart ImageDelete ImagePrune ImagePush NetworkDelete NetworkDisconnect NetworkPrune
    PutContainerArchive SecretCreate SecretDelete SecretUpdate ServiceDelete SystemAuth VolumeDelete VolumePrune";

const CONTAINER: Fields = &[
    (CONTAINER_ANY, Any),
    ("HostConfig", Object(HOST)),
    ("Image", Image),
    ("MaskedPaths ReadonlyPaths", Null), // engines up to 26 read HostConfig's fields here as well
    ("NetworkingConfig", Object(&[("EndpointsConfig", Networks(ENDPOINT))])),
];
const CONTAINER_ANY: &str = "
    ArgsEscaped AttachStderr AttachStdin AttachStdout Cmd Domainname Entrypoint Env ExposedPorts Healthcheck Hostname
    Labels MacAddress NetworkDisabled OnBuild OpenStdin Shell StdinOnce StopSignal StopTimeout Tty User Volumes
    WorkingDir";

const HOST: Fields = &[
    (HOST_ANY, Any),
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
const HOST_ANY: &str = "
    AutoRemove BlkioWeight CapDrop ConsoleSize ContainerIDFile CpuPeriod CpuQuota CpuShares CpusetCpus CpusetMems Dns
    DnsOptions DnsSearch ExtraHosts GroupAdd Init KernelMemory Links Memory MemoryReservation MemorySwap MemorySwappiness
    NanoCpus OomKillDisable PidsLimit PortBindings PublishAllPorts ReadonlyRootfs RestartPolicy ShmSize Tmpfs Ulimits";

const LOGGING: Rule = Words("json-file local none");
const LOG_OPTIONS: Rule = Object(&[("compress env labels max-file max-size tag", Any)]);

const MOUNT: Fields = &[
    ("BindOptions Consistency ReadOnly Target TmpfsOptions", Any),
    ("Type", Words("bind tmpfs volume")),
    ("Source", Source),
    ("VolumeOptions", Object(VOLUME)),
];
const VOLUME: Fields =
    &[("Labels NoCopy Subpath", Any), ("DriverConfig", Object(&[("Name", Words("local"))]))];

const ENDPOINT: Fields = &[("Aliases GwPriority IPAMConfig Links MacAddress", Any)];
const NETWORK: Fields = &[
    ("Attachable CheckDuplicate EnableIPv4 EnableIPv6 IPAM Internal Labels Name", Any),
    ("Driver", Words("bridge overlay")),
];

const EXEC: Fields = &[(EXEC_ANY, Any)];
const EXEC_ANY: &str = "
    AttachStderr AttachStdin AttachStdout Cmd ConsoleSize Detach DetachKeys Env Tty User WorkingDir";

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
    (TASK_CONTAINER_ANY, Any),
    ("Image", Image),
    ("Isolation", Words("default")),
    ("Mounts", Object(MOUNT)),
    ("Privileges", Object(&[("NoNewPrivileges", Any)])),
];
const TASK_CONTAINER_ANY: &str = "
    Args CapabilityDrop Command Configs DNSConfig Dir Env Groups Healthcheck Hostname Hosts Init Labels OpenStdin ReadOnly
    Secrets StopGracePeriod StopSignal TTY Ulimits User";
const ATTACHMENT: Fields = &[("Aliases", Any), ("Target", Network)];
