//! Where the client programs are. `tests/setup` puts them there; without it the tests fail and say so.

use std::path::{Path, PathBuf};

use e2e::dockerd::{Release, on_path};
use e2e::{Program, installed};

/// The compose of this engine's day: a plugin of the docker command, or the program that it once was (1.29 of Debian 12).
pub(crate) fn compose(engine: Release) -> Program {
    match engine {
        Release::Modern => engine.docker().subcommand("compose"),
        Release::V20 => PathBuf::from("/usr/bin/docker-compose").into(),
    }
}

/// The interpreter of the private Python environment.
pub(crate) fn python() -> PathBuf {
    installed("python/bin/python")
}

/// The interpreter for JavaScript.
pub(crate) fn node() -> PathBuf {
    on_path("node").expect("no node on PATH; run tests/setup")
}

/// The folder with the private npm packages.
pub(crate) fn node_modules() -> PathBuf {
    installed("node/node_modules")
}

/// A script of `tests/clients`.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}
