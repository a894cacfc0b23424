//! What happens when an engine, a client or the gateway itself ends in the wrong place.

mod absence;
mod clients;
mod crowds;
mod engine;
mod limits;
mod log;
mod refused_by;
mod slowness;
mod stop;

use std::path::Path;

use e2e::Via;
use e2e::binary::Process;
use engine_api::Flag;

/// The binary in front of an engine's socket, with every flag on and one listener.
fn binary(engine: &Path, via: Via) -> Process {
    let listen = match via {
        Via::Tcp => "127.0.0.1:0".to_owned(),
        Via::Unix => format!("unix://{}", engine.with_file_name("gate.sock").display()),
    };
    let engine = engine.display().to_string();
    let flags = Flag::ALL.iter().map(|flag| (flag.name(), "1"));
    let settings: Vec<_> = flags.chain([("LISTEN_ADDR", &*listen), ("DOCKER_SOCKET", &*engine)]).collect();
    Process::start(&settings).unwrap_or_else(|done| panic!("{done:?}"))
}
