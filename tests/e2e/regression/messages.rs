//! The HTTP library read a connection as it liked: it refused what many clients send, in its own way; it took half a head
//! along with a request; and it gave up a client that had said all it had to say.

use e2e::{Client, Via, on_both_listeners, request, scene, scene_with};

on_both_listeners![
    raw_queries_are_served_and_bodies_are_left_alone_however_they_come,
    a_body_that_is_asked_for_is_left_alone,
    a_body_that_nobody_takes_is_no_head,
    half_a_head_behind_a_request_has_a_timeout,
    a_head_behind_a_slow_answer_is_timed_from_when_it_is_its_turn,
    a_client_that_half_closes_gets_its_answer,
    a_client_that_half_closes_gets_the_rest_of_a_long_answer,
    a_client_that_half_closes_on_what_never_ends_counts_as_gone,
    a_client_that_half_closes_and_then_leaves_frees_the_engine,
    a_client_that_half_closes_behind_several_requests_gets_every_answer,
    a_refusal_of_what_is_no_http_is_ours,
];

const LOOKS_LIKE_A_HEAD: &str = "GET /?\"<>\" HTTP/1.1\r\nHost: x\r\n\r\nPOST /?\"<> HTTP/1.1\r\n\r\n";

/// Four requests with raw queries and with bodies that could be taken for others, and what the engine gets of each.
fn conversation() -> (String, [(String, String); 5]) {
    let body = LOOKS_LIKE_A_HEAD;
    let length = format!("Content-Length: {}", body.len());
    let chunks: String =
        body.split_inclusive('\n').map(|line| format!("{:X};x=\"<\r\n{line}\r\n", line.len())).collect();
    let sent = [
        request("GET /containers/json?filters={\"a\":[\"b\"]}", &["X-A: /?\"<>"]),
        request("POST /containers/create?name=\"a\"", &[&length]) + body,
        request("GET /images/json?a=<b>", &[]),
        request("POST /build?t=\"b\"", &["Transfer-Encoding: chunked"]) + &chunks + "0\r\nX-Sum: ?\"\r\n\r\n",
        "\r\n".to_owned() + &request("GET /info?<\">", &[]),
    ];
    let got = [
        ("/containers/json?filters={%22a%22:[%22b%22]}", ""),
        ("/containers/create?name=%22a%22", body),
        ("/images/json?a=%3Cb%3E", ""),
        ("/build?t=%22b%22", body),
        ("/info?%3C%22%3E", ""),
    ];
    (sent.concat(), got.map(|(target, body)| (target.to_owned(), body.to_owned())))
}

async fn raw_queries_are_served_and_bodies_are_left_alone_however_they_come(via: Via) {
    let (sent, wanted) = conversation();
    for piece in [1, 2, 3, 5, 17, 64, 200, 512, sent.len()] {
        let (engine, _gateway, mut client) = scene(via).await;
        let [mut creates, mut builds] =
            ["POST /containers/create", "POST /build"].map(|line| engine.hand_over(line));
        let sending = async {
            for piece in sent.as_bytes().chunks(piece) {
                client.send(piece).await;
                tokio::task::yield_now().await;
            }
            for _ in &wanted {
                assert_eq!(client.read_response().await.status(), 200, "in pieces of {piece}");
            }
        };
        let answering = async {
            for calls in [&mut creates, &mut builds] {
                let mut call = calls.next().await;
                let body = call.read_body().await;
                assert_eq!(String::from_utf8_lossy(body.whole()), LOOKS_LIKE_A_HEAD, "in pieces of {piece}");
                call.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            }
        };
        tokio::join!(sending, answering);
        let seen: Vec<_> = engine.requests().iter().map(|seen| seen.head.target().to_owned()).collect();
        assert_eq!(seen, wanted.each_ref().map(|(target, _)| target.as_str()), "in pieces of {piece}");
    }
}

async fn a_body_that_is_asked_for_is_left_alone(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut creates = engine.hand_over("POST /containers/create");
    let body = LOOKS_LIKE_A_HEAD;
    for framing in [format!("Content-Length: {}", body.len()), "Transfer-Encoding: chunked".to_owned()] {
        client.ask("POST /containers/create?name=\"a\"", &["Expect: 100-continue", &framing]).await;
        client.expect("HTTP/1.1 100 Continue\r\n\r\n").await;
        match framing.starts_with("Content") {
            true => client.send(body).await,
            false => {
                client.send_chunk(body).await;
                client.end_chunks().await;
            }
        }
        client.ask("GET /info?\"", &[]).await;
        let mut create = creates.next().await;
        assert_eq!(create.request.target(), "/containers/create?name=%22a%22");
        assert_eq!(String::from_utf8_lossy(create.read_body().await.whole()), body);
        create.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(client.read_response().await.status(), 200);
        assert_eq!(client.read_response().await.status(), 200);
        assert_eq!(
            engine.requests().last().map(|seen| seen.head.target().to_owned()).as_deref(),
            Some("/info?%22")
        );
    }
}

async fn a_body_that_nobody_takes_is_no_head(via: Via) {
    let (engine, _gateway, mut client) = scene_with(via, &[("POST", "0")]).await;
    let body = LOOKS_LIKE_A_HEAD;
    let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    for (framing, body) in [
        (format!("Content-Length: {}", body.len()), body),
        ("Transfer-Encoding: chunked".to_owned(), &chunks),
    ] {
        client
            .send(request("POST /containers/create", &[&framing]) + body + &request("GET /info?\"", &[]))
            .await;
        assert_eq!(client.read_response().await.status(), 405);
        assert_eq!(client.read_response().await.status(), 200);
    }
    assert!(engine.requests().iter().all(|seen| seen.head.target() == "/info?%22"));
}

async fn half_a_head_behind_a_request_has_a_timeout(via: Via) {
    let half = "GET /info HTTP/1.1\r\nHost: local";
    let chunked = request("POST /build", &["Transfer-Encoding: chunked"]);
    for whole in [
        request("GET /_ping", &[]),
        request("POST /containers/create", &["Content-Length: 2"]) + "{}",
        chunked.clone() + "2\r\n{}\r\n0\r\n\r\n",
        chunked + "2 ;x\r\n{}\r\n0\r\nX-Sum: 1\r\n\r\n",
    ] {
        let (engine, _gateway, mut client) =
            scene_with(via, &[("HEADER_TIMEOUT", "1s"), ("IDLE_TIMEOUT", "1h")]).await;
        client.send(whole + half).await;
        assert_eq!(client.read_response().await.status(), 200);
        client.read_to_end().await;
        assert_eq!(engine.requests().len(), 1);
    }
}

/// The clock is another client, which asks nothing and is closed by the timeout.
async fn a_head_behind_a_slow_answer_is_timed_from_when_it_is_its_turn(via: Via) {
    let (engine, gateway, mut client) = scene_with(via, &[("HEADER_TIMEOUT", "1s")]).await;
    let mut infos = engine.hand_over("GET /info");
    let next = request("GET /_ping", &[]);
    let (beginning, rest) = next.split_at(20);
    client.send(request("GET /info", &[]) + beginning).await;
    let info = infos.next().await;
    for _ in 0..2 {
        gateway.connect(via).await.read_to_end().await;
    }
    info.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(client.read_response().await.status(), 200);
    client.send(rest).await;
    assert_eq!(client.read_response().await.status(), 200);
}

/// The gateway looks after its clients twice in this time.
const SOON: [(&str, &str); 2] = [("HEADER_TIMEOUT", "1s"), ("IDLE_TIMEOUT", "1s")];

/// Waits until the gateway has looked after its clients: as long as it takes to close one that asks nothing.
async fn until_looked_after(gateway: &e2e::Gateway, via: Via) {
    gateway.connect(via).await.read_to_end().await;
}

async fn a_client_that_half_closes_gets_its_answer(via: Via) {
    for (line, sent) in [
        ("GET /info", request("GET /info", &[])),
        ("GET /info", "GET /info HTTP/1.0\r\nHost: localhost\r\n\r\n".to_owned()),
        ("GET /info", request("GET /info", &["Connection: close"])),
        ("POST /containers/web/start", request("POST /containers/web/start", &["Content-Length: 0"])),
        ("POST /containers/create", request("POST /containers/create", &["Content-Length: 2"]) + "{}"),
        ("POST /build", request("POST /build", &["Transfer-Encoding: chunked"]) + "2\r\n{}\r\n0\r\n\r\n"),
        ("DELETE /containers/web", request("DELETE /containers/web", &[])),
        ("GET /events", request("GET /events?since=1&until=2", &[])),
        ("GET /containers/web/logs", request("GET /containers/web/logs?stdout=1", &[])),
    ] {
        let (engine, gateway, mut client) = scene_with(via, &SOON).await;
        let mut calls = engine.hand_over(line);
        client.send(&sent).await;
        client.half_close().await;
        let mut call = calls.next().await;
        call.read_body().await;
        until_looked_after(&gateway, via).await;
        call.answer("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone").await;
        assert_eq!(client.read_response().await.text(), "done", "{sent}");
        assert!(client.read_to_end().await.leftover.is_empty());
        assert_eq!(engine.requests().len(), 1);
    }
}

async fn a_client_that_half_closes_gets_the_rest_of_a_long_answer(via: Via) {
    let (engine, gateway, mut client) = scene_with(via, &SOON).await;
    let mut exports = engine.hand_over("GET /containers/web/export");
    client.ask("GET /containers/web/export", &[]).await;
    let mut export = exports.next().await;
    export.start_chunked(&[]).await;
    client.read_head().await;
    export.send_chunk("one").await;
    client.expect_body("one").await;
    client.half_close().await;
    until_looked_after(&gateway, via).await;
    let rest = vec![b'a'; super::TOO_MUCH];
    let sending = async {
        export.send_chunk(&rest).await;
        export.end_chunks().await;
    };
    let (body, ()) = tokio::join!(client.read_body(), sending);
    assert!(body.whole() == rest, "all of it came");
    assert!(client.read_to_end().await.leftover.is_empty());
}

async fn a_client_that_half_closes_on_what_never_ends_counts_as_gone(via: Via) {
    for line in [
        "GET /events",
        "GET /containers/web/logs?follow=1",
        "GET /containers/web/stats",
        "POST /containers/web/attach?stream=1",
        "POST /containers/web/wait",
    ] {
        let (engine, _gateway, mut client) = scene(via).await;
        let mut calls = engine.hand_over(line.split('?').next().expect("a line"));
        client.ask(line, &["Content-Length: 0"]).await;
        let mut call = calls.next().await;
        call.start_chunked(&[]).await;
        client.read_head().await;
        client.half_close().await;
        call.until_gone().await;
    }
}

/// Over TCP, the kernel does not tell a client that is gone from one that has half-closed, until it is sent something.
async fn a_client_that_half_closes_and_then_leaves_frees_the_engine(via: Via) {
    let (engine, gateway, mut client) = scene_with(via, &SOON).await;
    let mut starts = engine.hand_over("POST /containers/web/start");
    client.ask("POST /containers/web/start", &["Content-Length: 0"]).await;
    client.half_close().await;
    let mut start = starts.next().await;
    until_looked_after(&gateway, via).await;
    match via {
        Via::Tcp => client.leave_rudely(),
        Via::Unix => drop(client),
    }
    start.until_gone().await;
}

async fn a_client_that_half_closes_behind_several_requests_gets_every_answer(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let three = [request("GET /info", &[]), request("GET /-/denied", &[]), request("GET /version?\"", &[])];
    client.send(three.concat()).await;
    client.half_close().await;
    for status in [200, 403, 200] {
        assert_eq!(client.read_response().await.status(), status);
    }
    assert!(client.read_to_end().await.leftover.is_empty());
    assert_eq!(engine.requests().len(), 2);
}

async fn is_refused(client: &mut Client, sent: &[u8], status: u16) {
    client.send(sent).await;
    let refused = client.read_response().await;
    let sent = String::from_utf8_lossy(sent);
    assert_eq!(refused.status(), status, "{sent}");
    assert_eq!(refused.head.header("content-type"), Some("application/json"), "{sent}");
    assert_eq!(refused.head.header("connection"), Some("close"), "{sent}");
    assert!(
        refused.text().starts_with(r#"{"message":"sockgate refused the request: "#),
        "{}",
        refused.text()
    );
    assert!(client.read_to_end().await.leftover.is_empty());
}

async fn a_refusal_of_what_is_no_http_is_ours(via: Via) {
    for (sent, status) in [
        (b"GET /containers/<a>/json HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), 400),
        (b"GET /info\r\n\r\n".to_vec(), 400),
        (b"GET /info HTTP/1.1\r\nHost : localhost\r\n\r\n".to_vec(), 400),
        (b"\x00\xff\x1b[31m\r\n\r\n".to_vec(), 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00".to_vec(), 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), 400),
        ([b"GET /".as_slice(), &[b'a'; 70_000], b" HTTP/1.1\r\nHost: localhost\r\n\r\n"].concat(), 414),
        ([b"GET / HTTP/1.1\r\n".as_slice(), &b"A: b\r\n".repeat(1100), b"\r\n"].concat(), 431),
    ] {
        let (engine, gateway, mut client) = scene(via).await;
        is_refused(&mut client, &sent, status).await;
        let mut client = gateway.connect(via).await;
        assert_eq!(client.fetch("GET /_ping", &[]).await.status(), 200);
        is_refused(&mut client, &sent, status).await;
        assert_eq!(engine.requests().len(), 1);
    }
}
