//! The npm package `dockerode`.

use super::Script;
use crate::programs;

scenarios_of! {
    on_the_shared_engine:
        ps_inspect_rename_and_remove
        attach_carries_stdin_to_its_end
        run_pipes_output_and_tells_the_exit_code
        exec_with_and_without_a_terminal
        logs_follow_until_the_container_ends
        events_arrive_while_they_happen
        stats_are_told_once_and_again
        archives_go_in_and_out
        a_large_image_survives_save_and_load
        a_build_tells_its_steps
        networks_and_volumes_come_and_go
        the_engine_tells_about_itself,
    on_an_engine_of_its_own:,
    refused:
        a_refusal_is_an_error_that_names_the_flag
}

fn script() -> Script {
    Script { interpreter: programs::node(), script: programs::script("dockerode.js") }
}
