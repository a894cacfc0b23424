//! What a client may ask for, operation by operation.
//!
//! What has no line here must be left out, or be null, false, 0 or "": also what an engine learns tomorrow. To allow
//! more, add a name; look it up first in the reference of the Docker Engine API.

use serde_json::{Value, json};

/// What a field may hold, or each item of its list.
pub(crate) enum Rule {
    /// Whatever the engine takes.
    Any,
    /// What it is when it is left out. A list or an object is not: that it is there can count, even without entries.
    Nothing,
    /// The same, or a list or map without entries, where that says no more.
    Empty,
    /// Null only: an empty list says something here.
    Null,
    /// One of these words.
    Words(&'static str),
    /// An object with these fields.
    Object(Fields),
    /// An object with any fields, but with these as their rules say.
    Open(Fields),
    /// Objects with these fields, each under the name of a network.
    Networks(Fields),
    /// A name that the request makes: by the engine's grammar, and not one that could be an id.
    Name,
    /// A link to another container, `container:alias`: the alias is such a name.
    Link,
    /// A network that is not the host's, by name or id.
    Network,
    /// An image of a listed registry. It has to be named: without one, a container starts from what is copied into it.
    Image,
    /// A listed folder of the host, or the name of a volume.
    Source,
    /// The same, as `source:target`.
    Bind,
}
use Rule::{Any, Bind, Empty, Image, Link, Name, Network, Networks, Null, Object, Open, Source, Words};

/// Names, and the rule for each of them.
pub(crate) type Fields = &'static [(&'static str, Rule)];

/// Reads that hand out a key of the swarm: with a manager's token any machine becomes root on every node.
pub(crate) const KEYS: &str = "SwarmInspect SwarmUnlockkey";

/// Operations that change something, with what their query and their body may hold.
pub(crate) const OPERATIONS: &[(&str, Rule, Rule)] = &[
    (HARMLESS, Any, Any),
    ("ContainerCreate", Open(NAMED), Object(CONTAINER)), // dockerode repeats the body's fields in the query
    ("ContainerExec", Any, Object(EXEC)),
    ("ContainerRename", Open(NAMED), Any),
    ("ContainerStart", Object(START), Object(START)), // no checkpoint's folder; no HostConfig
    ("ContainerUpdate", Any, Object(HOST)),
    ("ImageCreate", Object(&[("fromImage", Image), ("platform tag", Any)]), Any),
    ("NetworkConnect", Any, Object(&[("Container", Any), ("EndpointConfig", Object(ENDPOINT))])),
    ("NetworkCreate", Any, Object(NETWORK)),
    ("ServiceCreate ServiceUpdate", Object(SERVICE_QUERY), Object(SERVICE)),
    (
        "VolumeCreate",
        Any,
        Object(&[("Labels", Any), ("Name", Name), ("Driver", Words("local")), ("DriverOpts", Empty)]),
    ),
];
const START: Fields = &[("detachKeys", Any)];
const NAMED: Fields = &[("name", Name)];

const HARMLESS: &str = "
    BuildPrune ConfigCreate ConfigDelete ConfigUpdate ContainerAttach ContainerAttachWebsocket ContainerDelete
    ContainerKill ContainerPause ContainerPrune ContainerResize ContainerRestart ContainerStop
    ContainerUnpause ContainerWait ExecResize ExecStart ImageDelete ImagePrune ImagePush NetworkDelete NetworkDisconnect
    NetworkPrune PutContainerArchive SecretCreate SecretDelete SecretUpdate ServiceDelete SystemAuth VolumeDelete
    VolumePrune";

const CONTAINER: Fields = &[
    (CONTAINER_ANY, Any),
    ("HostConfig", Object(HOST)),
    ("Image", Image),
    ("MaskedPaths ReadonlyPaths", Null), // engines up to 26 read HostConfig's fields here as well
    ("name", Name), // dockerode repeats the query's parameters in the body, where engines ignore them
    ("NetworkingConfig", Object(&[("EndpointsConfig", Networks(ENDPOINT))])),
    ("VolumesFrom", Empty), // dockerode's run
];
const CONTAINER_ANY: &str = "
    ArgsEscaped AttachStderr AttachStdin AttachStdout Cmd Domainname Entrypoint Env ExposedPorts Healthcheck Hostname
    Labels MacAddress NetworkDisabled OnBuild OpenStdin Shell StdinOnce StopSignal StopTimeout Tty User Volumes
    WorkingDir platform";

const HOST: Fields = &[
    (HOST_ANY, Any),
    (HOST_EMPTY, Empty),
    ("Binds", Bind),
    ("CapAdd", Words(CAPABILITIES)),
    ("CgroupnsMode", Words("private")),
    ("IpcMode", Words("none private shareable")),
    ("Isolation", Words("default")),
    ("Links", Link),
    ("LogConfig", Object(&[("Type", LOGGING), ("Config", LOG_OPTIONS)])),
    ("MaskedPaths ReadonlyPaths", Null),
    ("Mounts", Object(MOUNT)),
    ("NetworkMode", Network),
    ("SecurityOpt", Words("no-new-privileges no-new-privileges:true")),
    ("VolumeDriver", Words("local")),
];
const HOST_ANY: &str = "
    AutoRemove BlkioWeight CapDrop ConsoleSize ContainerIDFile CpuPeriod CpuQuota CpuShares CpusetCpus CpusetMems Dns
    DnsOptions DnsSearch ExtraHosts GroupAdd Init KernelMemory Memory MemoryReservation MemorySwap MemorySwappiness
    NanoCpus OomKillDisable PidsLimit PortBindings PublishAllPorts ReadonlyRootfs RestartPolicy ShmSize Tmpfs Ulimits";

// Clients send them without entries, which is what they are when they are left out.
const HOST_EMPTY: &str = "
    Annotations BlkioDeviceReadBps BlkioDeviceReadIOps BlkioDeviceWriteBps BlkioDeviceWriteIOps BlkioWeightDevice
    DeviceCgroupRules DeviceRequests Devices StorageOpt Sysctls VolumesFrom";

// Those that a container has when nothing is said: Portainer lists them, and others drop all and add one of them again.
const CAPABILITIES: &str = "
    AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID
    SYS_CHROOT CAP_AUDIT_WRITE CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_KILL CAP_MKNOD CAP_NET_BIND_SERVICE
    CAP_NET_RAW CAP_SETFCAP CAP_SETGID CAP_SETPCAP CAP_SETUID CAP_SYS_CHROOT";

const LOGGING: Rule = Words("json-file local none");
const LOG_OPTIONS: Rule = Object(&[("compress env labels max-file max-size tag", Any)]);

const MOUNT: Fields = &[
    ("Consistency ReadOnly Target", Any),
    ("Type", Words("bind tmpfs volume")),
    ("Source", Source),
    ("BindOptions", Object(&[(BIND_OPTIONS, Any)])),
    ("TmpfsOptions", Object(&[("Mode Options SizeBytes", Any)])),
    ("VolumeOptions", Object(VOLUME)),
];
const BIND_OPTIONS: &str =
    "CreateMountpoint NonRecursive Propagation ReadOnlyForceRecursive ReadOnlyNonRecursive";
const VOLUME: Fields = &[
    ("Labels NoCopy Subpath", Any),
    ("DriverConfig", Object(&[("Name", Words("local")), ("Options", Empty)])),
];

const ENDPOINT: Fields =
    &[("GwPriority IPAMConfig MacAddress", Any), ("Aliases", Name), ("DriverOpts", Empty), ("Links", Link)];
const NETWORK: Fields = &[
    ("Attachable CheckDuplicate EnableIPv4 EnableIPv6 Internal Labels", Any),
    ("Driver", Words("bridge overlay")),
    ("IPAM", Object(&[("Config", Any), ("Driver", Words("default")), ("Options", Empty)])),
    ("Name", Name),
    ("Options", Empty),
];

// docker-py repeats the path's Container, which engines ignore.
const EXEC: Fields = &[(EXEC_ANY, Any)];
const EXEC_ANY: &str = "
    AttachStderr AttachStdin AttachStdout Cmd ConsoleSize Container Detach DetachKeys Env Tty User WorkingDir detachKeys";

// No rollback: that brings back a spec which is not the body. dockerode repeats the body's fields in the query.
const SERVICE_QUERY: Fields = &[(
    "EndpointSpec Labels Mode Name Networks RollbackConfig TaskTemplate UpdateConfig registryAuthFrom version",
    Any,
)];
const SERVICE: Fields = &[
    ("EndpointSpec Labels Mode RollbackConfig UpdateConfig", Any),
    ("Name", Name),
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
    ("CapabilityAdd", Words(CAPABILITIES)),
    ("Sysctls", Empty),
];
const TASK_CONTAINER_ANY: &str = "
    Args CapabilityDrop Command Configs DNSConfig Dir Env Groups Healthcheck Hostname Hosts Init Labels OpenStdin ReadOnly
    Secrets StopGracePeriod StopSignal TTY Ulimits User";
const ATTACHMENT: Fields = &[("Aliases", Name), ("DriverOpts", Empty), ("Target", Network)];

/// Whether a name is among these.
pub(crate) fn has(names: &str, name: &str) -> bool {
    names.split_whitespace().any(|listed| listed == name)
}

/// Whether a value says no more than a field that is left out, by whatever rule.
pub(crate) fn is_default(value: &Value) -> bool {
    [json!(null), json!(false), json!(0), json!("")].contains(value)
}

/// Whether it is a list or a map without entries.
pub(crate) fn is_empty(value: &Value) -> bool {
    [json!([]), json!({})].contains(value)
}

/// The fields of an object, of null as if it were empty; one that it lacks and that has to name an image is there as null.
pub(crate) fn fields_of(fields: Fields, object: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let present = object.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value));
    let lacking = fields.iter().filter(|(name, rule)| names_image(rule) && object.get(name).is_none());
    present.chain(lacking.map(|(name, _)| (*name, &Value::Null)))
}

fn names_image(rule: &Rule) -> bool {
    matches!(rule, Image)
        || matches!(rule, Object(fields) if fields.iter().any(|(_, inner)| names_image(inner)))
}
