//! Compares the table with the API's definitions, as bollard's generator has read them from the engine's OpenAPI
//! document.
//!
//! bollard's types derive `Deserialize`: a type that is deserialized from [`Probe`] names its fields, and each field
//! says what it is to be read from. What is found is returned as the error, which any `Deserialize` passes on.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;

use bollard_stubs::models;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::super::{Field, Struct, ValueKind};

/// Pairs of a struct of the table and the definitions of it.
macro_rules! pairs {
    ($($ours:ident: $($theirs:ident),+;)*) => {
        [$($((Struct::$ours, fields_of::<models::$theirs>()),)+)*]
    };
}

fn pairs() -> impl IntoIterator<Item = (Struct, Fields)> {
    pairs! {
        CreateBody: ContainerCreateBody;
        Config: ContainerConfig;
        HealthConfig: HealthConfig;
        HostConfig: HostConfig;
        Resources: Resources;
        ThrottleDevice: ThrottleDevice;
        WeightDevice: ResourcesBlkioWeightDevice;
        DeviceMapping: DeviceMapping;
        DeviceRequest: DeviceRequest;
        Ulimit: ResourcesUlimits;
        LogConfig: HostConfigLogConfig;
        RestartPolicy: RestartPolicy;
        PortBinding: PortBinding;
        ContainerUpdate: ContainerUpdateBody;
        ExecCreate: ExecConfig;
        ExecStart: ExecStartConfig;
        Mount: Mount;
        BindOptions: MountBindOptions;
        ImageOptions: MountImageOptions;
        TmpfsOptions: MountTmpfsOptions;
        VolumeOptions: MountVolumeOptions;
        Driver: MountVolumeOptionsDriverConfig, Driver, SwarmSpecTaskDefaultsLogDriver, TaskSpecLogDriver;
        NetworkCreate: NetworkCreateRequest;
        NetworkConfigReference: ConfigReference;
        Ipam: Ipam;
        IpamConfig: IpamConfig;
        NetworkConnect: NetworkConnectRequest;
        NetworkDisconnect: NetworkDisconnectRequest;
        NetworkingConfig: NetworkingConfig;
        EndpointSettings: EndpointSettings;
        EndpointIpamConfig: EndpointIpamConfig;
        VolumeCreate: VolumeCreateRequest;
        ClusterVolumeSpec: ClusterVolumeSpec;
        AccessMode: ClusterVolumeSpecAccessMode;
        TopologyRequirement: ClusterVolumeSpecAccessModeAccessibilityRequirements;
        CapacityRange: ClusterVolumeSpecAccessModeCapacityRange;
        Topology: Topology;
        VolumeSecret: ClusterVolumeSpecAccessModeSecrets;
        PluginPrivilege: PluginPrivilege;
        AuthConfig: AuthConfig;
        SwarmInit: SwarmInitRequest;
        SwarmJoin: SwarmJoinRequest;
        SwarmUnlock: SwarmUnlockRequest;
        SwarmSpec: SwarmSpec;
        CaConfig: SwarmSpecCaConfig;
        ExternalCa: SwarmSpecCaConfigExternalCas;
        DispatcherConfig: SwarmSpecDispatcher;
        EncryptionConfig: SwarmSpecEncryptionConfig;
        OrchestrationConfig: SwarmSpecOrchestration;
        RaftConfig: SwarmSpecRaft;
        TaskDefaults: SwarmSpecTaskDefaults;
        NodeSpec: NodeSpec;
        ConfigSpec: ConfigSpec;
        SecretSpec: SecretSpec;
        Templating: Driver;
        ServiceSpec: ServiceSpec;
        ServiceMode: ServiceSpecMode;
        ReplicatedService: ServiceSpecModeReplicated;
        ReplicatedJob: ServiceSpecModeReplicatedJob;
        UpdateConfig: ServiceSpecUpdateConfig, ServiceSpecRollbackConfig;
        EndpointSpec: EndpointSpec;
        PortConfig: EndpointPortConfig;
        NetworkAttachment: NetworkAttachmentConfig;
        TaskSpec: TaskSpec;
        ContainerSpec: TaskSpecContainerSpec;
        DnsConfig: TaskSpecContainerSpecDnsConfig;
        ConfigReference: TaskSpecContainerSpecConfigs;
        SecretReference: TaskSpecContainerSpecSecrets;
        FileTarget: TaskSpecContainerSpecFile, TaskSpecContainerSpecFile1;
        Privileges: TaskSpecContainerSpecPrivileges;
        AppArmorOptions: TaskSpecContainerSpecPrivilegesAppArmor;
        CredentialSpec: TaskSpecContainerSpecPrivilegesCredentialSpec;
        SeccompOptions: TaskSpecContainerSpecPrivilegesSeccomp;
        SelinuxContext: TaskSpecContainerSpecPrivilegesSeLinuxContext;
        NetworkAttachmentSpec: TaskSpecNetworkAttachmentSpec;
        Placement: TaskSpecPlacement;
        PlacementPreference: TaskSpecPlacementPreferences;
        SpreadOver: TaskSpecPlacementSpread;
        Platform: Platform;
        PluginSpec: TaskSpecPluginSpec;
        PluginSpecPrivilege: PluginPrivilege;
        ResourceRequirements: TaskSpecResources;
        TaskResources: Limit, ResourceObject;
        GenericResource: GenericResourcesInner;
        GenericResourceAmount: GenericResourcesInnerDiscreteResourceSpec, GenericResourcesInnerNamedResourceSpec;
        TaskRestartPolicy: TaskSpecRestartPolicy;
    }
}

/// Where the engine and its definitions differ: a struct, its fields, the reason. The table has what the engine reads.
const DIFFERENCES: [(Struct, &[&str], &str); 20] = [
    (Struct::CreateBody, &["Cpuset"], "read up to engine 26"),
    (Struct::Config, &["MacAddress"], "read up to API 1.51"),
    (Struct::HostConfig, &["Capabilities"], "read by some 19.03"),
    (Struct::Resources, &["DiskQuota", "KernelMemory", "KernelMemoryTCP"], "read by older engines"),
    (Struct::Resources, &["Init"], "an update does not read it, and a create has it in HostConfig"),
    (Struct::ExecCreate, &["Detach"], "read up to engine 28"),
    (
        Struct::CheckpointCreate,
        &["CheckpointDir", "CheckpointID", "Exit"],
        "experimental: not in the definitions",
    ),
    (Struct::Mount, &["ClusterOptions"], "not in the definitions"),
    (Struct::NetworkCreate, &["CheckDuplicate"], "read up to engine 28"),
    (Struct::VolumeUpdate, &["Spec"], "a struct without a name in the definitions"),
    (
        Struct::ClusterVolumeSpec,
        &["AccessibilityRequirements", "Availability", "CapacityRange", "Secrets"],
        "the definitions have them a level too deep",
    ),
    (
        Struct::AccessMode,
        &["AccessibilityRequirements", "Availability", "CapacityRange", "Secrets"],
        "see ClusterVolumeSpec",
    ),
    (Struct::AccessMode, &["BlockVolume", "MountVolume"], "not in the definitions, or without their fields"),
    (Struct::TypeMount, &["FsType", "MountFlags"], "not in the definitions"),
    (Struct::AuthConfig, &["auth", "email", "identitytoken", "registrytoken"], "not in the definitions"),
    (Struct::SwarmInit, &["AutoLockManagers", "Availability"], "not in the definitions"),
    (Struct::SwarmJoin, &["Availability"], "not in the definitions"),
    (
        Struct::ContainerSpec,
        &["HealthCheck", "Healthcheck"],
        "the engine's name has a small c; the table allows the other spelling too",
    ),
    (
        Struct::PluginSpec,
        &["Disabled", "Name", "PluginPrivilege", "Remote", "disabled", "env", "name", "privileges", "remote"],
        "small letters in the engine and the docker CLI; capitals are refused",
    ),
    (
        Struct::PluginSpecPrivilege,
        &["Description", "Name", "Value", "description", "name", "value"],
        "see PluginSpec",
    ),
];

#[test]
fn the_table_says_what_the_definitions_say() {
    let mut pairs_of: HashMap<Struct, Vec<Fields>> = HashMap::new();
    for (of, theirs) in pairs() {
        pairs_of.entry(of).or_default().push(theirs);
    }
    let known = |of: &Struct| pairs_of.get(of).into_iter().flatten();
    let listed = DIFFERENCES.iter().flat_map(|(of, names, _why)| names.iter().map(|name| (*of, *name)));
    let listed: HashSet<_> = listed.collect();
    let mut differing = HashSet::new();
    for of in Struct::ALL {
        let ours: BTreeMap<_, _> =
            with_bases(*of).flat_map(|of| of.own_fields()).map(name_and_kind).collect();
        let theirs: BTreeMap<_, _> = known(of).flatten().map(|(name, found)| (*name, found)).collect();
        let names: BTreeSet<_> = ours.keys().chain(theirs.keys()).copied().collect();
        for name in names {
            let agree = match (ours.get(name), theirs.get(name)) {
                (Some(kind), Some(found)) => is_the_same(*kind, found, &pairs_of),
                (Some(_), None) | (None, Some(_)) => false,
                (None, None) => true,
            };
            if !agree {
                let listed_as = with_bases(*of).find(|of| listed.contains(&(*of, name)));
                differing.insert((listed_as.unwrap_or(*of), name));
            }
        }
    }
    let unlisted: Vec<_> = differing.difference(&listed).collect();
    let stale: Vec<_> = listed.difference(&differing).collect();
    assert!(unlisted.is_empty() && stale.is_empty(), "differ: {unlisted:?}; do not differ: {stale:?}");
}

/// A struct and those whose fields the definitions repeat in it. In the definitions, the root of a create body has no
/// fields of `HostConfig`.
fn with_bases(of: Struct) -> impl Iterator<Item = Struct> {
    let bases =
        of.bases().iter().filter(move |base| (of, **base) != (Struct::CreateBody, Struct::HostConfig));
    std::iter::once(of).chain(bases.copied())
}

fn name_and_kind(field: &Field) -> (&'static str, ValueKind) {
    (field.name, field.kind)
}

fn is_the_same(kind: ValueKind, found: &Found, pairs: &HashMap<Struct, Vec<Fields>>) -> bool {
    match (kind, found) {
        (ValueKind::Leaf, Found::Leaf) => true,
        // In the definitions, an object without fields is an empty map.
        (ValueKind::Struct(Struct::Empty), Found::Map(values)) => **values == Found::Leaf,
        (ValueKind::Struct(of), Found::Struct(names)) => {
            pairs.get(&of).into_iter().flatten().any(|fields| {
                fields.keys().copied().collect::<BTreeSet<_>>() == names.iter().copied().collect()
            })
        }
        (ValueKind::Map(values), Found::Map(found)) => is_the_same(*values, found, pairs),
        (ValueKind::Leaf | ValueKind::Struct(_) | ValueKind::Map(_), _) => false,
    }
}

/// What each field of a definition is to be read from.
type Fields = BTreeMap<&'static str, Found>;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    Leaf,
    /// An object with these fields, or a list of such objects.
    Struct(&'static [&'static str]),
    Map(Box<Self>),
    /// Something else: a definition that the probe does not understand.
    Error(String),
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Found {}

impl serde::de::Error for Found {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Error(message.to_string())
    }
}

fn fields_of<T: Deserialize<'static>>() -> Fields {
    let Some(Found::Struct(names)) = T::deserialize(Probe).err() else {
        panic!("{}", std::any::type_name::<T>())
    };
    let found = |name| T::deserialize(ProbeOf(name)).err().unwrap_or(Found::Leaf);
    names.iter().map(|&name| (name, found(name))).collect()
}

/// Finds what a value is to be read from.
struct Probe;

impl<'de> Deserializer<'de> for Probe {
    type Error = Found;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Found> {
        Err(Found::Leaf)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Found> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, v: V) -> Result<V::Value, Found> {
        v.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Found> {
        visitor.visit_seq(self)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Found> {
        visitor.visit_map(ProbeOf("a key")).map_err(|values| Found::Map(Box::new(values)))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Found> {
        Err(Found::Struct(fields))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple
        tuple_struct enum identifier ignored_any
    }
}

/// A list with one element.
impl<'de> SeqAccess<'de> for Probe {
    type Error = Found;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Found> {
        seed.deserialize(Self).map(Some)
    }
}

/// An object with one key.
struct ProbeOf(&'static str);

impl<'de> Deserializer<'de> for ProbeOf {
    type Error = Found;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Found> {
        visitor.visit_map(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for ProbeOf {
    type Error = Found;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Found> {
        seed.deserialize(ProbedKey(self.0)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Found> {
        seed.deserialize(Probe)
    }
}

/// A key, of whatever type the keys of the map are.
struct ProbedKey(&'static str);

impl<'de> Deserializer<'de> for ProbedKey {
    type Error = Found;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Found> {
        visitor.visit_str(self.0)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Found> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
