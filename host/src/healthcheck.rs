//! `sockgate healthcheck`: one ping through the running gateway, for container health checks.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::net::listen_addr::ListenAddr;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Who answered a ping.
pub enum Health {
    /// The engine answered.
    EngineAnswers,
    /// The gateway answered by itself, because of `PING=0`.
    GatewayAnswers,
}

/// Why a ping failed.
#[derive(Debug, thiserror::Error)]
pub enum Unhealthy {
    /// There is nothing to ping.
    #[error("there is no address in LISTEN_ADDR")]
    NoAddress,
    /// Nobody listens, or whoever listens did not answer in time.
    #[error("no answer from {address}")]
    NoAnswer {
        /// The listener that was pinged.
        address: ListenAddr,
        /// The error of the connection.
        source: io::Error,
    },
    /// The gateway answered that it has no engine.
    #[error("{address} answers {status}: the gateway is there, the engine is not")]
    NoEngine {
        /// The listener that was pinged.
        address: ListenAddr,
        /// The status code of the answer.
        status: String,
    },
}

/// Pings through the first listener.
///
/// # Errors
/// [`Unhealthy`] if the answer is neither 200 nor, with `PING=0`, 403.
pub fn ping(listen: &[ListenAddr]) -> Result<Health, Unhealthy> {
    let address = listen.first().ok_or(Unhealthy::NoAddress)?;
    let status = ask(address).map_err(|source| Unhealthy::NoAnswer { address: address.clone(), source })?;
    match status.as_str() {
        "200" => Ok(Health::EngineAnswers),
        "403" => Ok(Health::GatewayAnswers),
        _ => Err(Unhealthy::NoEngine { address: address.clone(), status }),
    }
}

fn ask(address: &ListenAddr) -> io::Result<String> {
    match address {
        ListenAddr::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            exchange(stream)
        }
        ListenAddr::Tcp(host_port) => {
            let address =
                reachable(host_port).to_socket_addrs()?.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
            let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            exchange(stream)
        }
    }
}

/// The address at which a listener is reached from its own host: loopback if it listens on every address.
fn reachable(host_port: &str) -> String {
    match host_port.rsplit_once(':') {
        Some(("" | "0.0.0.0" | "[::]", port)) => format!("127.0.0.1:{port}"),
        Some(_) | None => host_port.to_owned(),
    }
}

/// Sends one ping and reads the status code of the answer.
fn exchange(mut stream: impl Read + Write) -> io::Result<String> {
    stream.write_all(b"GET /_ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut status_line = [0; 12];
    stream.read_exact(&mut status_line)?;
    Ok(String::from_utf8_lossy(&status_line).chars().skip("HTTP/1.1 ".len()).collect())
}
