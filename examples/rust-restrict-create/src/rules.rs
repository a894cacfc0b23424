//! What a client may ask for, operation by operation.
//!
//! What has no line here must be left out, or be null, false, 0 or empty: also what an engine learns tomorrow. To allow
//! more, add a name; look it up first in the reference of the Docker Engine API.

use serde_json::{Value, json};

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
    /// An image of a listed registry. It has to be named: without one, a container starts from what is copied into it.
    Image,
    /// A listed folder of the host, or the name of a volume.
    Source,
    /// The same, as `source:target`.
    Bind,
}
use Rule::{Any, Bind, Image, Network, Networks, Nothing, Null, Object, Source, Words};

/// Names, and the rule for each of them.
pub(crate) type Fields = &'static [(&'static str, Rule)];

/// Reads that hand out a key of the swarm: with a manager's token any machine becomes root on every node.
pub(crate) const KEYS: &str = "SwarmInspect SwarmUnlockkey";

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
    ("ServiceCreate ServiceUpdate", Object(SERVICE_QUERY), Object(SERVICE)),
    ("VolumeCreate", Any, Object(&[("Labels Name", Any), ("Driver", Words("local"))])),
];

const HARMLESS: &str = "
    BuildPrune ConfigCreate ConfigDelete ConfigUpdate ContainerAttach ContainerAttachWebsocket ContainerDelete
    ContainerKill ContainerPause ContainerPrune ContainerRename ContainerResize ContainerRestart ContainerStop
    ContainerUnpause ContainerWait ExecResize ExecStart ImageDelete ImagePrune ImagePush NetworkDelete NetworkDisconnect
    NetworkPrune PutContainerArchive SecretCreate SecretDelete SecretUpdate ServiceDelete SystemAuth VolumeDelete
    VolumePrune";

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
    ("Consistency ReadOnly Target", Any),
    ("Type", Words("bind tmpfs volume")),
    ("Source", Source),
    ("BindOptions", Object(&[(BIND_OPTIONS, Any)])),
    ("TmpfsOptions", Object(&[("Mode Options SizeBytes", Any)])),
    ("VolumeOptions", Object(VOLUME)),
];
const BIND_OPTIONS: &str =
    "CreateMountpoint NonRecursive Propagation ReadOnlyForceRecursive ReadOnlyNonRecursive";
const VOLUME: Fields =
    &[("Labels NoCopy Subpath", Any), ("DriverConfig", Object(&[("Name", Words("local"))]))];

const ENDPOINT: Fields = &[("Aliases GwPriority IPAMConfig Links MacAddress", Any)];
const NETWORK: Fields = &[
    ("Attachable CheckDuplicate EnableIPv4 EnableIPv6 Internal Labels Name", Any),
    ("Driver", Words("bridge overlay")),
    ("IPAM", Object(&[("Config", Any), ("Driver", Words("default"))])),
];

const EXEC: Fields = &[(EXEC_ANY, Any)];
const EXEC_ANY: &str = "
    AttachStderr AttachStdin AttachStdout Cmd ConsoleSize Detach DetachKeys Env Tty User WorkingDir";

// No rollback: that brings back a spec which is not the body. dockerode repeats the body's fields in the query.
const SERVICE_QUERY: Fields = &[(
    "EndpointSpec Labels Mode Name Networks RollbackConfig TaskTemplate UpdateConfig registryAuthFrom version",
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

/// Whether a name is among these.
pub(crate) fn has(names: &str, name: &str) -> bool {
    names.split_whitespace().any(|listed| listed == name)
}

/// Whether a value says no more than a field that is left out.
pub(crate) fn is_default(value: &Value) -> bool {
    [json!(null), json!(false), json!(0), json!(""), json!([]), json!({})].contains(value)
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
