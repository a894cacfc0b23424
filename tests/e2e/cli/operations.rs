//! `sockgate check` and `explain` with lists of operations.

use e2e::binary::run;

#[test]
fn check_tells_what_is_allowed_by_flags_what_by_name_and_what_is_denied_by_name() {
    let done = run(
        &["check"],
        &[
            ("CONTAINERS", "1"),
            ("ALLOW_OPERATIONS", "ContainerRestart, ImageList"),
            ("DENY_OPERATIONS", "ContainerLogs,ContainerArchive*"),
        ],
    );
    assert_eq!(done.code, 0, "{}", done.stderr);
    let (_, groups) = done.stdout.split_once("allowed by flags").unwrap();
    assert_eq!(
        groups,
        ": 11 of 113 operations\n  \
         /_ping: SystemPing SystemPingHead\n  /version: SystemVersion\n  /events: SystemEvents\n  \
         /containers: ContainerList ContainerInspect ContainerTop ContainerChanges ContainerExport ContainerStats \
         CheckpointList\n\
         allowed by ALLOW_OPERATIONS alone: 2 of 113 operations\n  \
         /containers: ContainerRestart\n  /images: ImageList\n\
         denied  by DENY_OPERATIONS: 3 of 113 operations\n  \
         /containers: ContainerLogs ContainerArchiveInfo ContainerArchive\n"
    );
}

#[test]
fn explain_tells_which_list_of_operations_decides() {
    let lists =
        [("ALLOW_OPERATIONS", "ContainerTop"), ("DENY_OPERATIONS", "ContainerLogs"), ("CONTAINERS", "1")];
    for (target, code, says) in [
        (
            "/containers/web/logs",
            1,
            "verdict    denied: ContainerLogs is in DENY_OPERATIONS; taking it out of there would allow it\n\
             decided by DENY_OPERATIONS\n",
        ),
        (
            "/containers/web/top",
            0,
            "verdict    allowed\ndecided by ALLOW_OPERATIONS\n\
             to deny it DENY_OPERATIONS=ContainerTop, and not in ALLOW_OPERATIONS\n",
        ),
        (
            "/containers/web/top?ps_args=e",
            1,
            "ALLOW_HOST_ARGS=1 would allow it\ndecided by ALLOW_OPERATIONS, ALLOW_HOST_ARGS (off)\n",
        ),
    ] {
        let done = run(&["explain", "GET", target], &lists);
        assert_eq!(done.code, code, "{}", done.stdout);
        assert!(done.stdout.ends_with(says), "{target}: {}", done.stdout);
    }
}
