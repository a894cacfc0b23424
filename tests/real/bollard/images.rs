//! Files and images: archives both ways, build, save, load, tag.

use std::process::Command;

use ::bollard::query_parameters::{
    BuildImageOptionsBuilder, CommitContainerOptionsBuilder, CreateContainerOptionsBuilder,
    DownloadFromContainerOptionsBuilder, ImportImageOptions, RemoveImageOptions, TagImageOptionsBuilder,
    UploadToContainerOptionsBuilder,
};
use ::bollard::{
    body_full,
    models::{ContainerConfig, ContainerCreateBody},
};
use e2e::Via;
use e2e::dockerd::{IMAGE, Release};
use tempfile::TempDir;

use super::{Client, all, running};
use crate::client::{on_each_engine, random};

on_each_engine! {
    archives_go_in_and_out,
    a_large_image_survives_build_save_and_load,
    a_container_is_committed_and_tagged,
}

async fn archives_go_in_and_out(engine: Release, via: Via) {
    let client = Client::new(engine, via).await;
    client.create(running("true")).await;
    let sent = random(3 << 20);
    let options = UploadToContainerOptionsBuilder::new().path("/tmp").build();
    let archive = body_full(tar(&[("a b", &sent)]).into());
    client.docker.upload_to_container(&client.name, Some(options), archive).await.unwrap();
    assert!(download(&client, &client.name, "/tmp/a b").await == sent);
    let exported = all(client.docker.export_container(&client.name)).await.concat();
    assert!(untar(&exported, "tmp/a b") == sent);
    client.remove().await;
}

async fn a_large_image_survives_build_save_and_load(engine: Release, via: Via) {
    let client = Client::new(engine, via).await;
    let docker = &client.docker;
    let content = random(100 << 20);
    let dockerfile = format!("FROM {IMAGE}\nCOPY blob /blob\nRUN echo a step ran | tr a-z A-Z\n");
    let context = tar(&[("Dockerfile", dockerfile.as_bytes()), ("blob", &content)]);
    let options = BuildImageOptionsBuilder::new().t(&client.name).rm(true).build();
    let told = all(docker.build_image(options, None, Some(body_full(context.into())))).await;
    assert!(
        told.iter().any(|line| line.stream.as_deref().is_some_and(|said| said.contains("A STEP RAN"))),
        "{told:?}"
    );

    let id = docker.inspect_image(&client.name).await.unwrap().id;
    let saved = all(docker.export_image(&client.name)).await.concat();
    docker.remove_image(&client.name, None::<RemoveImageOptions>, None).await.unwrap();
    all(docker.import_image(ImportImageOptions::default(), body_full(saved.into()), None)).await;
    assert_eq!(docker.inspect_image(&client.name).await.unwrap().id, id);

    let body = ContainerCreateBody { image: Some(client.name.clone()), ..running("true") };
    let options = CreateContainerOptionsBuilder::new().name(&client.name).build();
    docker.create_container(Some(options), body).await.unwrap();
    assert!(download(&client, &client.name, "/blob").await == content);
    client.remove().await;
    docker.remove_image(&client.name, None::<RemoveImageOptions>, None).await.unwrap();
}

async fn a_container_is_committed_and_tagged(engine: Release, via: Via) {
    let client = Client::new(engine, via).await;
    let (docker, name) = (&client.docker, &client.name);
    client.create(running("true")).await;
    let options = CommitContainerOptionsBuilder::new().container(name).repo(name).tag("v1").build();
    docker.commit_container(options, ContainerConfig::default()).await.unwrap();
    let repository = format!("localhost:5000/team/{name}");
    let options = TagImageOptionsBuilder::new().repo(&repository).tag("v2").build();
    docker.tag_image(&format!("{name}:v1"), Some(options)).await.unwrap();
    let history = docker.image_history(&format!("{repository}:v2")).await.unwrap();
    assert_eq!(history.len(), 2);
    docker.remove_image(&format!("{repository}:v2"), None::<RemoveImageOptions>, None).await.unwrap();
    docker.remove_image(&format!("{name}:v1"), None::<RemoveImageOptions>, None).await.unwrap();
    client.remove().await;
}

async fn download(client: &Client, container: &str, path: &str) -> Vec<u8> {
    let options = DownloadFromContainerOptionsBuilder::new().path(path).build();
    let archive = all(client.docker.download_from_container(container, Some(options))).await.concat();
    untar(&archive, path.rsplit('/').next().unwrap())
}

/// A tar archive of these files.
fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    Command::new("tar").arg("-C").arg(folder.path()).args(["-cf-", "."]).output().unwrap().stdout
}

/// The content of one file of a tar archive.
fn untar(archive: &[u8], name: &str) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("archive.tar");
    std::fs::write(&path, archive).unwrap();
    Command::new("tar").arg("-xOf").arg(&path).arg(name).output().unwrap().stdout
}
