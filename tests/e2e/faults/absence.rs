//! An engine that is not there yet, or not there any more. The gateway must not need a restart of its own.

use e2e::{BodyEnd, FakeEngine, Gateway, Via, json, on_both_listeners, scene};

on_both_listeners![
    a_missing_engine_is_said_and_found_once_it_appears,
    a_dead_engines_socket_file_is_said,
    a_path_that_is_no_socket_is_said,
    a_refusal_does_not_need_the_engine,
    a_restart_of_the_engine_goes_unnoticed_between_requests,
    a_stop_of_the_engine_is_visible_as_truncation,
    a_stop_of_the_engine_ends_a_tunnel,
];

async fn a_missing_engine_is_said_and_found_once_it_appears(via: Via) {
    let mut engine = FakeEngine::absent();
    let gateway = Gateway::open(engine.socket());
    let mut client = gateway.connect(via).await;
    for line in ["GET /containers/json", "POST /containers/web/start", "HEAD /_ping"] {
        let refused = client.fetch(line, &["Content-Length: 0"]).await;
        assert_eq!(refused.status(), 503, "{line}");
        assert_eq!(refused.head.header("content-type"), Some("application/json"), "{line}");
        if !line.starts_with("HEAD") {
            let text = refused.text();
            let path = engine.socket().display().to_string();
            for helpful in [r#"{"message":"#, &path, "DOCKER_SOCKET"] {
                assert!(text.contains(helpful), "{line}: {helpful} is not in {text}");
            }
        }
    }
    engine.restart();
    assert_eq!(client.fetch("GET /_ping", &[]).await.text(), "OK");
    assert_eq!(client.fetch("POST /containers/web/start", &["Content-Length: 0"]).await.status(), 200);
}

async fn a_dead_engines_socket_file_is_said(via: Via) {
    let (mut engine, _gateway, mut client) = scene(via).await;
    engine.stop().await;
    let refused = client.fetch("GET /_ping", &[]).await;
    assert_eq!(refused.status(), 503);
    assert!(refused.text().contains("refused"), "{}", refused.text());
    engine.unlink();
    let refused = client.fetch("GET /_ping", &[]).await;
    assert_eq!(refused.status(), 503);
    assert!(refused.text().contains("No such file"), "{}", refused.text());
}

async fn a_path_that_is_no_socket_is_said(via: Via) {
    let engine = FakeEngine::absent();
    std::fs::write(engine.socket(), "not a socket").expect("a file in the engine's folder");
    let gateway = Gateway::open(engine.socket());
    let mut client = gateway.connect(via).await;
    let refused = client.fetch("GET /_ping", &[]).await;
    assert_eq!(refused.status(), 503);
    assert!(refused.text().contains("DOCKER_SOCKET"), "{}", refused.text());
}

async fn a_refusal_does_not_need_the_engine(via: Via) {
    let engine = FakeEngine::absent();
    let gateway = Gateway::start(engine.socket(), &[("CONTAINERS", "0")]);
    let mut client = gateway.connect(via).await;
    assert_eq!(client.fetch("GET /containers/json", &[]).await.status(), 403);
}

async fn a_restart_of_the_engine_goes_unnoticed_between_requests(via: Via) {
    let (mut engine, _gateway, mut client) = scene(via).await;
    for line in ["GET /info", "POST /containers/web/start", "GET /info", "HEAD /_ping"] {
        assert_eq!(client.fetch("GET /info", &[]).await.status(), 200, "a connection to be kept");
        engine.stop().await;
        engine.restart();
        assert_eq!(client.fetch(line, &["Content-Length: 0"]).await.status(), 200, "{line}");
    }
}

async fn a_stop_of_the_engine_is_visible_as_truncation(via: Via) {
    let (mut engine, gateway, mut client) = scene(via).await;
    client.ask("GET /events", &[]).await;
    assert_eq!(client.read_head().await.status(), 200);
    engine.stop().await;
    let body = client.read_body().await;
    assert!(matches!(body.end, BodyEnd::Truncated(_)), "{body:?}");

    engine.restart();
    engine.answer("GET /info", json("200 OK", "{}"));
    let mut client = gateway.connect(via).await;
    assert_eq!(client.fetch("GET /info", &[]).await.text(), "{}");
}

async fn a_stop_of_the_engine_ends_a_tunnel(via: Via) {
    let (mut engine, _gateway, mut client) = scene(via).await;
    client.ask("POST /containers/web/attach", &["Connection: Upgrade", "Upgrade: tcp"]).await;
    assert_eq!(client.read_head().await.status(), 101);
    client.send("an echo").await;
    client.expect("an echo").await;
    engine.stop().await;
    assert!(client.read_to_end().await.leftover.is_empty());
}
