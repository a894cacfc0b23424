//! Clients that leave, in every phase of a request: the engine's side must be let go at once, and others are served.

use e2e::{BodyEnd, Call, Client, FakeEngine, Gateway, Via, on_both_listeners, scene, scene_with};

on_both_listeners![
    a_client_that_leaves_before_it_asks_frees_its_place,
    a_client_that_leaves_mid_head_frees_its_place,
    a_client_that_leaves_mid_upload_of_known_length_leaves_it_truncated,
    a_client_that_leaves_mid_chunks_leaves_them_truncated,
    a_client_that_leaves_while_it_waits_for_the_head_frees_the_engine,
    a_client_that_leaves_a_silent_stream_frees_the_engine,
    a_client_that_leaves_a_talking_stream_frees_the_engine,
    a_client_that_leaves_with_unread_bytes_frees_the_engine,
    a_client_that_leaves_a_tunnel_frees_the_engine,
    a_client_that_breaks_off_a_silent_tunnel_frees_the_engine,
    a_client_that_half_closes_while_it_waits_for_ever_counts_as_gone,
    a_client_that_leaves_frees_its_place,
];

/// How a client leaves.
#[derive(Clone, Copy, Debug)]
enum Manner {
    Politely,
    Rudely,
}

const MANNERS: [Manner; 2] = [Manner::Politely, Manner::Rudely];

impl Manner {
    fn leave(self, client: Client) {
        match self {
            Self::Politely => drop(client),
            Self::Rudely => client.leave_rudely(),
        }
    }
}

/// Where `MAX_CONNECTIONS=1`: asks until the only place is free. Each turn is an exchange, so it waits for the gateway.
async fn until_a_place_is_free(gateway: &Gateway, via: Via) -> Client {
    let served = async {
        loop {
            let mut client = gateway.connect(via).await;
            if client.try_send(e2e::request("GET /_ping", &[])).await.is_err() {
                continue; // turned away before it could ask
            }
            match client.try_read_head().await {
                Ok(head) if head.status() == 200 => return client,
                Ok(head) => assert_eq!(head.status(), 503),
                Err(_) => {} // turned away with a reset
            }
        }
    };
    e2e::within("a free place", served).await
}

async fn a_client_that_leaves_before_it_asks_frees_its_place(via: Via) {
    for manner in MANNERS {
        let (_engine, gateway, client) = scene_with(via, &[("MAX_CONNECTIONS", "1")]).await;
        manner.leave(client);
        until_a_place_is_free(&gateway, via).await;
    }
}

async fn a_client_that_leaves_mid_head_frees_its_place(via: Via) {
    for manner in MANNERS {
        let (engine, gateway, mut client) = scene_with(via, &[("MAX_CONNECTIONS", "1")]).await;
        client.send("POST /containers/web/kill HTTP/1.1\r\nHost: localhost\r\nContent-Len").await;
        manner.leave(client);
        until_a_place_is_free(&gateway, via).await;
        let seen = engine.requests();
        assert!(seen.iter().all(|seen| seen.head.target() == "/_ping"), "{manner:?}: {seen:?}");
    }
}

async fn a_client_that_leaves_mid_upload_of_known_length_leaves_it_truncated(via: Via) {
    for manner in MANNERS {
        let (engine, _gateway, mut client) = scene(via).await;
        let mut loads = engine.hand_over("POST /images/load");
        client.ask("POST /images/load", &["Content-Length: 1000"]).await;
        client.send("half a tar").await;
        let mut load = loads.next().await;
        load.expect_body("half a tar").await;
        manner.leave(client);
        let rest = load.read_body().await;
        assert!(matches!(rest.end, BodyEnd::Truncated(_)), "{manner:?}: {rest:?}");
        load.until_gone().await;
    }
}

async fn a_client_that_leaves_mid_chunks_leaves_them_truncated(via: Via) {
    for manner in MANNERS {
        let (engine, _gateway, mut client) = scene(via).await;
        let mut builds = engine.hand_over("POST /build");
        client.ask("POST /build", &["Transfer-Encoding: chunked"]).await;
        client.send_chunk("half a context").await;
        let mut build = builds.next().await;
        build.expect_body("half a context").await;
        manner.leave(client);
        let rest = build.read_body().await;
        assert!(matches!(rest.end, BodyEnd::Truncated(_)), "{manner:?}: {rest:?}");
        build.until_gone().await;
    }
}

/// Over TCP, an end of the stream may be a half-close, and a client that has half-closed gets its answer.
async fn a_client_that_leaves_while_it_waits_for_the_head_frees_the_engine(via: Via) {
    for manner in MANNERS.into_iter().filter(|manner| via == Via::Unix || matches!(manner, Manner::Rudely)) {
        for line in ["GET /info", "POST /containers/web/start"] {
            let (engine, _gateway, mut client) = scene(via).await;
            let mut calls = engine.hand_over(line);
            client.ask(line, &["Content-Length: 0"]).await;
            let mut call = calls.next().await;
            manner.leave(client);
            call.until_gone().await;
        }
    }
}

async fn a_client_that_leaves_a_silent_stream_frees_the_engine(via: Via) {
    for manner in MANNERS {
        for (line, route) in [
            ("GET /events", "GET /events"),
            ("GET /containers/web/logs?follow=1", "GET /containers/web/logs"),
            ("POST /containers/web/wait", "POST /containers/web/wait"),
        ] {
            let (engine, _gateway, mut client) = scene(via).await;
            let mut calls = engine.hand_over(route);
            client.ask(line, &["Content-Length: 0"]).await;
            let mut call = calls.next().await;
            call.start_chunked(&[]).await;
            client.read_head().await;
            manner.leave(client);
            call.until_gone().await;
        }
    }
}

async fn a_client_that_leaves_a_talking_stream_frees_the_engine(via: Via) {
    for manner in MANNERS {
        let (engine, _gateway, mut client) = scene(via).await;
        let mut logs = engine.hand_over("GET /containers/web/logs");
        client.ask("GET /containers/web/logs?follow=1", &[]).await;
        let mut log = logs.next().await;
        log.start_chunked(&[]).await;
        client.read_head().await;
        log.send_chunk("a line\n").await;
        client.expect_body("a line\n").await;
        manner.leave(client);
        log.until_gone().await;
    }
}

/// The gateway is stuck in a write to this client when it leaves.
async fn a_client_that_leaves_with_unread_bytes_frees_the_engine(via: Via) {
    for manner in MANNERS {
        let (engine, _gateway, mut client) = scene(via).await;
        let mut exports = engine.hand_over("GET /containers/web/export");
        client.ask("GET /containers/web/export", &[]).await;
        let mut export = exports.next().await;
        export.start_chunked(&[]).await;
        client.read_head().await;
        let pump = async { while export.try_send(b"4\r\nabcd\r\n".repeat(4096)).await.is_ok() {} };
        let leave = async {
            client.expect_body(b"abcd".repeat(4096)).await;
            manner.leave(client);
        };
        tokio::join!(pump, leave);
    }
}

async fn tunnel(via: Via) -> (FakeEngine, Gateway, Client, Call) {
    let (engine, gateway, mut client) = scene(via).await;
    let mut attaches = engine.hand_over("POST /containers/web/attach");
    client.ask("POST /containers/web/attach", &["Connection: Upgrade", "Upgrade: tcp"]).await;
    let mut attach = attaches.next().await;
    attach.upgrade("tcp", "# ").await;
    assert_eq!(client.read_head().await.status(), 101);
    client.expect("# ").await;
    (engine, gateway, client, attach)
}

/// The end of its stream could be a half-close, so the engine sees just that; its next word shows who is there.
async fn a_client_that_leaves_a_tunnel_frees_the_engine(via: Via) {
    for manner in MANNERS {
        let (engine, _gateway, mut client, mut attach) = tunnel(via).await;
        client.send("exit\n").await;
        attach.expect("exit\n").await;
        manner.leave(client);
        attach.until_gone().await;
        drop(attach);
        engine.until_nobody_is_connected().await;
    }
}

async fn a_client_that_breaks_off_a_silent_tunnel_frees_the_engine(via: Via) {
    let (_engine, _gateway, client, mut attach) = tunnel(via).await;
    if via == Via::Unix {
        attach.send("unread output\n").await; // what makes a unix socket's close a reset
        client.until_readable().await;
    }
    client.leave_rudely();
    attach.read_to_end().await;
    attach.until_gone().await;
}

/// Without this rule a gateway is blind to a client that left a silent stream.
async fn a_client_that_half_closes_while_it_waits_for_ever_counts_as_gone(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut waits = engine.hand_over("POST /containers/web/wait");
    client.ask("POST /containers/web/wait", &["Content-Length: 0"]).await;
    let mut wait = waits.next().await;
    client.half_close().await;
    wait.until_gone().await;
    assert!(client.read_to_end().await.leftover.is_empty());
}

async fn a_client_that_leaves_frees_its_place(via: Via) {
    for manner in MANNERS {
        let (_engine, gateway, mut client) = scene_with(via, &[("MAX_CONNECTIONS", "1")]).await;
        client.ask("GET /events", &[]).await;
        assert_eq!(client.read_head().await.status(), 200);
        manner.leave(client);
        until_a_place_is_free(&gateway, via).await;
    }
}
