//! Streams: heads and chunks go out as they come, both ways at the same time, with no limit on silence.

use e2e::{Via, json, on_both_listeners, scene, scene_with};

on_both_listeners![
    the_head_of_a_wait_comes_before_its_body,
    the_head_of_events_comes_before_any_event,
    each_log_line_comes_as_it_is_written,
    an_upload_flows_as_it_is_written,
    a_build_speaks_while_its_context_is_being_uploaded,
    an_answer_may_come_before_the_upload_has_ended,
    a_silent_stream_outlives_the_idle_timeout,
    a_silent_request_outlives_the_header_timeout,
];

async fn the_head_of_a_wait_comes_before_its_body(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut waits = engine.hand_over("POST /containers/web/wait");
    client.ask("POST /containers/web/wait?condition=next-exit", &["Content-Length: 0"]).await;

    let mut wait = waits.next().await;
    wait.start_chunked(&["Content-Type: application/json"]).await;
    assert_eq!(client.read_head().await.status(), 200, "before a byte of the body was sent");
    wait.send_chunk(r#"{"StatusCode":3}"#).await;
    wait.end_chunks().await;
    assert_eq!(client.read_body().await.whole(), br#"{"StatusCode":3}"#);
}

async fn the_head_of_events_comes_before_any_event(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut subscriptions = engine.hand_over("GET /events");
    client.ask("GET /events", &[]).await;

    let mut events = subscriptions.next().await;
    events.start_chunked(&["Content-Type: application/json"]).await;
    assert_eq!(client.read_head().await.header("content-type"), Some("application/json"));
    for event in ["{\"Action\":\"create\"}\n", "{\"Action\":\"start\"}\n", "{\"Action\":\"die\"}\n"] {
        events.send_chunk(event).await;
        client.expect_body(event).await;
    }
}

async fn each_log_line_comes_as_it_is_written(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut logs = engine.hand_over("GET /containers/web/logs");
    client.ask("GET /containers/web/logs?follow=1&stdout=1", &[]).await;

    let mut log = logs.next().await;
    log.start_chunked(&[]).await;
    client.read_head().await;
    for count in 0..100 {
        let line = format!("line {count}\n");
        log.send_chunk(&line).await;
        client.expect_body(&line).await; // it is here before the next one is written
    }
}

async fn an_upload_flows_as_it_is_written(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut loads = engine.hand_over("POST /images/load");
    client.ask("POST /images/load", &["Content-Length: 300"]).await;

    let mut load = loads.next().await;
    for count in 0..30 {
        let piece = format!("piece {count:03}\n");
        client.send(&piece).await;
        load.expect_body(&piece).await;
    }
    assert!(load.read_body().await.whole().is_empty());
}

async fn a_build_speaks_while_its_context_is_being_uploaded(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut builds = engine.hand_over("POST /build");
    client.ask("POST /build", &["Content-Type: application/x-tar", "Transfer-Encoding: chunked"]).await;
    client.send_chunk("Dockerfile").await;

    let mut build = builds.next().await;
    build.expect_body("Dockerfile").await;
    build.start_chunked(&["Content-Type: application/json"]).await;
    build.send_chunk("{\"stream\":\"Step 1\"}").await;
    assert_eq!(client.read_head().await.status(), 200, "while the upload goes on");
    client.expect_body("{\"stream\":\"Step 1\"}").await;

    client.send_chunk("the context").await;
    build.expect_body("the context").await;
    build.send_chunk("{\"stream\":\"Step 2\"}").await;
    client.expect_body("{\"stream\":\"Step 2\"}").await;

    client.end_chunks().await;
    assert!(build.read_body().await.whole().is_empty());
    build.end_chunks().await;
    assert!(client.read_body().await.whole().is_empty());
}

async fn an_answer_may_come_before_the_upload_has_ended(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut loads = engine.hand_over("POST /images/load");
    client.ask("POST /images/load", &["Transfer-Encoding: chunked"]).await;
    client.send_chunk("not a tar").await;

    let mut load = loads.next().await;
    load.expect_body("not a tar").await;
    load.send(json("400 Bad Request", r#"{"message":"unexpected EOF"}"#)).await;
    let response = client.read_response().await;
    assert_eq!((response.status(), response.text()), (400, r#"{"message":"unexpected EOF"}"#.to_owned()));
}

/// The clock is another client, which asks nothing and is closed by the timeout.
async fn a_silent_stream_outlives_the_idle_timeout(via: Via) {
    let (engine, gateway, mut client) = scene_with(via, &[("IDLE_TIMEOUT", "1s")]).await;
    let mut subscriptions = engine.hand_over("GET /events");
    client.ask("GET /events", &[]).await;
    let mut events = subscriptions.next().await;
    events.start_chunked(&[]).await;
    client.read_head().await;

    let mut clock = gateway.connect(via).await;
    assert_eq!(clock.fetch("GET /_ping", &[]).await.status(), 200);
    assert!(clock.read_to_end().await.leftover.is_empty());

    events.send_chunk("an event\n").await;
    client.expect_body("an event\n").await;
}

async fn a_silent_request_outlives_the_header_timeout(via: Via) {
    let (engine, gateway, mut client) = scene_with(via, &[("HEADER_TIMEOUT", "1s")]).await;
    let mut stops = engine.hand_over("POST /containers/web/stop");
    client.ask("POST /containers/web/stop?t=600", &["Content-Length: 0"]).await;
    let mut stop = stops.next().await;

    let mut clock = gateway.connect(via).await;
    clock.send("GET /_ping HTT").await;
    clock.read_to_end().await;

    stop.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(client.read_head().await.status(), 204);
}
