//! The docker command, in two versions, over both kinds of listener.

use e2e::Via;
use e2e::dockerd::Dockerd;

use crate::client::Client;
use crate::programs::DockerCli;

/// Makes each scenario four tests: two versions of the CLI, two kinds of listener.
macro_rules! with_each_cli {
    ($($scenario:ident)*) => {
        with_each_cli! { @tests cli_20_over_tcp, V20, Tcp, $($scenario)* }
        with_each_cli! { @tests cli_20_over_unix, V20, Unix, $($scenario)* }
        with_each_cli! { @tests modern_cli_over_tcp, Modern, Tcp, $($scenario)* }
        with_each_cli! { @tests modern_cli_over_unix, Modern, Unix, $($scenario)* }
    };
    (@tests $module:ident, $version:ident, $via:ident, $($scenario:ident)*) => {
        mod $module {
            $(
                #[test]
                fn $scenario() {
                    super::$scenario(crate::programs::DockerCli::$version, e2e::Via::$via);
                }
            )*
        }
    };
}

mod build;
mod containers;
mod files;
mod images;
mod objects;
mod refused;
mod streams;
mod swarm;
mod sweeping;
mod terminal;

/// A docker command that may do everything, in front of the shared engine.
fn docker(version: DockerCli, via: Via) -> Client {
    docker_of(Dockerd::shared(), version, via)
}

/// A docker command that may do everything, in front of `engine`.
fn docker_of(engine: &Dockerd, version: DockerCli, via: Via) -> Client {
    Client::of_open_gateway(version.program(), engine, via)
}
