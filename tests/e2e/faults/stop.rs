//! The gateway's own end: what is idle ends at once, what is in flight may finish, what goes on is cut after the grace.

use e2e::{BodyEnd, Client, Endpoint, Gateway, Via, json, on_both_listeners, scene_with};

on_both_listeners![
    idle_connections_are_closed_at_once,
    a_connection_that_never_asked_is_closed_at_once,
    nobody_is_let_in_any_more,
    a_request_in_flight_finishes,
    an_upload_in_flight_finishes,
    a_tunnel_goes_on_for_the_grace,
    a_stream_is_cut_after_the_grace_and_that_is_visible,
    a_request_without_an_answer_is_cut_after_the_grace,
    a_tunnel_is_cut_after_the_grace,
    half_a_head_does_not_hold_up_a_stop_for_longer_than_the_grace,
    the_socket_file_is_gone_afterwards,
];

/// So long that a case which waited for it would fail.
const LONG: [(&str, &str); 1] = [("SHUTDOWN_GRACE", "1h")];
const SHORT: [(&str, &str); 1] = [("SHUTDOWN_GRACE", "1s")];

async fn idle_connections_are_closed_at_once(via: Via) {
    let (_engine, mut gateway, mut client) = scene_with(via, &LONG).await;
    assert_eq!(client.fetch("GET /_ping", &[]).await.status(), 200);
    gateway.begin_stop();
    assert!(client.read_to_end().await.leftover.is_empty());
    gateway.until_stopped().await;
}

async fn a_connection_that_never_asked_is_closed_at_once(via: Via) {
    let (_engine, mut gateway, mut client) = scene_with(via, &LONG).await;
    let mut other = gateway.connect(via).await;
    assert_eq!(other.fetch("GET /_ping", &[]).await.status(), 200, "by now the first one was accepted, too");
    gateway.begin_stop();
    assert!(client.read_to_end().await.leftover.is_empty());
    gateway.until_stopped().await;
}

async fn nobody_is_let_in_any_more(via: Via) {
    let (engine, mut gateway, mut client) = scene_with(via, &LONG).await;
    let mut stops = engine.hand_over("POST /containers/web/stop");
    client.ask("POST /containers/web/stop", &["Content-Length: 0"]).await;
    let mut stop = stops.next().await;
    gateway.begin_stop();
    let refused = async {
        while let Ok(mut late) = Client::try_connect(&gateway.endpoint(via)).await {
            late.read_to_end().await; // it came while the listener was closing, and was not served
        }
    };
    e2e::within("connections to be refused", refused).await;
    stop.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(client.read_head().await.status(), 204);
    gateway.until_stopped().await;
}

async fn a_request_in_flight_finishes(via: Via) {
    let (engine, mut gateway, mut client) = scene_with(via, &LONG).await;
    let mut idle = gateway.connect(via).await;
    assert_eq!(idle.fetch("GET /_ping", &[]).await.status(), 200);
    let mut exports = engine.hand_over("GET /containers/web/export");
    client.ask("GET /containers/web/export", &[]).await;
    let mut export = exports.next().await;
    export.start_chunked(&[]).await;
    client.read_head().await;

    gateway.begin_stop();
    idle.read_to_end().await; // the stop has begun
    for part in ["a tar, ", "its second part, ", "and its end"] {
        export.send_chunk(part).await;
        client.expect_body(part).await;
    }
    assert!(gateway.is_running());
    export.end_chunks().await;
    assert!(client.read_body().await.whole().is_empty());
    assert!(client.read_to_end().await.leftover.is_empty());
    gateway.until_stopped().await;
}

async fn an_upload_in_flight_finishes(via: Via) {
    let (engine, mut gateway, mut client) = scene_with(via, &LONG).await;
    let mut idle = gateway.connect(via).await;
    assert_eq!(idle.fetch("GET /_ping", &[]).await.status(), 200);
    let mut loads = engine.hand_over("POST /images/load");
    client.ask("POST /images/load", &["Content-Length: 10"]).await;
    let mut load = loads.next().await;
    client.send("half ").await;
    load.expect_body("half ").await;

    gateway.begin_stop();
    idle.read_to_end().await;
    client.send("a tar").await;
    assert_eq!(load.read_body().await.whole(), b"a tar");
    load.send(json("200 OK", "{}")).await;
    let response = client.read_response().await;
    assert_eq!((response.status(), response.text()), (200, "{}".to_owned()));
    assert_eq!(response.head.header("connection"), Some("close"), "the client is told not to ask again");
    gateway.until_stopped().await;
}

async fn a_tunnel_goes_on_for_the_grace(via: Via) {
    let (engine, mut gateway, mut client) = scene_with(via, &LONG).await;
    let mut idle = gateway.connect(via).await;
    assert_eq!(idle.fetch("GET /_ping", &[]).await.status(), 200);
    let mut attaches = engine.hand_over("POST /containers/web/attach");
    client.ask("POST /containers/web/attach", &["Connection: Upgrade", "Upgrade: tcp"]).await;
    let mut attach = attaches.next().await;
    attach.upgrade("tcp", "").await;
    assert_eq!(client.read_head().await.status(), 101);

    gateway.begin_stop();
    idle.read_to_end().await;
    client.send("exit\n").await;
    attach.expect("exit\n").await;
    attach.send("bye\n").await;
    client.expect("bye\n").await;
    drop(attach);
    drop(client);
    gateway.until_stopped().await;
}

async fn a_stream_is_cut_after_the_grace_and_that_is_visible(via: Via) {
    let (engine, mut gateway, mut client) = scene_with(via, &SHORT).await;
    let mut subscriptions = engine.hand_over("GET /events");
    client.ask("GET /events", &[]).await;
    let mut events = subscriptions.next().await;
    events.start_chunked(&[]).await;
    client.read_head().await;
    gateway.begin_stop();
    let body = client.read_body().await;
    assert!(matches!(body.end, BodyEnd::Truncated(_)), "{body:?}");
    events.until_gone().await;
    gateway.until_stopped().await;
}

async fn a_request_without_an_answer_is_cut_after_the_grace(via: Via) {
    let (engine, mut gateway, mut client) = scene_with(via, &SHORT).await;
    let mut stops = engine.hand_over("POST /containers/web/stop");
    client.ask("POST /containers/web/stop", &["Content-Length: 0"]).await;
    let mut stop = stops.next().await;
    gateway.begin_stop();
    client.read_to_end().await;
    stop.until_gone().await;
    gateway.until_stopped().await;
}

async fn a_tunnel_is_cut_after_the_grace(via: Via) {
    let (engine, mut gateway, mut client) = scene_with(via, &SHORT).await;
    let mut attaches = engine.hand_over("POST /containers/web/attach");
    client.ask("POST /containers/web/attach", &["Connection: Upgrade", "Upgrade: tcp"]).await;
    let mut attach = attaches.next().await;
    attach.upgrade("tcp", "").await;
    assert_eq!(client.read_head().await.status(), 101);
    gateway.begin_stop();
    assert!(client.read_to_end().await.leftover.is_empty());
    attach.until_gone().await;
    gateway.until_stopped().await;
}

async fn half_a_head_does_not_hold_up_a_stop_for_longer_than_the_grace(via: Via) {
    let settings = [("SHUTDOWN_GRACE", "1s"), ("HEADER_TIMEOUT", "1h")];
    let (_engine, mut gateway, mut client) = scene_with(via, &settings).await;
    client.send("GET /info HTTP/1.1\r\nHost: local").await;
    gateway.begin_stop();
    client.read_to_end().await;
    gateway.until_stopped().await;
}

async fn the_socket_file_is_gone_afterwards(via: Via) {
    let (_engine, mut gateway, _client): (_, Gateway, _) = scene_with(via, &SHORT).await;
    let Endpoint::Unix(path) = gateway.endpoint(Via::Unix) else { panic!("a unix endpoint is a path") };
    assert!(path.exists());
    gateway.begin_stop();
    gateway.until_stopped().await;
    assert!(!path.exists());
}
