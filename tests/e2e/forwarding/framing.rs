//! Bodies keep their framing: a length stays a length, chunks stay chunks, nothing stays nothing.

use e2e::{Via, json, on_both_listeners, request, scene};

on_both_listeners![
    a_known_length_stays_known_both_ways,
    chunks_stay_chunks_both_ways,
    a_request_without_a_body_stays_without,
    a_post_with_a_length_of_zero_does_not_become_chunked,
    head_keeps_the_length_and_the_path_stat,
    head_without_a_length_has_no_body_either,
    an_answer_of_http_1_0_is_understood,
    an_answer_with_two_framings_is_not_passed_on_as_it_is,
    an_answer_without_a_body_has_none_and_keeps_the_connection,
    a_close_delimited_answer_flows_and_ends_well,
    a_client_of_http_1_0_gets_no_chunks,
    trailers_pass_to_a_client_that_takes_them,
    trailers_of_an_upload_pass,
    large_bodies_arrive_byte_for_byte,
    a_careful_client_is_told_to_continue,
    a_careful_client_that_is_denied_is_not_told_to_continue,
];

async fn a_known_length_stays_known_both_ways(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut creates = engine.hand_over("POST /containers/create");
    let headers = ["Content-Type: application/json", "Content-Length: 15"];
    client.send(request("POST /containers/create", &headers) + r#"{"Image":"web"}"#).await;

    let mut create = creates.next().await;
    assert_eq!(create.request.all("content-length"), ["15"]);
    assert!(!create.request.has("transfer-encoding"), "{:#?}", create.request);
    assert_eq!(create.read_body().await.whole(), br#"{"Image":"web"}"#);
    create.send(json("201 Created", r#"{"Id":"5bd1"}"#)).await;

    let response = client.read_response().await;
    assert_eq!(response.status(), 201);
    assert_eq!(response.head.all("content-length"), ["13"]);
    assert!(!response.head.has("transfer-encoding"), "{:#?}", response.head);
    assert_eq!(response.text(), r#"{"Id":"5bd1"}"#);
}

async fn chunks_stay_chunks_both_ways(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut loads = engine.hand_over("POST /images/load");
    client.ask("POST /images/load", &["Transfer-Encoding: chunked"]).await;
    client.send_chunk("a tar,").await;
    client.send_chunk(" in two chunks").await;
    client.end_chunks().await;

    let mut load = loads.next().await;
    assert_eq!(load.request.all("transfer-encoding"), ["chunked"]);
    assert!(!load.request.has("content-length"), "{:#?}", load.request);
    assert_eq!(load.read_body().await.whole(), b"a tar, in two chunks");
    load.start_chunked(&[]).await;
    load.send_chunk("{\"stream\":\"Loaded").await;
    load.send_chunk(" image\"}").await;
    load.end_chunks().await;

    let response = client.read_response().await;
    assert_eq!(response.head.all("transfer-encoding"), ["chunked"]);
    assert!(!response.head.has("content-length"), "{:#?}", response.head);
    assert_eq!(response.text(), r#"{"stream":"Loaded image"}"#);
}

async fn a_request_without_a_body_stays_without(via: Via) {
    for (line, route) in [
        ("GET /info", "GET /info"),
        ("POST /containers/web/start", "POST /containers/web/start"),
        ("DELETE /v1.41/containers/web?force=1", "DELETE /containers/web"),
    ] {
        let (engine, _gateway, mut client) = scene(via).await;
        let mut calls = engine.hand_over(route);
        client.ask(line, &[]).await;
        let mut call = calls.next().await;
        assert!(!call.request.has("transfer-encoding"), "{line}: {:#?}", call.request);
        assert_eq!(call.request.header("content-length").unwrap_or("0"), "0", "{line}");
        assert!(call.read_body().await.whole().is_empty(), "{line}");
        call.send(json("200 OK", "{}")).await;
        assert_eq!(client.read_response().await.text(), "{}", "{line}");
    }
}

async fn a_post_with_a_length_of_zero_does_not_become_chunked(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut starts = engine.hand_over("POST /containers/web/start");
    client.ask("POST /containers/web/start", &["Content-Length: 0"]).await;

    let mut start = starts.next().await;
    assert!(!start.request.has("transfer-encoding"), "{:#?}", start.request);
    assert_eq!(start.request.header("content-length").unwrap_or("0"), "0");
    start.send("HTTP/1.1 204 No Content\r\n\r\n").await;

    assert_eq!(client.read_head().await.status(), 204);
}

async fn head_keeps_the_length_and_the_path_stat(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    engine.answer(
        "HEAD /containers/web/archive",
        "HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nX-Docker-Container-Path-Stat: eyJuYW1lIjoiYSJ9\r\n\r\n",
    );
    let stat = client.fetch("HEAD /containers/web/archive?path=/a", &[]).await;
    assert_eq!(stat.status(), 200);
    assert_eq!(stat.head.header("content-length"), Some("12345"));
    assert_eq!(stat.head.header("x-docker-container-path-stat"), Some("eyJuYW1lIjoiYSJ9"));

    let next = client.fetch("GET /_ping", &[]).await;
    assert_eq!(next.text(), "OK", "nothing stood between the two answers");
}

async fn head_without_a_length_has_no_body_either(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    for framing in ["Transfer-Encoding: chunked\r\n", ""] {
        engine.answer("HEAD /containers/json", format!("HTTP/1.1 200 OK\r\n{framing}\r\n"));
        assert_eq!(client.fetch("HEAD /containers/json", &[]).await.status(), 200, "{framing:?}");
        assert_eq!(client.fetch("GET /_ping", &[]).await.text(), "OK", "{framing:?}");
    }
}

async fn an_answer_of_http_1_0_is_understood(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    for framing in ["Content-Length: 2\r\n", ""] {
        engine.answer_and_close("GET /info", format!("HTTP/1.0 200 OK\r\n{framing}\r\n{{}}"));
        assert_eq!(client.fetch("GET /info", &[]).await.text(), "{}", "{framing:?}");
        assert_eq!(client.fetch("GET /_ping", &[]).await.text(), "OK", "{framing:?}");
    }
}

/// Parsers disagree on it: passed on, it would let the engine's answer be split.
async fn an_answer_with_two_framings_is_not_passed_on_as_it_is(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    for length in ["3", "5", "500"] {
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n");
        engine.answer_and_close("GET /info", head + "5\r\nhello\r\n0\r\n\r\n");
        let info = client.fetch("GET /info", &[]).await;
        assert!(!(info.head.has("content-length") && info.head.has("transfer-encoding")), "{:#?}", info.head);
        assert!(info.status() == 502 || info.text() == "hello", "{length}: {info:?}");
        assert_eq!(client.fetch("GET /_ping", &[]).await.text(), "OK", "{length}");
    }
}

async fn an_answer_without_a_body_has_none_and_keeps_the_connection(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    engine.answer("POST /containers/web/start", "HTTP/1.1 204 No Content\r\nServer: Docker\r\n\r\n");
    engine.answer("POST /containers/db/start", "HTTP/1.1 304 Not Modified\r\nServer: Docker\r\n\r\n");
    for (line, status) in [("POST /containers/web/start", 204), ("POST /containers/db/start", 304)] {
        let response = client.fetch(line, &["Content-Length: 0"]).await;
        assert_eq!(response.status(), status);
        assert_eq!(response.head.header("server"), Some("Docker"));
        assert!(!response.head.has("transfer-encoding"), "{:#?}", response.head);
        assert_eq!(response.head.header("content-length").unwrap_or("0"), "0");
    }
    assert_eq!(client.fetch("GET /_ping", &[]).await.text(), "OK");
}

async fn a_close_delimited_answer_flows_and_ends_well(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut attaches = engine.hand_over("POST /containers/web/attach");
    client.ask("POST /containers/web/attach?stream=1&stdout=1", &[]).await;

    let mut attach = attaches.next().await;
    attach.send("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n").await;
    let head = client.read_head().await;
    assert_eq!(head.status(), 200);
    assert_eq!(head.header("content-type"), Some("application/vnd.docker.raw-stream"));
    for output in ["first output\n", "second output\n"] {
        attach.send(output).await;
        client.expect_body(output).await;
    }
    drop(attach);
    assert!(client.read_body().await.whole().is_empty());
}

async fn a_client_of_http_1_0_gets_no_chunks(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut logs = engine.hand_over("GET /containers/web/logs");
    client.send("GET /containers/web/logs HTTP/1.0\r\nHost: localhost\r\n\r\n").await;

    let mut log = logs.next().await;
    log.start_chunked(&[]).await;
    log.send_chunk("one line\n").await;
    log.end_chunks().await;

    let head = client.read_head().await;
    assert!(!head.has("transfer-encoding"), "{head:#?}");
    assert_eq!(client.read_body().await.whole(), b"one line\n");
}

async fn trailers_pass_to_a_client_that_takes_them(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut exports = engine.hand_over("GET /containers/web/export");
    client.ask("GET /containers/web/export", &["Connection: TE", "TE: trailers"]).await;

    let mut export = exports.next().await;
    export.start_chunked(&["Trailer: X-Checksum"]).await;
    export.send_chunk("a tar").await;
    export.send("0\r\nX-Checksum: 5bd1\r\n\r\n").await;

    let response = client.read_response().await;
    assert_eq!(response.head.header("trailer"), Some("X-Checksum"));
    assert_eq!(response.text(), "a tar");
    let trailers = response.body.trailers;
    let trailers: Vec<_> =
        trailers.iter().map(|(name, value)| (name.to_lowercase(), value.as_str())).collect();
    assert_eq!(trailers, [("x-checksum".to_owned(), "5bd1")]);
}

async fn trailers_of_an_upload_pass(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut loads = engine.hand_over("POST /images/load");
    client.ask("POST /images/load", &["Transfer-Encoding: chunked", "Trailer: X-Checksum"]).await;
    client.send("5\r\na tar\r\n0\r\nX-Checksum: 5bd1\r\n\r\n").await;

    let mut load = loads.next().await;
    assert_eq!(load.request.header("trailer"), Some("X-Checksum"));
    let body = load.read_body().await;
    assert_eq!(body.whole(), b"a tar");
    let trailers: Vec<_> =
        body.trailers.iter().map(|(name, value)| (name.to_lowercase(), value.as_str())).collect();
    assert_eq!(trailers, [("x-checksum".to_owned(), "5bd1")]);
}

async fn large_bodies_arrive_byte_for_byte(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut loads = engine.hand_over("POST /images/load");
    let upload: Vec<u8> = (0_u32..2 << 20).flat_map(u32::to_le_bytes).collect();
    let download: Vec<u8> = upload.iter().map(|byte| !byte).collect();
    let length = upload.len();
    let engine_side = async {
        let mut load = loads.next().await;
        let body = load.read_body().await;
        load.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")).await;
        load.send(&download).await;
        body
    };
    let client_side = async {
        client.ask("POST /images/load", &[&format!("Content-Length: {length}")]).await;
        client.send(&upload).await;
        client.read_response().await
    };
    let (uploaded, response) = tokio::join!(engine_side, client_side);
    assert!(uploaded.whole() == upload, "what came up differs");
    assert!(response.body.whole() == download, "what came down differs");
}

async fn a_careful_client_is_told_to_continue(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut loads = engine.hand_over("POST /images/load");
    client.ask("POST /images/load", &["Content-Length: 5", "Expect: 100-continue"]).await;

    let mut load = loads.next().await;
    assert_eq!(client.read_head().await.status(), 100);
    client.send("a tar").await;
    assert_eq!(load.read_body().await.whole(), b"a tar");
    load.send(json("200 OK", "{}")).await;
    assert_eq!(client.read_response().await.text(), "{}");
}

async fn a_careful_client_that_is_denied_is_not_told_to_continue(via: Via) {
    let (engine, _gateway, mut client) = e2e::scene_with(via, &[("IMAGES", "0")]).await;
    client.ask("POST /images/load", &["Content-Length: 5", "Expect: 100-continue"]).await;
    assert_eq!(client.read_head().await.status(), 403);
    engine.assert_untouched();
}
