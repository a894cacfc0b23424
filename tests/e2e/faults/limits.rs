//! Limits on what a client may hold: time, places, bytes and lines.

use e2e::{Gateway, Via, on_both_listeners, request, scene, scene_with};

on_both_listeners![
    a_connection_that_asks_nothing_is_closed_after_the_header_timeout,
    half_a_head_is_closed_after_the_header_timeout,
    a_head_that_drips_is_closed_after_the_header_timeout,
    the_second_head_of_a_connection_has_a_timeout_too,
    an_idle_connection_is_closed_after_the_idle_timeout,
    a_connection_over_the_cap_is_told_so,
    silent_connections_over_the_cap_keep_the_answer_from_nobody,
    streams_and_tunnels_count_for_the_cap,
    a_thousand_lines_pass_and_more_are_refused,
    a_head_that_is_too_large_is_refused,
];

async fn a_connection_that_asks_nothing_is_closed_after_the_header_timeout(via: Via) {
    let (engine, _gateway, mut client) = scene_with(via, &[("HEADER_TIMEOUT", "1s")]).await;
    client.read_to_end().await;
    engine.assert_untouched();
}

async fn half_a_head_is_closed_after_the_header_timeout(via: Via) {
    let (engine, _gateway, mut client) = scene_with(via, &[("HEADER_TIMEOUT", "1s")]).await;
    client.send("GET /info HTTP/1.1\r\nHost: local").await;
    let end = client.read_to_end().await;
    let answer = String::from_utf8_lossy(&end.leftover);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");
    engine.assert_untouched();
}

/// Each byte waits for an exchange of another client, so that they come slowly enough not to run into a size limit.
async fn a_head_that_drips_is_closed_after_the_header_timeout(via: Via) {
    let (engine, gateway, mut client) = scene_with(via, &[("HEADER_TIMEOUT", "1s")]).await;
    let mut other = gateway.connect(via).await;
    client.send("GET /info HTTP/1.1\r\nHost: localhost\r\nX-Drip: ").await;
    let dripping = async {
        while client.try_send("a").await.is_ok() {
            assert_eq!(other.fetch("GET /_ping", &[]).await.status(), 200);
        }
    };
    e2e::within("the header timeout", dripping).await;
    assert!(engine.requests().iter().all(|seen| seen.head.target() == "/_ping"));
}

async fn the_second_head_of_a_connection_has_a_timeout_too(via: Via) {
    let (engine, _gateway, mut client) = scene_with(via, &[("HEADER_TIMEOUT", "1s")]).await;
    assert_eq!(client.fetch("GET /_ping", &[]).await.status(), 200);
    client.send("GET /info HTTP/1.1\r\nHost: local").await;
    client.read_to_end().await;
    assert_eq!(engine.requests().len(), 1);
}

async fn an_idle_connection_is_closed_after_the_idle_timeout(via: Via) {
    let (_engine, _gateway, mut client) = scene_with(via, &[("IDLE_TIMEOUT", "1s")]).await;
    assert_eq!(client.fetch("GET /_ping", &[]).await.status(), 200);
    assert!(client.read_to_end().await.leftover.is_empty());
}

async fn a_connection_over_the_cap_is_told_so(via: Via) {
    let (engine, gateway, mut first) = scene_with(via, &[("MAX_CONNECTIONS", "2")]).await;
    let mut second = gateway.connect(via).await;
    for client in [&mut first, &mut second] {
        assert_eq!(client.fetch("GET /_ping", &[]).await.status(), 200);
    }
    let seen = engine.requests().len();
    is_turned_away(&gateway, via).await;
    assert_eq!(engine.requests().len(), seen, "what was turned away did not reach the engine");
    for client in [&mut first, &mut second] {
        assert_eq!(client.fetch("GET /_ping", &[]).await.status(), 200);
    }
}

async fn silent_connections_over_the_cap_keep_the_answer_from_nobody(via: Via) {
    let (_engine, gateway, mut first) = scene_with(via, &[("MAX_CONNECTIONS", "1")]).await;
    assert_eq!(first.fetch("GET /_ping", &[]).await.status(), 200);
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(gateway.connect(via).await);
    }
    is_turned_away(&gateway, via).await;
}

async fn is_turned_away(gateway: &Gateway, via: Via) {
    let mut third = gateway.connect(via).await;
    let refused = third.fetch("GET /_ping", &[]).await;
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.head.header("connection"), Some("close"));
    assert!(refused.text().contains("MAX_CONNECTIONS"), "{}", refused.text());
    assert!(third.read_to_end().await.leftover.is_empty());
}

async fn streams_and_tunnels_count_for_the_cap(via: Via) {
    for (line, headers, status) in [
        ("GET /events", ["Accept: application/json", "X-Name: value"], 200),
        ("POST /containers/web/attach", ["Connection: Upgrade", "Upgrade: tcp"], 101),
    ] {
        let (_engine, gateway, mut client) = scene_with(via, &[("MAX_CONNECTIONS", "1")]).await;
        client.ask(line, &headers).await;
        assert_eq!(client.read_head().await.status(), status);
        is_turned_away(&gateway, via).await;
    }
}

async fn a_thousand_lines_pass_and_more_are_refused(via: Via) {
    let (engine, gateway, mut client) = scene(via).await;
    let lines: Vec<String> = (0..1100).map(|count| format!("X-Line-{count}: {count}")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let passed = client.fetch("GET /info", &lines[..990]).await;
    assert_eq!(passed.status(), 200);
    let seen = engine.requests();
    assert_eq!(seen[0].head.header("x-line-989"), Some("989"));

    let mut client = gateway.connect(via).await;
    assert_eq!(client.fetch("GET /info", &lines).await.status(), 431);
    assert_eq!(engine.requests().len(), seen.len());
}

async fn a_head_that_is_too_large_is_refused(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let head = request("GET /info", &[&format!("X-Long: {}", "a".repeat(8 << 20))]);
    let sent_or_cut = async {
        let _ = client.try_send(head).await; // it may be cut off before all of it is sent
        client.read_to_end().await
    };
    let end = e2e::within("the end of a connection that sends too much", sent_or_cut).await;
    let answer = String::from_utf8_lossy(&end.leftover);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    engine.assert_untouched();
}
