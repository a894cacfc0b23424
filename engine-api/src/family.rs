//! Families: the first path segment after the version. Each has an env flag of its own.

use std::fmt;

use crate::Flag;

macro_rules! families {
    ($($variant:ident $segment:literal $flag:expr;)*) => {
        /// A family of the Engine API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the segment is the documentation")]
        pub enum Family { $($variant,)* }

        impl Family {
            /// Every family.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The family of a path's first segment, compared as a whole and with its case: `containersXYZ` has none.
            #[must_use]
            pub fn from_segment(segment: &str) -> Option<Self> {
                match segment { $($segment => Some(Self::$variant),)* _ => None }
            }

            /// The path segment, such as `containers`.
            #[must_use]
            pub const fn segment(self) -> &'static str {
                match self { $(Self::$variant => $segment,)* }
            }

            /// The flag that governs the family; `None` if there is none, and the family is always refused.
            #[must_use]
            pub const fn flag(self) -> Option<Flag> {
                match self { $(Self::$variant => $flag,)* }
            }
        }
    };
}

families! {
    Ping         "_ping"        Some(Flag::Ping);
    Version      "version"      Some(Flag::Version);
    Events       "events"       Some(Flag::Events);
    Info         "info"         Some(Flag::Info);
    Auth         "auth"         Some(Flag::Auth);
    System       "system"       Some(Flag::System);
    Containers   "containers"   Some(Flag::Containers);
    Exec         "exec"         Some(Flag::Exec);
    Commit       "commit"       Some(Flag::Commit);
    Images       "images"       Some(Flag::Images);
    Build        "build"        Some(Flag::Build);
    Session      "session"      Some(Flag::Session);
    Grpc         "grpc"         Some(Flag::Grpc);
    Distribution "distribution" Some(Flag::Distribution);
    Networks     "networks"     Some(Flag::Networks);
    Volumes      "volumes"      Some(Flag::Volumes);
    Plugins      "plugins"      Some(Flag::Plugins);
    Swarm        "swarm"        Some(Flag::Swarm);
    Nodes        "nodes"        Some(Flag::Nodes);
    Services     "services"     Some(Flag::Services);
    Tasks        "tasks"        Some(Flag::Tasks);
    Secrets      "secrets"      Some(Flag::Secrets);
    Configs      "configs"      Some(Flag::Configs);
    Debug        "debug"        None;
    Libpod       "libpod"       None;
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.segment())
    }
}
