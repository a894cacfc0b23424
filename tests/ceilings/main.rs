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

use e2e::binary::{Process, released};
use e2e::{Client, FakeEngine};

/// In KiB.
const SIZE: f64 = 19_000.0;
const IDLE_MEMORY: f64 = 8_500.0;
const MEMORY_OF_A_STREAM: f64 = 44.0;

const STREAMS: u32 = 200;

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
