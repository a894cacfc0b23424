//! sockgate, the gateway: to a client it is the Docker Engine, to the engine it is the one client.
//!
//! The data path, hop by hop: `listener` accepts, `server` speaks HTTP/1 to the client, `gateway` is the spine,
//! `head` turns a request into an operation or refuses it, `pdp` decides, `upstream` forwards what has a permit, and
//! `body` or `tunnel` carry the rest. What the decision is made from lives in the crate `policy`.

mod author;
pub mod cli;
pub mod config;
mod engine_socket;
mod foreign;
mod gateway;
mod gather;
mod head;
mod headers;
mod healthcheck;
mod intake;
mod listener;
mod pace;
mod pdp;
mod places;
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
pub use pdp::{
    Answer, BadImport, ChainError, Digest, Fault, Inspector, Kind, Limits, LoadError, LookupError, NoEngine,
    PolicyDenial, Reload, SandboxError, Unreadable, Verdict, workbench,
};
pub use places::raise_file_limit;
pub use report::announce;
pub use server::{Server, StartError};
