//! Engines from 29.2 on take gRPC directly, over HTTP/2 with prior knowledge; BuildKit's clients try that and fall back to
//! `/session` and `/grpc`. An answer that speaks of authorization makes them give up, a closed connection makes them fall
//! back. The gateway speaks HTTP/1 alone, so it closes: nothing of HTTP/2 is read as a request.

use e2e::{Client, Ended, FakeEngine, Via, on_both_listeners, scene};

on_both_listeners![
    a_probe_is_closed_and_told_nothing_of_authorization,
    a_probe_in_pieces_is_closed_and_told_nothing_of_authorization,
    a_probe_over_a_kept_connection_is_closed,
    a_client_that_falls_back_gets_its_session,
];

/// What every HTTP/2 client sends first (RFC 9113 §3.4).
const PREFACE: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// As Go's gRPC sends them: its settings, a larger window, and the call for the server's health behind them.
const FRAMES: &[u8] = b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x00\x3f\xff\xff\
    \x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x3f\x00\x01\
    \x00\x00\x05\x01\x04\x00\x00\x00\x01\x83\x86\x44\x01/";

fn probe() -> Vec<u8> {
    [PREFACE.as_bytes(), FRAMES].concat()
}

/// How the gateway ended the connection: with nothing at all, or in HTTP/1, which no HTTP/2 client can read.
async fn told(client: &mut Client) -> String {
    let Ended { leftover, .. } = client.read_to_end().await;
    let told = String::from_utf8(leftover).expect("no frames");
    assert!(told.is_empty() || told.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{told}");
    told
}

async fn a_probe_is_closed_and_told_nothing_of_authorization(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    client.send(probe()).await;
    told(&mut client).await;
    engine.assert_untouched();
}

async fn a_probe_in_pieces_is_closed_and_told_nothing_of_authorization(via: Via) {
    let (engine, gateway, _) = scene(via).await;
    let probe = probe();
    for cut in 1..probe.len() {
        let mut client = gateway.connect(via).await;
        client.send(&probe[..cut]).await;
        // What was sent may be enough to close.
        let _ = client.try_send(&probe[cut..]).await;
        told(&mut client).await;
    }
    // As far as the first line, which is no HTTP/1, it is answered before the rest can follow.
    let mut client = gateway.connect(via).await;
    client.send("PRI * HTTP/2.0\r\n\r\n").await;
    assert_ne!(told(&mut client).await, "");
    engine.assert_untouched();
}

async fn a_probe_over_a_kept_connection_is_closed(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    assert_eq!(client.fetch("GET /_ping", &[]).await.status(), 200);
    client.send(probe()).await;
    told(&mut client).await;
    let seen: Vec<_> = engine.requests().iter().map(|seen| seen.head.target().to_owned()).collect();
    assert_eq!(seen, ["/_ping"]);
    assert_nothing_of_it_arrived(&engine);
}

async fn a_client_that_falls_back_gets_its_session(via: Via) {
    let (engine, gateway, mut client) = scene(via).await;
    client.send(probe()).await;
    told(&mut client).await;
    let mut calls = engine.hand_over("POST /grpc");
    let mut client = gateway.connect(via).await;
    client.ask("POST /grpc", &["Connection: Upgrade", "Upgrade: h2c"]).await;
    let mut call = calls.next().await;
    call.upgrade("h2c", "").await;
    assert_eq!(client.read_head().await.status(), 101);
    client.send(probe()).await;
    assert_eq!(call.read_exactly(probe().len()).await, probe());
}

fn assert_nothing_of_it_arrived(engine: &FakeEngine) {
    let arrived = engine.record().concat();
    assert!(!arrived.windows(4).any(|bytes| bytes == b"PRI "), "{}", String::from_utf8_lossy(&arrived));
}
