//! What does not stream.

use std::collections::HashMap;

use ::bollard::errors::Error;
use ::bollard::models::{
    ContainerCreateBody, ContainerStateStatusEnum, NetworkConnectRequest, NetworkCreateRequest,
    NetworkDisconnectRequest, VolumeCreateRequest,
};
use ::bollard::query_parameters::{
    KillContainerOptionsBuilder, ListContainersOptionsBuilder, ListImagesOptions,
    PruneNetworksOptionsBuilder, RemoveVolumeOptions, RenameContainerOptionsBuilder,
};
use e2e::dockerd::{Dockerd, IMAGE, Release};
use e2e::{Gateway, Via};

use super::{Client, running};
use crate::client::on_each_engine;

on_each_engine! {
    ps_inspect_rename_and_remove,
    kill_ends_a_container_and_wait_tells_its_exit_code,
    networks_and_volumes_come_and_go,
    the_engine_tells_about_itself,
    a_refusal_is_an_error_that_names_the_flag,
}

async fn ps_inspect_rename_and_remove(engine: Release, via: Via) {
    let client = Client::new(engine, via).await;
    let docker = &client.docker;
    let labels = HashMap::from([("team".to_owned(), "blue".to_owned())]);
    client.create(ContainerCreateBody { labels: Some(labels.clone()), ..running("true") }).await;

    let filters = HashMap::from([("name", vec![format!("^/{}$", client.name)])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let listed = docker.list_containers(Some(options)).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].labels.as_ref(), Some(&labels));

    let new = format!("{}-renamed", client.name);
    let options = RenameContainerOptionsBuilder::new().name(&new).build();
    docker.rename_container(&client.name, options).await.unwrap();
    assert_eq!(docker.inspect_container(&new, None).await.unwrap().id, listed[0].id);
    docker.remove_container(&new, None).await.unwrap();
    let gone = docker.inspect_container(&new, None).await.unwrap_err();
    let Error::DockerResponseServerError { status_code: 404, message } = gone else { panic!("{gone}") };
    assert_eq!(message, format!("No such container: {new}"));
}

async fn kill_ends_a_container_and_wait_tells_its_exit_code(engine: Release, via: Via) {
    let client = Client::new(engine, via).await;
    client.create(running("sleep 1000")).await;
    client.start().await;
    let waiting = client.docker.wait_container(&client.name, None);
    let kill = async {
        let options = KillContainerOptionsBuilder::new().signal("KILL").build();
        client.docker.kill_container(&client.name, Some(options)).await.unwrap();
    };
    let (ends, ()) = tokio::join!(futures_util::StreamExt::collect::<Vec<_>>(waiting), kill);
    // bollard makes an error of any exit code but 0.
    let [Err(Error::DockerContainerWaitError { code: 137, .. })] = &ends[..] else { panic!("{ends:?}") };
    let state = client.docker.inspect_container(&client.name, None).await.unwrap().state.unwrap();
    assert_eq!(state.status, Some(ContainerStateStatusEnum::EXITED));
    client.remove().await;
}

async fn networks_and_volumes_come_and_go(engine: Release, via: Via) {
    let client = Client::new(engine, via).await;
    let (docker, name) = (&client.docker, &client.name);
    let labels = HashMap::from([("owner".to_owned(), name.clone())]);
    let network = NetworkCreateRequest { name: name.clone(), labels: Some(labels), ..Default::default() };
    docker.create_network(network).await.unwrap();
    docker
        .create_volume(VolumeCreateRequest { name: Some(name.clone()), ..Default::default() })
        .await
        .unwrap();
    client.create(running("true")).await;

    let join = NetworkConnectRequest { container: name.clone(), ..Default::default() };
    docker.connect_network(name, join).await.unwrap();
    let networks =
        docker.inspect_container(name, None).await.unwrap().network_settings.unwrap().networks.unwrap();
    assert!(networks.contains_key(name));
    let leave = NetworkDisconnectRequest { container: name.clone(), force: None };
    docker.disconnect_network(name, leave).await.unwrap();
    client.remove().await;

    let filters = HashMap::from([("label", vec![format!("owner={name}")])]);
    let options = PruneNetworksOptionsBuilder::new().filters(&filters).build();
    assert_eq!(
        docker.prune_networks(Some(options)).await.unwrap().networks_deleted,
        Some(vec![name.clone()])
    );
    assert_eq!(&docker.inspect_volume(name).await.unwrap().name, name);
    docker.remove_volume(name, None::<RemoveVolumeOptions>).await.unwrap();
    docker.inspect_volume(name).await.unwrap_err();
}

async fn the_engine_tells_about_itself(engine: Release, via: Via) {
    let client = Client::new(engine, via).await;
    assert_eq!(client.docker.ping().await.unwrap(), "OK");
    let engine = Dockerd::shared(engine);
    let told = client.docker.version().await.unwrap();
    assert_eq!(told.version.as_deref(), Some(engine.version()));
    assert_eq!(told.api_version.as_deref(), Some(engine.api_version()));
    assert_eq!(client.docker.info().await.unwrap().server_version.as_deref(), Some(engine.version()));
}

async fn a_refusal_is_an_error_that_names_the_flag(engine: Release, via: Via) {
    let engine = Dockerd::start(engine).unwrap();
    engine.docker(&["run", "--detach", "--name", "victim", IMAGE, "sleep", "1000"]);
    let before = engine.events();
    let client = Client::behind(Gateway::start(&engine.socket(), &[("CONTAINERS", "1")]), via).await;
    let docker = &client.docker;
    refused(docker.create_container(None, running("true")).await, 405, "POST=1");
    refused(docker.kill_container("victim", None).await, 405, "POST=1");
    refused(docker.attach_container("victim", None).await, 405, "POST=1");
    refused(docker.remove_container("victim", None).await, 405, "DELETE=1");
    refused(docker.list_images(None::<ListImagesOptions>).await, 403, "IMAGES=1");
    refused(docker.info().await, 403, "INFO=1");
    assert_eq!(docker.list_containers(None).await.unwrap().len(), 1);
    assert_eq!(engine.events(), before);
}

fn refused<T>(result: Result<T, Error>, status: u16, flag: &str) {
    let Err(Error::DockerResponseServerError { status_code, message }) = result else {
        panic!("{flag} was not needed")
    };
    assert_eq!(status_code, status, "{message}");
    assert!(message.contains(flag), "{message}");
}
