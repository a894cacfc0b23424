//! Addresses to listen on, as `LISTEN_ADDR` writes them.

use std::fmt;
use std::path::PathBuf;

/// The longest path of a unix socket, in bytes (unix(7): `sun_path` less its terminating zero).
pub(crate) const MAX_UNIX_PATH: usize = 107;

/// One entry of `LISTEN_ADDR`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddr {
    /// A TCP address, `host:port`; an empty host means every address of the machine.
    Tcp(String),
    /// The path of a unix socket.
    Unix(PathBuf),
}

/// An entry of `LISTEN_ADDR` that is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadListenAddr {
    /// The path is longer than the kernel allows.
    #[error("{:?} is too long: a unix socket's path has at most {} bytes", .0, MAX_UNIX_PATH)]
    TooLong(String),
    /// The path is relative.
    #[error("{0:?} is not an absolute path; write unix:///run/sockgate.sock")]
    Relative(String),
    /// The entry is in neither form.
    #[error("{0:?} is not an address; write 127.0.0.1:2375, :2375 or unix:///run/sockgate.sock")]
    Other(String),
}

impl ListenAddr {
    /// Reads `127.0.0.1:2375`, `:2375`, `tcp://…` or `unix:///…`.
    ///
    /// # Errors
    /// [`BadListenAddr`], which says what an entry may look like.
    pub fn parse(entry: &str) -> Result<Self, BadListenAddr> {
        if let Some(path) = entry.strip_prefix("unix://").or_else(|| entry.starts_with('/').then_some(entry))
        {
            return match path.starts_with('/') {
                true if path.len() > MAX_UNIX_PATH => Err(BadListenAddr::TooLong(entry.to_owned())),
                true => Ok(Self::Unix(PathBuf::from(path))),
                false => Err(BadListenAddr::Relative(entry.to_owned())),
            };
        }
        let address = entry.strip_prefix("tcp://").unwrap_or(entry);
        match address.rsplit_once(':') {
            Some((host, port)) if is_port(port) && !host.contains('/') => Ok(Self::Tcp(address.to_owned())),
            _ => Err(BadListenAddr::Other(entry.to_owned())),
        }
    }
}

/// Whether it is a number of a port, which has no sign.
fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}
