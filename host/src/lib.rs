//! sockgate, the gateway: to a client it is the Docker Engine, to the engine it is the one client.
//!
//! The data path, hop by hop: `listener` accepts, `server` speaks HTTP/1 to the client, `gateway` is the spine,
//! `head` turns a request into an operation or refuses it, `pdp` decides, `upstream` forwards what has a permit, and
//! `body` or `tunnel` carry the rest. What the decision is made from lives in the crate `policy`.

pub mod cli;
pub mod config;
mod engine_socket;
mod gateway;
mod head;
mod headers;
mod healthcheck;
mod listener;
mod pace;
mod pdp;
mod record;
mod report;
mod response;
mod server;
pub mod telemetry;
mod tunnel;
mod upstream;

mod body;

pub use config::{Config, ConfigError};
pub use listener::BindError;
pub use server::Server;

/// Says in the log what is about to be enforced, and what looks wrong about it.
pub fn announce(config: &Config) {
    let [on, off] = report::flags_in_words(config.flags);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "sockgate guards {}", config.docker_socket.display());
    tracing::info!("policy: env flags {on}");
    tracing::info!("policy: env flags {off}");
    for warning in report::warnings(config.flags) {
        tracing::warn!("{warning}");
    }
    for hint in &config.hints {
        tracing::warn!("{hint}");
    }
}

/// Lets the process open as many files as it may: a connection takes two, and the usual soft limit is 1024.
pub fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
    {
        tracing::warn!("cannot raise the limit of open files: {error}");
    }
}
