//! What a query and a body may hold without getting at the host, operation by operation.
//!
//! What has no line here must be left out, or be null, false, 0 or "": also what an engine learns tomorrow. To let more
//! through, add a name; look it up first in the reference of the Docker Engine API.

use serde_json::Value;

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
    /// A capability that every container has, or that the caller lets through.
    Capability,
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
    /// An image that the caller lets through. It has to be named: without one, a container starts from what is copied into it.
    Image,
    /// A folder of the host that the caller lets through, or the name of a volume.
    Source,
    /// The same, as `source:target`.
    Bind,
}
use Rule::{
    Any, Bind, Capability, Empty, Image, Link, Name, Network, Networks, Null, Object, Open, Source, Words,
};

/// Names, and the rule for each of them.
pub(crate) type Fields = &'static [(&'static str, Rule)];

/// Operations whose body says what something may do, with what their query and their body may hold.
pub(crate) const OPERATIONS: &[(&str, Rule, Rule)] = &[
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
    ("CapAdd", Capability),
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
pub(crate) const CAPABILITIES: &str = "
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
    ("CapabilityAdd", Capability),
    ("Sysctls", Empty),
];
const TASK_CONTAINER_ANY: &str = "
    Args CapabilityDrop Command Configs DNSConfig Dir Env Groups Healthcheck Hostname Hosts Init Labels OpenStdin ReadOnly
    Secrets StopGracePeriod StopSignal TTY Ulimits User";
const ATTACHMENT: Fields = &[("Aliases", Name), ("DriverOpts", Empty), ("Target", Network)];

/// Whether a name is among these.
pub(crate) fn has(names: &str, name: &str) -> bool {
    names.split_ascii_whitespace().any(|listed| listed == name)
}

/// Whether a value says no more than a field that is left out, by whatever rule.
pub(crate) fn is_default(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => *number == 0.into(),
        Value::String(text) => text.is_empty(),
        Value::Bool(true) | Value::Array(_) | Value::Object(_) => false,
    }
}

/// Whether it is a list or a map without entries.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The fields of an object in alphabetical order, of null as if it were empty, each with its rule; one that is lacking and
/// has to name an image comes last, as null.
pub(crate) fn fields_of<'v>(
    fields: Fields,
    object: &'v Value,
    other: &'static Rule,
) -> Vec<(&'v str, &'v Value, &'static Rule)> {
    let Some(present) = object.as_object() else { return lacking(fields, object) };
    let mut found = Vec::with_capacity(present.len());
    // The object is asked for each name of the table: to look each field up in the table would take the square of that.
    for (names, rule) in fields {
        let listed = names.split_ascii_whitespace().filter_map(|name| present.get_key_value(name));
        found.extend(listed.map(|(name, value)| (name.as_str(), value, rule)));
    }
    if found.len() < present.len() {
        let is_listed = |name: &str| fields.iter().any(|(names, _)| has(names, name));
        let others = present.iter().filter(|(name, _)| !is_listed(name));
        found.extend(others.map(|(name, value)| (name.as_str(), value, other)));
    }
    found.sort_by_key(|(name, ..)| *name);
    found.extend(lacking(fields, object));
    found
}

fn lacking<'v>(fields: Fields, object: &Value) -> Vec<(&'v str, &'v Value, &'static Rule)> {
    let lacking = fields.iter().filter(|(name, rule)| names_image(rule) && object.get(name).is_none());
    lacking.map(|(name, rule)| (*name, &Value::Null, rule)).collect()
}

fn names_image(rule: &Rule) -> bool {
    matches!(rule, Image)
        || matches!(rule, Object(fields) if fields.iter().any(|(_, inner)| names_image(inner)))
}
