//! An upgrade is a property of the route, never of a header.

use e2e::{FakeEngine, Gateway, Via, json, on_both_listeners, scene};

on_both_listeners![
    an_upgrade_passes_only_where_the_catalogue_has_it,
    an_upgrade_passes_only_to_the_protocol_that_the_catalogue_has,
    an_upgrade_that_is_denied_does_not_reach_the_engine,
    an_upgrade_that_the_engine_refuses_is_an_ordinary_answer,
    an_attach_without_an_upgrade_is_an_ordinary_request,
    prior_knowledge_http_2_is_refused,
];

async fn an_upgrade_passes_only_where_the_catalogue_has_it(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut calls = engine.hand_over("*");
    for line in [
        "GET /_ping",
        "GET /containers/json",
        "GET /containers/web/logs?follow=1",
        "GET /containers/web/attach",
        "POST /containers/web/wait",
        "POST /containers/web/resize",
        "POST /exec/5bd1/resize",
        "POST /build",
        "POST /containers/tomorrow/levitate",
    ] {
        for protocol in ["tcp", "h2c", "websocket"] {
            let upgrade = format!("Upgrade: {protocol}");
            client
                .ask(line, &["Connection: Upgrade, HTTP2-Settings", &upgrade, "HTTP2-Settings: AAMAAABk"])
                .await;
            let call = calls.next().await;
            for gone in ["upgrade", "http2-settings"] {
                assert!(!call.request.has(gone), "{line}, {protocol}: {:#?}", call.request);
            }
            let options = call.request.all("connection").join(",").to_lowercase();
            assert!(!options.contains("upgrade"), "{line}, {protocol}: {options}");
            call.answer(json("200 OK", "{}")).await;
            assert_eq!(client.read_response().await.text(), "{}", "{line}, {protocol}");
        }
    }
}

async fn an_upgrade_passes_only_to_the_protocol_that_the_catalogue_has(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut calls = engine.hand_over("*");
    for (line, protocol) in [
        ("POST /containers/web/attach", "h2c"),
        ("POST /exec/5bd1/start", "websocket"),
        ("GET /containers/web/attach/ws", "tcp"),
        ("POST /session", "tcp"),
        ("POST /grpc", "websocket"),
    ] {
        client.ask(line, &["Connection: Upgrade", &format!("Upgrade: {protocol}")]).await;
        let call = calls.next().await;
        assert!(!call.request.has("upgrade"), "{line}, {protocol}: {:#?}", call.request);
        call.answer(json("400 Bad Request", "{}")).await;
        assert_eq!(client.read_response().await.status(), 400, "{line}, {protocol}");
    }
}

async fn an_upgrade_that_is_denied_does_not_reach_the_engine(via: Via) {
    for (settings, line, protocol, status) in [
        ([("CONTAINERS", "1"), ("POST", "0")], "POST /containers/web/attach", "tcp", 405),
        ([("CONTAINERS", "1"), ("POST", "0")], "GET /containers/web/attach/ws", "websocket", 405),
        ([("CONTAINERS", "0"), ("POST", "1")], "POST /containers/web/attach", "tcp", 403),
        ([("EXEC", "0"), ("POST", "1")], "POST /exec/5bd1/start", "tcp", 403),
        ([("SESSION", "0"), ("POST", "1")], "POST /session", "h2c", 403),
        ([("GRPC", "0"), ("POST", "1")], "POST /grpc", "h2c", 403),
    ] {
        let engine = FakeEngine::start();
        let gateway = Gateway::start(engine.socket(), &settings);
        let mut client = gateway.connect(via).await;
        let denied = client.fetch(line, &["Connection: Upgrade", &format!("Upgrade: {protocol}")]).await;
        assert_eq!(denied.status(), status, "{line} with {settings:?}: {}", denied.text());
        engine.assert_untouched();
    }
}

async fn an_upgrade_that_the_engine_refuses_is_an_ordinary_answer(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let missing = r#"{"message":"No such container: web"}"#;
    engine.answer("POST /containers/web/attach", json("404 Not Found", missing));
    let response =
        client.fetch("POST /containers/web/attach", &["Connection: Upgrade", "Upgrade: tcp"]).await;
    assert_eq!((response.status(), response.text()), (404, missing.to_owned()));
    assert!(!response.head.has("upgrade"), "{:#?}", response.head);
    assert_eq!(client.fetch("GET /_ping", &[]).await.text(), "OK", "over the same connection");
}

async fn an_attach_without_an_upgrade_is_an_ordinary_request(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut attaches = engine.hand_over("POST /containers/web/attach");
    client.ask("POST /containers/web/attach?logs=1", &["Upgrade: tcp"]).await; // and no `Connection: Upgrade`
    let mut attach = attaches.next().await;
    assert!(!attach.request.has("upgrade"), "{:#?}", attach.request);
    attach.send("HTTP/1.1 200 OK\r\n\r\nan old line\n").await;
    drop(attach);
    assert_eq!(client.read_response().await.text(), "an old line\n");
}

async fn prior_knowledge_http_2_is_refused(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00").await;
    let end = client.read_to_end().await;
    let answer = String::from_utf8_lossy(&end.leftover);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    engine.assert_untouched();
}
