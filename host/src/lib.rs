//! sockgate, the gateway: to a client it is the Docker Engine, to the engine it is the only client.
//!
//! The data path, hop by hop: `net` accepts, `server` speaks HTTP/1 to the client, `gateway` is the spine, `http/head`
//! turns a request into an operation or refuses it, the crate `pdp` decides, `engine` forwards what has a permit, and
//! `http/body` or `tunnel` carry the bytes that follow. What a request asks for, and what the env flags say about it,
//! is decided in the crate `engine-api`.

pub mod config;
mod engine;
mod gateway;
mod healthcheck;
mod heavy_work;
mod http;
mod memory;
mod net;
mod open_files;
pub mod presets;
mod record;
mod server;
mod short_slices;
mod stop;
mod summary;
pub mod telemetry;
mod tunnel;

pub use config::{Config, ConfigError};
pub use engine::inspect::engine_inspector;
pub use healthcheck::{Health, Unhealthy, ping};
pub use net::listen_addr::{BadListenAddr, ListenAddr};
pub use net::listener::BindError;
pub use open_files::raise_file_limit;
pub use server::{Server, StartError};
pub use short_slices::ask_for_short_slices;
pub use summary::{announce, check};
