//! The Python package `testcontainers`.

use super::Script;
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
