//! What the log says of an engine that is away, or that fails in the middle.

use e2e::binary::Process;
use e2e::{BodyEnd, Call, Client, FakeEngine, Via, on_both_listeners, within};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;

use super::binary;

on_both_listeners![
    an_absence_is_said_once_and_so_is_its_end,
    an_absence_at_the_start_is_said_once,
    another_cause_of_an_absence_is_said_as_well,
    a_tunnel_that_a_dying_engine_cuts_is_the_engines_failure,
    an_engine_that_is_being_killed_is_gone,
    a_tunnel_that_the_engine_ends_is_closed,
    an_answer_that_breaks_off_is_the_engines_failure,
    an_answer_without_a_length_is_whole_if_the_engine_is_still_there,
];

const TCP: [&str; 2] = ["Connection: Upgrade", "Upgrade: tcp"];

/// The warnings that are about the engine.
fn warnings(gateway: &Process) -> Vec<String> {
    let log = gateway.log();
    let about_the_engine = |line: &&str| line.contains(" WARN ") && line.contains("the Docker engine");
    log.lines().filter(about_the_engine).map(str::to_owned).collect()
}

async fn an_absence_is_said_once_and_so_is_its_end(via: Via) {
    let mut engine = FakeEngine::start();
    let gateway = binary(engine.socket(), via);
    let mut client = Client::connect(&gateway.endpoint()).await;
    for round in 1..=2 {
        assert_eq!(client.fetch("GET /_ping", &[]).await.status(), 200);
        engine.stop().await;
        for line in ["GET /_ping", "POST /containers/web/start", "GET /info"].repeat(5) {
            assert_eq!(client.fetch(line, &["Content-Length: 0"]).await.status(), 503);
        }
        engine.restart();
        assert_eq!(client.fetch("GET /_ping", &[]).await.status(), 200);
        assert!(gateway.next_line("the Docker engine answers again").contains("failed=15"));

        let said = warnings(&gateway);
        assert_eq!(said.len(), 2 * round, "{said:#?}");
        let [.., gone, back] = said.as_slice() else { panic!("{said:#?}") };
        assert!(gone.contains("cannot connect to the Docker engine at "), "{gone}");
        assert!(gone.contains("Nobody listens on it: start the engine."), "{gone}");
        assert!(back.contains("the Docker engine answers again away_s="), "{back}");
        let records = gateway.lines(&["INFO", r#"end="engine away""#, "reason=\"cannot connect to "]);
        assert_eq!(records.len(), 15 * round, "{records:#?}");
    }
}

async fn an_absence_at_the_start_is_said_once(via: Via) {
    let mut engine = FakeEngine::absent();
    let gateway = binary(engine.socket(), via);
    let mut client = Client::connect(&gateway.endpoint()).await;
    for _ in 0..3 {
        assert_eq!(client.fetch("GET /_ping", &[]).await.status(), 503);
    }
    engine.restart();
    assert_eq!(client.fetch("GET /_ping", &[]).await.status(), 200);
    assert!(gateway.next_line("the Docker engine answers again").contains("failed=3"));
    assert_eq!(warnings(&gateway).len(), 2, "{:#?}", warnings(&gateway));
}

async fn another_cause_of_an_absence_is_said_as_well(via: Via) {
    let mut engine = FakeEngine::start();
    let gateway = binary(engine.socket(), via);
    engine.stop().await;
    let mut client = Client::connect(&gateway.endpoint()).await;
    for next_step in ["Nobody listens on it: start the engine.", "Start the engine, mount its socket here"] {
        for _ in 0..3 {
            assert_eq!(client.fetch("GET /_ping", &[]).await.status(), 503);
        }
        gateway.until_logged(next_step);
        if engine.socket().exists() {
            engine.unlink();
        }
    }
    assert_eq!(warnings(&gateway).len(), 2, "{:#?}", warnings(&gateway));
    engine.restart();
    assert_eq!(client.fetch("GET /_ping", &[]).await.status(), 200);
    assert!(gateway.next_line("the Docker engine answers again").contains("failed=6"));
}

async fn attached(engine: &FakeEngine, gateway: &Process) -> (Client, Call) {
    let mut client = Client::connect(&gateway.endpoint()).await;
    let mut attaches = engine.hand_over("POST /containers/web/attach");
    client.ask("POST /containers/web/attach?stream=1&stdin=1&stdout=1", &TCP).await;
    let mut attach = attaches.next().await;
    attach.upgrade("tcp", "output\n").await;
    assert_eq!(client.read_head().await.status(), 101);
    client.expect("output\n").await;
    (client, attach)
}

/// What a side of a tunnel has done before the engine ends it.
#[derive(Clone, Copy, Debug)]
enum Before {
    Nothing,
    EndOfInput,
    UnreadInput,
}

const BEFORE: [Before; 3] = [Before::Nothing, Before::EndOfInput, Before::UnreadInput];

impl Before {
    async fn take_place(self, client: &mut Client, attach: &mut Call) {
        match self {
            Self::Nothing => {}
            Self::EndOfInput => {
                client.half_close().await;
                attach.read_to_end().await;
            }
            Self::UnreadInput => {
                client.send("input\n").await;
                attach.until_readable().await;
            }
        }
    }
}

async fn a_tunnel_that_a_dying_engine_cuts_is_the_engines_failure(via: Via) {
    let mut engine = FakeEngine::start();
    let gateway = binary(engine.socket(), via);
    for before in BEFORE {
        let (mut client, mut attach) = attached(&engine, &gateway).await;
        before.take_place(&mut client, &mut attach).await;
        engine.stop().await;
        drop(attach);
        client.read_to_end().await;
        drop(client);
        let record = gateway.next_line("operation=ContainerAttach");
        let reason = format!("nobody listens at {} any more", engine.socket().display());
        for want in [" WARN ", r#"end="engine failed""#, "the Docker engine ended the tunnel", &reason] {
            assert!(record.contains(want), "{before:?}: {want} is not in {record}");
        }
        engine.restart();
    }
}

/// A process that is killed loses its connections first, and takes one more before it loses its listener.
async fn an_engine_that_is_being_killed_is_gone(via: Via) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let gateway = binary(&socket, via);
    let next = || async { within("a connection of the gateway", listener.accept()).await.unwrap().0 };
    drop(next().await); // the look at the start
    let mut client = Client::connect(&gateway.endpoint()).await;
    client.ask("POST /containers/web/attach?stream=1&stdout=1", &TCP).await;
    let mut attach = next().await;
    attach.read_u8().await.unwrap();
    attach.write_all(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n").await.unwrap();
    assert_eq!(client.read_head().await.status(), 101);
    drop(attach);
    let look = next().await;
    drop(listener);
    drop(look);
    client.read_to_end().await;
    drop(client);
    let record = gateway.next_line("operation=ContainerAttach");
    assert!(record.contains(r#"end="engine failed""#) && record.contains(" any more"), "{record}");
}

async fn a_tunnel_that_the_engine_ends_is_closed(via: Via) {
    let engine = FakeEngine::start();
    let gateway = binary(engine.socket(), via);
    for before in BEFORE {
        let (mut client, mut attach) = attached(&engine, &gateway).await;
        before.take_place(&mut client, &mut attach).await;
        drop(attach);
        client.read_to_end().await;
        drop(client);
        let record = gateway.next_line("operation=ContainerAttach");
        assert!(
            record.contains(" INFO ") && record.contains(r#"end="tunnel closed""#),
            "{before:?}: {record}"
        );
        assert!(!record.contains("reason="), "{before:?}: {record}");
    }
}

async fn an_answer_that_breaks_off_is_the_engines_failure(via: Via) {
    let engine = FakeEngine::start();
    let gateway = binary(engine.socket(), via);
    for head in
        ["Content-Length: 100\r\n\r\nhalf a tar", "Transfer-Encoding: chunked\r\n\r\n64\r\nhalf a tar"]
    {
        let mut client = Client::connect(&gateway.endpoint()).await;
        engine.answer_and_close("GET /containers/web/export", format!("HTTP/1.1 200 OK\r\n{head}"));
        client.ask("GET /containers/web/export", &[]).await;
        client.read_head().await;
        client.read_body().await;
        let record = gateway.next_line("operation=ContainerExport");
        let reason = "the Docker engine broke off its answer after 10 bytes: ";
        let cause = "end of file before message length reached";
        for want in [" WARN ", r#"end="engine failed""#, reason, cause] {
            assert!(record.contains(want), "{want} is not in {record}");
        }
    }
}

/// Nothing but the end of the connection ends such a body, and a dying engine ends that as well.
async fn an_answer_without_a_length_is_whole_if_the_engine_is_still_there(via: Via) {
    let mut engine = FakeEngine::start();
    let gateway = binary(engine.socket(), via);
    for is_there in [true, false] {
        let mut client = Client::connect(&gateway.endpoint()).await;
        let mut logs = engine.hand_over("GET /containers/web/logs");
        client.ask("GET /containers/web/logs?stdout=1", &[]).await;
        let mut log = logs.next().await;
        log.send("HTTP/1.1 200 OK\r\n\r\na line\n").await;
        client.read_head().await;
        if !is_there {
            engine.stop().await;
        }
        log.send("another\n").await;
        drop(log);
        let body = client.read_body().await;
        assert_eq!(String::from_utf8_lossy(&body.bytes), "a line\nanother\n");
        assert_eq!(matches!(body.end, BodyEnd::Complete), is_there, "{body:?}");
        let record = gateway.next_line("operation=ContainerLogs");
        let wants = match is_there {
            true => [" INFO ", "end=complete", "response_bytes=15"],
            false => [
                " WARN ",
                r#"end="engine failed""#,
                "broke off its answer after 15 bytes: nobody listens at ",
            ],
        };
        for want in wants {
            assert!(record.contains(want), "{want} is not in {record}");
        }
    }
}
