//! Files in and out: cp, export.

use std::process::Command;

use e2e::dockerd::IMAGE;

use super::Case;
use crate::client::{random, text};

with_each_cli! {
    cp_carries_a_file_both_ways_unchanged
    cp_carries_a_tar_stream_both_ways
    export_writes_the_file_system_and_import_reads_it
}

fn cp_carries_a_file_both_ways_unchanged(case: Case) {
    let docker = case.docker();
    let name = docker.name();
    let sent = random(5 << 20);
    let file = docker.write("sent", &sent);
    let back = docker.file("back");
    docker.ok(&["create", "--name", name, IMAGE, "true"]);
    docker.ok(&["cp", &file, &format!("{name}:/tmp/a b%41")]);
    docker.ok(&["cp", &format!("{name}:/tmp/a b%41"), back.to_str().unwrap()]);
    assert!(std::fs::read(back).unwrap() == sent);
    let complaint = docker.fails(&["cp", &format!("{name}:/none"), "."]);
    assert!(complaint.contains("/none"), "{complaint}");
    docker.ok(&["rm", name]);
}

fn cp_carries_a_tar_stream_both_ways(case: Case) {
    let docker = case.docker();
    let name = docker.name();
    docker.write("tree/sub/file", "content");
    let archive =
        Command::new("tar").arg("-C").arg(docker.file("tree")).args(["-cf-", "sub"]).output().unwrap();
    docker.ok(&["create", "--name", name, IMAGE, "true"]);
    let output = docker.feed(&["cp", "-", &format!("{name}:/tmp")], &archive.stdout);
    assert!(output.status.success(), "{output:?}");
    let back = docker.save_stdout(&["cp", &format!("{name}:/tmp/sub"), "-"], "back.tar");
    let unpacked = Command::new("tar").arg("-xOf").arg(back).arg("sub/file").output().unwrap();
    assert_eq!(text(&unpacked.stdout), "content");
    docker.ok(&["rm", name]);
}

fn export_writes_the_file_system_and_import_reads_it(case: Case) {
    let docker = case.docker();
    let (name, image) = (docker.name(), docker.named("imported"));
    docker.ok(&["run", "--name", name, IMAGE, "sh", "-c", "echo made here >/made"]);
    let archive = docker.save_stdout(&["export", name], "export.tar");
    let imported = docker.feed(&["import", "-", &image], &std::fs::read(archive).unwrap());
    assert!(text(&imported.stdout).starts_with("sha256:"), "{imported:?}");
    assert_eq!(docker.ok(&["run", "--rm", &image, "cat", "/made"]), "made here");
    docker.ok(&["rmi", &image]);
    docker.ok(&["rm", name]);
}
