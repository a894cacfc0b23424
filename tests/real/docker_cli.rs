//! The docker command, of today and of old, over both kinds of listener, to the engine of today and to that of old.

use e2e::Via;
use e2e::dockerd::{Dockerd, Release};

use crate::client::Client;

/// Makes each scenario six tests: two kinds of listener for both versions of the command to the engine of today, and for
/// the old command to the old engine.
macro_rules! with_each_cli {
    ($($scenario:ident)*) => {
        with_each_cli! { @tests modern_engine_modern_cli_over_tcp, Modern, Modern, Tcp, $($scenario)* }
        with_each_cli! { @tests modern_engine_modern_cli_over_unix, Modern, Modern, Unix, $($scenario)* }
        with_each_cli! { @tests modern_engine_cli_20_over_tcp, Modern, V20, Tcp, $($scenario)* }
        with_each_cli! { @tests modern_engine_cli_20_over_unix, Modern, V20, Unix, $($scenario)* }
        with_each_cli! { @tests engine_20_cli_20_over_tcp, V20, V20, Tcp, $($scenario)* }
        with_each_cli! { @tests engine_20_cli_20_over_unix, V20, V20, Unix, $($scenario)* }
    };
    (@tests $module:ident, $engine:ident, $cli:ident, $via:ident, $($scenario:ident)*) => {
        mod $module {
            use e2e::Via;
            use e2e::dockerd::Release;

            const CASE: super::Case = super::Case { engine: Release::$engine, cli: Release::$cli, via: Via::$via };
            $(
                #[test]
                fn $scenario() {
                    super::$scenario(CASE);
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

/// Which docker command talks to which engine, and how.
#[derive(Clone, Copy)]
struct Case {
    engine: Release,
    cli: Release,
    via: Via,
}

impl Case {
    /// A docker command that may do everything, in front of the shared engine.
    fn docker(self) -> Client {
        self.docker_of(Dockerd::shared(self.engine))
    }

    /// A docker command that may do everything, in front of `engine`.
    fn docker_of(self, engine: &Dockerd) -> Client {
        Client::of_open_gateway(self.cli.docker(), engine, self.via)
    }

    /// An engine for one test alone.
    fn start_engine(self) -> Dockerd {
        Dockerd::start(self.engine).unwrap()
    }
}
