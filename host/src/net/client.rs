//! What requests know of the connection that they came over: who is on the other end, and what the connection holds.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::unix::UCred;

use crate::net::connection_limit::Slot;
use crate::net::listen_addr::ListenAddr;
use crate::net::timeouts::ConnectionTimer;
use crate::stop::Stop;

/// What requests know of the connection that they came over.
#[derive(Debug)]
pub(crate) struct Client {
    /// Who is on the other end.
    pub peer: Peer,
    /// The timer: what the connection waits for, and since when.
    pub timer: ConnectionTimer,
    /// The connection's slot among `MAX_CONNECTIONS`, which a tunnel keeps when the HTTP connection has ended.
    pub slot: Slot,
    /// A second descriptor of the socket, to poll it. It keeps the socket open, so nothing that outlives the connection
    /// or its tunnel may hold it.
    pub socket: OwnedFd,
    /// The gateway's own stop.
    pub stop: Stop,
    /// Whether the request in flight only follows something, so that a stop ends it at once.
    pub follows: AtomicBool,
}

/// The gateway is stopping, and begins nothing that would have no end.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the gateway is stopping")]
pub(crate) struct Stopping;

impl Client {
    /// Notes that the request in flight only follows something.
    ///
    /// # Errors
    /// [`Stopping`], where a stop has begun that would have ended the request at once.
    pub(crate) fn follow(&self) -> Result<(), Stopping> {
        if self.stop.begun.is_cancelled() {
            return Err(Stopping);
        }
        self.follows.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Notes that the request in flight has ended.
    pub(crate) fn request_ended(&self) {
        self.follows.store(false, Ordering::Relaxed);
        self.timer.request_ended();
    }

    /// Whether a stop that has begun ends what is in flight.
    pub(crate) fn is_cut(&self) -> bool {
        let follows = self.follows.load(Ordering::Relaxed);
        self.stop.cut.is_cancelled() || (follows && self.stop.begun.is_cancelled())
    }
}

/// Who is on the other end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    kind: PeerKind,
    owner: Owner,
    /// The client's name in the log.
    name: String,
    /// Facts about the client for policies, under the names that `wit/policy.wit` lists.
    attributes: Arc<[(String, String)]>,
}

/// Whom a connection belongs to, for what clients share among them: however many connections somebody opens, they are
/// one owner's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    /// Whoever has this address. Of an IPv6 address the network counts, since each machine has all addresses of one.
    Address(IpAddr),
    /// The user with this id, on this machine.
    Uid(Option<u32>),
}

impl Owner {
    /// The owner of connections from this address.
    fn of(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        })
    }
}

/// The kind of socket that a client came over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerKind {
    /// TCP: the `Host` and `Origin` rules apply.
    Tcp,
    /// A unix socket, to which no browser speaks.
    Unix,
}

/// The fact that names the listener.
const LISTENER: &str = "listener";

impl Peer {
    /// A client that came over TCP to `listener`.
    pub(crate) fn tcp(listener: &ListenAddr, address: SocketAddr) -> Self {
        let attributes = [
            (LISTENER.to_owned(), listener.to_string()),
            ("peer.address".to_owned(), address.ip().to_canonical().to_string()),
        ];
        let name = SocketAddr::new(address.ip().to_canonical(), address.port()).to_string();
        let owner = Owner::of(address.ip());
        Self { kind: PeerKind::Tcp, owner, name, attributes: Arc::from(attributes) }
    }

    /// A client that came over a unix socket, with the uid and the gid that the kernel vouches for.
    pub(crate) fn unix(listener: &ListenAddr, credentials: Option<UCred>) -> Self {
        let uid = credentials.map(|credentials| credentials.uid());
        let name = uid.map_or_else(|| "unix".to_owned(), |uid| format!("unix:uid:{uid}"));
        let mut attributes = vec![(LISTENER.to_owned(), listener.to_string())];
        if let Some(credentials) = credentials {
            attributes.push(("peer.uid".to_owned(), credentials.uid().to_string()));
            attributes.push(("peer.gid".to_owned(), credentials.gid().to_string()));
        }
        Self { kind: PeerKind::Unix, owner: Owner::Uid(uid), name, attributes: attributes.into() }
    }

    /// Facts about the client, for policies.
    pub(crate) fn attributes(&self) -> Arc<[(String, String)]> {
        Arc::clone(&self.attributes)
    }

    /// The kind of socket that the client came over.
    pub(crate) fn kind(&self) -> PeerKind {
        self.kind
    }

    /// The listener that the client came over: `127.0.0.1:2375`, `unix:///run/sockgate.sock`.
    pub(crate) fn listener(&self) -> &str {
        self.attributes.iter().find(|(name, _)| name == LISTENER).map_or("", |(_, listener)| listener)
    }

    /// Whom the connection belongs to.
    pub(crate) fn owner(&self) -> Owner {
        self.owner
    }

    /// The client's name in the log: `127.0.0.1:40000`, `unix:uid:1000`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use pdp::CLIENT_FACTS;

    use super::*;

    #[test]
    fn the_facts_that_policies_are_told_are_those_that_the_authors_tools_know() {
        let listener = ListenAddr::parse(":2375").unwrap();
        let (address, credentials) = ("127.0.0.1:40000".parse().unwrap(), own_credentials());
        for peer in [Peer::tcp(&listener, address), Peer::unix(&listener, Some(credentials))] {
            for (name, _) in peer.attributes().iter() {
                assert!(CLIENT_FACTS.contains(&name.as_str()), "{name}");
            }
        }
    }

    fn own_credentials() -> UCred {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { tokio::net::UnixStream::pair().unwrap().0.peer_cred().unwrap() })
    }

    #[test]
    fn an_owner_is_an_address_or_a_network_of_ipv6() {
        let same =
            |one: &str, other: &str| Owner::of(one.parse().unwrap()) == Owner::of(other.parse().unwrap());
        for (one, other, want) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
            ("::1", "127.0.0.1", false),
        ] {
            assert_eq!(same(one, other), want, "{one} {other}");
        }
    }
}
