//! `sockgate healthcheck`: one ping through the running gateway, for container health checks.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::net::listen_addr::ListenAddr;

const TIMEOUT: Duration = Duration::from_secs(5);

/// What a ping showed.
pub enum Health {
    /// The engine answered.
    EngineAnswers,
    /// The gateway answered itself: `PING=0`.
    GatewayAnswers,
}

/// Pings through the first listener.
///
/// # Errors
/// A sentence: nobody listens, or what the answer was.
pub fn ping(listen: &[ListenAddr]) -> Result<Health, String> {
    let address = listen.first().ok_or("there is no address in LISTEN_ADDR")?;
    let status = ask(address).map_err(|error| format!("no answer from {address}: {error}"))?;
    match status.as_str() {
        "200" => Ok(Health::EngineAnswers),
        "403" => Ok(Health::GatewayAnswers),
        _ => Err(format!("{address} answers {status}: the gateway is there, the engine is not")),
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

/// Where a listener on every address can be reached from inside.
fn reachable(host_port: &str) -> String {
    match host_port.rsplit_once(':') {
        Some(("" | "0.0.0.0" | "[::]", port)) => format!("127.0.0.1:{port}"),
        Some(_) | None => host_port.to_owned(),
    }
}

/// The status code of an answer to one ping.
fn exchange(mut stream: impl Read + Write) -> io::Result<String> {
    stream.write_all(b"GET /_ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut status_line = [0; 12];
    stream.read_exact(&mut status_line)?;
    Ok(String::from_utf8_lossy(&status_line).chars().skip("HTTP/1.1 ".len()).collect())
}
