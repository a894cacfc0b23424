//! What streams: attach, exec, logs, events, stats, wait.

use std::collections::HashMap;
use std::pin::{Pin, pin};

use ::bollard::container::{AttachContainerResults, LogOutput};
use ::bollard::errors::Error;
use ::bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use ::bollard::models::ContainerCreateBody;
use ::bollard::query_parameters::{
    AttachContainerOptions, AttachContainerOptionsBuilder, EventsOptionsBuilder, KillContainerOptionsBuilder,
    LogsOptionsBuilder, ResizeExecOptionsBuilder, StatsOptionsBuilder,
};
use e2e::Via;
use e2e::dockerd::Release;
use futures_util::Stream;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::{Client, all, joined, next, running};
use crate::client::{on_each_engine, random};

on_each_engine! {
    attach_carries_stdin_to_its_end,
    exec_with_and_without_a_terminal,
    logs_follow_until_the_container_ends,
    events_arrive_while_they_happen,
    stats_are_told_again_and_again,
}

/// A container that reads stdin until the first client to attach has ended it.
fn reading(script: &str) -> ContainerCreateBody {
    ContainerCreateBody { open_stdin: Some(true), stdin_once: Some(true), ..running(script) }
}

fn all_streams() -> AttachContainerOptions {
    AttachContainerOptionsBuilder::new().stream(true).stdin(true).stdout(true).stderr(true).build()
}

async fn attach_carries_stdin_to_its_end(engine: Release, via: Via) {
    let client = Client::new(engine, via).await;
    client.create(reading("cat; echo after the end")).await;
    let AttachContainerResults { output, mut input } =
        client.docker.attach_container(&client.name, Some(all_streams())).await.unwrap();
    client.start().await;
    let sent = random(1 << 20);
    let write = async {
        input.write_all(&sent).await.unwrap();
        input.shutdown().await.unwrap();
    };
    let (received, ()) = tokio::join!(all(output), write);
    assert!(joined(received) == [&sent[..], b"after the end\n"].concat());
    client.remove().await;
}

async fn exec_with_and_without_a_terminal(engine: Release, via: Via) {
    let client = Client::new(engine, via).await;
    let docker = &client.docker;
    client.create(running("sleep 1000")).await;
    client.start().await;

    let (id, output, mut input) = exec(&client, "cat; echo done >&2; exit 6", Tty::No).await;
    input.write_all(b"to the end").await.unwrap();
    input.shutdown().await.unwrap();
    let (out, err): (Vec<_>, Vec<_>) =
        all(output).await.into_iter().partition(|piece| matches!(piece, LogOutput::StdOut { .. }));
    assert_eq!((joined(out), joined(err)), (b"to the end".to_vec(), b"done\n".to_vec()));
    assert_eq!(docker.inspect_exec(&id).await.unwrap().exit_code, Some(6));

    let script = "trap 'stty size; exit' WINCH; echo begin; while :; do read -r _; done";
    let (id, mut output, _input) = exec(&client, script, Tty::Yes).await;
    assert!(next(&mut output).await.into_bytes().starts_with(b"begin"));
    docker.resize_exec(&id, ResizeExecOptionsBuilder::new().h(41).w(121).build()).await.unwrap();
    let rest = joined(all(output).await);
    assert!(rest.ends_with(b"41 121\r\n"), "{rest:?}");
    client.remove().await;
}

type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;
type Input = Pin<Box<dyn AsyncWrite + Send>>;

#[derive(PartialEq, Eq)]
enum Tty {
    Yes,
    No,
}

/// Starts `script` in the running container; returns the exec's id and both its directions.
async fn exec(client: &Client, script: &str, tty: Tty) -> (String, Output, Input) {
    let tty = tty == Tty::Yes;
    let options = CreateExecOptions {
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        tty: Some(tty),
        cmd: Some(vec!["sh", "-c", script]),
        ..Default::default()
    };
    let id = client.docker.create_exec(&client.name, options).await.unwrap().id;
    let start = StartExecOptions { tty, ..Default::default() };
    match client.docker.start_exec(&id, Some(start)).await.unwrap() {
        StartExecResults::Attached { output, input } => (id, output, input),
        StartExecResults::Detached => panic!("nobody asked to detach"),
    }
}

async fn logs_follow_until_the_container_ends(engine: Release, via: Via) {
    let client = Client::new(engine, via).await;
    client.create(running("trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done")).await;
    client.start().await;
    let options = LogsOptionsBuilder::new().follow(true).stdout(true).stderr(true).build();
    let mut logs = pin!(client.docker.logs(&client.name, Some(options)));
    assert_eq!(&next(&mut logs).await.into_bytes()[..], b"ready\n"); // while the container runs
    let waiting = all(client.docker.wait_container(&client.name, None));
    let kill = KillContainerOptionsBuilder::new().signal("TERM").build();
    let (ends, killed) = tokio::join!(waiting, client.docker.kill_container(&client.name, Some(kill)));
    killed.unwrap();
    assert_eq!(ends.iter().map(|end| end.status_code).collect::<Vec<_>>(), [0]);
    assert!(all(logs).await.is_empty());
    client.remove().await;
}

async fn events_arrive_while_they_happen(engine: Release, via: Via) {
    let client = Client::new(engine, via).await;
    let filters = HashMap::from([("container", vec![client.name.clone()])]);
    let options = EventsOptionsBuilder::new().since("0").filters(&filters).build();
    let mut events = pin!(client.docker.events(Some(options)));
    client.create(running("true")).await;
    assert_eq!(next(&mut events).await.action.as_deref(), Some("create"));
    client.start().await;
    for action in ["start", "die"] {
        assert_eq!(next(&mut events).await.action.as_deref(), Some(action));
    }
    client.remove().await;
    assert_eq!(next(&mut events).await.action.as_deref(), Some("destroy"));
}

async fn stats_are_told_again_and_again(engine: Release, via: Via) {
    let client = Client::new(engine, via).await;
    client.create(running("sleep 1000")).await;
    client.start().await;
    let mut stats =
        pin!(client.docker.stats(&client.name, Some(StatsOptionsBuilder::new().stream(true).build())));
    let (first, second) = (next(&mut stats).await, next(&mut stats).await);
    assert_eq!(first.name, Some(format!("/{}", client.name)));
    assert!(first.read < second.read, "{first:?} {second:?}");
    client.remove().await;
}
