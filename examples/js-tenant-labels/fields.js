// The long lists of the policy: operations, and fields of a body.

export const words = (text) => text.trim().split(/\s+/);

// Not ContainerPrune: to the engine, a label of a container's image is the container's, too.
export const LISTS = "ContainerList SystemEvents NetworkList VolumeList NetworkPrune VolumePrune";
export const OF_A_CONTAINER = `ContainerInspect ContainerTop ContainerLogs ContainerChanges ContainerExport ContainerStats
  ContainerResize ContainerStop ContainerKill ContainerUpdate ContainerRename ContainerPause ContainerUnpause
  ContainerAttach ContainerAttachWebsocket ContainerWait ContainerDelete ContainerArchiveInfo ContainerArchive
  PutContainerArchive ContainerExec`;

// What a tenant may set in a body, all the way down. The fields that are missing (Privileged, Devices, PidMode,
// DriverOpts, IPAM's Config, …) reach past its containers, or do not exist yet.
//
// A name alone may hold anything; what has an entry is looked into: [fields] is a list of such, { "*": fields } a map.
// What is not named may be null, false, 0 or "". What clients send as a list or a map without entries is EMPTY, where the
// engine takes it for one that is left out: elsewhere it counts that a list, a map or an object is there.

export const ANY = null;
export const EMPTY = Symbol("empty");
const each = (names, fields) => Object.fromEntries(words(names).map((name) => [name, fields]));
const of = (names, more) => ({ ...each(names, ANY), ...more });

export const CLIENT = of("listener uid tenant"); // in the settings

const SET = { "*": {} }; // a map of names to nothing
const LIMITS = of(
  "CpuShares Memory NanoCpus CpuPeriod CpuQuota CpusetCpus MemoryReservation MemorySwap MemorySwappiness PidsLimit",
  {
    Ulimits: [of("Name Hard Soft")],
    RestartPolicy: of("Name MaximumRetryCount"),
    ...each(`BlkioWeightDevice BlkioDeviceReadBps BlkioDeviceWriteBps BlkioDeviceReadIOps BlkioDeviceWriteIOps Devices
      DeviceCgroupRules DeviceRequests`, EMPTY),
  },
);
const HOST = of(`Binds VolumesFrom Links NetworkMode PublishAllPorts AutoRemove CapDrop Dns DnsOptions DnsSearch
  ExtraHosts GroupAdd ReadonlyRootfs ShmSize Tmpfs Init ConsoleSize`, {
  ...LIMITS,
  ...each("Annotations CapAdd SecurityOpt StorageOpt Sysctls", EMPTY),
  LogConfig: { Config: EMPTY },
  Mounts: [of("Type Source Target ReadOnly Consistency", { TmpfsOptions: of("SizeBytes Mode"), VolumeOptions: EMPTY })],
  PortBindings: { "*": [of("HostIp HostPort")] },
});
const ENDPOINT = of("Aliases Links MacAddress", {
  DriverOpts: EMPTY,
  IPAMConfig: of("IPv4Address IPv6Address LinkLocalIPs"),
});

// By operation: the bodies that the policy reads. Engines ignore what some clients repeat of path and query: dockerode
// sends a create's name and platform and a start's detachKeys, docker-py an exec's Container.
export const BODIES = {
  ContainerCreate: of(`Hostname Domainname User AttachStdin AttachStdout AttachStderr Tty OpenStdin StdinOnce Env Cmd
    ArgsEscaped Image WorkingDir Entrypoint NetworkDisabled MacAddress OnBuild Labels StopSignal StopTimeout Shell
    name platform`, {
    ExposedPorts: SET,
    Volumes: SET,
    Healthcheck: of("Test Interval Timeout StartPeriod StartInterval Retries"),
    HostConfig: HOST,
    NetworkingConfig: { EndpointsConfig: { "*": ENDPOINT } },
    VolumesFrom: EMPTY, // beside HostConfig: dockerode's run
  }),
  ContainerExec: of(`AttachStdin AttachStdout AttachStderr Container DetachKeys detachKeys Tty Env Cmd WorkingDir User
    ConsoleSize Detach`),
  ContainerStart: of("detachKeys"), // engines up to 26 take a HostConfig here
  ContainerUpdate: LIMITS,
  NetworkConnect: of("Container", { EndpointConfig: ENDPOINT }),
  NetworkCreate: of("Name Labels Driver CheckDuplicate Internal Attachable EnableIPv4 EnableIPv6", {
    IPAM: of("Driver", each("Config Options", EMPTY)),
    Options: EMPTY,
  }),
  NetworkDisconnect: of("Container Force"),
  VolumeCreate: of("Name Labels Driver", { DriverOpts: EMPTY }),
};
