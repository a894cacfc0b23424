//! Networks, volumes, and what the engine tells about itself.

use e2e::dockerd::{Dockerd, IMAGE};

use super::Case;

with_each_cli! {
    containers_on_a_network_find_each_other_by_name
    a_volume_outlives_its_container
    version_info_and_disk_usage_are_told
}

fn containers_on_a_network_find_each_other_by_name(case: Case) {
    let docker = case.docker();
    let (network, server) = (docker.named("net"), docker.named("server"));
    docker.ok(&["network", "create", "--label", "a=b", &network]);
    let serve = "echo served >/index.html; exec httpd -f -p 80 -h /";
    docker.ok(&["run", "--detach", "--network", &network, "--name", &server, IMAGE, "sh", "-c", serve]);
    let fetch = format!("until wget -qO- http://{server}/; do :; done");
    assert_eq!(docker.ok(&["run", "--rm", "--network", &network, IMAGE, "sh", "-c", &fetch]), "served");

    docker.ok(&["network", "disconnect", &network, &server]);
    let count = || docker.ok(&["network", "inspect", "--format", "{{len .Containers}}", &network]);
    assert_eq!(count(), "0");
    docker.ok(&["network", "connect", "--alias", "again", &network, &server]);
    assert_eq!(count(), "1");
    docker.ok(&["rm", "--force", &server]);
    docker.ok(&["network", "rm", &network]);
    let listed = docker.ok(&["network", "ls", "--format", "{{.Name}}"]);
    assert!(!listed.lines().any(|line| line == network), "{listed}");
}

fn a_volume_outlives_its_container(case: Case) {
    let docker = case.docker();
    let volume = docker.named("volume");
    let mount = format!("{volume}:/data");
    docker.ok(&["volume", "create", "--label", "a=b", &volume]);
    docker.ok(&["run", "--rm", "--volume", &mount, IMAGE, "sh", "-c", "echo kept >/data/file"]);
    assert_eq!(docker.ok(&["run", "--rm", "--volume", &mount, IMAGE, "cat", "/data/file"]), "kept");
    assert_eq!(docker.ok(&["volume", "inspect", "--format", "{{.Labels.a}}", &volume]), "b");
    docker.ok(&["volume", "rm", &volume]);
    assert!(docker.fails(&["volume", "inspect", &volume]).to_lowercase().contains("no such volume"));
}

fn version_info_and_disk_usage_are_told(case: Case) {
    let docker = case.docker();
    let engine = Dockerd::shared(case.engine);
    let told = docker.ok(&["version", "--format", "{{.Server.Version}} {{.Server.APIVersion}}"]);
    assert_eq!(told, format!("{} {}", engine.version(), engine.api_version()));
    assert_eq!(docker.ok(&["info", "--format", "{{.ServerVersion}}"]), engine.version());
    assert!(docker.ok(&["system", "df", "--verbose"]).contains("e2e/busybox"));
}
