//! Pairs of flags with which a client can become root on the engine's host.

use crate::{Flag, Flags};

/// Two flags that together let a client become root on the engine's host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WayToRoot {
    /// Both flags.
    pub flags: [Flag; 2],
    /// How a client does it, as a clause.
    pub how: &'static str,
}

/// Every pair that is known.
const WAYS: [WayToRoot; 6] = [
    way([Flag::Containers, Flag::Post], "a client can create a container that mounts / or is privileged"),
    way([Flag::Services, Flag::Post], "a client can create a service that mounts /"),
    way([Flag::Plugins, Flag::Post], "a client can install a plugin with every privilege"),
    way([Flag::Grpc, Flag::Post], "a client can build images, also with BUILD=0, and a build runs commands"),
    way([Flag::Swarm, Flag::Post], "a client can make the engine join a swarm of its own"),
    way(
        [Flag::Containers, Flag::Put],
        "a client can write files into every container, privileged ones included",
    ),
];

const fn way(flags: [Flag; 2], how: &'static str) -> WayToRoot {
    WayToRoot { flags, how }
}

/// The ways to root that these flags leave open.
pub fn ways_to_root(flags: Flags) -> impl Iterator<Item = &'static WayToRoot> {
    WAYS.iter().filter(move |way| way.flags.iter().all(|&flag| flags.has(flag)))
}
