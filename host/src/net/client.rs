//! A client's connection, as far as requests know of it: who is on the other end, and what it holds.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use tokio::net::unix::UCred;
use tokio_util::sync::CancellationToken;

use crate::net::connection_limit::Slot;
use crate::net::listen_addr::ListenAddr;
use crate::net::timeouts::ConnectionTimer;

/// A client's connection, as far as requests know of it.
#[derive(Debug)]
pub(crate) struct Client {
    /// Who.
    pub peer: Peer,
    /// What the connection waits for, and since when.
    pub timer: ConnectionTimer,
    /// Its slot among `MAX_CONNECTIONS`, which a tunnel keeps when the HTTP connection has ended.
    pub slot: Slot,
    /// To look at its socket, which it keeps open: nothing that outlives the connection or its tunnel may hold this.
    pub socket: Option<OwnedFd>,
    /// The shutdown's grace period is over.
    pub cut: CancellationToken,
}

/// Who is on the other end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    kind: PeerKind,
    /// For the log.
    name: String,
    /// For policies, by the names that `wit/policy.wit` lists.
    attributes: Arc<[(String, String)]>,
}

/// Over what a client came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerKind {
    /// TCP: the `Host` and `Origin` rules apply.
    Tcp,
    /// A unix socket, to which no browser speaks.
    Unix,
}

impl Peer {
    /// A client that came over TCP to `listener`.
    pub(crate) fn tcp(listener: &ListenAddr, address: SocketAddr) -> Self {
        let attributes = [
            ("listener".to_owned(), listener.to_string()),
            ("peer.address".to_owned(), address.ip().to_canonical().to_string()),
        ];
        Self { kind: PeerKind::Tcp, name: address.to_string(), attributes: Arc::from(attributes) }
    }

    /// A client that came over a unix socket, with the uid and the gid that the kernel vouches for.
    pub(crate) fn unix(listener: &ListenAddr, credentials: Option<UCred>) -> Self {
        let uid = credentials.map(|credentials| credentials.uid());
        let name = uid.map_or_else(|| "unix".to_owned(), |uid| format!("unix:uid:{uid}"));
        let mut attributes = vec![("listener".to_owned(), listener.to_string())];
        if let Some(credentials) = credentials {
            attributes.push(("peer.uid".to_owned(), credentials.uid().to_string()));
            attributes.push(("peer.gid".to_owned(), credentials.gid().to_string()));
        }
        Self { kind: PeerKind::Unix, name, attributes: attributes.into() }
    }

    /// Facts for policies.
    pub(crate) fn attributes(&self) -> Arc<[(String, String)]> {
        Arc::clone(&self.attributes)
    }

    /// Over what it came.
    pub(crate) fn kind(&self) -> PeerKind {
        self.kind
    }

    /// `127.0.0.1:40000`, `unix:uid:1000`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}
