//! Crowds: more clients than there are places or open files for, and bursts of those that there are.

use std::time::Instant;

use e2e::binary::Process;
use e2e::{Client, FakeEngine, json};
use serde_json::Value;

/// The places that there are with [`FILES`] open files.
const PLACES: usize = 56;
const FILES: u32 = 256;

fn in_front_of<'e>(engine: &'e FakeEngine, settings: &[(&'e str, &'e str)]) -> Vec<(&'e str, &'e str)> {
    let own = [
        ("DOCKER_SOCKET", engine.socket().to_str().unwrap()),
        ("CONTAINERS", "1"),
        ("POST", "1"),
        ("ALLOW_START", "1"),
    ];
    own.into_iter().chain(settings.iter().copied()).collect()
}

async fn crowd(gateway: &Process, count: usize) -> Vec<Client> {
    let mut crowd = Vec::new();
    for _ in 0..count {
        crowd.push(Client::connect(&gateway.endpoint()).await);
    }
    crowd
}

/// The clients read at the same time, so that each has a connection to the engine to itself.
async fn read_at_once(engine: &FakeEngine, clients: &mut [Client]) {
    let mut reads = engine.hand_over("GET /containers/json");
    let mut calls = Vec::new();
    for client in clients.iter_mut() {
        client.ask("GET /containers/json", &[]).await;
        calls.push(reads.next().await);
    }
    for call in calls {
        call.answer(json("200 OK", "[]")).await;
    }
    for client in clients {
        assert_eq!(client.read_response().await.status(), 200);
    }
}

#[tokio::test]
async fn a_burst_beyond_the_cap_is_a_line_in_ten_seconds_and_each_client_is_counted() {
    const BURST: u64 = 300;
    let engine = FakeEngine::start();
    let settings = in_front_of(&engine, &[("MAX_CONNECTIONS", "1"), ("LOG_FORMAT", "json")]);
    let gateway = Process::start(&settings).unwrap();
    let mut first = Client::connect(&gateway.endpoint()).await;
    assert_eq!(first.fetch("GET /_ping", &[]).await.status(), 200);
    let began = Instant::now();
    for _ in 0..BURST {
        let mut client = Client::connect(&gateway.endpoint()).await;
        assert_eq!(client.fetch("GET /_ping", &[]).await.status(), 503);
    }
    const WORDS: &str = "connections were turned away: there are as many as MAX_CONNECTIONS allows; raise it";
    let lines = gateway.lines(&[WORDS]).len() as u64;
    assert!(lines <= 1 + began.elapsed().as_secs() / 10, "{lines} lines");

    let log = gateway.stop().stderr;
    let lines = log.lines().filter(|line| line.contains(WORDS));
    let lines: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|line| line["count"].as_u64().unwrap()).sum::<u64>(), BURST);
    assert!(lines.iter().all(|line| line["level"] == "WARN" && line["limit"] == 1), "{lines:?}");
}

#[tokio::test]
async fn with_few_files_each_client_of_a_crowd_is_answered() {
    let engine = FakeEngine::start();
    let gateway = Process::start_with_files(FILES, &in_front_of(&engine, &[])).unwrap();
    let mut crowd = Vec::new();
    for _ in 0..300 {
        let mut client = Client::connect(&gateway.endpoint()).await;
        client.ask("GET /_ping", &[]).await;
        crowd.push(client);
    }
    let mut served = 0;
    for client in &mut crowd {
        let answer = client.read_response().await;
        match answer.status() {
            200 => served += 1,
            503 => assert!(answer.text().contains("as the limit of open files allows"), "{}", answer.text()),
            status => panic!("{status}"),
        }
    }
    assert_eq!(served, PLACES);
    let log = gateway.log();
    assert!(!log.contains("cannot accept"), "{log}");
}

#[tokio::test]
async fn with_few_files_each_client_that_has_a_place_is_served() {
    for (files, places) in [(FILES, PLACES), (128, 24)] {
        each_client_that_has_a_place_is_served(files, places).await;
    }
}

async fn each_client_that_has_a_place_is_served(files: u32, places: usize) {
    let engine = FakeEngine::start();
    let gateway = Process::start_with_files(files, &in_front_of(&engine, &[])).unwrap();
    let mut clients = crowd(&gateway, places).await;
    read_at_once(&engine, &mut clients).await; // as many connections are kept
    let _silent = crowd(&gateway, 63).await;
    let mut last = Client::connect(&gateway.endpoint()).await;
    assert_eq!(last.fetch("GET /_ping", &[]).await.status(), 503);
    assert_eq!(
        engine.counts().open,
        places,
        "kept connections gave files up for clients that are turned away"
    );

    let mut starts = engine.hand_over("POST /containers/web/start");
    let mut calls = Vec::new();
    for client in &mut clients {
        client.ask("POST /containers/web/start", &["Content-Length: 0"]).await;
        calls.push(starts.next().await);
    }
    for call in calls {
        call.answer("HTTP/1.1 204 No Content\r\n\r\n").await;
    }
    for client in &mut clients {
        assert_eq!(client.read_response().await.status(), 204);
    }
    let log = gateway.log();
    assert!(!log.contains("cannot accept"), "{log}");
}

/// What needs a file that is not there.
#[derive(Clone, Copy, Debug)]
enum Need {
    EngineConnection,
    NewClient,
    SecondFileOfNewClient,
}

#[tokio::test]
async fn kept_connections_give_way_where_no_file_is_left() {
    for need in [Need::EngineConnection, Need::NewClient, Need::SecondFileOfNewClient] {
        let engine = FakeEngine::start();
        let gateway = Process::start(&in_front_of(&engine, &[])).unwrap();
        let mut clients = crowd(&gateway, 20).await;
        read_at_once(&engine, &mut clients).await;
        leave_files(&gateway, u32::from(matches!(need, Need::SecondFileOfNewClient)));
        let answer = match need {
            Need::EngineConnection => {
                clients[0].fetch("POST /containers/web/start", &["Content-Length: 0"]).await
            }
            Need::NewClient | Need::SecondFileOfNewClient => {
                crowd(&gateway, 1).await[0].fetch("GET /_ping", &[]).await
            }
        };
        assert_eq!(answer.status(), 200, "{need:?}: {}", answer.text());
        let log = gateway.log();
        assert!(!log.contains("cannot accept"), "{need:?}: {log}");
    }
}

#[tokio::test]
async fn what_lacks_a_file_says_what_to_do() {
    let engine = FakeEngine::start();
    let gateway = Process::start(&in_front_of(&engine, &[])).unwrap();
    let mut client = Client::connect(&gateway.endpoint()).await;
    assert_eq!(client.fetch("POST /containers/web/start", &["Content-Length: 0"]).await.status(), 200);
    engine.until_nobody_is_connected().await;
    leave_files(&gateway, 0);
    let refused = client.fetch("GET /_ping", &[]).await;
    assert_eq!(refused.status(), 503);
    assert!(refused.text().contains(NEXT_STEP), "{}", refused.text());
    let _waiting = Client::connect(&gateway.endpoint()).await;
    let _ = gateway.lines(&["cannot accept a connection, trying again", NEXT_STEP]);
}

/// It would keep its place for ever if it left without the gateway's noticing.
#[tokio::test]
async fn a_client_without_its_second_file_is_let_go_and_that_is_said() {
    let engine = FakeEngine::start();
    let gateway = Process::start(&in_front_of(&engine, &[])).unwrap();
    leave_files(&gateway, 1);
    let mut client = Client::connect(&gateway.endpoint()).await;
    assert!(client.read_to_end().await.leftover.is_empty());
    let _ = gateway.lines(&["cannot accept a connection, trying again", NEXT_STEP]);
}

const NEXT_STEP: &str = "Too many open files (os error 24); \
                         raise the gateway's limit of open files (ulimit -n, LimitNOFILE=) or lower MAX_CONNECTIONS";

/// Lowers the process's limit so that it can open so many files beyond those that it has: none or one.
fn leave_files(gateway: &Process, count: u32) {
    let open =
        |number: &u32| std::fs::symlink_metadata(format!("/proc/{}/fd/{number}", gateway.id())).is_ok();
    gateway.limit_files((0..).find(|number| !open(number)).unwrap() + count);
}

#[tokio::test]
async fn a_second_burst_of_reads_needs_no_new_connection_to_the_engine() {
    const BURST: usize = 200;
    let engine = FakeEngine::start();
    let gateway = Process::start(&in_front_of(&engine, &[])).unwrap();
    let mut clients = crowd(&gateway, BURST).await;
    read_at_once(&engine, &mut clients).await;
    let opened = engine.counts().opened;
    read_at_once(&engine, &mut clients).await;
    assert_eq!(engine.counts().opened, opened);
}
