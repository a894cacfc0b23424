//! Connections: kept where that is safe, fresh where it is not, and one exchange never leaks into the next.

use e2e::{FakeEngine, Via, json, on_both_listeners, request, scene, scene_with};

on_both_listeners![
    reads_share_a_connection_to_the_engine,
    clients_share_a_connection_to_the_engine,
    a_kept_connection_is_closed_when_it_was_idle_for_too_long,
    a_write_gets_a_fresh_connection_to_the_engine,
    a_kept_connection_that_the_engine_has_closed_goes_unnoticed,
    a_read_is_repeated_once_when_the_kept_connection_dies_under_it,
    a_read_is_not_repeated_over_a_fresh_connection,
    a_write_is_never_repeated,
    a_read_with_a_body_is_never_repeated,
    pipelined_requests_are_answered_in_order,
    a_denied_request_behind_an_allowed_one_does_not_arrive,
    bytes_behind_an_answer_do_not_become_the_next_answer,
    the_rest_of_an_unread_body_does_not_become_a_request,
    a_client_that_asks_to_close_is_closed,
];

/// The connection that each request so far came over, numbered as they were first asked on.
fn connections(engine: &FakeEngine) -> Vec<usize> {
    let mut asked_on = Vec::new();
    let number = |connection| {
        let known = asked_on.iter().position(|asked| *asked == connection);
        known.unwrap_or_else(|| {
            asked_on.push(connection);
            asked_on.len() - 1
        })
    };
    engine.requests().iter().map(|seen| seen.connection).map(number).collect()
}

async fn reads_share_a_connection_to_the_engine(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    for line in ["GET /info", "HEAD /_ping", "GET /containers/json", "GET /version"] {
        assert_eq!(client.fetch(line, &[]).await.status(), 200);
    }
    assert_eq!(connections(&engine), [0, 0, 0, 0]);
}

async fn clients_share_a_connection_to_the_engine(via: Via) {
    let (engine, gateway, mut client) = scene(via).await;
    assert_eq!(client.fetch("GET /info", &[]).await.status(), 200);
    let mut other = gateway.connect(via).await;
    assert_eq!(other.fetch("GET /info", &[]).await.status(), 200);
    assert_eq!(connections(&engine), [0, 0]);
}

async fn a_kept_connection_is_closed_when_it_was_idle_for_too_long(via: Via) {
    let (engine, _gateway, mut client) = scene_with(via, &[("IDLE_TIMEOUT", "1s")]).await;
    assert_eq!(client.fetch("GET /info", &[]).await.status(), 200);
    engine.until_nobody_is_connected().await;
}

async fn a_write_gets_a_fresh_connection_to_the_engine(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    for line in
        ["GET /info", "POST /containers/create", "POST /containers/web/start", "DELETE /containers/web"]
    {
        assert_eq!(client.fetch(line, &["Content-Length: 0"]).await.status(), 200);
    }
    assert_eq!(connections(&engine), [0, 1, 2, 3]);
}

async fn a_kept_connection_that_the_engine_has_closed_goes_unnoticed(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    engine.answer_and_close("GET /info", json("200 OK", "{}"));
    for _ in 0..3 {
        assert_eq!(client.fetch("GET /info", &[]).await.text(), "{}");
        engine.until_nobody_is_connected().await;
    }
    assert_eq!(client.fetch("POST /containers/create", &["Content-Length: 0"]).await.status(), 200);
}

async fn a_read_is_repeated_once_when_the_kept_connection_dies_under_it(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut infos = engine.hand_over("GET /info");
    assert_eq!(client.fetch("GET /_ping", &[]).await.status(), 200);
    client.ask("GET /info", &["Accept: application/json"]).await;
    drop(infos.next().await); // the kept connection, closed instead of answered
    let again = infos.next().await;
    assert_eq!(again.request.header("accept"), Some("application/json"));
    again.answer(json("200 OK", r#"{"ID":"5bd1"}"#)).await;
    assert_eq!(client.read_response().await.text(), r#"{"ID":"5bd1"}"#);
    assert_eq!(connections(&engine), [0, 0, 1]);
}

async fn a_read_is_not_repeated_over_a_fresh_connection(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut infos = engine.hand_over("GET /info");
    client.ask("GET /info", &[]).await;
    drop(infos.next().await);
    assert_eq!(client.read_response().await.status(), 502);
    assert_eq!(connections(&engine), [0]);
}

async fn a_write_is_never_repeated(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut starts = engine.hand_over("POST /containers/web/start");
    assert_eq!(client.fetch("GET /_ping", &[]).await.status(), 200);
    client.ask("POST /containers/web/start", &["Content-Length: 0"]).await;
    drop(starts.next().await);
    assert_eq!(client.read_response().await.status(), 502);
    assert_eq!(connections(&engine), [0, 1]);
}

async fn a_read_with_a_body_is_never_repeated(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut infos = engine.hand_over("GET /info");
    assert_eq!(client.fetch("GET /_ping", &[]).await.status(), 200);
    client.send(request("GET /info", &["Content-Length: 2"]) + "{}").await;
    drop(infos.next().await);
    assert_eq!(client.read_response().await.status(), 502);
    assert_eq!(engine.requests().len(), 2);
}

async fn pipelined_requests_are_answered_in_order(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    for count in 0..5 {
        engine.answer(&format!("GET /containers/c{count}/json"), json("200 OK", &format!("[{count}]")));
    }
    let all: String = (0..5).map(|count| request(&format!("GET /containers/c{count}/json"), &[])).collect();
    client.send(all).await;
    for count in 0..5 {
        assert_eq!(client.read_response().await.text(), format!("[{count}]"));
    }
}

async fn a_denied_request_behind_an_allowed_one_does_not_arrive(via: Via) {
    let (engine, _gateway, mut client) = scene_with(via, &[("IMAGES", "0")]).await;
    let body = "GET /images/json HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let length = format!("Content-Length: {}", body.len());
    let allowed = request("POST /containers/create", &[&length]) + body;
    client.send(allowed + &request("DELETE /images/web", &[]) + &request("GET /info", &[])).await;
    assert_eq!(client.read_response().await.status(), 200);
    assert_eq!(client.read_response().await.status(), 403);
    assert_eq!(client.read_response().await.status(), 200);
    let seen = engine.requests();
    let targets: Vec<_> = seen.iter().map(|seen| seen.head.target()).collect();
    assert_eq!(targets, ["/containers/create", "/info"]);
}

async fn bytes_behind_an_answer_do_not_become_the_next_answer(via: Via) {
    let (engine, gateway, mut client) = scene(via).await;
    for (line, answer) in [
        ("GET /info", json("200 OK", "{}")),
        ("GET /info", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n".to_owned()),
        ("GET /info", "HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n".to_owned()),
        ("GET /info", "HTTP/1.1 204 No Content\r\nContent-Length: 100\r\n\r\n".to_owned()),
        ("HEAD /_ping", json("200 OK", "")),
        ("HEAD /_ping", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned()),
    ] {
        engine.answer(line, answer.clone() + &json("200 OK", "forged"));
        for _ in 0..10 {
            let response = client.fetch(line, &[]).await;
            assert!(!response.text().contains("forged"), "{answer}");
            let mut other = gateway.connect(via).await;
            assert_eq!(other.fetch("GET /_ping", &[]).await.text(), "OK", "after {answer}");
        }
    }
}

async fn the_rest_of_an_unread_body_does_not_become_a_request(via: Via) {
    let (engine, _gateway, mut client) = scene_with(via, &[("IMAGES", "0")]).await;
    let smuggled = request("POST /containers/create", &["Content-Length: 0"]);
    let length = format!("Content-Length: {}", smuggled.len());
    client.send(request("POST /images/load", &[&length]) + &smuggled).await;
    assert_eq!(client.read_response().await.status(), 403);
    client.half_close().await;
    assert!(client.read_to_end().await.leftover.is_empty(), "there was one request");
    engine.assert_untouched();
}

async fn a_client_that_asks_to_close_is_closed(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    engine.answer("GET /info", json("200 OK", "{}"));
    let response = client.fetch("GET /info", &["Connection: close"]).await;
    assert_eq!(response.text(), "{}");
    assert_eq!(response.head.header("connection"), Some("close"));
    assert!(client.read_to_end().await.leftover.is_empty());
}
