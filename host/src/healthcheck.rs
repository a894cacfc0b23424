//! `sockgate healthcheck`: one ping through the running gateway, for container health checks.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use engine_api::untrusted;

use crate::http::refusal::{OURSELVES, REFUSED_BY, RefusedBy};
use crate::net::listen_addr::ListenAddr;

#[cfg(test)]
mod tests;

/// How long a ping may take, from the look-up of the address to the last byte of the answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How much of the answer is read, in bytes: more than any refusal of a ping has.
const MAX_ANSWER: u64 = 64 * 1024;

/// What a ping came to if all is as it was meant to be.
#[derive(Debug, PartialEq, Eq)]
pub enum Health {
    /// The engine answered.
    EngineAnswers,
    /// The gateway answered by itself, because flags or a policy do not let pings through. The text is its refusal.
    Refused(String),
}

/// Why a ping failed.
#[derive(Debug, thiserror::Error)]
pub enum Unhealthy {
    /// There is nothing to ping.
    #[error("there is no address in LISTEN_ADDR")]
    NoAddress,
    /// Nobody listens, or whoever listens did not answer.
    #[error("no answer from {address}")]
    NoAnswer {
        /// The listener that was pinged.
        address: ListenAddr,
        /// The error of the connection.
        source: io::Error,
    },
    /// Whoever listens did not answer in time.
    #[error(
        "no whole answer from {0} within {seconds} s: whoever listens there accepts no connections or does not go on, \
         or the engine behind it took the ping and does not answer",
        seconds = TIMEOUT.as_secs()
    )]
    Late(ListenAddr),
    /// The gateway answered that it has no engine.
    #[error("the gateway is there, the engine is not: {0}")]
    NoEngine(String),
    /// A policy failed.
    #[error("the gateway is there, and a policy fails: {0}")]
    PolicyFails(String),
    /// The gateway has no place for one more connection or decision.
    #[error("the gateway is there and has no place for one more request: {0}")]
    Full(String),
    /// The answer is none that was expected.
    #[error("the ping was answered {status}: {text}")]
    Unexpected {
        /// The status code, or what stands in its place.
        status: String,
        /// What the answer says.
        text: String,
    },
}

impl Unhealthy {
    /// The exit code of `sockgate healthcheck`. Docker reserves 2.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::NoAddress | Self::NoAnswer { .. } | Self::Late(_) | Self::Unexpected { .. } => 1,
            Self::NoEngine(_) => 3,
            Self::PolicyFails(_) => 4,
            Self::Full(_) => 5,
        }
    }
}

/// Pings through the first listener.
///
/// # Errors
/// [`Unhealthy`] if neither the engine answers nor the gateway refuses the ping as it is told to.
pub fn ping(listen: &[ListenAddr]) -> Result<Health, Unhealthy> {
    let address = listen.first().ok_or(Unhealthy::NoAddress)?;
    let failed = |source| Unhealthy::NoAnswer { address: address.clone(), source };
    let (tell, told) = mpsc::channel();
    let asked = address.clone();
    // Each step may wait for ever: the look-up, the connection, each byte. The thread ends with the process.
    thread::Builder::new().spawn(move || tell.send(ask(&asked))).map_err(failed)?;
    let answer = told.recv_timeout(TIMEOUT).map_err(|_late| Unhealthy::Late(address.clone()))?;
    judge(&answer.map_err(failed)?)
}

/// What an answer to the ping means.
fn judge(answer: &str) -> Result<Health, Unhealthy> {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or("nothing");
    let fields: Vec<_> = lines.filter_map(|line| line.split_once(':')).collect();
    let field = |wanted: &str| {
        let found = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.trim())
    };
    let refused_by = field(REFUSED_BY.as_str());
    let refused_by = refused_by.and_then(|by| RefusedBy::ALL.into_iter().find(|known| known.as_str() == by));
    let is_whole = field("content-length").is_none_or(|length| *length == *body.len().to_string());
    let text = words(body);
    match (refused_by, status) {
        (None, _) if !is_whole => Err(Unhealthy::NoEngine("its answer to the ping broke off".to_owned())),
        (None, "200") => Ok(Health::EngineAnswers),
        (Some(RefusedBy::Flags | RefusedBy::DenyOperations | RefusedBy::Policy), _) => {
            Ok(Health::Refused(text))
        }
        (Some(RefusedBy::PolicyFault), _) => Err(Unhealthy::PolicyFails(text)),
        (Some(RefusedBy::Engine), _) => Err(Unhealthy::NoEngine(text)),
        (Some(RefusedBy::Full), _) => Err(Unhealthy::Full(text)),
        (Some(RefusedBy::Request) | None, _) => {
            Err(Unhealthy::Unexpected { status: untrusted::escaped(status).to_string(), text })
        }
    }
}

/// The message of an error body, fit to be shown.
fn words(body: &str) -> String {
    let parsed = serde_json::from_str::<serde_json::Value>(body).ok();
    let message = parsed.as_ref().and_then(|value| value.get("message")).and_then(|message| message.as_str());
    let message = message.unwrap_or(body);
    let message = message.strip_prefix(OURSELVES).unwrap_or(message); // the command's own message begins with it
    untrusted::escaped(message).to_string()
}

fn ask(address: &ListenAddr) -> io::Result<String> {
    match address {
        ListenAddr::Unix(path) => exchange(UnixStream::connect(path)?),
        ListenAddr::Tcp(host_port) => exchange(TcpStream::connect(reachable(host_port))?),
    }
}

/// The address at which a listener is reached from its own host: loopback if it listens on every address.
fn reachable(host_port: &str) -> String {
    match host_port.rsplit_once(':') {
        Some(("" | "0.0.0.0" | "[::]", port)) => format!("127.0.0.1:{port}"),
        Some(_) | None => host_port.to_owned(),
    }
}

/// Sends one ping and reads the answer.
fn exchange(mut stream: impl Read + Write) -> io::Result<String> {
    stream.write_all(b"GET /_ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer)?;
    if answer.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
