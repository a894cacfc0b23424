//! What scripts do with `nc`, `socat` and a socket of their own: raw JSON in a query, and an end of input behind the
//! request.

use e2e::dockerd::{Dockerd, IMAGE, Release};
use e2e::{Gateway, Via, request};

use crate::client::{fresh_name, on_each_engine};

on_each_engine! {
    a_raw_json_filter_finds_what_an_encoded_one_finds,
    a_client_that_half_closes_is_answered_and_its_write_is_done,
}

async fn a_raw_json_filter_finds_what_an_encoded_one_finds(engine: Release, via: Via) {
    let engine = Dockerd::shared(engine);
    let name = fresh_name();
    let id = engine.docker(&["create", "--name", &name, IMAGE, "true"]);
    let gateway = Gateway::open(&engine.socket());
    let mut client = gateway.connect(via).await;
    for filters in [
        format!("{{\"name\":[\"{name}\"]}}"),
        format!("{{\"name\":{{\"{name}\":true}}}}"),
        format!("%7B%22name%22%3A%5B%22{name}%22%5D%7D"),
    ] {
        let found = client.fetch(&format!("GET /containers/json?all=1&filters={filters}"), &[]).await;
        assert_eq!(found.status(), 200, "{filters}: {}", found.text());
        let found: serde_json::Value = serde_json::from_str(&found.text()).unwrap();
        let ids: Vec<_> =
            found.as_array().unwrap().iter().map(|found| found["Id"].as_str().unwrap()).collect();
        assert_eq!(ids, [id.trim()], "{filters}");
    }
    engine.docker(&["rm", "--force", &name]);
}

async fn a_client_that_half_closes_is_answered_and_its_write_is_done(engine: Release, via: Via) {
    let engine = Dockerd::shared(engine);
    let name = fresh_name();
    let gateway = Gateway::open(&engine.socket());
    let created = format!("{{\"Image\":\"{IMAGE}\",\"Cmd\":[\"sleep\",\"1000\"]}}");
    let length = format!("Content-Length: {}", created.len());
    let running = ["inspect", "--format", "{{.State.Running}}", name.as_str()];
    for (sent, status) in [
        (
            request(
                &format!("POST /containers/create?name={name}"),
                &["Content-Type: application/json", &length],
            ) + &created,
            201,
        ),
        (request(&format!("POST /containers/{name}/start"), &["Content-Length: 0"]), 204),
        (request(&format!("GET /containers/{name}/json"), &[]), 200),
        (request(&format!("POST /containers/{name}/stop?t=0"), &["Content-Length: 0"]), 204),
        ("GET /_ping HTTP/1.0\r\nHost: localhost\r\n\r\n".to_owned(), 200),
    ] {
        let mut client = gateway.connect(via).await;
        client.send(&sent).await;
        client.half_close().await;
        assert_eq!(client.read_response().await.status(), status, "{sent}");
        assert!(client.read_to_end().await.leftover.is_empty());
        if sent.contains("/start") {
            assert_eq!(engine.docker(&running).trim(), "true");
        }
    }
    assert_eq!(engine.docker(&running).trim(), "false");
    engine.docker(&["rm", "--force", &name]);
}
