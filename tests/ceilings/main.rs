//! What the released binary may take at most: its size, its memory when idle, and its memory for each open stream.
//!
//! A ceiling is some twenty percent above what was measured when it was set (docs/BENCHMARKS.md). It does not say what is
//! good; it sees to it that a growth is noticed in the change that brings it.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and prints what it measures"
)]

use std::process::Command;
use std::time::Duration;

use e2e::binary::{Process, released};
use e2e::{Client, FakeEngine, guests, within};

mod container;

use container::MemoryGroup;

/// In KiB.
const SIZE: f64 = 19_000.0;
const IDLE_MEMORY: f64 = 8_500.0;
const MEMORY_OF_A_STREAM: f64 = 44.0;

const STREAMS: u32 = 200;

/// How much more than an idle gateway's one may keep that was busy and is quiet again, in KiB.
const KEPT: f64 = 6_000.0;

/// The memory of a small container, in bytes, and the connections that it is for (docs/BENCHMARKS.md).
const CONTAINER: u64 = 64 << 20;
const CONNECTIONS: usize = 64;

#[test]
fn the_binary_is_no_larger_than_its_ceiling() {
    let bytes = u32::try_from(std::fs::metadata(released()).unwrap().len()).unwrap();
    hold("the size of the released binary", f64::from(bytes) / 1024.0, SIZE);
}

#[tokio::test]
async fn idle_and_with_silent_streams_the_gateway_takes_no_more_memory_than_its_ceilings() {
    let engine = FakeEngine::start();
    engine.answer("GET /events", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    let settings = [("DOCKER_SOCKET", engine.socket())];
    let gateway = Process::start_as(Command::new(released()), &settings).unwrap();
    let mut idle_client = Client::connect(&gateway.endpoint()).await;
    assert_eq!(idle_client.fetch("GET /_ping", &[]).await.status(), 200);
    let idle = resident(&gateway);
    hold("the resident memory of an idle gateway", idle, IDLE_MEMORY);

    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        let mut client = Client::connect(&gateway.endpoint()).await;
        client.ask("GET /events", &[]).await;
        assert_eq!(client.read_head().await.status(), 200);
        streams.push(client);
    }
    let each = (resident(&gateway) - idle) / f64::from(STREAMS);
    hold("the resident memory of each open stream", each, MEMORY_OF_A_STREAM);
}

#[tokio::test]
async fn what_a_peak_took_is_given_back_when_it_is_over() {
    let engine = FakeEngine::start();
    engine.answer("GET /events", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    let settings = [("DOCKER_SOCKET", engine.socket())];
    let gateway = Process::start_as(Command::new(released()), &settings).unwrap();
    let mut clients = Vec::new();
    for _ in 0..STREAMS {
        clients.push(large_head(&gateway).await);
    }
    println!("with {STREAMS} heads of 900 fields: {:.1} KiB", resident(&gateway));
    drop(clients);
    // No request may come in between: it is an idle gateway that has to give memory back.
    within("the memory of clients that have left", async {
        let mut looks = tokio::time::interval(Duration::from_millis(100));
        while resident(&gateway) > IDLE_MEMORY + KEPT {
            looks.tick().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_container_of_64_mib_holds_64_connections_that_take_as_much_as_they_can() {
    let engine = FakeEngine::start();
    engine.answer("GET /events", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    let group = MemoryGroup::new("heads", CONTAINER);
    let settings = [("DOCKER_SOCKET", engine.socket())];
    let gateway = Process::start_as(group.command(released()), &settings).unwrap();
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(large_head(&gateway).await);
    }
    assert_eq!(Client::connect(&gateway.endpoint()).await.fetch("GET /_ping", &[]).await.status(), 200);
    println!("64 connections in a container of 64 MiB: {:.1} KiB at most", group.peak());
    drop(gateway);
}

#[tokio::test]
async fn a_container_of_64_mib_holds_the_bodies_of_64_connections_beside_a_policy() {
    let engine = FakeEngine::start();
    let cache = tempfile::tempdir().unwrap();
    let group = MemoryGroup::new("bodies", CONTAINER);
    let policy = guests::rust("inspector");
    let settings = [
        ("DOCKER_SOCKET", engine.socket().as_os_str()),
        ("POLICY", policy.as_os_str()),
        ("POLICY_SETTINGS", "ContainerCreate".as_ref()),
        ("POLICY_CACHE", cache.path().as_os_str()),
        ("POLICY_CONCURRENCY", "4".as_ref()),
        ("POLICY_TIMEOUT", "10s".as_ref()),
        ("HEADER_TIMEOUT", "60s".as_ref()),
        ("CONTAINERS", "1".as_ref()),
        ("POST", "1".as_ref()),
    ];
    let gateway = Process::start_as(group.command(released()), &settings).unwrap();
    let body = format!("{}{{\"Image\":\"forbidden\"}}", " ".repeat((1 << 20) - 21));
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(Client::connect(&gateway.endpoint()).await);
    }
    for client in &mut clients {
        let length = format!("Content-Length: {}", body.len());
        client.ask("POST /containers/create", &["Expect: 100-continue", &length]).await;
        client.expect("HTTP/1.1 100 Continue\r\n\r\n").await;
        client.send(&body.as_bytes()[..body.len() / 2]).await;
    }
    let mut judged = 0;
    for client in &mut clients {
        client.send(&body.as_bytes()[body.len() / 2..]).await;
    }
    for client in &mut clients {
        let status = client.read_response().await.status();
        assert!([403, 503].contains(&status), "{status}");
        judged += u32::from(status == 403);
    }
    assert!(judged > 0, "no body was judged");
    println!("bodies of 64 connections in a container of 64 MiB: {:.1} KiB at most", group.peak());
    drop(gateway);
}

/// A client with a stream whose head is nearly as large as it may be.
async fn large_head(gateway: &Process) -> Client {
    let fields: Vec<_> = (0..900).map(|at| format!("X-Field-{at}: {}", "v".repeat(100))).collect();
    let fields: Vec<_> = fields.iter().map(String::as_str).collect();
    let mut client = Client::connect(&gateway.endpoint()).await;
    client.ask("GET /events", &fields).await;
    assert_eq!(client.read_head().await.status(), 200);
    client
}

/// The resident memory of its process, in KiB: from `smaps_rollup`, as `status` is off by up to some hundred KiB a thread.
fn resident(gateway: &Process) -> f64 {
    let rollup = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", gateway.id())).unwrap();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:")).expect("an Rss");
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn hold(what: &str, measured: f64, ceiling: f64) {
    println!("{what}: {measured:.1} KiB, of {ceiling:.1} at most");
    assert!(
        measured <= ceiling,
        "{what} is {measured:.1} KiB, which is more than the ceiling of {ceiling:.1}. Find out what made it grow: a \
         dependency, a feature, a buffer. If it is worth that, raise the ceiling in tests/ceilings/main.rs, and say in \
         the commit what it buys."
    );
}
