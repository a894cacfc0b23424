//! A container's life: everything that does not stream.

use e2e::dockerd::IMAGE;

use super::Case;

with_each_cli! {
    ps_and_inspect_show_what_was_created
    rename_update_and_rm_change_the_engine
    pause_stop_and_restart_change_the_state
    kill_ends_a_container_and_wait_tells_its_exit_code
    top_diff_and_port_look_inside
    the_engines_refusal_reaches_the_user
}

const INIT: &str = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done";

fn ps_and_inspect_show_what_was_created(case: Case) {
    let docker = case.docker();
    let name = docker.name();
    let id = docker.ok(&["create", "--name", name, "--label", "team=blue", "--env", "A=b c", IMAGE, "true"]);
    let filter = format!("name=^{name}$");
    let row = docker.ok(&[
        "ps",
        "--all",
        "--no-trunc",
        "--filter",
        &filter,
        "--format",
        "{{.ID}} {{.Image}} {{.Status}}",
    ]);
    assert_eq!(row, format!("{id} {IMAGE} Created"));
    let inspected =
        docker.ok(&["inspect", "--format", "{{.Id}} {{.Config.Labels.team}} {{index .Config.Env 0}}", name]);
    assert_eq!(inspected, format!("{id} blue A=b c"));
    docker.ok(&["rm", name]);
}

fn rename_update_and_rm_change_the_engine(case: Case) {
    let docker = case.docker();
    let (old, new) = (docker.name(), docker.named("renamed"));
    let id = docker.ok(&["create", "--name", old, "--memory", "64m", IMAGE, "true"]);
    docker.ok(&["rename", old, &new]);
    docker.ok(&["update", "--memory", "128m", "--memory-swap", "128m", &new]);
    assert_eq!(
        docker.ok(&["inspect", "--format", "{{.Id}} {{.HostConfig.Memory}}", &new]),
        format!("{id} 134217728")
    );
    docker.ok(&["rm", &new]);
    let complaint = docker.fails(&["inspect", "--type", "container", &new]);
    assert!(complaint.contains("No such container"), "{complaint}");
}

fn pause_stop_and_restart_change_the_state(case: Case) {
    let docker = case.docker();
    let name = docker.name();
    let state = || docker.ok(&["inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", name]);
    docker.ok(&["run", "--detach", "--name", name, IMAGE, "sh", "-c", INIT]);
    docker.start(&["logs", "--follow", name]).expect("ready");
    docker.ok(&["pause", name]);
    assert_eq!(state(), "paused 0");
    docker.ok(&["unpause", name]);
    docker.ok(&["restart", "--time", "60", name]);
    assert_eq!(state(), "running 0");
    let mut logs = docker.start(&["logs", "--follow", name]);
    logs.expect("ready");
    logs.expect("ready"); // of the second start
    docker.ok(&["stop", "--time", "60", name]);
    assert_eq!(state(), "exited 9");
    docker.ok(&["rm", name]);
}

fn kill_ends_a_container_and_wait_tells_its_exit_code(case: Case) {
    let docker = case.docker();
    let name = docker.name();
    docker.ok(&["run", "--detach", "--name", name, IMAGE, "sh", "-c", INIT]);
    docker.start(&["logs", "--follow", name]).expect("ready");
    let waiting = docker.start(&["wait", name]);
    docker.ok(&["kill", "--signal", "TERM", name]);
    let (status, said) = waiting.finish();
    assert!(status.success(), "{said}");
    assert_eq!(said.trim(), "9");
    docker.ok(&["rm", "--force", name]);
}

fn top_diff_and_port_look_inside(case: Case) {
    let docker = case.docker();
    let name = docker.name();
    docker.ok(&[
        "run",
        "--detach",
        "--publish",
        "127.0.0.1::80",
        "--name",
        name,
        IMAGE,
        "sh",
        "-c",
        "touch /new; sleep 1000",
    ]);
    let processes = docker.ok(&["top", name]);
    assert!(processes.contains("sleep 1000"), "{processes}");
    assert!(docker.ok(&["port", name, "80"]).starts_with("127.0.0.1:"));
    assert!(docker.ok(&["diff", name]).lines().any(|line| line == "A /new"));
    docker.ok(&["rm", "--force", name]);
}

fn the_engines_refusal_reaches_the_user(case: Case) {
    let docker = case.docker();
    let complaint = docker.fails(&["start", docker.name()]);
    assert!(complaint.contains(&format!("No such container: {}", docker.name())), "{complaint}");
    let complaint = docker.fails(&["run", "--rm", IMAGE, "no-such-program"]);
    assert!(complaint.contains("executable file not found"), "{complaint}");
}
