//! What streams through pipes: attach, run -i, exec, logs, events, stats.

use e2e::dockerd::IMAGE;

use super::Case;
use crate::client::{random, sha256, text};

with_each_cli! {
    create_start_and_attach_carry_stdin_to_its_end
    run_i_carries_megabytes_both_ways_and_the_exit_code
    run_keeps_stdout_and_stderr_apart
    attach_joins_a_running_container
    exec_without_a_terminal_carries_stdin_and_the_exit_code
    output_survives_a_program_that_ends_before_its_stdin
    logs_f_follows_line_by_line_until_the_container_ends
    events_arrive_while_they_happen
    stats_are_told_once_and_again_and_again
}

fn create_start_and_attach_carry_stdin_to_its_end(case: Case) {
    let docker = case.docker();
    let name = docker.name();
    docker.ok(&["create", "--interactive", "--name", name, IMAGE, "sh", "-c", "cat; echo after the end"]);
    // What follows the end of stdin shows that only one direction was closed.
    let output = docker.feed(&["start", "--attach", "--interactive", name], b"first\nlast");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(text(&output.stdout), "first\nlastafter the end");
    docker.ok(&["rm", name]);
}

fn run_i_carries_megabytes_both_ways_and_the_exit_code(case: Case) {
    let docker = case.docker();
    let sent = random(8 << 20);
    let output = docker.feed(&["run", "--interactive", "--rm", IMAGE, "sh", "-c", "cat; exit 7"], &sent);
    assert_eq!(output.status.code(), Some(7), "{}", text(&output.stderr));
    assert!(output.stdout == sent, "{} bytes came back for {}", output.stdout.len(), sent.len());
}

fn run_keeps_stdout_and_stderr_apart(case: Case) {
    let docker = case.docker();
    let output = docker.feed(&["run", "--rm", IMAGE, "sh", "-c", "echo out; echo err >&2"], b"");
    assert!(output.status.success());
    assert_eq!((text(&output.stdout).as_str(), text(&output.stderr).as_str()), ("out", "err"));
}

fn attach_joins_a_running_container(case: Case) {
    let docker = case.docker();
    let name = docker.name();
    let script = "while read -r line; do echo \"got $line\"; done; echo bye";
    docker.ok(&["create", "--interactive", "--name", name, IMAGE, "sh", "-c", script]);
    docker.ok(&["start", name]);
    let mut attached = docker.start(&["attach", name]);
    for line in ["one", "two"] {
        attached.say(&format!("{line}\n"));
        attached.expect(&format!("got {line}\n"));
    }
    attached.end_input();
    let (status, said) = attached.finish();
    assert!(status.success(), "{said}");
    assert!(said.ends_with("bye\n"), "{said}");
    docker.ok(&["rm", name]);
}

fn exec_without_a_terminal_carries_stdin_and_the_exit_code(case: Case) {
    let docker = case.docker();
    let name = docker.name();
    docker.ok(&["run", "--detach", "--name", name, IMAGE, "sleep", "1000"]);
    let sent = random(1 << 20);
    let file = docker.write("sent", &sent);
    let output = docker.feed(&["exec", "--interactive", name, "sha256sum"], &sent);
    assert_eq!(text(&output.stdout), format!("{}  -", sha256(file.as_ref())));
    let output = docker.feed(&["exec", name, "sh", "-c", "echo out; echo err >&2; exit 5"], b"");
    assert_eq!(output.status.code(), Some(5));
    assert_eq!((text(&output.stdout).as_str(), text(&output.stderr).as_str()), ("out", "err"));
    docker.ok(&["rm", "--force", name]);
}

fn output_survives_a_program_that_ends_before_its_stdin(case: Case) {
    let docker = case.docker();
    let name = docker.name();
    docker.ok(&["run", "--detach", "--name", name, IMAGE, "sleep", "1000"]);
    let sent = random(16 << 20);
    for _ in 0..5 {
        // The engine closes while more stdin is on its way; all that it wrote before must still arrive.
        let output = docker.feed(&["exec", "--interactive", name, "head", "-c", "1000000"], &sent);
        assert!(output.stdout == sent[..1_000_000], "{} bytes arrived", output.stdout.len());
    }
    docker.ok(&["rm", "--force", name]);
}

fn logs_f_follows_line_by_line_until_the_container_ends(case: Case) {
    let docker = case.docker();
    let name = docker.name();
    let script = "while read -r line; do echo \"logged $line\"; done";
    docker.ok(&["create", "--interactive", "--name", name, IMAGE, "sh", "-c", script]);
    let mut stdin = docker.start(&["start", "--attach", "--interactive", name]);
    stdin.say("1\n");
    stdin.expect("logged 1\n"); // the container is running
    let mut logs = docker.start(&["logs", "--follow", name]);
    logs.expect("logged 1\n");
    for line in ["2", "3"] {
        stdin.say(&format!("{line}\n"));
        // Each line arrives before the next one exists: nothing on the way holds it back.
        logs.expect(&format!("logged {line}\n"));
    }
    stdin.end_input();
    let (status, said) = logs.finish();
    assert!(status.success());
    assert_eq!(said, "logged 1\nlogged 2\nlogged 3\n");
    assert_eq!(docker.ok(&["logs", "--tail", "1", name]), "logged 3");
    stdin.finish();
    docker.ok(&["rm", name]);
}

fn events_arrive_while_they_happen(case: Case) {
    let docker = case.docker();
    let name = docker.name();
    docker.ok(&["create", "--interactive", "--name", name, IMAGE, "cat"]);
    let filter = format!("container={name}");
    let mut events =
        docker.start(&["events", "--since", "0", "--filter", &filter, "--format", "{{.Action}}"]);
    events.expect("create\n"); // from the log; what follows is live
    let mut running = docker.start(&["start", "--attach", "--interactive", name]);
    events.expect("attach\n");
    events.expect("start\n");
    running.end_input();
    events.expect("die\n");
    docker.ok(&["rename", name, &docker.named("x")]);
    events.expect("rename\n");
    docker.ok(&["rm", &docker.named("x")]);
    events.expect("destroy\n");
}

fn stats_are_told_once_and_again_and_again(case: Case) {
    let docker = case.docker();
    let name = docker.name();
    docker.ok(&["run", "--detach", "--name", name, IMAGE, "sleep", "1000"]);
    let format = "{{.Name}} runs {{.PIDs}} process";
    let row = format!("{name} runs 1 process");
    assert_eq!(docker.ok(&["stats", "--no-stream", "--format", format, name]), row);
    let mut stats = docker.start(&["stats", "--format", format, name]);
    for _ in 0..3 {
        stats.expect(&row);
    }
    docker.ok(&["rm", "--force", name]);
}
