//! A client that left went unnoticed if it had sent bytes for which the gateway had no use yet.

use std::time::Duration;

use e2e::{Client, Gateway, Via, on_both_listeners, request, scene_with};

on_both_listeners![
    a_client_that_leaves_a_silent_stream_with_more_asked_frees_the_engine,
    a_client_that_asks_more_of_a_silent_stream_and_leaves_frees_the_engine,
    a_client_that_leaves_an_unanswered_request_with_more_asked_frees_the_engine,
    a_client_that_leaves_an_upload_that_the_engine_does_not_take_frees_the_engine,
    a_client_that_leaves_an_upload_that_the_engine_has_answered_frees_the_engine,
    a_client_that_leaves_more_asked_frees_its_place,
    a_client_that_stays_with_more_asked_keeps_its_stream,
];

/// The gateway asks the kernel twice in this time.
const SOON: [(&str, &str); 1] = [("HEADER_TIMEOUT", "1s")];

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

/// A stray line end, as some clients send behind a body; a part of a request; a whole one.
fn more() -> [String; 3] {
    ["\r\n".to_owned(), "GET /_ping HT".to_owned(), request("GET /_ping", &[])]
}

/// Where no more than one place is free: asks until it is. Each turn is an exchange, so it waits for the gateway.
pub(super) async fn until_a_place_is_free(gateway: &Gateway, via: Via) -> Client {
    let served = async {
        loop {
            let mut client = gateway.connect(via).await;
            if client.try_send(request("GET /_ping", &[])).await.is_err() {
                continue; // turned away before it could ask
            }
            match client.try_read_head().await {
                Ok(head) if head.status() == 200 => {
                    client.expect_body("OK").await;
                    return client;
                }
                Ok(head) => assert_eq!(head.status(), 503),
                Err(_) => {} // turned away with a reset
            }
        }
    };
    e2e::within("a free place", served).await
}

async fn a_client_that_leaves_a_silent_stream_with_more_asked_frees_the_engine(via: Via) {
    for manner in MANNERS {
        for more in more() {
            let (engine, _gateway, mut client) = scene_with(via, &SOON).await;
            let mut subscriptions = engine.hand_over("GET /events");
            client.send(request("GET /events", &[]) + &more).await;
            let mut events = subscriptions.next().await;
            events.start_chunked(&[]).await;
            client.read_head().await;
            manner.leave(client);
            events.until_gone().await;
        }
    }
}

async fn a_client_that_asks_more_of_a_silent_stream_and_leaves_frees_the_engine(via: Via) {
    for manner in MANNERS {
        for more in more() {
            let (engine, _gateway, mut client) = scene_with(via, &SOON).await;
            let mut logs = engine.hand_over("GET /containers/web/logs");
            client.ask("GET /containers/web/logs?follow=1", &[]).await;
            let mut log = logs.next().await;
            log.start_chunked(&[]).await;
            log.send_chunk("a line\n").await;
            client.read_head().await;
            client.expect_body("a line\n").await;
            client.send(more).await;
            if via == Via::Unix {
                log.send_chunk("an unread line\n").await; // what makes a unix socket's close a reset
                client.until_readable().await;
            }
            manner.leave(client);
            log.until_gone().await;
        }
    }
}

async fn a_client_that_leaves_an_unanswered_request_with_more_asked_frees_the_engine(via: Via) {
    for manner in MANNERS {
        for more in more() {
            let (engine, _gateway, mut client) = scene_with(via, &SOON).await;
            let mut waits = engine.hand_over("POST /containers/web/wait");
            client.send(request("POST /containers/web/wait", &["Content-Length: 0"]) + &more).await;
            let mut wait = waits.next().await;
            manner.leave(client);
            wait.until_gone().await;
        }
    }
}

/// Sends until nobody takes more. There is no event for that; said too early, the case still holds.
async fn fill_up(client: &mut Client) {
    const STUCK: Duration = Duration::from_millis(500);
    let piece = vec![b'a'; 64 << 10];
    while tokio::time::timeout(STUCK, client.send(&piece)).await.is_ok() {}
}

/// The end of a TCP stream stands behind bytes for which the gateway's kernel has no room, and so has not arrived; the
/// kernel's own probes will tell, minutes later.
fn noticed_behind_a_full_buffer(via: Via) -> impl Iterator<Item = Manner> {
    MANNERS.into_iter().filter(move |manner| via == Via::Unix || matches!(manner, Manner::Rudely))
}

async fn a_client_that_leaves_an_upload_that_the_engine_does_not_take_frees_the_engine(via: Via) {
    for manner in noticed_behind_a_full_buffer(via) {
        let (engine, _gateway, mut client) = scene_with(via, &SOON).await;
        let mut loads = engine.hand_over("POST /images/load");
        client.ask("POST /images/load", &["Content-Length: 1000000000"]).await;
        let load = loads.next().await;
        fill_up(&mut client).await;
        manner.leave(client);
        load.until_hung_up().await;
    }
}

async fn a_client_that_leaves_an_upload_that_the_engine_has_answered_frees_the_engine(via: Via) {
    for manner in noticed_behind_a_full_buffer(via) {
        let (engine, _gateway, mut client) = scene_with(via, &SOON).await;
        let mut builds = engine.hand_over("POST /build");
        client.ask("POST /build", &["Content-Length: 1000000000"]).await;
        let mut build = builds.next().await;
        build.start_chunked(&[]).await;
        client.read_head().await;
        fill_up(&mut client).await;
        manner.leave(client);
        build.until_hung_up().await;
    }
}

async fn a_client_that_leaves_more_asked_frees_its_place(via: Via) {
    for manner in MANNERS {
        let (engine, gateway, mut client) =
            scene_with(via, &[("HEADER_TIMEOUT", "1s"), ("MAX_CONNECTIONS", "1")]).await;
        let mut subscriptions = engine.hand_over("GET /events");
        client.send(request("GET /events", &[]) + &request("GET /info", &[])).await;
        let mut events = subscriptions.next().await;
        events.start_chunked(&[]).await;
        client.read_head().await;
        manner.leave(client);
        until_a_place_is_free(&gateway, via).await;
        assert!(engine.requests().iter().all(|seen| seen.head.target() != "/info"), "nobody waits for it");
    }
}

/// The clocks are other clients, which ask nothing more and are closed by the timeout.
async fn a_client_that_stays_with_more_asked_keeps_its_stream(via: Via) {
    let settings = [("IDLE_TIMEOUT", "1s"), ("HEADER_TIMEOUT", "1s")];
    let (engine, gateway, mut client) = scene_with(via, &settings).await;
    let mut subscriptions = engine.hand_over("GET /events");
    client.send(request("GET /events", &[]) + &request("GET /info", &[])).await;
    let mut events = subscriptions.next().await;
    events.start_chunked(&[]).await;
    client.read_head().await;
    for _ in 0..3 {
        let mut clock = gateway.connect(via).await;
        assert_eq!(clock.fetch("GET /_ping", &[]).await.status(), 200);
        clock.read_to_end().await;
    }
    events.send_chunk("an event").await;
    client.expect_body("an event").await;
    events.answer("0\r\n\r\n").await;
    assert!(client.read_body().await.whole().is_empty());
    assert_eq!(client.read_response().await.status(), 200);
}
