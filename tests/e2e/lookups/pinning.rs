//! What was inspected is what is acted on.

use e2e::{FakeEngine, Via, json, on_both_listeners, request};

use super::{A, B, Scene, container};

on_both_listeners![
    a_request_goes_to_the_container_that_was_inspected,
    every_way_to_name_a_container_in_a_path_is_pinned,
    an_exec_is_pinned,
    an_exchange_between_decision_and_action_changes_nothing,
    another_spelling_pins_nothing,
    what_is_no_id_is_refused_and_pins_nothing,
    an_image_is_not_pinned,
    a_policy_that_defers_pins_too,
    a_policy_that_observes_pins_nothing,
    a_tunnel_goes_to_the_container_that_was_inspected,
];

/// Policies that look up what the request is about, and let it pass.
const SUBJECT: &str = "container *\nthen allow";

async fn a_request_goes_to_the_container_that_was_inspected(via: Via) {
    let scene = Scene::new(SUBJECT);
    scene.engine.answer("GET /containers/web/json", container(A));
    let start =
        scene.client(via).await.fetch("POST /v1.41/containers/web/start", &["Content-Length: 0"]).await;
    assert_eq!(start.status(), 200);
    let start = format!("POST /v1.41/containers/{A}/start");
    assert_eq!(scene.arrived(), ["GET /containers/web/json", start.as_str()]);
}

async fn every_way_to_name_a_container_in_a_path_is_pinned(via: Via) {
    let scene = Scene::new(SUBJECT);
    for name in ["web", "json", "aaaa", A] {
        scene.engine.answer(&format!("GET /containers/{name}/json"), container(A));
    }
    let mut client = scene.client(via).await;
    for (line, want) in [
        ("POST /containers/web/stop?t=1", "POST /containers/{A}/stop?t=1"),
        ("POST /containers/json/kill", "POST /containers/{A}/kill"),
        ("POST /containers/aaaa/exec", "POST /containers/{A}/exec"),
        ("POST /containers/web/rename?name=web", "POST /containers/{A}/rename?name=web"),
        ("POST /containers/web/wait", "POST /containers/{A}/wait"),
        ("POST /containers/web/checkpoints", "POST /containers/{A}/checkpoints"),
        ("PUT /containers/web/archive?path=/web", "PUT /containers/{A}/archive?path=/web"),
        ("HEAD /containers/web/archive?path=%2F", "HEAD /containers/{A}/archive?path=%2F"),
        ("GET /containers/web/logs", "GET /containers/{A}/logs"),
        ("GET /containers/web/archive", "GET /containers/{A}/archive"),
        ("DELETE /containers/web?force=1", "DELETE /containers/{A}?force=1"),
        ("DELETE /v1.41/containers/web/checkpoints/web", "DELETE /v1.41/containers/{A}/checkpoints/web"),
        (&format!("DELETE /containers/{A}"), "DELETE /containers/{A}"),
    ] {
        assert_eq!(client.fetch(line, &["Content-Length: 0"]).await.status(), 200, "{line}");
        assert_eq!(scene.arrived().last().unwrap(), &want.replace("{A}", A), "{line}");
    }
}

async fn an_exec_is_pinned(via: Via) {
    let scene = Scene::new("exec *\nthen allow");
    scene
        .engine
        .answer("GET /exec/aaaa/json", json("200 OK", &format!(r#"{{"ID":"{A}","ContainerID":"{B}"}}"#)));
    let mut client = scene.client(via).await;
    assert_eq!(client.fetch("POST /exec/aaaa/resize?h=1&w=1", &["Content-Length: 0"]).await.status(), 200);
    assert_eq!(scene.arrived().last().unwrap(), &format!("POST /exec/{A}/resize?h=1&w=1"));
}

async fn an_exchange_between_decision_and_action_changes_nothing(via: Via) {
    let scene = Scene::with(FakeEngine::start(), &["container *\nthen defer", "volume v\nthen allow"], &[]);
    let mut inspections = scene.engine.hand_over("GET /containers/web/json");
    let mut volumes = scene.engine.hand_over("GET /volumes/v");
    let mut client = scene.client(via).await;
    client.ask("POST /containers/web/start", &["Content-Length: 0"]).await;
    inspections.next().await.answer(container(A)).await;
    let volume = volumes.next().await;
    // While the second policy waits for its answer, `web` becomes another container.
    scene.engine.answer("GET /containers/web/json", container(B));
    volume.answer(json("404 Not Found", "{}")).await;
    assert_eq!(client.read_response().await.status(), 200);
    assert_eq!(scene.arrived().last().unwrap(), &format!("POST /containers/{A}/start"));
}

async fn another_spelling_pins_nothing(via: Via) {
    let scene = Scene::new(&format!("container {A}\ncontainer aaaa\nexec web\nimage web\nthen allow"));
    scene.engine.answer(&format!("GET /containers/{A}/json"), container(A));
    scene.engine.answer("GET /containers/aaaa/json", container(A));
    scene.engine.answer("GET /exec/web/json", json("200 OK", &format!(r#"{{"ID":"{B}"}}"#)));
    scene.engine.answer("GET /images/web/json", container(B));
    let mut client = scene.client(via).await;
    assert_eq!(client.fetch("POST /containers/web/start", &["Content-Length: 0"]).await.status(), 200);
    assert_eq!(scene.arrived().last().unwrap(), "POST /containers/web/start");
}

async fn what_is_no_id_is_refused_and_pins_nothing(via: Via) {
    let scene = Scene::new("container *");
    let mut client = scene.client(via).await;
    for answer in [
        "{}",
        r#"{"Id":""}"#,
        r#"{"Id":null}"#,
        r#"{"Id":7}"#,
        r#"{"Id":"web"}"#,
        r#"{"Id":"../../images/prune"}"#,
        &format!(r#"{{"Id":"{}"}}"#, A.get(1..).unwrap()),
        &format!(r#"{{"Id":"{A}0"}}"#),
        &format!(r#"{{"Id":"{}"}}"#, A.to_uppercase()),
        &format!(r#"{{"Id":"{A}","Id":"{B}"}}"#),
        &format!(r#"{{"Id":"{A}","ID":"{B}"}}"#),
        &format!(r#"{{"id":"{A}"}}"#),
        &format!(r#"[{{"Id":"{A}"}}]"#),
        &format!(r#""{A}""#),
    ] {
        scene.engine.answer("GET /containers/web/json", json("200 OK", answer));
        let denial = scene.denial(&mut client, "POST /containers/web/start").await;
        assert_eq!(denial, "container: refused: the engine's answer has no id", "{answer}");
    }
    // The answer about any other object is the policy's to read.
    let scene = Scene::new("container db");
    scene.engine.answer("GET /containers/db/json", json("200 OK", "{}"));
    let mut client = scene.client(via).await;
    assert_eq!(scene.denial(&mut client, "POST /containers/web/start").await, "container: found 2 bytes {}");
}

async fn an_image_is_not_pinned(via: Via) {
    let scene = Scene::new("image *\nthen allow");
    scene.engine.answer("GET /images/alpine:3/json", json("200 OK", &format!(r#"{{"Id":"{A}"}}"#)));
    let mut client = scene.client(via).await;
    assert_eq!(client.fetch("DELETE /images/alpine:3", &[]).await.status(), 200);
    assert_eq!(scene.arrived(), ["GET /images/alpine:3/json", "DELETE /images/alpine:3"]);
}

async fn a_policy_that_defers_pins_too(via: Via) {
    for mode in ["decide", "narrow"] {
        let settings = [("POLICY_MODE", mode)];
        let scene = Scene::with(FakeEngine::start(), &["container *\nthen defer"], &settings);
        scene.engine.answer("GET /containers/web/json", container(A));
        let mut client = scene.client(via).await;
        assert_eq!(client.fetch("POST /containers/web/start", &["Content-Length: 0"]).await.status(), 200);
        assert_eq!(scene.arrived().last().unwrap(), &format!("POST /containers/{A}/start"), "{mode}");
    }
}

async fn a_policy_that_observes_pins_nothing(via: Via) {
    let observing = [("POLICY_MODE_P0", "observe")];
    let scene = Scene::with(FakeEngine::start(), &["container *"], &observing);
    scene.engine.answer("GET /containers/web/json", container(A));
    let mut client = scene.client(via).await;
    assert_eq!(client.fetch("POST /containers/web/start", &["Content-Length: 0"]).await.status(), 200);
    assert_eq!(scene.arrived(), ["GET /containers/web/json", "POST /containers/web/start"]);

    // One that decides asks for itself what an observing one before it has asked for, and pins it.
    let scene = Scene::with(FakeEngine::start(), &["container *", SUBJECT], &observing);
    scene.engine.answer("GET /containers/web/json", container(A));
    let mut client = scene.client(via).await;
    assert_eq!(client.fetch("POST /containers/web/start", &["Content-Length: 0"]).await.status(), 200);
    let start = format!("POST /containers/{A}/start");
    assert_eq!(scene.arrived(), ["GET /containers/web/json", "GET /containers/web/json", start.as_str()]);
}

async fn a_tunnel_goes_to_the_container_that_was_inspected(via: Via) {
    let scene = Scene::new(SUBJECT);
    scene.engine.answer("GET /containers/web/json", container(A));
    for (line, protocol) in
        [("POST /containers/web/attach?stdin=1", "tcp"), ("GET /containers/web/attach/ws", "websocket")]
    {
        let mut client = scene.client(via).await;
        let upgrade = format!("Upgrade: {protocol}");
        client.send(request(line, &["Connection: Upgrade", &upgrade, "Content-Length: 0"])).await;
        assert_eq!(client.read_head().await.status(), 101, "{line}");
        client.send("ping").await;
        client.expect("ping").await;
        assert_eq!(scene.arrived().last().unwrap(), &line.replace("web", A));
    }
}
