//! The table of what the engine reads each object of a body into.
//!
//! `Field` is a value without objects in it, `Field: Struct` a struct or a list of structs, `Field: map` a map with
//! keys that the client chooses and values without objects, and `Field: map Struct` a map of structs. `+ Other` takes
//! over the fields of `Other`, and `Field / other` allows a second spelling that clients are known to send. The names
//! are the union of what the engines from 17.05 to API 1.55 read: a field that one of them reads is a field. Fields are
//! in alphabetical order, whatever their case.

/// What a value is read into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// A value without an object in it, as far as the table knows.
    Leaf,
    /// A struct, or a list of structs.
    Struct(Struct),
    /// A map with keys that the client chooses, and what its values are read into.
    Map(&'static Self),
}

/// A field of a [`Struct`].
#[derive(Debug)]
pub struct Field {
    /// The field's name, as the engine and the API's reference spell it.
    pub name: &'static str,
    /// Another spelling that clients are known to send. The engine reads it as `name`.
    pub also: Option<&'static str>,
    /// What the field's value is read into.
    pub kind: ValueKind,
}

macro_rules! structs {
    ($($name:ident $(+ $base:ident)* { $($field:ident $(/ $also:ident)? $(: $($kind:ident)+)?),* $(,)? })*) => {
        /// A struct of the engine.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "named as in the Engine API's reference and the engine's sources")]
        pub enum Struct { $($name,)* }

        impl Struct {
            /// All structs.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name of the struct in the engine's sources or the API's reference.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The fields of the struct without those of its [`Struct::bases`], in alphabetical order.
            #[must_use]
            pub const fn own_fields(self) -> &'static [Field] {
                match self { $(Self::$name => const { &[$(Field {
                    name: stringify!($field),
                    also: structs!(@also $($also)?),
                    kind: structs!(@kind $($($kind)+)?),
                },)*] },)* }
            }

            /// The structs whose fields it takes over.
            #[must_use]
            pub const fn bases(self) -> &'static [Self] {
                match self { $(Self::$name => &[$(Self::$base,)*],)* }
            }
        }
    };
    (@also) => { None };
    (@also $also:ident) => { Some(stringify!($also)) };
    (@kind) => { ValueKind::Leaf };
    (@kind map) => { ValueKind::Map(&ValueKind::Leaf) };
    (@kind map $of:ident) => { ValueKind::Map(&ValueKind::Struct(Struct::$of)) };
    (@kind $of:ident) => { ValueKind::Struct(Struct::$of) };
}

structs! {
    Empty {}

    // Containers. Engines up to 26 read HostConfig's fields also beside `HostConfig`, and a start like a create.
    CreateBody + Config + HostConfig { Cpuset, HostConfig: HostConfig, NetworkingConfig: NetworkingConfig }
    Config {
        ArgsEscaped, AttachStderr, AttachStdin, AttachStdout, Cmd, Domainname, Entrypoint, Env,
        ExposedPorts: map Empty, Healthcheck: HealthConfig, Hostname, Image, Labels: map, MacAddress,
        NetworkDisabled, OnBuild, OpenStdin, Shell, StdinOnce, StopSignal, StopTimeout, Tty, User,
        Volumes: map Empty, WorkingDir,
    }
    HealthConfig { Interval, Retries, StartInterval, StartPeriod, Test, Timeout }
    HostConfig + Resources {
        Annotations: map, AutoRemove, Binds, Capabilities, CapAdd, CapDrop, Cgroup, CgroupnsMode, ConsoleSize,
        ContainerIDFile, Dns, DnsOptions, DnsSearch, ExtraHosts, GroupAdd, Init, IpcMode, Isolation, Links,
        LogConfig: LogConfig, MaskedPaths, Mounts: Mount, NetworkMode, OomScoreAdj, PidMode,
        PortBindings: map PortBinding, Privileged, PublishAllPorts, ReadonlyPaths, ReadonlyRootfs,
        RestartPolicy: RestartPolicy, Runtime, SecurityOpt, ShmSize, StorageOpt: map, Sysctls: map, Tmpfs: map,
        UsernsMode, UTSMode, VolumeDriver, VolumesFrom,
    }
    Resources {
        BlkioDeviceReadBps: ThrottleDevice, BlkioDeviceReadIOps: ThrottleDevice,
        BlkioDeviceWriteBps: ThrottleDevice, BlkioDeviceWriteIOps: ThrottleDevice, BlkioWeight,
        BlkioWeightDevice: WeightDevice, CgroupParent, CpuCount, CpuPercent, CpuPeriod, CpuQuota,
        CpuRealtimePeriod / CPURealtimePeriod, CpuRealtimeRuntime / CPURealtimeRuntime, CpusetCpus, CpusetMems,
        CpuShares, DeviceCgroupRules, DeviceRequests: DeviceRequest, Devices: DeviceMapping, DiskQuota,
        IOMaximumBandwidth, IOMaximumIOps, KernelMemory, KernelMemoryTCP, Memory, MemoryReservation, MemorySwap,
        MemorySwappiness, NanoCpus, OomKillDisable, PidsLimit, Ulimits: Ulimit,
    }
    ThrottleDevice { Path, Rate }
    WeightDevice { Path, Weight }
    DeviceMapping { CgroupPermissions, PathInContainer, PathOnHost }
    DeviceRequest { Capabilities, Count, DeviceIDs, Driver, Options: map }
    Ulimit { Hard, Name, Soft }
    LogConfig { Config: map, Type }
    RestartPolicy { MaximumRetryCount, Name }
    PortBinding { HostIp, HostPort }
    ContainerUpdate + Resources { RestartPolicy: RestartPolicy }
    ExecCreate {
        AttachStderr, AttachStdin, AttachStdout, Cmd, ConsoleSize, Detach, DetachKeys / detachKeys, Env,
        Privileged, Tty, User, WorkingDir,
    }
    ExecStart { ConsoleSize, Detach, Tty }
    CheckpointCreate { CheckpointDir, CheckpointID, Exit }

    // Mounts, of containers and of services.
    Mount {
        BindOptions: BindOptions, ClusterOptions: Empty, Consistency, ImageOptions: ImageOptions, ReadOnly,
        Source, Target, TmpfsOptions: TmpfsOptions, Type, VolumeOptions: VolumeOptions,
    }
    BindOptions { CreateMountpoint, NonRecursive, Propagation, ReadOnlyForceRecursive, ReadOnlyNonRecursive }
    ImageOptions { Subpath }
    TmpfsOptions { Mode, Options, SizeBytes }
    VolumeOptions { DriverConfig: Driver, Labels: map, NoCopy, Subpath }
    Driver { Name, Options: map }

    // Networks.
    NetworkCreate {
        Attachable, CheckDuplicate, ConfigFrom: NetworkConfigReference, ConfigOnly, Driver, EnableIPv4,
        EnableIPv6, Ingress, Internal, IPAM: Ipam, Labels: map, Name, Options: map, Scope,
    }
    NetworkConfigReference { Network }
    Ipam { Config: IpamConfig, Driver, Options: map }
    IpamConfig { AuxiliaryAddresses: map, Gateway, IPRange, Subnet }
    NetworkConnect { Container, EndpointConfig: EndpointSettings }
    NetworkDisconnect { Container, Force }
    NetworkingConfig { EndpointsConfig: map EndpointSettings }
    EndpointSettings {
        Aliases, DNSNames, DriverOpts: map, EndpointID, Gateway, GlobalIPv6Address, GlobalIPv6PrefixLen,
        GwPriority, IPAddress, IPAMConfig: EndpointIpamConfig, IPPrefixLen, IPv6Gateway, Links, MacAddress,
        NetworkID,
    }
    EndpointIpamConfig { IPv4Address, IPv6Address, LinkLocalIPs }

    // Volumes.
    VolumeCreate { ClusterVolumeSpec: ClusterVolumeSpec, Driver, DriverOpts: map, Labels: map, Name }
    VolumeUpdate { Spec: ClusterVolumeSpec }
    ClusterVolumeSpec {
        AccessibilityRequirements: TopologyRequirement, AccessMode: AccessMode, Availability,
        CapacityRange: CapacityRange, Group, Secrets: VolumeSecret,
    }
    AccessMode { BlockVolume: Empty, MountVolume: TypeMount, Scope, Sharing }
    TypeMount { FsType, MountFlags }
    TopologyRequirement { Preferred: Topology, Requisite: Topology }
    Topology { Segments: map }
    CapacityRange { LimitBytes, RequiredBytes }
    VolumeSecret { Key, Secret }

    // Plugins and registries.
    PluginPrivilege { Description, Name, Value }
    AuthConfig { auth, email, identitytoken, password, registrytoken, serveraddress, username }

    // Swarm.
    SwarmInit {
        AdvertiseAddr, AutoLockManagers, Availability, DataPathAddr, DataPathPort, DefaultAddrPool,
        ForceNewCluster, ListenAddr, Spec: SwarmSpec, SubnetSize,
    }
    SwarmJoin { AdvertiseAddr, Availability, DataPathAddr, JoinToken, ListenAddr, RemoteAddrs }
    SwarmUnlock { UnlockKey }
    SwarmSpec {
        CAConfig: CaConfig, Dispatcher: DispatcherConfig, EncryptionConfig: EncryptionConfig, Labels: map, Name,
        Orchestration: OrchestrationConfig, Raft: RaftConfig, TaskDefaults: TaskDefaults,
    }
    CaConfig { ExternalCAs: ExternalCa, ForceRotate, NodeCertExpiry, SigningCACert, SigningCAKey }
    ExternalCa { CACert, Options: map, Protocol, URL }
    DispatcherConfig { HeartbeatPeriod }
    EncryptionConfig { AutoLockManagers }
    OrchestrationConfig { TaskHistoryRetentionLimit }
    RaftConfig { ElectionTick, HeartbeatTick, KeepOldSnapshots, LogEntriesForSlowFollowers, SnapshotInterval }
    TaskDefaults { LogDriver: Driver }
    NodeSpec { Availability, Labels: map, Name, Role }
    ConfigSpec { Data, Labels: map, Name, Templating: Templating }
    SecretSpec { Data, Driver: Driver, Labels: map, Name, Templating: Templating }
    Templating { Name / name, Options / options: map }

    // Services.
    ServiceSpec {
        EndpointSpec: EndpointSpec, Labels: map, Mode: ServiceMode, Name, Networks: NetworkAttachment,
        RollbackConfig: UpdateConfig, TaskTemplate: TaskSpec, UpdateConfig: UpdateConfig,
    }
    ServiceMode {
        Global / global: Empty, GlobalJob: Empty, Replicated / replicated: ReplicatedService,
        ReplicatedJob: ReplicatedJob,
    }
    ReplicatedService { Replicas }
    ReplicatedJob { MaxConcurrent, TotalCompletions }
    UpdateConfig { Delay, FailureAction, MaxFailureRatio, Monitor, Order, Parallelism }
    EndpointSpec { Mode, Ports: PortConfig }
    PortConfig { Name, Protocol, PublishedPort, PublishMode, TargetPort }
    NetworkAttachment { Aliases, DriverOpts: map, Target }
    TaskSpec {
        ContainerSpec: ContainerSpec, ForceUpdate, LogDriver: Driver,
        NetworkAttachmentSpec: NetworkAttachmentSpec, Networks: NetworkAttachment, Placement: Placement,
        PluginSpec: PluginSpec, Resources: ResourceRequirements, RestartPolicy: TaskRestartPolicy, Runtime,
    }
    ContainerSpec {
        Args, CapabilityAdd, CapabilityDrop, Command, Configs: ConfigReference, Dir, DNSConfig: DnsConfig, Env,
        Groups, Healthcheck / HealthCheck: HealthConfig, Hostname, Hosts, Image, Init, Isolation, Labels: map,
        Mounts: Mount, OomScoreAdj, OpenStdin, Privileges: Privileges, ReadOnly, Secrets: SecretReference, StopGracePeriod,
        StopSignal, Sysctls: map, TTY, Ulimits: Ulimit, User,
    }
    DnsConfig { Nameservers, Options, Search }
    ConfigReference { ConfigID, ConfigName, File: FileTarget, Runtime: Empty }
    SecretReference { File: FileTarget, SecretID, SecretName }
    FileTarget { GID, Mode, Name, UID }
    Privileges {
        AppArmor: AppArmorOptions, CredentialSpec: CredentialSpec, NoNewPrivileges, Seccomp: SeccompOptions,
        SELinuxContext: SelinuxContext,
    }
    AppArmorOptions { Mode }
    CredentialSpec { Config, File, Registry }
    SeccompOptions { Mode, Profile }
    SelinuxContext { Disable, Level, Role, Type, User }
    NetworkAttachmentSpec { ContainerID }
    Placement { Constraints, MaxReplicas, Platforms: Platform, Preferences: PlacementPreference }
    PlacementPreference { Spread: SpreadOver }
    SpreadOver { SpreadDescriptor }
    Platform { Architecture, OS }
    PluginSpec { disabled, env, name, privileges: PluginSpecPrivilege, remote }
    PluginSpecPrivilege { description, name, value }
    ResourceRequirements { Limits: TaskResources, MemorySwappiness, Reservations: TaskResources, SwapBytes }
    TaskResources { GenericResources: GenericResource, MemoryBytes, NanoCPUs, Pids }
    GenericResource { DiscreteResourceSpec: GenericResourceAmount, NamedResourceSpec: GenericResourceAmount }
    GenericResourceAmount { Kind, Value }
    TaskRestartPolicy { Condition, Delay, MaxAttempts, Window }
}
