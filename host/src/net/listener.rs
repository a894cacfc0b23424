//! Listeners: TCP and unix sockets that clients connect to.
//!
//! Binding happens before anything is served, so that a taken port or a live socket file stops the start-up. It may wait
//! for a resolver or a file system; the signals that stop the gateway are heard in the meantime.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::io::Errno;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::net::client::Peer;
use crate::net::listen_addr::ListenAddr;
use crate::net::socket_file::{Obstacle, SocketFile, are_same};

/// How many connections may wait for `accept`: more than std's 128, so that a burst is not refused by the kernel.
const BACKLOG: i32 = 4096;

/// How long a TCP client may be silent before the kernel probes whether it is still there, and the time between probes.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The kernel refuses the address.
    #[error("cannot listen on {address} ({})", advice(source))]
    Address {
        /// The entry of `LISTEN_ADDR`.
        address: ListenAddr,
        /// The error of the kernel, such as "address in use".
        source: io::Error,
    },
    /// Another process listens on the socket file.
    #[error("cannot listen on unix://{}: another process is listening there", .0.display())]
    Live(PathBuf),
    /// The file is not a socket, and listening there would destroy it.
    #[error("cannot listen on unix://{}: the file is there and is not a socket; remove it or choose another path", .0.display())]
    NotASocket(PathBuf),
    /// The path is a folder's.
    #[error(
        "cannot listen on unix://{}: it is a folder, as Docker makes it where a file that a container mounts is missing; \
         remove it, or set LISTEN_ADDR to a file in it",
        .0.display()
    )]
    Folder(PathBuf),
    /// The file is the engine's socket: the gateway would be its own engine.
    #[error(
        "cannot listen on unix://{}: DOCKER_SOCKET ({}) leads to it as well, and what the gateway sent would come back to \
         it; point DOCKER_SOCKET at the engine's socket, and LISTEN_ADDR at another file",
        path.display(), engine.display()
    )]
    Engine {
        /// The path in `LISTEN_ADDR`.
        path: PathBuf,
        /// The value of `DOCKER_SOCKET`.
        engine: PathBuf,
    },
    /// An earlier entry of `LISTEN_ADDR` is the same address.
    #[error(
        "cannot listen on {address}: it stands twice in LISTEN_ADDR{}; remove one of them",
        also_as(address, earlier)
    )]
    Twice {
        /// The entry of `LISTEN_ADDR`.
        address: ListenAddr,
        /// The earlier entry.
        earlier: ListenAddr,
    },
}

/// How an earlier entry writes the same address, if in another way.
fn also_as(address: &ListenAddr, earlier: &ListenAddr) -> String {
    if address == earlier { String::new() } else { format!(", first as {earlier}") }
}

/// What is wrong with the address and what to do, as far as the error tells.
fn advice(error: &io::Error) -> &'static str {
    match Errno::from_io_error(error) {
        Some(Errno::ADDRINUSE) => {
            "something else listens there: stop it, or set LISTEN_ADDR to a free address"
        }
        Some(Errno::NOENT) => "the folder is missing: make it, or set LISTEN_ADDR to another path",
        Some(Errno::ACCESS | Errno::PERM) => {
            "the gateway's user may not use it: set LISTEN_ADDR to one that it may use"
        }
        Some(Errno::ADDRNOTAVAIL) => "this host has no such address: set LISTEN_ADDR to one that it has",
        _ => "see LISTEN_ADDR",
    }
}

/// A bound listener.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: Socket,
    /// The address as bound: port 0 has become the real port.
    address: ListenAddr,
}

#[derive(Debug)]
enum Socket {
    Tcp(std::net::TcpListener),
    Unix(SocketFile, std::os::unix::net::UnixListener),
}

impl Listener {
    /// Binds all `addresses`; unix socket files get `mode`, and none of them may be the one at `engine`.
    ///
    /// # Errors
    /// The first [`BindError`], with the address and the cause.
    pub(crate) async fn bind_all(
        addresses: &[ListenAddr],
        mode: u32,
        engine: &Path,
    ) -> Result<Vec<Self>, BindError> {
        let mut listeners = Vec::new();
        for (number, address) in addresses.iter().enumerate() {
            let earlier = addresses.get(..number).unwrap_or_default();
            listeners.push(match address {
                ListenAddr::Tcp(host_port) => Self::bind_tcp(address, host_port, earlier).await?,
                ListenAddr::Unix(path) => Self::bind_unix(path, mode, engine, earlier).await?,
            });
        }
        Ok(listeners)
    }

    async fn bind_tcp(
        address: &ListenAddr,
        host_port: &str,
        earlier: &[ListenAddr],
    ) -> Result<Self, BindError> {
        let bound = bind_tcp(host_port).await.and_then(|socket| Ok((socket.local_addr()?, socket)));
        let source = match bound {
            Ok((bound, socket)) => {
                return Ok(Self { socket: Socket::Tcp(socket), address: ListenAddr::Tcp(bound.to_string()) });
            }
            Err(source) => source,
        };
        let address = address.clone();
        if Errno::from_io_error(&source) == Some(Errno::ADDRINUSE)
            && let Some(earlier) = find_same(host_port, earlier).await
        {
            return Err(BindError::Twice { address, earlier });
        }
        Err(BindError::Address { address, source })
    }

    /// Looking at the files may wait for a file system, so this is done on another thread.
    async fn bind_unix(
        path: &Path,
        mode: u32,
        engine: &Path,
        earlier: &[ListenAddr],
    ) -> Result<Self, BindError> {
        let address = ListenAddr::Unix(path.to_owned());
        let (path, engine, earlier) = (path.to_owned(), engine.to_owned(), earlier.to_vec());
        let listening = tokio::task::spawn_blocking(move || listen(path, mode, engine, earlier)).await;
        let (file, socket) = listening.unwrap_or_else(|panicked| {
            Err(BindError::Address { address: address.clone(), source: panicked.into() })
        })?;
        Ok(Self { socket: Socket::Unix(file, socket), address })
    }

    /// The address that clients connect to.
    pub(crate) fn address(&self) -> &ListenAddr {
        &self.address
    }

    /// Hands the socket to the current runtime.
    ///
    /// # Errors
    /// The runtime's error if it cannot watch the socket.
    pub(crate) fn into_acceptor(self) -> io::Result<Acceptor> {
        let socket = match self.socket {
            Socket::Tcp(socket) => AcceptorSocket::Tcp(TcpListener::from_std(socket)?),
            Socket::Unix(file, socket) => AcceptorSocket::Unix(file, UnixListener::from_std(socket)?),
        };
        Ok(Acceptor { socket, address: self.address })
    }
}

/// Listens on a socket file that is neither the engine's nor another listener's.
fn listen(
    path: PathBuf,
    mode: u32,
    engine: PathBuf,
    earlier: Vec<ListenAddr>,
) -> Result<(SocketFile, std::os::unix::net::UnixListener), BindError> {
    let is_path = |entry: &ListenAddr| match entry {
        ListenAddr::Unix(other) => are_same(other, &path),
        ListenAddr::Tcp(_) => false,
    };
    if let Some(earlier) = earlier.into_iter().find(is_path) {
        return Err(BindError::Twice { address: ListenAddr::Unix(path), earlier });
    }
    if are_same(&path, &engine) {
        return Err(BindError::Engine { path, engine });
    }
    match SocketFile::listen(&path, mode, BACKLOG) {
        // There may have been no file before, and so nothing to compare.
        Ok(_) if are_same(&path, &engine) => Err(BindError::Engine { path, engine }),
        Ok(listening) => Ok(listening),
        Err(Obstacle::Live) => Err(BindError::Live(path)),
        Err(Obstacle::NotASocket) => Err(BindError::NotASocket(path)),
        Err(Obstacle::Folder) => Err(BindError::Folder(path)),
        Err(Obstacle::Io(source)) => Err(BindError::Address { address: ListenAddr::Unix(path), source }),
    }
}

async fn bind_tcp(host_port: &str) -> io::Result<std::net::TcpListener> {
    let addresses = resolve(host_port).await?;
    let socket = match std::net::TcpListener::bind(addresses.as_slice()) {
        // Every address of both families is every one of IPv4 where IPv6 is off.
        Err(error) if is_without_ipv6(&error) && host_port.starts_with(':') => {
            std::net::TcpListener::bind(format!("0.0.0.0{host_port}"))?
        }
        bound => bound?,
    };
    set_options(&socket)?;
    rustix::net::listen(socket.as_fd(), BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// The addresses that `host_port` stands for. An empty host means every address of both families.
async fn resolve(host_port: &str) -> io::Result<Vec<SocketAddr>> {
    let host = if host_port.starts_with(':') { "[::]" } else { "" };
    Ok(tokio::net::lookup_host(format!("{host}{host_port}")).await?.collect())
}

/// The entry that stands for an address of `host_port` as well, if one does.
async fn find_same(host_port: &str, entries: &[ListenAddr]) -> Option<ListenAddr> {
    let wanted = resolve(host_port).await.ok()?;
    for entry in entries {
        if let ListenAddr::Tcp(other) = entry
            && let Ok(others) = resolve(other).await
            && others.iter().any(|other| wanted.iter().any(|wanted| overlap(*other, *wanted)))
        {
            return Some(entry.clone());
        }
    }
    None
}

/// Whether no two listeners can have these addresses.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let covers =
        |all: SocketAddr, one: SocketAddr| all.ip().is_unspecified() && (all.is_ipv6() || one.is_ipv4());
    one.port() == other.port() && (one.ip() == other.ip() || covers(one, other) || covers(other, one))
}

fn is_without_ipv6(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL))
}

/// A listener inside a runtime.
pub(crate) struct Acceptor {
    socket: AcceptorSocket,
    address: ListenAddr,
}

enum AcceptorSocket {
    Tcp(TcpListener),
    /// A unix socket, behind its file, which is dropped first.
    Unix(#[allow(dead_code, reason = "held for its drop")] SocketFile, UnixListener),
}

impl Acceptor {
    /// Waits for the next connection.
    ///
    /// # Errors
    /// The error of `accept`, such as "too many open files": the caller pauses and goes on.
    pub(crate) async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match &self.socket {
            AcceptorSocket::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                Ok((Stream::Tcp(stream), Peer::tcp(&self.address, address)))
            }
            AcceptorSocket::Unix(_, listener) => {
                let (stream, _) = listener.accept().await?;
                let credentials = stream.peer_cred().ok();
                Ok((Stream::Unix(stream), Peer::unix(&self.address, credentials)))
            }
        }
    }
}

/// Sets the options that, on Linux, every accepted connection inherits: four system calls in all, not for each client.
/// Small pieces of data are sent at once. Streams have no time limit, so only the kernel's probes notice a client whose
/// host is gone.
fn set_options(listener: &std::net::TcpListener) -> io::Result<()> {
    use rustix::net::sockopt;
    sockopt::set_tcp_nodelay(listener, true)?;
    sockopt::set_socket_keepalive(listener, true)?;
    sockopt::set_tcp_keepidle(listener, KEEP_ALIVE)?;
    sockopt::set_tcp_keepintvl(listener, KEEP_ALIVE)?;
    Ok(())
}

/// A client's connection of either kind.
pub(crate) enum Stream {
    /// A TCP connection.
    Tcp(TcpStream),
    /// A connection over a unix socket.
    Unix(UnixStream),
}

impl Stream {
    /// A second descriptor of the socket, to poll it. It must not outlive the connection, which it would keep open.
    ///
    /// # Errors
    /// If no file descriptor is left.
    pub(crate) fn duplicate(&self) -> io::Result<OwnedFd> {
        self.as_fd().try_clone_to_owned()
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

macro_rules! delegate {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Self::Tcp($stream) => $call,
            Self::Unix($stream) => $call,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        delegate!(self, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        delegate!(self, stream => Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        delegate!(self, stream => Pin::new(stream).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true // both kinds are
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}
