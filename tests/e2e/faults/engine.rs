//! An engine that breaks its word: the client must see that, as an error or as a truncation.

use e2e::{BodyEnd, Client, Via, json, on_both_listeners, scene};

on_both_listeners![
    a_death_mid_body_of_known_length_is_visible_as_truncation,
    a_death_mid_chunks_is_visible_as_truncation,
    a_death_mid_chunk_is_visible_as_truncation,
    a_malformed_chunk_is_visible_as_truncation,
    what_came_in_the_same_packet_as_a_death_still_arrives,
    a_death_mid_head_is_a_bad_gateway,
    a_close_instead_of_an_answer_is_a_bad_gateway,
    a_reset_instead_of_an_answer_is_a_bad_gateway,
    a_reset_mid_upload_is_a_bad_gateway,
    garbage_is_a_bad_gateway,
    an_endless_head_is_a_bad_gateway,
    a_switch_of_protocols_that_nobody_asked_for_is_a_bad_gateway,
    a_switch_to_another_protocol_is_a_bad_gateway,
    an_interim_answer_does_not_confuse_the_final_one,
    an_answer_before_the_end_of_the_upload_survives_the_engines_close,
    an_engine_that_never_answers_is_let_go_when_the_client_leaves,
];

async fn a_death_mid_body_of_known_length_is_visible_as_truncation(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut exports = engine.hand_over("GET /containers/web/export");
    client.ask("GET /containers/web/export", &[]).await;
    let mut export = exports.next().await;
    export.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf a tar").await;
    assert_eq!(client.read_head().await.header("content-length"), Some("100"));
    client.expect_body("half a tar").await;
    drop(export);
    let body = client.read_body().await;
    assert!(matches!(body.end, BodyEnd::Truncated(_)), "{body:?}");
}

async fn a_death_mid_chunks_is_visible_as_truncation(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut exports = engine.hand_over("GET /containers/web/export");
    client.ask("GET /containers/web/export", &[]).await;
    let mut export = exports.next().await;
    export.start_chunked(&[]).await;
    client.read_head().await;
    export.send_chunk("half a tar").await;
    client.expect_body("half a tar").await;
    drop(export);
    let body = client.read_body().await;
    assert!(matches!(body.end, BodyEnd::Truncated(_)), "{body:?}");
}

async fn a_death_mid_chunk_is_visible_as_truncation(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut exports = engine.hand_over("GET /containers/web/export");
    client.ask("GET /containers/web/export", &[]).await;
    let mut export = exports.next().await;
    export.start_chunked(&[]).await;
    client.read_head().await;
    export.send("64\r\nhalf a chunk").await;
    client.expect_body("half a chunk").await;
    drop(export);
    let body = client.read_body().await;
    assert!(matches!(body.end, BodyEnd::Truncated(_)), "{body:?}");
}

async fn a_malformed_chunk_is_visible_as_truncation(via: Via) {
    for malformed in ["zz\r\nwhat?\r\n", "5\r\nabcdefgh\r\n", "ffffffffffffffffff\r\nwhat?\r\n"] {
        let (engine, _gateway, mut client) = scene(via).await;
        let mut exports = engine.hand_over("GET /containers/web/export");
        client.ask("GET /containers/web/export", &[]).await;
        let mut export = exports.next().await;
        export.start_chunked(&[]).await;
        client.read_head().await;
        export.send(malformed).await;
        let body = client.read_body().await;
        assert!(matches!(body.end, BodyEnd::Truncated(_)), "{malformed:?}: {body:?}");
    }
}

async fn what_came_in_the_same_packet_as_a_death_still_arrives(via: Via) {
    let (engine, gateway, _) = scene(via).await;
    for (framing, body, part) in [
        ("Content-Length: 100", "", ""),
        ("Content-Length: 100", "half an answer", "half an answer"),
        ("Transfer-Encoding: chunked", "", ""),
        ("Transfer-Encoding: chunked", "e\r\nhalf an answer\r\n", "half an answer"),
        ("Transfer-Encoding: chunked", "64\r\nhalf a chunk", "half a chunk"),
        ("Transfer-Encoding: chunked", "e\r\nhalf an answer\r\nzz\r\n", "half an answer"),
        ("Transfer-Encoding: chunked", "zz\r\n", ""),
        ("Transfer-Encoding: chunked", "e\r\nhalf an answer\r\n0\r\nX-Trailer: half", "half an answer"),
    ] {
        let case = format!("{framing} {body:?}");
        engine.answer_and_close("GET /info", format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n{body}"));
        let mut client = gateway.connect(via).await;
        client.ask("GET /info", &[]).await;
        let head = client.try_read_head().await;
        assert_eq!(head.unwrap_or_else(|end| panic!("{case}: {end:?}")).status(), 200, "{case}");
        let body = client.read_body().await;
        assert_eq!(String::from_utf8_lossy(&body.bytes), part, "{case}");
        assert!(matches!(body.end, BodyEnd::Truncated(_)), "{case}: {body:?}");
    }
}

/// A refusal in the engine's own form, and a connection that goes on.
async fn is_a_bad_gateway(client: &mut Client, case: &str) {
    says_bad_gateway(client, case, "").await;
}

/// The same, with these words.
async fn says_bad_gateway(client: &mut Client, case: &str, words: &str) {
    let response = client.read_response().await;
    assert_eq!(response.status(), 502, "{case}");
    assert_eq!(response.head.header("content-type"), Some("application/json"), "{case}");
    assert!(response.text().starts_with(r#"{"message":"#), "{case}: {}", response.text());
    assert!(response.text().contains(words), "{case}: {words} is not in {}", response.text());
    assert_eq!(client.fetch("GET /_ping", &[]).await.text(), "OK", "{case}: the connection goes on");
}

async fn a_death_mid_head_is_a_bad_gateway(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    for part in ["HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"]
    {
        engine.answer_and_close("GET /info", part);
        client.ask("GET /info", &[]).await;
        says_bad_gateway(&mut client, part, r#"closed the connection before it had answered"}"#).await;
    }
}

async fn a_close_instead_of_an_answer_is_a_bad_gateway(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let closed = "the Docker engine closed the connection before it had answered";
    let doubt = "; the engine may have carried out the request";
    for (line, doubt) in [
        ("GET /info", ""),
        ("POST /containers/web/start", doubt),
        ("DELETE /containers/web", doubt),
        ("GET /containers/web/attach/ws", doubt),
    ] {
        engine.answer_and_close(line, "");
        client.ask(line, &["Content-Length: 0"]).await;
        says_bad_gateway(&mut client, line, &format!(r#"{closed}{doubt}"}}"#)).await;
    }
}

async fn a_reset_instead_of_an_answer_is_a_bad_gateway(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    assert_eq!(client.fetch("GET /_ping", &[]).await.text(), "OK", "the gateway's start is behind us");
    let mut connections = engine.raw_connections();
    client.ask("POST /containers/web/start", &["Content-Length: 0"]).await;
    let connection = connections.next().await;
    connection.until_readable().await;
    drop(connections);
    drop(connection); // to a unix socket's peer a reset, as the request is unread, or a close if that comes before it
    let words = "the connection before it had answered; the engine may have carried out the request";
    says_bad_gateway(&mut client, "a reset", words).await;
}

async fn a_reset_mid_upload_is_a_bad_gateway(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut loads = engine.hand_over("POST /images/load");
    client.ask("POST /images/load", &["Content-Length: 1000"]).await;
    let load = loads.next().await;
    client.send("a part of a tar").await;
    load.until_readable().await;
    drop(load);
    let response = client.read_response().await;
    assert_eq!(response.status(), 502);
    let want = "the Docker engine reset the connection before it had answered; the engine may have carried out the request";
    assert!(response.text().contains(want), "{}", response.text());
}

async fn garbage_is_a_bad_gateway(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    for garbage in [
        "\0\0\0\0\0\0\0\0\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\r\n",
        "HTTP/1.1 2OO OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/3.7 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nab",
        "GET / HTTP/1.1\r\n\r\n",
        "<html>hello</html>\r\n\r\n",
    ] {
        engine.answer_and_close("GET /info", garbage);
        client.ask("GET /info", &[]).await;
        says_bad_gateway(&mut client, garbage, "the Docker engine gave no valid answer: ").await;
    }
}

async fn an_endless_head_is_a_bad_gateway(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut infos = engine.hand_over("GET /info");
    client.ask("GET /info", &[]).await;
    let mut info = infos.next().await;
    info.send("HTTP/1.1 200 OK\r\nX-Endless: ").await;
    while info.try_send([b'a'; 4096]).await.is_ok() {}
    is_a_bad_gateway(&mut client, "an endless head").await;
}

async fn a_switch_of_protocols_that_nobody_asked_for_is_a_bad_gateway(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    for (line, route) in [
        ("GET /info", "GET /info"),
        ("POST /containers/web/start", "POST /containers/web/start"),
        ("POST /containers/web/attach?stream=1", "POST /containers/web/attach"),
    ] {
        let mut calls = engine.hand_over(route);
        client.ask(line, &["Content-Length: 0"]).await;
        let mut call = calls.next().await;
        call.upgrade("tcp", "unasked bytes").await;
        is_a_bad_gateway(&mut client, line).await;
        call.until_gone().await;
    }
}

async fn a_switch_to_another_protocol_is_a_bad_gateway(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut attaches = engine.hand_over("POST /containers/web/attach");
    client.ask("POST /containers/web/attach", &["Connection: Upgrade", "Upgrade: tcp"]).await;
    let mut attach = attaches.next().await;
    attach.upgrade("h2c", "").await;
    assert_eq!(client.read_response().await.status(), 502);
    attach.until_gone().await;
}

async fn an_interim_answer_does_not_confuse_the_final_one(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    for interim in ["100 Continue", "102 Processing", "103 Early Hints"] {
        engine.answer("GET /info", format!("HTTP/1.1 {interim}\r\n\r\n") + &json("200 OK", "{}"));
        let mut info = client.fetch("GET /info", &[]).await;
        while info.status() < 200 {
            info = client.read_response().await; // passing it on is as good as keeping it back
        }
        assert_eq!((info.status(), info.text()), (200, "{}".to_owned()), "{interim}");
    }
}

async fn an_answer_before_the_end_of_the_upload_survives_the_engines_close(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut loads = engine.hand_over("POST /images/load");
    client.ask("POST /images/load", &["Content-Length: 1000"]).await;
    client.send("not a tar").await;
    let mut load = loads.next().await;
    load.expect_body("not a tar").await;
    load.send(json("400 Bad Request", r#"{"message":"unexpected EOF"}"#)).await;
    drop(load);
    let response = client.read_response().await;
    assert_eq!((response.status(), response.text()), (400, r#"{"message":"unexpected EOF"}"#.to_owned()));
}

async fn an_engine_that_never_answers_is_let_go_when_the_client_leaves(via: Via) {
    let (engine, gateway, mut client) = scene(via).await;
    let mut calls = engine.hand_over("*");
    for line in ["GET /info", "POST /containers/web/stop", "POST /containers/web/wait"] {
        client.ask(line, &["Content-Length: 0"]).await;
        let mut call = calls.next().await;
        match via {
            Via::Tcp => client.leave_rudely(), // an end of the stream alone may be a half-close
            Via::Unix => drop(client),
        }
        assert!(call.until_gone().await.is_empty(), "{line}");
        client = gateway.connect(via).await;
    }
}
