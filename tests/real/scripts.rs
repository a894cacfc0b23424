//! The clients of other languages: Python's `docker` and JavaScript's `dockerode`.
//!
//! A scenario is a function of a script in `tests/clients`, and says itself what is wrong.

/// Makes each scenario of this module's `script()` four tests, either engine over either listener, and one more test that
/// finds scenarios of the script which are not listed.
macro_rules! scenarios_of {
    (on_the_shared_engine: $($shared:ident)*, on_an_engine_of_its_own: $($own:ident)*, refused: $($refused:ident)*) => {
        scenarios_of! { @tests modern_engine_over_tcp, Modern, Tcp, $($shared)*, $($own)*, $($refused)* }
        scenarios_of! { @tests modern_engine_over_unix, Modern, Unix, $($shared)*, $($own)*, $($refused)* }
        scenarios_of! { @tests engine_20_over_tcp, V20, Tcp, $($shared)*, $($own)*, $($refused)* }
        scenarios_of! { @tests engine_20_over_unix, V20, Unix, $($shared)*, $($own)*, $($refused)* }

        #[test]
        fn every_scenario_of_the_script_is_a_test() {
            let listed = [$(stringify!($shared),)* $(stringify!($own),)* $(stringify!($refused),)*];
            crate::scripts::assert_complete(script(), &listed);
        }
    };
    (@tests $module:ident, $engine:ident, $via:ident, $($shared:ident)*, $($own:ident)*, $($refused:ident)*) => {
        mod $module {
            use e2e::dockerd::{Dockerd, Release};

            $(
                #[test]
                fn $shared() {
                    let engine = Dockerd::shared(Release::$engine);
                    crate::scripts::play(super::script(), engine, e2e::Via::$via, stringify!($shared));
                }
            )*
            $(
                #[test]
                fn $own() {
                    let engine = Dockerd::start(Release::$engine).unwrap();
                    crate::scripts::play(super::script(), &engine, e2e::Via::$via, stringify!($own));
                }
            )*
            $(
                #[test]
                fn $refused() {
                    let engine = Dockerd::start(Release::$engine).unwrap();
                    crate::scripts::play_refused(super::script(), &engine, e2e::Via::$via, stringify!($refused));
                }
            )*
        }
    };
}

mod dockerode;
mod python;
mod testcontainers;

use std::path::PathBuf;
use std::process::Command;

use e2e::dockerd::{Dockerd, IMAGE};
use e2e::{Gateway, Via};
use sockgate::presets::Preset;

use crate::client::{Client, text};
use crate::programs;

/// An interpreter and the script that it runs.
struct Script {
    interpreter: PathBuf,
    script: PathBuf,
}

/// Runs one scenario against `engine`, through an open gateway.
fn play(script: Script, engine: &Dockerd, via: Via, scenario: &str) {
    script.play(engine, Gateway::open(&engine.socket()), via, scenario);
}

/// Runs one scenario against `engine`, through a gateway with the settings of a preset.
fn play_with_preset(script: Script, engine: &Dockerd, preset: &Preset, via: Via, scenario: &str) {
    script.play(engine, Gateway::of_preset(&engine.socket(), preset), via, scenario);
}

/// Runs one scenario that must be refused all along; the event log of its own engine is the witness.
fn play_refused(script: Script, engine: &Dockerd, via: Via, scenario: &str) {
    engine.docker(&["run", "--detach", "--name", "victim", IMAGE, "sleep", "1000"]);
    let before = engine.events();
    script.play(engine, Gateway::start(&engine.socket(), &[("CONTAINERS", "1")]), via, scenario);
    assert_eq!(engine.events(), before);
}

impl Script {
    /// The script compares what it is told with what the engine says of itself.
    fn play(self, engine: &Dockerd, gateway: Gateway, via: Via, scenario: &str) {
        let client = Client::behind(self.interpreter, gateway, via)
            .with("ENGINE_VERSION", engine.version())
            .with("ENGINE_API_VERSION", engine.api_version())
            .with("NODE_PATH", programs::node_modules().to_str().unwrap());
        let arguments = [self.script.to_str().unwrap(), scenario, client.name()];
        assert_eq!(client.ok(&arguments), format!("done: {scenario}"));
    }
}

fn assert_complete(script: Script, listed: &[&str]) {
    let output = Command::new(&script.interpreter)
        .arg(&script.script)
        .env("NODE_PATH", programs::node_modules())
        .output()
        .unwrap();
    assert_eq!(text(&output.stdout).lines().collect::<Vec<_>>(), listed, "{}", text(&output.stderr));
}
