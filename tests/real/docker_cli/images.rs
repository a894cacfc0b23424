//! Images: import, save, load, tag, commit, history, rmi.

use std::process::Command;

use e2e::dockerd::IMAGE;

use super::Case;
use crate::client::{Client, random, sha256, text};

with_each_cli! {
    a_hundred_megabytes_survive_import_save_and_load
    an_image_name_with_slashes_is_committed_tagged_and_removed
}

fn a_hundred_megabytes_survive_import_save_and_load(case: Case) {
    let docker = case.docker();
    let image = docker.named("large");
    let file = docker.write("root/blob", random(104 << 20));
    let hash = sha256(file.as_ref());

    // Up: the engine reads the tar from the request's body.
    let archive = docker.file("root.tar");
    tar(&["-C", docker.file("root").to_str().unwrap(), "-cf", archive.to_str().unwrap(), "blob"]);
    docker.ok(&["import", archive.to_str().unwrap(), &image]);
    assert_eq!(hash_in(&docker, &image), hash);

    // Down: the saved layer holds the same bytes.
    let saved = docker.save_stdout(&["save", &image], "saved.tar");
    tar(&["-C", docker.file("").to_str().unwrap(), "-xf", saved.to_str().unwrap()]);
    let layer = only_layer(&docker);
    tar(&["-C", docker.file("").to_str().unwrap(), "-xf", &layer]);
    assert_eq!(sha256(&docker.file("blob")), hash);

    // And up again, after the engine has forgotten it.
    docker.ok(&["rmi", "--force", &image]);
    docker.ok(&["load", "--input", saved.to_str().unwrap()]);
    assert_eq!(hash_in(&docker, &image), hash);
    docker.ok(&["rmi", "--force", &image]);
}

/// The hash of the image's `/blob`, as a container of our own reads it (the image holds nothing else).
fn hash_in(docker: &Client, image: &str) -> String {
    let container = docker.named("reader");
    docker.ok(&["create", "--name", &container, image, "none"]);
    let archive = docker.save_stdout(&["cp", &format!("{container}:/blob"), "-"], "read.tar");
    docker.ok(&["rm", &container]);
    let script = "tar -xOf \"$0\" blob | sha256sum";
    let output = Command::new("sh").args(["-c", script]).arg(archive).output().unwrap();
    text(&output.stdout).split(' ').next().unwrap().to_owned()
}

fn tar(arguments: &[&str]) {
    let status = Command::new("tar").args(arguments).status().unwrap();
    assert!(status.success(), "tar {arguments:?}: {status}");
}

/// The one layer of an unpacked `docker save`, wherever the engine puts it.
fn only_layer(docker: &Client) -> String {
    let manifest = std::fs::read(docker.file("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let layers = manifest[0]["Layers"].as_array().unwrap();
    assert_eq!(layers.len(), 1, "{manifest}");
    docker.file(layers[0].as_str().unwrap()).to_str().unwrap().to_owned()
}

fn an_image_name_with_slashes_is_committed_tagged_and_removed(case: Case) {
    let docker = case.docker();
    let name = docker.name();
    let (image, other) = (format!("localhost:5000/team/{name}/app:v1"), format!("team/{name}:latest"));
    docker.ok(&["run", "--name", name, IMAGE, "sh", "-c", "echo committed >/made"]);
    docker.ok(&["commit", "--change", "LABEL stage=test", "--message", "two words", name, &image]);
    docker.ok(&["tag", &image, &other]);
    let inspected =
        docker.ok(&["image", "inspect", "--format", "{{.Config.Labels.stage}} {{.Comment}}", &other]);
    assert_eq!(inspected, "test two words");
    assert!(docker.ok(&["history", "--format", "{{.Comment}}", &image]).contains("two words"));
    assert_eq!(docker.ok(&["run", "--rm", &image, "cat", "/made"]), "committed");
    let listed =
        docker.ok(&["images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "label=stage=test"]);
    assert!(listed.lines().any(|line| line == image), "{listed}");
    docker.ok(&["rmi", &other]);
    docker.ok(&["rmi", &image]);
    assert!(docker.fails(&["image", "inspect", &image]).to_lowercase().contains("no such image"));
    docker.ok(&["rm", name]);
}
