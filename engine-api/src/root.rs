//! Operations by which a client can become root on the engine's host.

use crate::{Endpoint, Rights};

/// A way in which a client can become root on the engine's host: by one of some operations, and where that does not do
/// yet, by one of some others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WayToRoot {
    first: &'static [Endpoint],
    /// What a client needs besides; nothing if the list is empty.
    then: &'static [Endpoint],
    /// How a client does it, as a clause.
    pub how: &'static str,
}

/// Every way that is known.
const WAYS: [WayToRoot; 6] = [
    WayToRoot {
        first: &[Endpoint::ContainerCreate],
        // A container need not run: files are read from and written to its mounts as soon as it is created.
        then: &[
            Endpoint::ContainerArchive,
            Endpoint::ContainerStart,
            Endpoint::ContainerRestart,
            Endpoint::PutContainerArchive,
        ],
        how: "a client can create a container that mounts / or is privileged",
    },
    WayToRoot {
        first: &[Endpoint::ServiceCreate, Endpoint::ServiceUpdate],
        then: &[],
        how: "a client can create or change a service so that it mounts /",
    },
    WayToRoot {
        first: &[Endpoint::PluginPull, Endpoint::PluginCreate, Endpoint::PluginUpgrade],
        then: &[Endpoint::PluginEnable],
        how: "a client can install a plugin with every privilege",
    },
    WayToRoot {
        first: &[Endpoint::Grpc],
        then: &[],
        how: "a client can build images, also with BUILD=0, and a build runs commands",
    },
    WayToRoot {
        first: &[Endpoint::SwarmJoin],
        then: &[],
        how: "a client can make the engine join a swarm of its own",
    },
    WayToRoot {
        first: &[Endpoint::PutContainerArchive],
        then: &[],
        how: "a client can write files into every container, privileged ones included",
    },
];

impl WayToRoot {
    /// Operations that these rights permit and that suffice for this way: one of each list. There are none if the rights
    /// leave it closed.
    pub fn operations(&self, rights: Rights) -> impl Iterator<Item = Endpoint> {
        let permitted = |list: &[Endpoint]| list.iter().copied().find(|&endpoint| rights.permit(endpoint));
        let then = permitted(self.then);
        let first = permitted(self.first).filter(|_| then.is_some() || self.then.is_empty());
        first.into_iter().chain(then.filter(|_| first.is_some()))
    }

    /// Whether these rights leave it open.
    #[must_use]
    pub fn is_open(&self, rights: Rights) -> bool {
        self.operations(rights).next().is_some()
    }
}

/// The ways to root that these rights leave open.
pub fn ways_to_root(rights: Rights) -> impl Iterator<Item = &'static WayToRoot> {
    WAYS.iter().filter(move |way| way.is_open(rights))
}
