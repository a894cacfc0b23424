//! Prune takes what belongs to anyone, so each of these has an engine of its own.

use e2e::dockerd::{IMAGE, Release};

use super::Case;

with_each_cli! {
    prune_removes_what_nobody_uses
}

fn prune_removes_what_nobody_uses(case: Case) {
    let engine = case.start_engine();
    let docker = case.docker_of(&engine);
    docker.ok(&["create", "--name", "unused", IMAGE, "true"]);
    docker.ok(&["network", "create", "unused"]);
    docker.ok(&["volume", "create", "unused"]);
    docker.ok(&["import", "/dev/null", "unused:1"]);
    docker.ok(&["run", "--detach", "--name", "used", IMAGE, "sleep", "1000"]);

    assert!(docker.ok(&["container", "prune", "--force"]).contains("Deleted Containers"));
    assert!(docker.ok(&["network", "prune", "--force"]).contains("unused"));
    let prune_volumes = match case.cli {
        Release::Modern => &["volume", "prune", "--force", "--all"][..], // without, it spares those with a name
        Release::V20 => &["volume", "prune", "--force"],
    };
    assert!(docker.ok(prune_volumes).contains("unused"));
    assert!(docker.ok(&["image", "prune", "--all", "--force"]).contains("unused:1"));
    assert!(docker.ok(&["builder", "prune", "--force"]).contains("0B"));
    docker.ok(&["system", "prune", "--all", "--force", "--volumes"]);

    assert_eq!(engine.docker(&["ps", "--all", "--format", "{{.Names}}"]).trim(), "used");
    assert_eq!(engine.docker(&["images", "--format", "{{.Repository}}:{{.Tag}}"]).trim(), IMAGE);
    assert_eq!(engine.docker(&["volume", "ls", "--quiet"]), "");
    assert!(!engine.docker(&["network", "ls"]).contains("unused"));
}
