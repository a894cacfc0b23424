//! Uploads that nobody takes: the client saw a broken connection instead of the answer that said why.

use e2e::{BodyEnd, Client, FakeEngine, Gateway, Via, json, on_both_listeners, request, scene, scene_with};

use super::TOO_MUCH;

on_both_listeners![
    a_refusal_arrives_though_the_client_writes_all_before_it_reads,
    a_refusal_arrives_though_the_client_writes_on_while_it_reads,
    a_refusal_for_any_reason_arrives_before_the_end_of_the_upload,
    an_early_answer_arrives_though_the_client_writes_all_before_it_reads,
    an_early_stream_goes_on_though_the_upload_is_not_taken,
    what_stands_behind_a_refused_upload_is_judged,
    a_broken_refused_upload_ends_the_connection,
    a_refused_client_that_waits_to_continue_is_not_told_to,
    an_upload_that_goes_on_after_its_refusal_is_cut_off,
    a_stop_waits_for_an_unwanted_upload_no_longer_than_the_grace,
    a_stop_waits_for_an_endless_unwanted_upload_no_longer_than_the_header_timeout,
    a_broken_upload_is_the_clients_fault,
];

const DENIED: [(&str, &str); 1] = [("IMAGES", "0")];

/// An upload of `TOO_MUCH` bytes, with a length and in chunks.
fn uploads() -> [String; 2] {
    let body = "a".repeat(TOO_MUCH);
    let chunk = "a".repeat(64 << 10);
    let chunks = format!("{:x}\r\n{chunk}\r\n", chunk.len()).repeat(TOO_MUCH / chunk.len());
    [
        request("POST /images/load", &[&format!("Content-Length: {TOO_MUCH}")]) + &body,
        request("POST /images/load", &["Transfer-Encoding: chunked"])
            + &chunks
            + "0\r\nX-Checksum: 5bd1\r\n\r\n",
    ]
}

async fn is_refused_by_images(client: &mut Client) {
    let refused = client.read_response().await;
    assert_eq!(refused.status(), 403);
    assert_eq!(refused.head.header("content-type"), Some("application/json"));
    let text = refused.text();
    assert!(text.starts_with(r#"{"message":"#) && text.contains("IMAGES"), "{text}");
}

async fn a_refusal_arrives_though_the_client_writes_all_before_it_reads(via: Via) {
    let (engine, _gateway, mut client) = scene_with(via, &DENIED).await;
    for upload in uploads() {
        client.send(upload).await;
        is_refused_by_images(&mut client).await;
    }
    engine.assert_untouched();
    assert_eq!(client.fetch("GET /_ping", &[]).await.text(), "OK", "over the same connection");
}

async fn a_refusal_arrives_though_the_client_writes_on_while_it_reads(via: Via) {
    const START: &[u8] = b"HTTP/1.1 403 Forbidden\r\n";
    let (engine, gateway, _) = scene_with(via, &DENIED).await;
    for upload in uploads() {
        let mut client = gateway.connect(via).await;
        assert_eq!(client.send_while_reading(upload.as_bytes(), START.len()).await, START);
        assert!(engine.requests().iter().all(|seen| seen.head.target() == "/_ping"));
        client.ask("GET /_ping", &["Connection: close"]).await;
        let rest = client.read_to_end().await.leftover;
        let rest = String::from_utf8_lossy(&rest);
        let (refusal, pong) = rest.split_once("HTTP/1.1 200 OK\r\n").expect("an answer behind the refusal");
        assert!(refusal.contains("IMAGES"), "{refusal}");
        assert!(pong.ends_with("OK"), "{pong}");
    }
}

async fn a_refusal_for_any_reason_arrives_before_the_end_of_the_upload(via: Via) {
    let engine = FakeEngine::absent();
    let gateway = Gateway::open_with(engine.socket(), &[("PUT", "0")]);
    for (line, header, status, named) in [
        ("PUT /containers/web/archive", "Content-Type: application/x-tar", 405, "PUT"),
        ("POST /build", "Content-Type: application/x-www-form-urlencoded", 400, "form"),
        ("POST /images//load", "Content-Type: application/x-tar", 400, "path"),
        ("BREW /images/load", "Content-Type: application/x-tar", 405, "BREW"),
        ("POST /images/load", "Connection: content-type", 400, "content-type"),
        ("POST /images/load", "Connection: close", 503, "DOCKER_SOCKET"), // allowed, and nobody is there
    ] {
        let mut client = gateway.connect(via).await;
        client.ask(line, &[header, &format!("Content-Length: {TOO_MUCH}")]).await;
        client.send(vec![b'a'; TOO_MUCH]).await;
        let refused = client.read_response().await;
        assert_eq!(refused.status(), status, "{line}, {header}");
        assert!(refused.text().contains(named), "{line}, {header}: {}", refused.text());
    }
}

async fn an_early_answer_arrives_though_the_client_writes_all_before_it_reads(via: Via) {
    for upload in uploads() {
        let (engine, _gateway, mut client) = scene(via).await;
        let mut loads = engine.hand_over("POST /images/load");
        let engine_side = async {
            let mut load = loads.next().await;
            load.expect_body("aaaa").await;
            load.send(json("400 Bad Request", r#"{"message":"no tar"}"#)).await;
            load // kept open, and not read
        };
        let client_side = async {
            client.send(upload).await;
            client.read_response().await
        };
        let (_load, response) = tokio::join!(engine_side, client_side);
        assert_eq!((response.status(), response.text()), (400, r#"{"message":"no tar"}"#.to_owned()));
        assert_eq!(client.fetch("GET /_ping", &[]).await.text(), "OK", "over the same connection");
    }
}

/// As `docker build` may be answered: the context is still on its way, and the engine has all that it needs of it.
async fn an_early_stream_goes_on_though_the_upload_is_not_taken(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut builds = engine.hand_over("POST /build");
    client.ask("POST /build", &["Transfer-Encoding: chunked"]).await;
    client.send_chunk("a Dockerfile").await;
    let mut build = builds.next().await;
    build.expect_body("a Dockerfile").await;
    build.start_chunked(&[]).await;
    client.read_head().await;
    for step in ["step 1\n", "step 2\n", "step 3\n"] {
        client.send_chunk("a file that nobody needs").await;
        build.send_chunk(step).await;
        client.expect_body(step).await;
    }
    build.end_chunks().await;
    client.send_chunk("and one more").await;
    client.end_chunks().await;
    assert_eq!(client.read_body().await.end, BodyEnd::Complete);
    assert_eq!(client.fetch("GET /_ping", &[]).await.text(), "OK", "over the same connection");
}

async fn what_stands_behind_a_refused_upload_is_judged(via: Via) {
    let (engine, _gateway, mut client) = scene_with(via, &DENIED).await;
    let lure = request("DELETE /containers/web", &[]);
    let length = format!("Content-Length: {}", lure.len());
    let chunk = format!("{:x}\r\n{lure}\r\n0\r\n\r\n", lure.len());
    let all = [
        request("POST /images/load", &[&length]) + &lure,
        request("GET /images/json", &[]),
        request("POST /images/load", &["Transfer-Encoding: chunked"]) + &chunk,
        request("GET /info", &[]),
        request("POST /images/load", &["Content-Length: 0"]),
        request("GET /version", &[]),
    ];
    client.send(all.concat()).await;
    for status in [403, 403, 403, 200, 403, 200] {
        assert_eq!(client.read_response().await.status(), status);
    }
    let seen = engine.requests();
    let targets: Vec<_> = seen.iter().map(|seen| seen.head.target()).collect();
    assert_eq!(targets, ["/info", "/version"]);
}

async fn a_broken_refused_upload_ends_the_connection(via: Via) {
    let lure = request("GET /info", &[]);
    for broken in ["zz\r\n", "5\r\nabcdefgh\r\n", "ffffffffffffffffff\r\n", "0\r\nno colon\r\n\r\n"] {
        let (engine, _gateway, mut client) = scene_with(via, &DENIED).await;
        client.ask("POST /images/load", &["Transfer-Encoding: chunked"]).await;
        is_refused_by_images(&mut client).await;
        let _ = client.try_send(broken.to_owned() + &lure).await; // it may be cut off between the two
        assert!(
            client.read_to_end().await.leftover.is_empty(),
            "{broken:?}: the request behind was answered"
        );
        engine.assert_untouched();
    }
}

/// Reading its body on would tell it.
async fn a_refused_client_that_waits_to_continue_is_not_told_to(via: Via) {
    for framing in ["Content-Length: 1000000000", "Transfer-Encoding: chunked"] {
        let (engine, _gateway, mut client) = scene_with(via, &DENIED).await;
        client.ask("POST /images/load", &[framing, "Expect: 100-continue"]).await;
        is_refused_by_images(&mut client).await;
        assert!(client.read_to_end().await.leftover.is_empty(), "{framing}");
        engine.assert_untouched();
    }
}

async fn an_upload_that_goes_on_after_its_refusal_is_cut_off(via: Via) {
    let (engine, _gateway, mut client) =
        scene_with(via, &[("IMAGES", "0"), ("HEADER_TIMEOUT", "1s"), ("IDLE_TIMEOUT", "1h")]).await;
    client.ask("POST /images/load", &["Transfer-Encoding: chunked"]).await;
    is_refused_by_images(&mut client).await;
    let chunk = format!("{:x}\r\n{}\r\n", 4096, "a".repeat(4096));
    let endless = async { while client.try_send(&chunk).await.is_ok() {} };
    e2e::within("the end of an endless upload", endless).await;
    engine.assert_untouched();
}

async fn a_stop_waits_for_an_unwanted_upload_no_longer_than_the_grace(via: Via) {
    for more in ["", "half a tar"] {
        let settings =
            [("IMAGES", "0"), ("HEADER_TIMEOUT", "1h"), ("IDLE_TIMEOUT", "1h"), ("SHUTDOWN_GRACE", "1s")];
        let (_engine, mut gateway, mut client) = scene_with(via, &settings).await;
        client.ask("POST /images/load", &["Content-Length: 1000"]).await;
        is_refused_by_images(&mut client).await;
        client.send(more).await;
        gateway.begin_stop();
        assert!(client.read_to_end().await.leftover.is_empty());
        gateway.until_stopped().await;
    }
}

async fn a_stop_waits_for_an_endless_unwanted_upload_no_longer_than_the_header_timeout(via: Via) {
    let settings =
        [("IMAGES", "0"), ("HEADER_TIMEOUT", "1s"), ("IDLE_TIMEOUT", "1h"), ("SHUTDOWN_GRACE", "1h")];
    let (_engine, mut gateway, mut client) = scene_with(via, &settings).await;
    client.ask("POST /images/load", &["Transfer-Encoding: chunked"]).await;
    is_refused_by_images(&mut client).await;
    gateway.begin_stop();
    let chunk = format!("{:x}\r\n{}\r\n", 4096, "a".repeat(4096));
    let endless = async { while client.try_send(&chunk).await.is_ok() {} };
    e2e::within("the end of an endless upload", endless).await;
    gateway.until_stopped().await;
}

/// The engine has done nothing wrong, and is not blamed.
async fn a_broken_upload_is_the_clients_fault(via: Via) {
    for broken in [
        "0x3\r\nabc\r\n0\r\n\r\n",
        "zz\r\nabc\r\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\nabc\r\n0\r\n\r\n",
        "-3\r\nabc\r\n0\r\n\r\n",
        "3\r\nabc\r\n0\r\nno colon\r\n\r\n",
    ] {
        let (engine, _gateway, mut client) = scene(via).await;
        let mut creates = engine.hand_over("POST /containers/create");
        client.send(request("POST /containers/create", &["Transfer-Encoding: chunked"]) + broken).await;
        let refused = client.read_response().await;
        assert_eq!(refused.status(), 400, "{broken:?}: {}", refused.text());
        assert!(!refused.text().contains("engine"), "{broken:?}: {}", refused.text());
        if !creates.is_empty() {
            let end = creates.next().await.read_body().await.end;
            assert!(matches!(end, BodyEnd::Truncated(_)), "{broken:?}: the engine took it for whole");
        }
        assert!(client.read_to_end().await.leftover.is_empty(), "{broken:?}");
    }
}
