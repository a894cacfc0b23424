//! The table of endpoints.
//!
//! Names are the operationIds of the Engine API's reference (v1.55); routes that the reference leaves out (checkpoints,
//! `/grpc`, `/build/cancel`) are named in the same style. A template's `{name...}` may span slashes,
//! `reads Struct` is what the engine reads a JSON body into (`[Struct]`: a list), and `+ Flag` is a flag that the
//! operation needs besides those of its method and family.

use super::{Access, Transport};
use crate::body::{BodyShape, Struct};
use crate::{Flag, Method};

macro_rules! endpoints {
    ($($id:ident $method:ident $($template:literal)|+ $access:ident $transport:ident $(reads $body:tt)? $(+ $extra:ident)?;)*) => {
        /// An operation of the Engine API, named by its operationId.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the Engine API's reference documents each by its operationId")]
        pub enum Endpoint { $($id,)* }

        impl Endpoint {
            /// Every operation, by family.
            pub const ALL: &'static [Self] = &[$(Self::$id,)*];

            /// The operationId, such as `ContainerCreate`.
            #[must_use]
            pub const fn operation_id(self) -> &'static str {
                match self { $(Self::$id => stringify!($id),)* }
            }

            /// The method of its route.
            #[must_use]
            pub const fn method(self) -> Method {
                match self { $(Self::$id => Method::$method,)* }
            }

            /// The path of its route, without a version, and other spellings of that path.
            #[must_use]
            pub const fn templates(self) -> &'static [&'static str] {
                match self { $(Self::$id => &[$($template),+],)* }
            }

            /// How much it can change.
            #[must_use]
            pub const fn access(self) -> Access {
                match self { $(Self::$id => Access::$access,)* }
            }

            /// What becomes of the connection once the engine has answered.
            #[must_use]
            pub const fn transport(self) -> Transport {
                match self { $(Self::$id => Transport::$transport,)* }
            }

            /// What the engine reads its body into, if that is JSON: a policy can inspect only such a body. The other
            /// operations have no body that the engine reads, or an archive, or a raw stream.
            #[must_use]
            pub const fn body(self) -> Option<BodyShape> {
                match self { $(Self::$id => endpoints!(@body $($body)?),)* }
            }

            /// The flag that it needs besides those of its method and family.
            #[must_use]
            pub const fn extra_flag(self) -> Option<Flag> {
                match self { $(Self::$id => endpoints!(@extra $($extra)?),)* }
            }
        }
    };
    (@body) => { None };
    (@body [String]) => { Some(BodyShape::Strings) };
    (@body [$of:ident]) => { Some(BodyShape::List(Struct::$of)) };
    (@body $of:ident) => { Some(BodyShape::Object(Struct::$of)) };
    (@extra) => { None };
    (@extra $flag:ident) => { Some(Flag::$flag) };
}

endpoints! {
    SystemPing                Get    "/_ping"                                        Read        Plain;
    SystemPingHead            Head   "/_ping"                                        Read        Plain;
    SystemVersion             Get    "/version"                                      Read        Plain;
    SystemEvents              Get    "/events"                                       Read        Stream;
    SystemInfo                Get    "/info"                                         Read        Plain;
    SystemAuth                Post   "/auth"                                         Write       Plain reads AuthConfig;
    SystemDataUsage           Get    "/system/df"                                    Read        Plain;

    ContainerList             Get    "/containers/json"                              Read        Plain;
    ContainerCreate           Post   "/containers/create"                            Write       Plain reads CreateBody;
    ContainerPrune            Post   "/containers/prune"                             Write       Plain;
    ContainerInspect          Get    "/containers/{name...}/json"                    Read        Plain;
    ContainerTop              Get    "/containers/{name...}/top"                     Read        Plain;
    ContainerLogs             Get    "/containers/{name...}/logs"                    Read        Stream;
    ContainerChanges          Get    "/containers/{name...}/changes"                 Read        Plain;
    ContainerExport           Get    "/containers/{name...}/export"                  Read        Stream;
    ContainerStats            Get    "/containers/{name...}/stats"                   Read        Stream;
    ContainerResize           Post   "/containers/{name...}/resize"                  Write       Plain;
    ContainerStart            Post   "/containers/{name...}/start"                   Write       Plain reads CreateBody + AllowStart;
    ContainerStop             Post   "/containers/{name...}/stop"                    Write       Plain + AllowStop;
    ContainerRestart          Post   "/containers/{name...}/restart"                 Write       Plain + AllowRestarts;
    ContainerKill             Post   "/containers/{name...}/kill"                    Write       Plain + AllowRestarts;
    ContainerUpdate           Post   "/containers/{name...}/update"                  Write       Plain reads ContainerUpdate;
    ContainerRename           Post   "/containers/{name...}/rename"                  Write       Plain;
    ContainerPause            Post   "/containers/{name...}/pause"                   Write       Plain;
    ContainerUnpause          Post   "/containers/{name...}/unpause"                 Write       Plain;
    ContainerAttach           Post   "/containers/{name...}/attach"                  Interactive Hijack;
    ContainerAttachWebsocket  Get    "/containers/{name...}/attach/ws"               Interactive Websocket;
    ContainerWait             Post   "/containers/{name...}/wait"                    Write       Stream;
    ContainerDelete           Delete "/containers/{name...}"                         Write       Plain;
    ContainerArchiveInfo      Head   "/containers/{name...}/archive"                 Read        Plain;
    ContainerArchive          Get    "/containers/{name...}/archive"                 Read        Stream;
    PutContainerArchive       Put    "/containers/{name...}/archive"                 Write       Stream;
    ContainerExec             Post   "/containers/{name...}/exec"                    Write       Plain reads ExecCreate + Exec;
    CheckpointList            Get    "/containers/{name...}/checkpoints"             Read        Plain;
    CheckpointCreate          Post   "/containers/{name...}/checkpoints"             Write       Plain reads CheckpointCreate;
    CheckpointDelete          Delete "/containers/{name}/checkpoints/{checkpoint}"   Write       Plain;

    ExecStart                 Post   "/exec/{name...}/start"                         Interactive Hijack reads ExecStart;
    ExecResize                Post   "/exec/{name...}/resize"                        Write       Plain;
    ExecInspect               Get    "/exec/{name...}/json"                          Read        Plain;

    ImageCommit               Post   "/commit"                                       Write       Plain reads Config;

    ImageList                 Get    "/images/json"                                  Read        Plain;
    ImageSearch               Get    "/images/search"                                Read        Plain;
    ImageGetAll               Get    "/images/get"                                   Read        Stream;
    ImageCreate               Post   "/images/create"                                Write       Stream;
    ImageLoad                 Post   "/images/load"                                  Write       Stream;
    ImagePrune                Post   "/images/prune"                                 Write       Plain;
    ImageInspect              Get    "/images/{name...}/json"                        Read        Plain;
    ImageAttestations         Get    "/images/{name...}/attestations"                Read        Plain;
    ImageHistory              Get    "/images/{name...}/history"                     Read        Plain;
    ImageGet                  Get    "/images/{name...}/get"                         Read        Stream;
    ImagePush                 Post   "/images/{name...}/push"                        Write       Stream reads AuthConfig;
    ImageTag                  Post   "/images/{name...}/tag"                         Write       Plain;
    ImageDelete               Delete "/images/{name...}"                             Write       Plain;

    ImageBuild                Post   "/build"                                        Write       Stream;
    BuildPrune                Post   "/build/prune"                                  Write       Plain;
    BuildCancel               Post   "/build/cancel"                                 Write       Plain;

    Session                   Post   "/session"                                      Write       H2c;
    Grpc                      Post   "/grpc"                                         Write       H2c;

    DistributionInspect       Get    "/distribution/{name...}/json"                  Read        Plain;

    NetworkList               Get    "/networks" | "/networks/"                      Read        Plain;
    NetworkCreate             Post   "/networks/create"                              Write       Plain reads NetworkCreate;
    NetworkPrune              Post   "/networks/prune"                               Write       Plain;
    NetworkInspect            Get    "/networks/{name...}"                           Read        Plain;
    NetworkConnect            Post   "/networks/{name...}/connect"                   Write       Plain reads NetworkConnect;
    NetworkDisconnect         Post   "/networks/{name...}/disconnect"                Write       Plain reads NetworkDisconnect;
    NetworkDelete             Delete "/networks/{name...}"                           Write       Plain;

    VolumeList                Get    "/volumes"                                      Read        Plain;
    VolumeCreate              Post   "/volumes/create"                               Write       Plain reads VolumeCreate;
    VolumePrune               Post   "/volumes/prune"                                Write       Plain;
    VolumeInspect             Get    "/volumes/{name...}"                            Read        Plain;
    VolumeUpdate              Put    "/volumes/{name...}"                            Write       Plain reads VolumeUpdate;
    VolumeDelete              Delete "/volumes/{name...}"                            Write       Plain;

    PluginList                Get    "/plugins"                                      Read        Plain;
    GetPluginPrivileges       Get    "/plugins/privileges"                           Read        Plain;
    PluginPull                Post   "/plugins/pull"                                 Write       Stream reads [PluginPrivilege];
    PluginCreate              Post   "/plugins/create"                               Write       Stream;
    PluginInspect             Get    "/plugins/{name...}/json"                       Read        Plain;
    PluginEnable              Post   "/plugins/{name...}/enable"                     Write       Plain;
    PluginDisable             Post   "/plugins/{name...}/disable"                    Write       Plain;
    PluginUpgrade             Post   "/plugins/{name...}/upgrade"                    Write       Stream reads [PluginPrivilege];
    PluginPush                Post   "/plugins/{name...}/push"                       Write       Stream;
    PluginSet                 Post   "/plugins/{name...}/set"                        Write       Plain reads [String];
    PluginDelete              Delete "/plugins/{name...}"                            Write       Plain;

    SwarmInspect              Get    "/swarm"                                        Read        Plain;
    SwarmUnlockkey            Get    "/swarm/unlockkey"                              Read        Plain;
    SwarmInit                 Post   "/swarm/init"                                   Write       Plain reads SwarmInit;
    SwarmJoin                 Post   "/swarm/join"                                   Write       Plain reads SwarmJoin;
    SwarmLeave                Post   "/swarm/leave"                                  Write       Plain;
    SwarmUpdate               Post   "/swarm/update"                                 Write       Plain reads SwarmSpec;
    SwarmUnlock               Post   "/swarm/unlock"                                 Write       Plain reads SwarmUnlock;

    NodeList                  Get    "/nodes"                                        Read        Plain;
    NodeInspect               Get    "/nodes/{id}"                                   Read        Plain;
    NodeDelete                Delete "/nodes/{id}"                                   Write       Plain;
    NodeUpdate                Post   "/nodes/{id}/update"                            Write       Plain reads NodeSpec;

    ServiceList               Get    "/services"                                     Read        Plain;
    ServiceCreate             Post   "/services/create"                              Write       Plain reads ServiceSpec;
    ServiceInspect            Get    "/services/{id}"                                Read        Plain;
    ServiceDelete             Delete "/services/{id}"                                Write       Plain;
    ServiceUpdate             Post   "/services/{id}/update"                         Write       Plain reads ServiceSpec;
    ServiceLogs               Get    "/services/{id}/logs"                           Read        Stream;

    TaskList                  Get    "/tasks"                                        Read        Plain;
    TaskInspect               Get    "/tasks/{id}"                                   Read        Plain;
    TaskLogs                  Get    "/tasks/{id}/logs"                              Read        Stream;

    SecretList                Get    "/secrets"                                      Read        Plain;
    SecretCreate              Post   "/secrets/create"                               Write       Plain reads SecretSpec;
    SecretInspect             Get    "/secrets/{id}"                                 Read        Plain;
    SecretDelete              Delete "/secrets/{id}"                                 Write       Plain;
    SecretUpdate              Post   "/secrets/{id}/update"                          Write       Plain reads SecretSpec;

    ConfigList                Get    "/configs"                                      Read        Plain;
    ConfigCreate              Post   "/configs/create"                               Write       Plain reads ConfigSpec;
    ConfigInspect             Get    "/configs/{id}"                                 Read        Plain;
    ConfigDelete              Delete "/configs/{id}"                                 Write       Plain;
    ConfigUpdate              Post   "/configs/{id}/update"                          Write       Plain reads ConfigSpec;
}
