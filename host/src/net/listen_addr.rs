//! Addresses to listen on, as `LISTEN_ADDR` writes them.

use std::fmt;
use std::path::PathBuf;

/// The kernel's limit (unix(7): `sun_path` less its end).
pub(crate) const MAX_UNIX_PATH: usize = 107;

/// One entry of `LISTEN_ADDR`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddr {
    /// `host:port`; an empty host is every address.
    Tcp(String),
    /// A path.
    Unix(PathBuf),
}

impl ListenAddr {
    /// Reads `127.0.0.1:2375`, `:2375`, `tcp://…` or `unix:///…`.
    ///
    /// # Errors
    /// A sentence that says what an entry may look like.
    pub fn parse(entry: &str) -> Result<Self, String> {
        if let Some(path) = entry.strip_prefix("unix://").or_else(|| entry.starts_with('/').then_some(entry))
        {
            return match path.starts_with('/') {
                true if path.len() > MAX_UNIX_PATH => Err(format!(
                    "{entry:?} is too long: a unix socket's path has at most {MAX_UNIX_PATH} bytes"
                )),
                true => Ok(Self::Unix(PathBuf::from(path))),
                false => Err(format!("{entry:?} is not an absolute path; write unix:///run/sockgate.sock")),
            };
        }
        let address = entry.strip_prefix("tcp://").unwrap_or(entry);
        match address.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() && !host.contains('/') => {
                Ok(Self::Tcp(address.to_owned()))
            }
            _ => Err(format!(
                "{entry:?} is not an address; write 127.0.0.1:2375, :2375 or unix:///run/sockgate.sock"
            )),
        }
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}
