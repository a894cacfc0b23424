//! What runs on a terminal: run -t and exec -t, and their resizing.

use std::time::Duration;

use e2e::dockerd::IMAGE;

use super::Case;
use crate::conversation::Conversation;

with_each_cli! {
    run_t_has_a_terminal_that_follows_the_users
    exec_t_has_a_terminal_that_follows_the_users
    a_terminal_that_is_gone_leaves_the_container_to_the_next_one
}

/// Between two tries of something that the CLI does not say it is ready for.
const PAUSE: Duration = Duration::from_millis(200);

/// Tells its terminal's size at the start and whenever it changes, and ends at a line `end`.
const SIZES: &str =
    "trap 'stty size' WINCH; echo begin; while :; do read -r line && [ \"$line\" = end ] && exit 4; done";

fn run_t_has_a_terminal_that_follows_the_users(case: Case) {
    let docker = case.docker();
    let mut terminal =
        docker.on_a_terminal(&["run", "--rm", "--interactive", "--tty", IMAGE, "sh", "-c", SIZES], 33, 99);
    follow_the_size(&mut terminal);
    assert_eq!(terminal.finish().0.code(), Some(4));
}

fn exec_t_has_a_terminal_that_follows_the_users(case: Case) {
    let docker = case.docker();
    let name = docker.name();
    docker.ok(&["run", "--detach", "--name", name, IMAGE, "sleep", "1000"]);
    let mut terminal =
        docker.on_a_terminal(&["exec", "--interactive", "--tty", name, "sh", "-c", SIZES], 33, 99);
    follow_the_size(&mut terminal);
    assert_eq!(terminal.finish().0.code(), Some(4));
    docker.ok(&["rm", "--force", name]);
}

/// The CLI begins to listen for a resize some time after the first output, so the corner of the window is dragged until
/// the container has heard of it.
fn follow_the_size(terminal: &mut Conversation) {
    terminal.expect("begin");
    for (rows, columns) in [(40, 120), (24, 80)] {
        let size = terminal.resizer();
        let drag = || {
            size(rows, columns + 1);
            size(rows, columns);
        };
        terminal.expect_while(&format!("{rows} {columns}\r\n"), PAUSE, drag);
    }
    terminal.say("end\n");
}

fn a_terminal_that_is_gone_leaves_the_container_to_the_next_one(case: Case) {
    let docker = case.docker();
    let name = docker.name();
    let script = "echo begin; while read -r line; do echo \"heard $line\"; done";
    let command = ["run", "--interactive", "--tty", "--name", name, IMAGE, "sh", "-c", script];
    let mut first = docker.on_a_terminal(&command, 24, 80);
    first.expect("begin");
    first.say("one\n");
    first.expect("heard one");
    drop(first); // killed: it says no goodbye

    let mut second = docker.on_a_terminal(&["attach", name], 24, 80);
    let typing = second.typist("two\n"); // nothing tells when the new one is attached
    second.expect_while("heard two", PAUSE, typing);
    docker.ok(&["kill", name]);
    assert_eq!(second.finish().0.code(), Some(137));
    docker.ok(&["rm", name]);
}
