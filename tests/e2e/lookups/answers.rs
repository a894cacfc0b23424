//! What becomes of the engine's answers, good and bad.

use e2e::{FakeEngine, Via, json, on_both_listeners};

use super::{A, Scene, container};

on_both_listeners![
    a_policy_reads_what_the_engine_says,
    a_bad_answer_is_no_answer,
    an_engine_that_is_not_there_is_unavailable,
    an_answer_that_breaks_off_is_unavailable,
    an_answer_without_an_end_is_refused_and_let_go,
    an_answer_of_a_mebibyte_arrives_whole,
    an_answer_that_comes_too_late_denies_and_is_let_go,
    a_client_that_leaves_takes_its_look_ups_with_it,
    nothing_that_follows_begins_when_the_answer_comes_during_a_stop,
];

async fn a_policy_reads_what_the_engine_says(via: Via) {
    let scene = Scene::new("container web");
    scene.engine.answer("GET /containers/web/json", json("200 OK", r#"{"Name":"é"}"#));
    assert_eq!(scene.answer(via).await, r#"container: found 13 bytes {"Name":"é"}"#);
}

async fn a_bad_answer_is_no_answer(via: Via) {
    let scene = Scene::new("container web");
    let status =
        |status: &str, message: &str| json(status, &format!(r#"{{"message":"{message}"}}"#)).into_bytes();
    let raw = |body: &[u8]| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    };
    for (answer, want) in [
        (status("404 Not Found", "No such container: web"), "not found"),
        (status("409 Conflict", "busy"), "refused: the engine answered 409 Conflict: busy"),
        (
            status("503 Service Unavailable", "This node is not a swarm manager."),
            "refused: the engine answered 503 Service Unavailable: This node is not a swarm manager.",
        ),
        (
            json("500 Internal Server Error", "<html>").into_bytes(),
            "refused: the engine answered 500 Internal Server Error: (it did not say why)",
        ),
        (
            b"HTTP/1.1 301 Moved Permanently\r\nLocation: /info\r\nContent-Length: 0\r\n\r\n".to_vec(),
            "refused: the engine answered 301 Moved Permanently: (it did not say why)",
        ),
        (
            b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
            "refused: the engine answered 204 No Content: (it did not say why)",
        ),
        (raw(b"OK"), "refused: the engine's answer is not JSON: expected value at line 1 column 1"),
        (raw(b"{} {}"), "refused: the engine's answer is not JSON: trailing characters at line 1 column 4"),
        (raw(b""), "refused: the engine's answer is not JSON: EOF while parsing a value at line 1 column 0"),
    ] {
        let shown = String::from_utf8_lossy(&answer).into_owned();
        scene.engine.answer("GET /containers/web/json", answer);
        assert_eq!(scene.answer(via).await, format!("container: {want}"), "{shown}");
    }
    for (body, want) in [
        (&b"{\"Name\":\"\xff\"}"[..], "is not UTF-8"),
        (b"{\"a\":{\"b\":[\"\xc3\"]}}", "is not UTF-8"),
        ("[".repeat(5000).as_bytes(), "is not JSON: EOF while parsing a list at line 1 column 5000"),
    ] {
        scene.engine.answer("GET /containers/web/json", raw(body));
        assert_eq!(scene.answer(via).await, format!("container: refused: the engine's answer {want}"));
    }
}

async fn an_engine_that_is_not_there_is_unavailable(via: Via) {
    let scene = Scene::with(FakeEngine::absent(), &["container web"], &[]);
    let answer = scene.answer(via).await;
    assert!(
        answer.starts_with("container: unavailable: cannot connect to the Docker engine at "),
        "{answer}"
    );
}

async fn an_answer_that_breaks_off_is_unavailable(via: Via) {
    let scene = Scene::new("container web");
    for (answer, want) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"Id\":", "the engine's answer broke off"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"Id\"\r\n",
            "the engine's answer broke off",
        ),
        ("HTTP/1.1 200 OK\r\nContent-", "the Docker engine closed the connection before it had answered"),
        (
            "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
            "the Docker engine switched protocols unasked",
        ),
        ("SMTP ready\r\n\r\n", "the Docker engine gave no valid answer"),
        ("", "the Docker engine closed the connection before it had answered"),
    ] {
        scene.engine.answer_and_close("GET /containers/web/json", answer);
        assert_eq!(scene.answer(via).await, format!("container: unavailable: {want}"), "{answer}");
    }
}

async fn an_answer_without_an_end_is_refused_and_let_go(via: Via) {
    let scene = Scene::new("container web");
    let mut inspections = scene.engine.hand_over("GET /containers/web/json");
    let mut client = scene.client(via).await;
    client.ask("GET /containers/json", &[]).await;
    let mut inspection = inspections.next().await;
    inspection.start_chunked(&[]).await;
    let chunk = format!("4000\r\n{}\r\n", "[".repeat(0x4000));
    while inspection.try_send(&chunk).await.is_ok() {}
    let response = client.read_response().await;
    assert!(response.text().contains("refused: the engine's answer is larger than 1024 KiB"), "{response:?}");
}

async fn an_answer_of_a_mebibyte_arrives_whole(via: Via) {
    let scene = Scene::new("container web");
    let filling = "x".repeat(1024 * 1024 - 11);
    scene.engine.answer("GET /containers/web/json", json("200 OK", &format!(r#"{{"Name":"{filling}"}}"#)));
    let answer = scene.answer(via).await;
    assert!(answer.starts_with(r#"container: found 1048576 bytes {"Name":"xx"#), "{answer}");
}

async fn an_answer_that_comes_too_late_denies_and_is_let_go(via: Via) {
    let scene =
        Scene::with(FakeEngine::start(), &["container web\nthen allow"], &[("POLICY_TIMEOUT", "50ms")]);
    let mut inspections = scene.engine.hand_over("GET /containers/web/json");
    let mut client = scene.client(via).await;
    client.ask("GET /containers/json", &[]).await;
    let mut inspection = inspections.next().await;
    let response = client.read_response().await;
    assert_eq!(response.status(), 403);
    assert!(response.text().contains("the policy lookup did not answer in time"), "{response:?}");
    inspection.until_gone().await;
    assert_eq!(scene.arrived(), ["GET /containers/web/json"]);
}

async fn a_client_that_leaves_takes_its_look_ups_with_it(via: Via) {
    let scene = Scene::new("container web\nthen allow");
    let mut inspections = scene.engine.hand_over("GET /containers/web/json");
    let mut client = scene.client(via).await;
    client.ask("GET /containers/json", &[]).await;
    let mut inspection = inspections.next().await;
    drop(client);
    inspection.until_gone().await;
    scene.engine.answer("GET /containers/web/json", container(A));
    assert_eq!(scene.client(via).await.fetch("GET /containers/json", &[]).await.status(), 200);
}

/// A stop would have ended it at once, so it has no grace.
async fn nothing_that_follows_begins_when_the_answer_comes_during_a_stop(via: Via) {
    let settings = [("SHUTDOWN_GRACE", "1h")];
    let mut scene = Scene::with(FakeEngine::start(), &["container web\nthen allow"], &settings);
    let mut look_ups = scene.engine.hand_over("GET /containers/web/json");
    let (mut client, mut idle) = (scene.client(via).await, scene.client(via).await);
    client.ask("GET /events", &[]).await;
    let look_up = look_ups.next().await;
    scene.gateway.begin_stop();
    idle.read_to_end().await; // the stop has begun
    look_up.answer(container(A)).await;
    let refused = client.read_response().await;
    assert_eq!(refused.status(), 503);
    assert!(refused.text().contains("the gateway is stopping"), "{}", refused.text());
    scene.gateway.until_stopped().await;
    assert_eq!(scene.arrived(), ["GET /containers/web/json"]);
}
