//! Tunnels: after the 101 every byte passes, both ways, until each side has ended its own.

use e2e::{Call, Client, Ending, FakeEngine, Gateway, Via, on_both_listeners, scene, scene_with};

on_both_listeners![
    an_attach_becomes_a_stream_both_ways,
    an_exec_becomes_a_stream_both_ways,
    output_in_the_same_packet_as_the_101_is_not_lost,
    input_in_the_same_packet_as_the_request_is_not_lost,
    output_still_comes_after_the_client_has_ended_its_input,
    input_still_goes_after_the_engine_has_ended_its_output,
    a_tunnel_ends_when_both_sides_have_ended,
    a_lot_passes_both_ways_at_once,
    bytes_that_look_like_http_are_only_bytes,
    a_websocket_passes_its_handshake_and_its_frames,
    a_session_passes_http_2,
    a_grpc_connection_passes_http_2,
    a_silent_tunnel_outlives_the_timeouts,
];

const TCP: [&str; 2] = ["Connection: Upgrade", "Upgrade: tcp"];

async fn attached(via: Via) -> (FakeEngine, Gateway, Client, Call) {
    let (engine, gateway, mut client) = scene(via).await;
    let attach = attach(&engine, &mut client).await;
    (engine, gateway, client, attach)
}

async fn attach(engine: &FakeEngine, client: &mut Client) -> Call {
    let mut attaches = engine.hand_over("POST /containers/web/attach");
    client.ask("POST /containers/web/attach?stream=1&stdin=1&stdout=1", &TCP).await;
    let mut attach = attaches.next().await;
    attach.upgrade("tcp", "").await;
    assert_eq!(client.read_head().await.status(), 101);
    attach
}

async fn an_attach_becomes_a_stream_both_ways(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut attaches = engine.hand_over("POST /containers/web/attach");
    client.ask("POST /v1.41/containers/web/attach?stream=1&stdin=1", &TCP).await;

    let mut attach = attaches.next().await;
    assert_eq!(attach.request.target(), "/v1.41/containers/web/attach?stream=1&stdin=1");
    assert_eq!(attach.request.header("upgrade"), Some("tcp"));
    assert_eq!(attach.request.header("connection").map(str::to_lowercase).as_deref(), Some("upgrade"));
    assert!(!attach.request.has("transfer-encoding"), "{:#?}", attach.request);
    attach.upgrade("tcp", "").await;

    let head = client.read_head().await;
    assert_eq!(head.status(), 101);
    assert_eq!(head.header("upgrade"), Some("tcp"));
    assert_eq!(head.header("connection").map(str::to_lowercase).as_deref(), Some("upgrade"));
    assert_eq!(head.header("content-type"), Some("application/vnd.docker.raw-stream"));
    assert!(!head.has("transfer-encoding") && !head.has("content-length"), "{head:#?}");
    for count in 0..10 {
        client.send(format!("question {count}\n")).await;
        attach.expect(format!("question {count}\n")).await;
        attach.send(format!("answer {count}\n")).await;
        client.expect(format!("answer {count}\n")).await;
    }
}

async fn an_exec_becomes_a_stream_both_ways(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut starts = engine.hand_over("POST /exec/5bd1/start");
    let body = r#"{"Detach":false,"Tty":true}"#;
    let length = format!("Content-Length: {}", body.len());
    let headers = [TCP[0], TCP[1], "Content-Type: application/json", &length];
    client.send(e2e::request("POST /exec/5bd1/start", &headers) + body).await;

    let mut exec = starts.next().await;
    assert_eq!(exec.read_body().await.whole(), body.as_bytes());
    exec.upgrade("tcp", "# ").await;
    assert_eq!(client.read_head().await.status(), 101);
    client.expect("# ").await;
    client.send("exit\n").await;
    exec.expect("exit\n").await;
}

async fn output_in_the_same_packet_as_the_101_is_not_lost(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut attaches = engine.hand_over("POST /containers/web/attach");
    client.ask("POST /containers/web/attach?stream=1&stdout=1", &TCP).await;
    let mut attach = attaches.next().await;
    attach.upgrade("tcp", "early output\n").await;
    assert_eq!(client.read_head().await.status(), 101);
    client.expect("early output\n").await;
    attach.send("later output\n").await;
    client.expect("later output\n").await;
}

async fn input_in_the_same_packet_as_the_request_is_not_lost(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut attaches = engine.hand_over("POST /containers/web/attach");
    client.send(e2e::request("POST /containers/web/attach?stdin=1", &TCP) + "early input\n").await;
    let mut attach = attaches.next().await;
    attach.upgrade("tcp", "").await;
    assert_eq!(client.read_head().await.status(), 101);
    attach.expect("early input\n").await;
    client.send("later input\n").await;
    attach.expect("later input\n").await;
}

async fn output_still_comes_after_the_client_has_ended_its_input(via: Via) {
    let (_engine, _gateway, mut client, mut attach) = attached(via).await;
    client.send("1 + 1\n").await;
    client.half_close().await;
    assert_eq!(attach.read_to_end().await.leftover, b"1 + 1\n");
    attach.send("2\n").await;
    client.expect("2\n").await;
    attach.send("bye\n").await;
    drop(attach);
    assert_eq!(client.read_to_end().await.leftover, b"bye\n");
}

async fn input_still_goes_after_the_engine_has_ended_its_output(via: Via) {
    let (_engine, _gateway, mut client, mut attach) = attached(via).await;
    attach.send("no more to say\n").await;
    attach.half_close().await;
    assert_eq!(client.read_to_end().await.leftover, b"no more to say\n");
    client.send("still listening?\n").await;
    attach.expect("still listening?\n").await;
    drop(client);
    assert!(attach.read_to_end().await.leftover.is_empty());
}

async fn a_tunnel_ends_when_both_sides_have_ended(via: Via) {
    let (engine, _gateway, mut client, mut attach) = attached(via).await;
    client.half_close().await;
    attach.read_to_end().await;
    drop(attach);
    assert_eq!(client.read_to_end().await.ending, Ending::Closed);
    engine.until_nobody_is_connected().await;
}

async fn a_lot_passes_both_ways_at_once(via: Via) {
    let (_engine, _gateway, mut client, mut attach) = attached(via).await;
    let up: Vec<u8> = (0_u32..1 << 20).flat_map(u32::to_le_bytes).collect();
    let down: Vec<u8> = up.iter().map(|byte| !byte).collect();
    let (got_down, got_up) =
        tokio::join!(client.send_while_reading(&up, down.len()), attach.send_while_reading(&down, up.len()));
    assert!(got_up == up, "what came up differs");
    assert!(got_down == down, "what came down differs");
}

async fn bytes_that_look_like_http_are_only_bytes(via: Via) {
    let (engine, _gateway, mut client, mut attach) = attached(via).await;
    let lure = "POST /containers/other/kill HTTP/1.1\r\nHost: localhost\r\n\r\n";
    client.send(lure).await;
    attach.expect(lure).await;
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    attach.send(answer).await;
    client.expect(answer).await;
    assert_eq!(engine.requests().len(), 1);
}

async fn a_websocket_passes_its_handshake_and_its_frames(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut attaches = engine.hand_over("GET /containers/web/attach/ws");
    let headers = [
        "Connection: keep-alive, Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    client.ask("GET /containers/web/attach/ws?stream=1&stdin=1", &headers).await;

    let mut attach = attaches.next().await;
    assert_eq!(attach.request.header("upgrade"), Some("websocket"));
    assert_eq!(attach.request.header("sec-websocket-key"), Some("dGhlIHNhbXBsZSBub25jZQ=="));
    assert_eq!(attach.request.header("sec-websocket-version"), Some("13"));
    attach
        .send(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        )
        .await;
    let head = client.read_head().await;
    assert_eq!(head.status(), 101);
    assert_eq!(head.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    let frame = b"\x82\x05\x00\xff\x00\xff\x00";
    attach.send(frame).await;
    assert_eq!(client.read_exactly(frame.len()).await, frame);
    client.send(frame).await;
    assert_eq!(attach.read_exactly(frame.len()).await, frame);
}

async fn a_session_passes_http_2(via: Via) {
    passes_http_2(via, "POST /session").await;
}

async fn a_grpc_connection_passes_http_2(via: Via) {
    passes_http_2(via, "POST /grpc").await;
}

async fn passes_http_2(via: Via, route: &str) {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    let (engine, _gateway, mut client) = scene(via).await;
    let mut calls = engine.hand_over(route);
    client.ask(route, &["Connection: Upgrade", "Upgrade: h2c", "X-Docker-Expose-Session-Uuid: 5bd1"]).await;
    let mut call = calls.next().await;
    assert_eq!(call.request.header("upgrade"), Some("h2c"));
    assert_eq!(call.request.header("x-docker-expose-session-uuid"), Some("5bd1"));
    call.upgrade("h2c", "").await;
    let head = client.read_head().await;
    assert_eq!((head.status(), head.header("upgrade")), (101, Some("h2c")));
    // In BuildKit's session the engine is the HTTP/2 client; over /grpc the client is.
    call.send(PREFACE).await;
    assert_eq!(client.read_exactly(PREFACE.len()).await, PREFACE);
    client.send(PREFACE).await;
    assert_eq!(call.read_exactly(PREFACE.len()).await, PREFACE);
}

/// The clock is another client, which asks nothing and is closed by the timeout.
async fn a_silent_tunnel_outlives_the_timeouts(via: Via) {
    let (engine, gateway, mut client) =
        scene_with(via, &[("IDLE_TIMEOUT", "1s"), ("HEADER_TIMEOUT", "1s")]).await;
    let mut attach = attach(&engine, &mut client).await;
    let mut clock = gateway.connect(via).await;
    assert_eq!(clock.fetch("GET /_ping", &[]).await.status(), 200);
    clock.read_to_end().await;

    attach.send("still here\n").await;
    client.expect("still here\n").await;
    client.send("so am I\n").await;
    attach.expect("so am I\n").await;
}
