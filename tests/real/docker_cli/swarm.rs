//! A swarm of one node. An engine is in one swarm or none, so each of these has an engine of its own.

use e2e::dockerd::IMAGE;

use super::Case;

with_each_cli! {
    a_swarm_runs_a_service_and_follows_its_logs
}

fn a_swarm_runs_a_service_and_follows_its_logs(case: Case) {
    let engine = case.start_engine();
    let docker = case.docker_of(&engine);
    docker.ok(&["swarm", "init", "--advertise-addr", "127.0.0.1"]);
    assert_eq!(docker.ok(&["node", "ls", "--format", "{{.Status}} {{.ManagerStatus}}"]), "Ready Leader");

    docker.ok(&["secret", "create", "word", &docker.write("word", "hunter2")]);
    docker.ok(&["config", "create", "settings", &docker.write("settings", "a=b")]);
    let script = "cat /run/secrets/word /settings; echo; echo started; exec sleep 1000";
    let create = ["service", "create", "--detach", "--no-resolve-image", "--name", "web", "--secret", "word"];
    docker
        .ok(&[&create[..], &["--config", "source=settings,target=/settings", IMAGE, "sh", "-c", script]]
            .concat());
    let mut logs = docker.start(&["service", "logs", "--follow", "--raw", "web"]);
    logs.expect("hunter2a=b\n");
    logs.expect("started\n");

    // Without --detach the CLI follows the tasks itself until the service is stable.
    docker.ok(&["service", "scale", "web=2"]);
    logs.expect("started\n");
    assert_eq!(docker.ok(&["service", "ls", "--format", "{{.Name}} {{.Replicas}}"]), "web 2/2");
    let tasks = docker.ok(&["service", "ps", "--format", "{{.CurrentState}}", "web"]);
    assert!(tasks.lines().count() == 2 && tasks.lines().all(|task| task.starts_with("Running")), "{tasks}");

    docker.ok(&["service", "update", "--detach", "--label-add", "a=b", "web"]);
    assert_eq!(docker.ok(&["service", "inspect", "--format", "{{.Spec.Labels.a}}", "web"]), "b");
    docker.ok(&["service", "rm", "web"]);
    docker.ok(&["secret", "rm", "word"]);
    docker.ok(&["config", "rm", "settings"]);
    docker.ok(&["swarm", "leave", "--force"]);
    assert_eq!(docker.ok(&["info", "--format", "{{.Swarm.LocalNodeState}}"]), "inactive");
}
