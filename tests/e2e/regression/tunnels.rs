//! Tunnels lost the engine's last output, cost no place, and were opened for clients that cannot have one.

use e2e::{Call, Client, Ending, FakeEngine, Gateway, Via, on_both_listeners, request, scene, scene_with};

use super::TOO_MUCH;

on_both_listeners![
    last_output_is_delivered_though_stdin_cannot_be_written,
    a_slow_reader_gets_all_output_though_its_input_is_unread,
    an_end_of_input_keeps_a_silent_tunnel_open,
    a_tunnel_whose_engine_is_gone_ends_with_its_clients_input,
    a_tunnel_is_a_connection_and_gives_its_place_back,
    an_upgrade_that_did_not_come_about_gives_its_place_back,
    an_upgrade_before_the_end_of_the_body_is_a_tunnel_behind_it,
    http_1_0_has_no_upgrade,
];

const TCP: [&str; 2] = ["Connection: Upgrade", "Upgrade: tcp"];

async fn attached(via: Via, settings: &[(&str, &str)]) -> (FakeEngine, Gateway, Client, Call) {
    let (engine, gateway, mut client) = scene_with(via, settings).await;
    let mut attaches = engine.hand_over("POST /containers/web/attach");
    client.ask("POST /containers/web/attach?stream=1&stdin=1&stdout=1", &TCP).await;
    let mut attach = attaches.next().await;
    attach.upgrade("tcp", "").await;
    assert_eq!(client.read_head().await.status(), 101);
    (engine, gateway, client, attach)
}

/// Over TCP the kernel learns it later, from an answer to its keep-alive probes.
#[tokio::test]
async fn a_client_that_leaves_a_silent_tunnel_of_a_unix_listener_frees_the_engine() {
    let (_engine, _gateway, client, attach) = attached(Via::Unix, &[]).await;
    drop(client);
    attach.until_hung_up().await;
}

/// What `yes | docker exec -i web head -c 4096` does: the process has had enough, and its client never has.
async fn last_output_is_delivered_though_stdin_cannot_be_written(via: Via) {
    let (_engine, _gateway, mut client, mut attach) = attached(via, &[]).await;
    client.send("y\n".repeat(32 << 10)).await;
    attach.read_exactly(4096).await;
    attach.send("final output\n").await;
    drop(attach); // with input unread

    client.send("y\n".repeat(TOO_MUCH / 2)).await;
    client.expect("final output\n").await;
    let ended = client.read_to_end().await;
    assert_eq!((ended.ending, ended.leftover.len()), (Ending::Closed, 0));
}

async fn a_slow_reader_gets_all_output_though_its_input_is_unread(via: Via) {
    const PIECE: usize = 8 << 10;
    let (_engine, gateway, mut client, mut attach) = attached(via, &[]).await;
    let mut other = gateway.connect(via).await;
    let output: Vec<u8> = (0_u32..1 << 20).flat_map(u32::to_le_bytes).collect();
    let engine_side = async {
        attach.send(&output).await;
        drop(attach); // with input unread
    };
    let client_side = async {
        for piece in output.chunks(PIECE) {
            client.send("y\n").await;
            assert!(client.read_exactly(PIECE).await == piece, "the output differs");
            assert_eq!(other.fetch("GET /_ping", &[]).await.status(), 200); // so slow is it
        }
        client.read_to_end().await
    };
    let ((), ended) = tokio::join!(engine_side, client_side);
    assert_eq!((ended.ending, ended.leftover.len()), (Ending::Closed, 0));
}

/// The clocks are other clients, which ask nothing more and are closed by the timeout.
async fn an_end_of_input_keeps_a_silent_tunnel_open(via: Via) {
    let settings = [("IDLE_TIMEOUT", "1s"), ("HEADER_TIMEOUT", "1s")];
    let (_engine, gateway, mut client, mut attach) = attached(via, &settings).await;
    client.half_close().await;
    attach.read_to_end().await;
    for _ in 0..3 {
        let mut clock = gateway.connect(via).await;
        assert_eq!(clock.fetch("GET /_ping", &[]).await.status(), 200);
        clock.read_to_end().await;
    }
    attach.send("the sum of it all\n").await;
    drop(attach);
    assert_eq!(client.read_to_end().await.leftover, b"the sum of it all\n");
}

async fn a_tunnel_whose_engine_is_gone_ends_with_its_clients_input(via: Via) {
    let (engine, mut gateway, mut client, attach) =
        attached(via, &[("SHUTDOWN_GRACE", "1h"), ("MAX_CONNECTIONS", "1")]).await;
    drop(attach);
    engine.until_nobody_is_connected().await;
    client.send("is anybody there?\n").await;
    assert_eq!(client.read_to_end().await.ending, Ending::Closed);
    client.half_close().await;
    gateway.begin_stop();
    gateway.until_stopped().await; // which it would not if the tunnel went on
}

async fn a_tunnel_is_a_connection_and_gives_its_place_back(via: Via) {
    let (engine, gateway, client) = scene_with(via, &[("MAX_CONNECTIONS", "3")]).await;
    let mut tunnels = vec![client];
    for _ in 1..3 {
        tunnels.push(gateway.connect(via).await);
    }
    for client in &mut tunnels {
        client.ask("POST /containers/web/attach", &TCP).await;
        assert_eq!(client.read_head().await.status(), 101);
    }
    for _ in 0..10 {
        let refused = gateway.connect(via).await.fetch("POST /containers/web/attach", &TCP).await;
        assert_eq!(refused.status(), 503);
        assert!(refused.text().contains("MAX_CONNECTIONS"), "{}", refused.text());
    }
    assert_eq!(engine.requests().len(), 3);

    while let Some(mut client) = tunnels.pop() {
        client.half_close().await;
        assert!(client.read_to_end().await.leftover.is_empty());
        drop(client);
        let mut next = super::departures::until_a_place_is_free(&gateway, via).await;
        next.half_close().await;
        next.read_to_end().await;
    }
}

async fn an_upgrade_that_did_not_come_about_gives_its_place_back(via: Via) {
    let (engine, gateway, mut client) = scene_with(via, &[("MAX_CONNECTIONS", "1")]).await;
    for _ in 0..3 {
        let mut attaches = engine.hand_over("POST /containers/web/attach");
        client.ask("POST /containers/web/attach", &TCP).await;
        let mut attach = attaches.next().await;
        drop(client);
        attach.until_gone().await;
        client = super::departures::until_a_place_is_free(&gateway, via).await;
    }
}

/// The engine may switch before it has read all of the body. Nothing of it may be lost or taken for input.
async fn an_upgrade_before_the_end_of_the_body_is_a_tunnel_behind_it(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut starts = engine.hand_over("POST /exec/5bd1/start");
    client.send(request("POST /exec/5bd1/start", &[TCP[0], TCP[1], "Content-Length: 100"]) + "half").await;
    let mut exec = starts.next().await;
    exec.expect_body("half").await;
    exec.upgrade("tcp", "# ").await;
    client.send("a".repeat(96) + "exit\n").await;
    assert_eq!(client.read_head().await.status(), 101);
    client.expect("# ").await;
    exec.expect_body("a".repeat(96)).await;
    exec.expect("exit\n").await;
}

async fn http_1_0_has_no_upgrade(via: Via) {
    for (line, protocol) in [
        ("POST /containers/web/attach", "tcp"),
        ("POST /exec/5bd1/start", "tcp"),
        ("GET /containers/web/attach/ws", "websocket"),
        ("POST /session", "h2c"),
    ] {
        let (engine, _gateway, mut client) = scene(via).await;
        let mut calls = engine.hand_over("*");
        let upgrade = format!("Connection: Upgrade\r\nUpgrade: {protocol}");
        client.send(format!("{line} HTTP/1.0\r\nHost: localhost\r\n{upgrade}\r\n\r\n")).await;
        let call = calls.next().await;
        assert!(!call.request.has("upgrade"), "{line}: {:#?}", call.request);
        let options = call.request.all("connection").join(",").to_lowercase();
        assert!(!options.contains("upgrade"), "{line}: {options}");
        call.answer(e2e::json("400 Bad Request", "{}")).await;
        assert_eq!(client.read_response().await.status(), 400, "{line}");
    }
}
