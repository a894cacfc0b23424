//! Slow sides: nothing is lost, nothing is cut, and what is waiting does not pile up in the gateway.

use std::time::Duration;

use e2e::{BodyEnd, Via, Wire, on_both_listeners, scene, scene_with};

on_both_listeners![
    a_client_that_does_not_read_holds_the_engine_back,
    an_engine_that_does_not_read_holds_the_client_back,
    a_tunnel_that_nobody_reads_holds_the_other_side_back,
    a_slow_reader_gets_the_end_of_a_body_after_the_idle_timeout,
    a_head_may_come_in_pieces,
    an_answer_may_come_in_pieces,
];

/// More than the kernel's and the gateway's buffers hold together.
const TOO_MUCH: usize = 256 << 20;
const PIECE: usize = 64 << 10;

/// Nothing moved for this long: there is no event for that. If it is said too early on a slow machine, the case still
/// passes; an unbounded buffer would take all that is sent, however slow the machine.
const STUCK: Duration = Duration::from_millis(500);

/// Sends bytes until the other side takes no more. Returns how many it took at least; it took less than a piece more.
async fn send_until_stuck(wire: &mut Wire) -> usize {
    let piece = vec![b'a'; PIECE];
    for taken in 0..TOO_MUCH / PIECE {
        if tokio::time::timeout(STUCK, wire.send(&piece)).await.is_err() {
            return taken * PIECE;
        }
    }
    panic!("{TOO_MUCH} bytes went somewhere that is not the reader");
}

async fn a_client_that_does_not_read_holds_the_engine_back(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut exports = engine.hand_over("GET /containers/web/export");
    client.ask("GET /containers/web/export", &[]).await;
    let mut export = exports.next().await;
    export.send("HTTP/1.1 200 OK\r\n\r\n").await;
    client.read_head().await;
    let taken = send_until_stuck(&mut export).await;
    drop(export);
    let got = client.read_body().await.whole().len();
    assert!((taken..taken + PIECE).contains(&got), "{got} bytes of {taken} and a bit");
}

async fn an_engine_that_does_not_read_holds_the_client_back(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut loads = engine.hand_over("POST /images/load");
    client.ask("POST /images/load", &[&format!("Content-Length: {TOO_MUCH}")]).await;
    let mut load = loads.next().await;
    let taken = send_until_stuck(&mut client).await;
    load.expect_body(vec![b'a'; taken]).await;
    client.send(vec![b'a'; PIECE]).await; // it flows again
    load.expect_body(vec![b'a'; PIECE]).await;
}

async fn a_tunnel_that_nobody_reads_holds_the_other_side_back(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut attaches = engine.hand_over("POST /containers/web/attach");
    client.ask("POST /containers/web/attach", &["Connection: Upgrade", "Upgrade: tcp"]).await;
    let mut attach = attaches.next().await;
    attach.upgrade("tcp", "").await;
    client.read_head().await;
    let taken = send_until_stuck(&mut attach).await;
    client.send("the other direction is free\n").await;
    attach.expect("the other direction is free\n").await;
    client.read_exactly(taken).await;
}

/// Of one of these the end is in the gateway's hands when the client pauses, and the engine is done with it. The clock
/// is other clients, which ask nothing more and are closed by the timeout.
async fn a_slow_reader_gets_the_end_of_a_body_after_the_idle_timeout(via: Via) {
    let (engine, gateway, _) = scene_with(via, &[("IDLE_TIMEOUT", "1s")]).await;
    let mut readers = Vec::new();
    for length in (1..6).map(|count| count * (128 << 10)).chain((2..12).map(|count| count * (512 << 10))) {
        let image = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n") + &"a".repeat(length);
        engine.answer(&format!("GET /images/{length}/get"), image);
        let mut client = gateway.connect(via).await;
        client.ask(&format!("GET /images/{length}/get"), &[]).await;
        assert_eq!(client.read_head().await.status(), 200);
        readers.push((client, length));
    }
    for _ in 0..2 {
        let mut clock = gateway.connect(via).await;
        assert_eq!(clock.fetch("GET /_ping", &[]).await.status(), 200);
        clock.read_to_end().await;
    }
    for (mut client, length) in readers {
        let body = client.read_body().await;
        assert_eq!((body.end, body.bytes.len()), (BodyEnd::Complete, length));
    }
}

async fn a_head_may_come_in_pieces(via: Via) {
    let (engine, gateway, mut client) = scene(via).await;
    let mut other = gateway.connect(via).await;
    for piece in e2e::request("GET /info", &["X-Name: value"]).split_inclusive([' ', '\r', '\n']) {
        client.send(piece).await;
        assert_eq!(other.fetch("GET /_ping", &[]).await.text(), "OK"); // the gateway has had its turn
    }
    assert_eq!(client.read_response().await.status(), 200);
    assert!(engine.requests().iter().any(|seen| seen.head.target() == "/info"));
}

async fn an_answer_may_come_in_pieces(via: Via) {
    let (engine, gateway, mut client) = scene(via).await;
    let mut other = gateway.connect(via).await;
    let mut infos = engine.hand_over("GET /info");
    client.ask("GET /info", &[]).await;
    let mut info = infos.next().await;
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r";
    for piece in answer.split_inclusive([' ', '\r', '\n', '{']) {
        info.send(piece).await;
        assert_eq!(other.fetch("GET /_ping", &[]).await.text(), "OK");
    }
    info.answer("\n").await;
    assert_eq!(client.read_response().await.text(), "{}");
}
