//! The Python package `testcontainers`.

use e2e::Via;
use e2e::dockerd::{Dockerd, Release};
use sockgate::presets::Preset;

use super::{Script, play_with_preset};
use crate::programs;

scenarios_of! {
    on_the_shared_engine:
        a_container_serves_while_a_test_needs_it
        containers_of_a_network_find_each_other,
    on_an_engine_of_its_own:,
    refused:
        a_refusal_names_the_flag
}

fn script() -> Script {
    Script { interpreter: programs::python(), script: programs::script("python_testcontainers.py") }
}

#[test]
fn the_preset_is_enough() {
    let (engine, preset) = (Dockerd::shared(Release::Modern), Preset::find("testcontainers").unwrap());
    for scenario in ["a_container_serves_while_a_test_needs_it", "containers_of_a_network_find_each_other"] {
        play_with_preset(script(), engine, preset, Via::Tcp, scenario);
    }
}
