// What a tenant may set in a body. The fields that are missing (Privileged, Devices, PidMode, DriverOpts, …) reach past
// its containers, or do not exist yet.

export const words = (text) => text.trim().split(/\s+/);

export const LIMITS = words(`CpuShares Memory NanoCpus CpuPeriod CpuQuota CpusetCpus MemoryReservation MemorySwap
  MemorySwappiness PidsLimit Ulimits RestartPolicy`);
export const HOST = words(`Binds Mounts VolumesFrom Links NetworkMode PortBindings PublishAllPorts AutoRemove CapDrop
  Dns DnsOptions DnsSearch ExtraHosts GroupAdd ReadonlyRootfs ShmSize Tmpfs Init ConsoleSize`).concat(LIMITS);
export const MOUNT = words("Type Source Target ReadOnly Consistency TmpfsOptions");
export const ENDPOINT = words("Aliases Links IPAMConfig MacAddress");

// By operation: the bodies that the policy reads.
export const BODIES = {
  ContainerCreate: words(`Hostname Domainname User AttachStdin AttachStdout AttachStderr ExposedPorts Tty OpenStdin
    StdinOnce Env Cmd Healthcheck ArgsEscaped Image Volumes WorkingDir Entrypoint NetworkDisabled MacAddress OnBuild
    Labels StopSignal StopTimeout Shell HostConfig NetworkingConfig`),
  ContainerExec: words(`AttachStdin AttachStdout AttachStderr DetachKeys Tty Env Cmd WorkingDir User ConsoleSize
    Detach`),
  ContainerStart: [], // engines up to 26 take a HostConfig here
  ContainerUpdate: LIMITS,
  NetworkConnect: words("Container EndpointConfig"),
  NetworkCreate: words("Name Labels Driver CheckDuplicate Internal Attachable EnableIPv4 EnableIPv6 IPAM"),
  NetworkDisconnect: words("Container Force"),
  VolumeCreate: words("Name Labels Driver"),
};
