//! Bodies that a policy reads: whole, unambiguous, and the very bytes that the engine gets.

use e2e::{BodyEnd, Client, FakeEngine, Gateway, Via, guests, on_both_listeners};
use tempfile::TempDir;

mod judgement;
mod room;

on_both_listeners![
    what_a_policy_has_read_is_what_the_engine_gets,
    a_policy_reads_the_whole_of_a_body_that_comes_in_pieces,
    a_body_of_some_mebibytes_is_read_where_the_limit_allows_it,
    a_body_that_two_parsers_read_in_two_ways_is_refused,
    a_body_over_the_limit_is_refused_however_it_comes,
    an_encoded_body_is_refused,
    a_client_that_waits_to_continue_is_told_to_if_its_body_is_read,
    a_body_that_does_not_come_is_not_waited_for_longer_than_for_a_head,
    a_client_that_leaves_in_its_body_leaves_nothing_behind,
    a_request_without_a_body_has_an_empty_one,
    what_no_policy_reads_streams_past,
    what_stands_behind_an_inspected_body_is_judged,
    an_observing_policy_keeps_no_body_back,
];

struct Scene {
    engine: FakeEngine,
    gateway: Gateway,
    _folder: TempDir,
}

impl Scene {
    /// A gateway with a policy that reads `ContainerCreate` and `PluginPull`.
    fn new(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache").display().to_string();
        let policy = guests::rust("inspector").display().to_string();
        let own = [
            ("POLICY", policy.as_str()),
            ("POLICY_SETTINGS", "ContainerCreate, PluginPull"),
            ("POLICY_CACHE", cache.as_str()),
        ];
        let all: Vec<_> = own.into_iter().chain(settings.iter().copied()).collect();
        let engine = FakeEngine::start();
        let gateway = Gateway::open_with(engine.socket(), &all);
        Self { engine, gateway, _folder: folder }
    }
}

const CREATE: &str = "POST /containers/create";
const GOOD: &str = r#"{"Image":"alpine","HostConfig":{"Privileged":false}}"#;
const FORBIDDEN: &str = r#"{"Image":"forbidden"}"#;

async fn post(client: &mut Client, line: &str, headers: &[&str], body: &str) {
    let length = format!("Content-Length: {}", body.len());
    let headers: Vec<_> =
        ["Content-Type: application/json", &length].iter().chain(headers).copied().collect();
    client.ask(line, &headers).await;
    client.send(body).await;
}

async fn is_refused(client: &mut Client, status: u16, text: &str) {
    let refused = client.read_response().await;
    assert_eq!(refused.status(), status, "{}", refused.text());
    assert!(refused.text().contains(text), "{}", refused.text());
}

async fn is_allowed(client: &mut Client) {
    let answer = client.read_response().await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
}

async fn what_a_policy_has_read_is_what_the_engine_gets(via: Via) {
    let scene = Scene::new(&[]);
    let mut creates = scene.engine.hand_over(CREATE);
    let mut client = scene.gateway.connect(via).await;

    post(&mut client, CREATE, &[], GOOD).await;
    let mut create = creates.next().await;
    assert_eq!(create.request.header("content-length"), Some(GOOD.len().to_string().as_str()));
    assert!(!create.request.has("transfer-encoding"));
    create.expect_body(GOOD).await;
    create.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    is_allowed(&mut client).await;

    client.ask(CREATE, &["Content-Type: application/json", "Transfer-Encoding: chunked"]).await;
    for piece in [&GOOD[..1], &GOOD[1..20], &GOOD[20..]] {
        client.send_chunk(piece).await;
    }
    client.send("0\r\nX-Checksum: 5bd1\r\n\r\n").await;
    let mut create = creates.next().await;
    assert_eq!(create.request.header("transfer-encoding"), Some("chunked"));
    assert!(!create.request.has("content-length"));
    let body = create.read_body().await;
    assert_eq!((body.end, body.bytes.as_slice()), (BodyEnd::Complete, GOOD.as_bytes()));
    create.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    is_allowed(&mut client).await;
}

async fn a_policy_reads_the_whole_of_a_body_that_comes_in_pieces(via: Via) {
    let scene = Scene::new(&[]);
    let mut client = scene.gateway.connect(via).await;
    let body = format!("{{\"Image\":\"forbidden\",\"Env\":[{}\"\"]}}", "\"A=é\",".repeat(100_000));
    let sum = body.bytes().fold(0_u32, |sum, byte| sum.rotate_left(5) ^ u32::from(byte));
    let want = format!("{} bytes, sum {sum:08x} (policy inspector)", body.len());

    post(&mut client, CREATE, &[], &body).await;
    is_refused(&mut client, 403, &want).await;
    client.ask(CREATE, &["Transfer-Encoding: chunked"]).await;
    for piece in body.as_bytes().chunks(10_001) {
        client.send_chunk(piece).await;
    }
    client.end_chunks().await;
    is_refused(&mut client, 403, &want).await;
    scene.engine.assert_untouched();
}

async fn a_body_of_some_mebibytes_is_read_where_the_limit_allows_it(via: Via) {
    let scene = Scene::new(&[("POLICY_BODY_LIMIT", "4MiB"), ("POLICY_TIMEOUT", "10s")]);
    let mut client = scene.gateway.connect(via).await;
    let body = format!("{{\"Image\":\"forbidden\",\"Env\":[\"{}\"]}}", "a".repeat(3 << 20));
    let sum = body.bytes().fold(0_u32, |sum, byte| sum.rotate_left(5) ^ u32::from(byte));
    post(&mut client, CREATE, &[], &body).await;
    is_refused(&mut client, 403, &format!("{} bytes, sum {sum:08x} (policy inspector)", body.len())).await;
    scene.engine.assert_untouched();
}

async fn a_body_that_two_parsers_read_in_two_ways_is_refused(via: Via) {
    let scene = Scene::new(&[]);
    let mut client = scene.gateway.connect(via).await;
    for (line, body, why) in [
        (CREATE, r#"{"HostConfig":{"privileged":true}}"#, "spell it like that"),
        (CREATE, r#"{"HostConfig":{},"HostConfig":{"Privileged":true}}"#, "twice in one object"),
        (CREATE, r#"{"Image":"a"} {"HostConfig":{"Privileged":true}}"#, "goes on after its JSON value"),
        (CREATE, r#"{"Privileged":true,"Image":"a"}"#, "beside HostConfig"),
        (CREATE, "Image=a", "not JSON"),
        ("POST /v1.41/containers/create", r#"{"image":"forbidden"}"#, "spell it like that"),
        ("POST /plugins/pull", r#"{"Name":"network"}"#, "must be a JSON list"),
    ] {
        post(&mut client, line, &[], body).await;
        is_refused(&mut client, 400, why).await;
    }
    scene.engine.assert_untouched();
}

async fn a_body_over_the_limit_is_refused_however_it_comes(via: Via) {
    let scene = Scene::new(&[("POLICY_BODY_LIMIT", "1KiB")]);
    let mut client = scene.gateway.connect(via).await;
    let just = format!("{{\"Image\":\"{}\"}}", "a".repeat(1024 - 12));
    post(&mut client, CREATE, &[], &just).await;
    is_allowed(&mut client).await;
    let over = format!("{just} ");
    post(&mut client, CREATE, &[], &over).await;
    is_refused(&mut client, 413, "POLICY_BODY_LIMIT").await;
    client.ask(CREATE, &["Transfer-Encoding: chunked"]).await;
    client.send_chunk(&over).await;
    client.end_chunks().await;
    is_refused(&mut client, 413, "POLICY_BODY_LIMIT").await;
    client.ask(CREATE, &["Expect: 100-continue", "Content-Length: 1025"]).await;
    is_refused(&mut client, 413, "POLICY_BODY_LIMIT").await; // and no 100 before it
    assert_eq!(scene.engine.requests().len(), 1);
}

async fn an_encoded_body_is_refused(via: Via) {
    let scene = Scene::new(&[]);
    let mut client = scene.gateway.connect(via).await;
    for encoding in ["gzip", "identity, deflate", "x"] {
        post(&mut client, CREATE, &[&format!("Content-Encoding: {encoding}")], GOOD).await;
        is_refused(&mut client, 400, "Content-Encoding").await;
    }
    post(&mut client, CREATE, &["Content-Encoding: identity", "Content-Encoding: gzip"], GOOD).await;
    is_refused(&mut client, 400, "Content-Encoding").await;
    scene.engine.assert_untouched();
    post(&mut client, CREATE, &["Content-Encoding: Identity"], GOOD).await;
    is_allowed(&mut client).await;
}

async fn a_client_that_waits_to_continue_is_told_to_if_its_body_is_read(via: Via) {
    let scene = Scene::new(&[]);
    let mut client = scene.gateway.connect(via).await;
    for (body, status) in [(GOOD, 200), (FORBIDDEN, 403), ("{", 400)] {
        client.ask(CREATE, &["Expect: 100-continue", &format!("Content-Length: {}", body.len())]).await;
        client.expect("HTTP/1.1 100 Continue\r\n\r\n").await;
        client.send(body).await;
        assert_eq!(client.read_response().await.status(), status, "{body}");
    }
    assert_eq!(scene.engine.requests().len(), 1);
}

async fn a_body_that_does_not_come_is_not_waited_for_longer_than_for_a_head(via: Via) {
    let scene = Scene::new(&[("HEADER_TIMEOUT", "1s")]);
    let mut client = scene.gateway.connect(via).await;
    client.ask(CREATE, &["Content-Length: 100"]).await;
    client.send("{").await;
    is_refused(&mut client, 408, "HEADER_TIMEOUT").await;
    scene.engine.assert_untouched();
}

async fn a_client_that_leaves_in_its_body_leaves_nothing_behind(via: Via) {
    let scene = Scene::new(&[("MAX_CONNECTIONS", "1"), ("POLICY_BODY_LIMIT", "64MiB")]);
    for _ in 0..3 {
        // Each announces as much as there is room for.
        let mut client = scene.gateway.connect(via).await;
        client.ask(CREATE, &[&format!("Content-Length: {}", 64 << 20)]).await;
        client.send("{").await;
        client.half_close().await;
        client.until_gone().await;
    }
    let mut client = scene.gateway.connect(via).await;
    post(&mut client, CREATE, &[], GOOD).await;
    is_allowed(&mut client).await;
    assert_eq!(scene.engine.requests().len(), 1);
}

async fn a_request_without_a_body_has_an_empty_one(via: Via) {
    let scene = Scene::new(&[]);
    let mut client = scene.gateway.connect(via).await;
    for headers in [&["Content-Length: 0"][..], &[]] {
        client.ask(CREATE, headers).await;
        is_refused(&mut client, 403, "empty (policy inspector)").await;
    }
    client.ask(CREATE, &["Transfer-Encoding: chunked"]).await;
    client.end_chunks().await;
    is_refused(&mut client, 403, "empty (policy inspector)").await;
    scene.engine.assert_untouched();
}

async fn what_no_policy_reads_streams_past(via: Via) {
    let scene = Scene::new(&[("POLICY_BODY_LIMIT", "1KiB")]);
    let mut loads = scene.engine.hand_over("POST /images/load");
    let mut client = scene.gateway.connect(via).await;
    client.ask("POST /images/load", &["Content-Encoding: gzip", "Transfer-Encoding: chunked"]).await;
    client.send_chunk("forbidden").await;
    let mut load = loads.next().await;
    load.expect_body("forbidden").await;
    client.send_chunk("{".repeat(4096)).await;
    load.expect_body("{".repeat(4096)).await;
    client.end_chunks().await;
    load.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    is_allowed(&mut client).await;
    post(&mut client, "POST /containers/web/update", &[], r#"{"memory":1,"memory":"forbidden"}"#).await;
    is_allowed(&mut client).await;
}

async fn what_stands_behind_an_inspected_body_is_judged(via: Via) {
    let scene = Scene::new(&[]);
    let mut client = scene.gateway.connect(via).await;
    let request = |body: &str| {
        format!("{CREATE} HTTP/1.1\r\nHost: docker\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    client.send([request(GOOD), request(FORBIDDEN), request(GOOD)].concat()).await;
    is_allowed(&mut client).await;
    is_refused(&mut client, 403, "bytes, sum").await;
    is_allowed(&mut client).await;
    assert_eq!(scene.engine.requests().len(), 2);
}

async fn an_observing_policy_keeps_no_body_back(via: Via) {
    let scene = Scene::new(&[("POLICY_MODE", "observe"), ("POLICY_BODY_LIMIT", "1KiB")]);
    let mut creates = scene.engine.hand_over(CREATE);
    let mut client = scene.gateway.connect(via).await;
    let long = format!("{{\"Image\":\"{}\"}}", "a".repeat(4096));
    let done = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for (headers, body) in [
        (&[][..], GOOD),
        (&[], FORBIDDEN),
        (&[], r#"{"image":"a","image":"b"}"#),
        (&["Content-Encoding: gzip"], "no gzip"),
        (&[], &long),
    ] {
        post(&mut client, CREATE, headers, body).await;
        let mut create = creates.next().await;
        assert_eq!(create.read_body().await.whole(), body.as_bytes());
        create.answer(done).await;
        is_allowed(&mut client).await;
    }
    client.ask(CREATE, &["Transfer-Encoding: chunked"]).await;
    for piece in long.as_bytes().chunks(700) {
        client.send_chunk(piece).await;
    }
    client.end_chunks().await;
    let mut create = creates.next().await;
    assert_eq!(create.read_body().await.whole(), long.as_bytes());
    create.answer(done).await;
    is_allowed(&mut client).await;
}
