// The long lists of the policy: operations, and fields of a body.

export const words = (text) => text.trim().split(/\s+/);

export const LISTS = "ContainerList SystemEvents NetworkList VolumeList ContainerPrune NetworkPrune VolumePrune";
export const OF_A_CONTAINER = `ContainerInspect ContainerTop ContainerLogs ContainerChanges ContainerExport ContainerStats
  ContainerResize ContainerStop ContainerKill ContainerUpdate ContainerRename ContainerPause ContainerUnpause
  ContainerAttach ContainerAttachWebsocket ContainerWait ContainerDelete ContainerArchiveInfo ContainerArchive
  PutContainerArchive ContainerExec`;

// What a tenant may set in a body, all the way down. The fields that are missing (Privileged, Devices, PidMode,
// DriverOpts, IPAM's Config, …) reach past its containers, or do not exist yet.
//
// A name alone may hold anything; what has an entry is looked into: [fields] is a list of such, { "*": fields } a map.

export const ANY = null;
const of = (names, more) => ({ ...Object.fromEntries(words(names).map((name) => [name, ANY])), ...more });

export const CLIENT = of("listener uid tenant"); // in the settings

const SET = { "*": {} }; // a map of names to nothing
const LIMITS = of(
  "CpuShares Memory NanoCpus CpuPeriod CpuQuota CpusetCpus MemoryReservation MemorySwap MemorySwappiness PidsLimit",
  { Ulimits: [of("Name Hard Soft")], RestartPolicy: of("Name MaximumRetryCount") },
);
const HOST = of(`Binds VolumesFrom Links NetworkMode PublishAllPorts AutoRemove CapDrop Dns DnsOptions DnsSearch
  ExtraHosts GroupAdd ReadonlyRootfs ShmSize Tmpfs Init ConsoleSize`, {
  ...LIMITS,
  Mounts: [of("Type Source Target ReadOnly Consistency", { TmpfsOptions: of("SizeBytes Mode") })],
  PortBindings: { "*": [of("HostIp HostPort")] },
});
const ENDPOINT = of("Aliases Links MacAddress", { IPAMConfig: of("IPv4Address IPv6Address LinkLocalIPs") });

// By operation: the bodies that the policy reads.
export const BODIES = {
  ContainerCreate: of(`Hostname Domainname User AttachStdin AttachStdout AttachStderr Tty OpenStdin StdinOnce Env Cmd
    ArgsEscaped Image WorkingDir Entrypoint NetworkDisabled MacAddress OnBuild Labels StopSignal StopTimeout Shell`, {
    ExposedPorts: SET,
    Volumes: SET,
    Healthcheck: of("Test Interval Timeout StartPeriod StartInterval Retries"),
    HostConfig: HOST,
    NetworkingConfig: { EndpointsConfig: { "*": ENDPOINT } },
  }),
  ContainerExec: of("AttachStdin AttachStdout AttachStderr DetachKeys Tty Env Cmd WorkingDir User ConsoleSize Detach"),
  ContainerStart: {}, // engines up to 26 take a HostConfig here
  ContainerUpdate: LIMITS,
  NetworkConnect: of("Container", { EndpointConfig: ENDPOINT }),
  NetworkCreate: of("Name Labels Driver CheckDuplicate Internal Attachable EnableIPv4 EnableIPv6", { IPAM: of("Driver") }),
  NetworkDisconnect: of("Container Force"),
  VolumeCreate: of("Name Labels Driver"),
};
