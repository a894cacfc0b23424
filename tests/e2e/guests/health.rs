//! What `sockgate healthcheck` makes of a policy's answer to its ping.

use e2e::binary::run;

use super::gate::Gate;
use super::hostile;

#[test]
fn healthcheck_tells_a_policy_that_refuses_from_one_that_fails() {
    let refused = "ok: the gateway answers, and lets no ping through: sockgate denied SystemPing: closed (policy hostile";
    for (deed, code, says) in [
        ("deny:closed", 0, refused),
        ("deny:closed:404", 0, refused),
        ("deny:closed:429", 0, refused),
        (
            "abort-for-clients",
            4,
            "sockgate: the gateway is there, and a policy fails: sockgate denied SystemPing: ",
        ),
        ("allow", 0, "ok: the engine answers through the gateway\n"),
    ] {
        let settings = format!("on=SystemPing\ndecide={deed}");
        let gate = Gate::start(&hostile(), &[("POLICY_SETTINGS", &settings), ("POLICY_TIMEOUT", "5s")]);
        let gate = gate.unwrap_or_else(|refused| panic!("{deed}: {refused:?}"));
        let health = run(&["healthcheck"], &[("LISTEN_ADDR", gate.address())]);
        assert_eq!(health.code, code, "{deed}: {health:?}");
        let said = health.stdout + &health.stderr;
        assert!(said.starts_with(says), "{deed}: {said}");
    }
}
