//! The gateway's own end: what is idle or only follows something ends at once, what is in flight may finish, what goes on
//! is cut after the grace.

use e2e::{BodyEnd, Client, Endpoint, Gateway, Via, json, on_both_listeners, scene_with};

on_both_listeners![
    idle_connections_are_closed_at_once,
    a_connection_that_never_asked_is_closed_at_once,
    nobody_is_let_in_any_more,
    a_request_in_flight_finishes,
    an_upload_in_flight_finishes,
    a_tunnel_goes_on_for_the_grace,
    what_only_follows_is_cut_at_once_and_that_is_visible,
    what_follows_and_has_no_answer_yet_is_cut_at_once,
    what_follows_and_is_not_read_is_cut_at_once,
    what_follows_nothing_finishes,
    a_request_behind_one_that_followed_finishes,
    a_stream_is_cut_after_the_grace_and_that_is_visible,
    a_request_without_an_answer_is_cut_after_the_grace,
    a_tunnel_is_cut_after_the_grace,
    half_a_head_is_closed_at_once,
    the_rest_of_an_upload_that_was_answered_is_read,
    the_socket_file_is_gone_afterwards,
];

/// So long that a case which waited for it would fail.
const LONG: [(&str, &str); 1] = [("SHUTDOWN_GRACE", "1h")];
const SHORT: [(&str, &str); 1] = [("SHUTDOWN_GRACE", "1s")];

/// A client that has asked once and asks no more: it is let go as soon as a stop begins.
async fn idle(gateway: &Gateway, via: Via) -> Client {
    let mut client = gateway.connect(via).await;
    assert_eq!(client.fetch("GET /_ping", &[]).await.status(), 200);
    client
}

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
    let mut idle = idle(&gateway, via).await;
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
    let mut idle = idle(&gateway, via).await;
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
    let mut idle = idle(&gateway, via).await;
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

/// What only follows something; a stop need not wait for any of it.
const FOLLOWING: [&str; 5] = [
    "/events",
    "/containers/web/logs?stdout=1&follow=1",
    "/containers/web/stats",
    "/services/web/logs?follow=true",
    "/tasks/web/logs?follow=1",
];

async fn what_only_follows_is_cut_at_once_and_that_is_visible(via: Via) {
    for target in FOLLOWING {
        let (engine, mut gateway, mut client) = scene_with(via, &LONG).await;
        let mut calls = engine.hand_over("*");
        client.ask(&format!("GET {target}"), &[]).await;
        let mut call = calls.next().await;
        call.start_chunked(&[]).await;
        client.read_head().await;
        call.send_chunk("a line").await;
        client.expect_body("a line").await;
        gateway.begin_stop();
        let body = client.read_body().await;
        assert!(matches!(body.end, BodyEnd::Truncated(_)), "{target}: {body:?}");
        call.until_gone().await;
        gateway.until_stopped().await;
    }
}

/// A followed log of a container that has said nothing yet is such a request.
async fn what_follows_and_has_no_answer_yet_is_cut_at_once(via: Via) {
    for target in FOLLOWING {
        let (engine, mut gateway, mut client) = scene_with(via, &LONG).await;
        let mut calls = engine.hand_over("*");
        client.ask(&format!("GET {target}"), &[]).await;
        let mut call = calls.next().await;
        gateway.begin_stop();
        client.read_to_end().await;
        call.until_gone().await;
        gateway.until_stopped().await;
    }
}

async fn what_follows_and_is_not_read_is_cut_at_once(via: Via) {
    let (engine, mut gateway, mut client) = scene_with(via, &LONG).await;
    let mut subscriptions = engine.hand_over("GET /events");
    client.ask("GET /events", &[]).await;
    let mut events = subscriptions.next().await;
    events.start_chunked(&[]).await;
    client.read_head().await;
    let stop = async {
        client.expect_body(b"abcd".repeat(4096)).await; // and no more
        gateway.begin_stop();
        gateway.until_stopped().await;
    };
    let pump = async { while events.try_send(b"4\r\nabcd\r\n".repeat(4096)).await.is_ok() {} };
    tokio::join!(pump, stop);
}

async fn what_follows_nothing_finishes(via: Via) {
    for line in [
        "GET /containers/web/logs?stdout=1",
        "GET /containers/web/stats?stream=0",
        "GET /containers/web/archive?path=/",
        "GET /images/get?names=web",
        "POST /containers/web/wait",
        "POST /images/create?fromImage=web",
        "POST /build",
    ] {
        let (engine, mut gateway, mut client) = scene_with(via, &LONG).await;
        let mut idle = idle(&gateway, via).await;
        let mut calls = engine.hand_over("*");
        client.ask(line, &["Content-Length: 0"]).await;
        let mut call = calls.next().await;
        gateway.begin_stop();
        idle.read_to_end().await; // the stop has begun
        call.start_chunked(&[]).await;
        call.send_chunk("all of it").await;
        call.end_chunks().await;
        assert_eq!(client.read_response().await.text(), "all of it", "{line}");
        gateway.until_stopped().await;
    }
}

async fn a_request_behind_one_that_followed_finishes(via: Via) {
    let (engine, mut gateway, mut client) = scene_with(via, &LONG).await;
    let mut idle = idle(&gateway, via).await;
    engine.answer("GET /containers/web/logs", json("200 OK", "the whole log"));
    assert_eq!(client.fetch("GET /containers/web/logs?follow=1", &[]).await.text(), "the whole log");
    let mut exports = engine.hand_over("GET /containers/web/export");
    client.ask("GET /containers/web/export", &[]).await;
    let export = exports.next().await;
    gateway.begin_stop();
    idle.read_to_end().await; // the stop has begun
    export.answer(json("200 OK", "a tar")).await;
    assert_eq!(client.read_response().await.text(), "a tar");
    gateway.until_stopped().await;
}

async fn a_stream_is_cut_after_the_grace_and_that_is_visible(via: Via) {
    let (engine, mut gateway, mut client) = scene_with(via, &SHORT).await;
    let mut exports = engine.hand_over("GET /containers/web/export");
    client.ask("GET /containers/web/export", &[]).await;
    let mut export = exports.next().await;
    export.start_chunked(&[]).await;
    client.read_head().await;
    gateway.begin_stop();
    let body = client.read_body().await;
    assert!(matches!(body.end, BodyEnd::Truncated(_)), "{body:?}");
    export.until_gone().await;
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

async fn half_a_head_is_closed_at_once(via: Via) {
    let settings = [("SHUTDOWN_GRACE", "1h"), ("HEADER_TIMEOUT", "1h")];
    for part in ["G", "GET /info HTTP/1.1\r\nHost: local"] {
        let (engine, mut gateway, mut second) = scene_with(via, &settings).await;
        let mut first = gateway.connect(via).await;
        let mut idle = idle(&gateway, via).await;
        assert_eq!(second.fetch("GET /_ping", &[]).await.status(), 200);
        for client in [&mut first, &mut second] {
            client.send(part).await;
        }
        assert_eq!(idle.fetch("GET /_ping", &[]).await.status(), 200, "by now the parts were read, too");
        gateway.begin_stop();
        for mut client in [first, second, idle] {
            assert!(client.read_to_end().await.leftover.is_empty(), "{part}");
        }
        gateway.until_stopped().await;
        assert!(engine.requests().iter().all(|seen| seen.head.target() == "/_ping"));
    }
}

/// A connection that is closed on an upload may lose the answer that its client has not read yet.
async fn the_rest_of_an_upload_that_was_answered_is_read(via: Via) {
    let settings = [("SHUTDOWN_GRACE", "1h"), ("HEADER_TIMEOUT", "1h"), ("IMAGES", "0")];
    for (framing, part, rest) in [
        ("Content-Length: 10", "half ", "a tar"),
        ("Transfer-Encoding: chunked", "5\r\nhalf ", "\r\n5\r\na tar\r\n0\r\n\r\n"),
    ] {
        let (_engine, mut gateway, mut client) = scene_with(via, &settings).await;
        let mut idle = idle(&gateway, via).await;
        client.ask("POST /images/load", &[framing]).await;
        assert_eq!(client.read_response().await.status(), 403, "{framing}");
        client.send(part).await;
        assert_eq!(idle.fetch("GET /_ping", &[]).await.status(), 200, "by now the part was read, too");
        gateway.begin_stop();
        idle.read_to_end().await; // the stop has begun
        assert!(gateway.is_running(), "{framing}");
        client.send(rest).await;
        client.read_to_end().await;
        gateway.until_stopped().await;
    }
}

async fn the_socket_file_is_gone_afterwards(via: Via) {
    let (_engine, mut gateway, _client): (_, Gateway, _) = scene_with(via, &SHORT).await;
    let Endpoint::Unix(path) = gateway.endpoint(Via::Unix) else { panic!("a unix endpoint is a path") };
    assert!(path.exists());
    gateway.begin_stop();
    gateway.until_stopped().await;
    assert!(!path.exists());
}
