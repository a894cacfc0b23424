//! What reaches the engine of a look-up: nothing but the inspection of what was named, and that once.

use e2e::{FakeEngine, Via, json, on_both_listeners};

use super::{A, Scene, container};

on_both_listeners![
    each_kind_is_inspected_by_its_own_route,
    nothing_of_the_client_goes_along,
    a_hostile_reference_makes_no_other_request,
    policies_of_one_request_share_an_answer,
    two_requests_share_none,
    a_request_has_a_budget_of_look_ups,
    a_request_has_a_budget_of_bytes,
    look_ups_use_kept_connections_and_leave_them,
];

async fn each_kind_is_inspected_by_its_own_route(via: Via) {
    let kinds = [
        "container",
        "image",
        "network",
        "volume",
        "exec",
        "service",
        "task",
        "node",
        "secret",
        "config",
        "plugin",
    ];
    let settings = kinds.map(|kind| format!("{kind} x")).join("\n");
    let scene = Scene::new(&(settings + "\nthen allow"));
    assert_eq!(scene.client(via).await.fetch("GET /_ping", &[]).await.status(), 200);
    assert_eq!(
        scene.arrived(),
        [
            "GET /containers/x/json",
            "GET /images/x/json",
            "GET /networks/x",
            "GET /volumes/x",
            "GET /exec/x/json",
            "GET /services/x",
            "GET /tasks/x",
            "GET /nodes/x",
            "GET /secrets/x",
            "GET /configs/x",
            "GET /plugins/x/json",
            "GET /_ping",
        ]
    );
}

async fn nothing_of_the_client_goes_along(via: Via) {
    let scene = Scene::new("container web\nthen allow");
    let headers = [
        "X-Registry-Auth: c2VjcmV0",
        "Authorization: Basic c2VjcmV0",
        "Cookie: a=b",
        "User-Agent: x",
        "Accept: x/y",
    ];
    let mut client = scene.client(via).await;
    assert_eq!(client.fetch("GET /v1.24/containers/json?all=1", &headers).await.status(), 200);
    let seen = scene.engine.requests();
    assert_eq!(seen[0].head.start, "GET /containers/web/json HTTP/1.1");
    assert_eq!(seen[0].head.headers, [("host".to_owned(), "docker".to_owned())]);
    assert_eq!(seen[1].head.header("x-registry-auth"), Some("c2VjcmV0"));
}

async fn a_hostile_reference_makes_no_other_request(via: Via) {
    let too_long = format!("container {}", "x".repeat(100 * 1024));
    for (reference, want) in [
        ("container ../images/json", None),
        ("container ..", None),
        ("container /web", None),
        ("container web/", None),
        ("container a//b", None),
        ("container %2e%2e", None),
        ("container a;b", None),
        ("container ", None),
        (&too_long, None),
        ("network ", None),
        ("service web/logs", None),
        ("node a/b", None),
        ("container x?all=1", Some("GET /containers/x%3Fall=1/json")),
        ("container x#y", Some("GET /containers/x%23y/json")),
        ("container x HTTP/1.0", Some("GET /containers/x%20HTTP/1.0/json")),
        ("container json", Some("GET /containers/json/json")),
        ("container prune", Some("GET /containers/prune/json")),
        ("image registry:5000/a/b:1", Some("GET /images/registry:5000/a/b:1/json")),
        ("volume prune", Some("GET /volumes/prune")),
    ] {
        let scene = Scene::new(reference);
        let answer = scene.answer(via).await;
        assert_eq!(scene.arrived(), Vec::from_iter(want), "{reference}");
        let is_refused = answer.ends_with(": refused: no object can have that name");
        assert_eq!(is_refused, want.is_none(), "{reference}: {answer}");
    }
}

async fn policies_of_one_request_share_an_answer(via: Via) {
    let deferring = "container web\ncontainer web\nthen defer";
    let scene = Scene::with(FakeEngine::start(), &[deferring, deferring, "container web"], &[]);
    scene.engine.answer("GET /containers/web/json", json("404 Not Found", "{}"));
    assert_eq!(scene.answer(via).await, "container: not found");
    assert_eq!(scene.arrived(), ["GET /containers/web/json"]);
}

async fn two_requests_share_none(via: Via) {
    let scene = Scene::new("container web");
    for id in ["1", "2"] {
        scene.engine.answer("GET /containers/web/json", json("200 OK", &format!(r#"{{"Id":"{id}"}}"#)));
        assert_eq!(scene.answer(via).await, format!(r#"container: found 10 bytes {{"Id":"{id}"}}"#));
    }
}

async fn a_request_has_a_budget_of_look_ups(via: Via) {
    let settings: Vec<_> = (0..18).map(|number| format!("volume v{number}")).collect();
    let scene = Scene::new(&settings.join("\n"));
    scene.engine.answer("*", json("404 Not Found", "{}"));
    let answer = scene.answer(via).await;
    assert_eq!(answer.matches("volume: not found").count(), 16, "{answer}");
    assert_eq!(answer.matches("volume: refused: a request may look up 16 objects").count(), 2, "{answer}");
    assert_eq!(scene.arrived().len(), 16);
}

async fn a_request_has_a_budget_of_bytes(via: Via) {
    let scene = Scene::new("volume a\nvolume b\nvolume c\nvolume d\nvolume e\nvolume a");
    scene.engine.answer("*", json("200 OK", &format!("\"{}\"", "x".repeat(1_000_000))));
    let answer = scene.answer(via).await;
    assert_eq!(answer.matches("volume: found 1000002 bytes").count(), 5, "{answer}");
    assert_eq!(answer.matches("volume: refused: a request may look up 4 MiB").count(), 1, "{answer}");
}

async fn look_ups_use_kept_connections_and_leave_them(via: Via) {
    let scene = Scene::new("container web\nvolume v\nthen allow");
    scene.engine.answer("GET /containers/web/json", container(A));
    scene.engine.answer("GET /volumes/v", json("404 Not Found", "{}"));
    let mut client = scene.client(via).await;
    for _ in 0..5 {
        assert_eq!(client.fetch("GET /_ping", &[]).await.status(), 200);
    }
    assert_eq!(scene.arrived().len(), 15);
    assert_eq!(scene.engine.counts().opened, 2); // one of them to see at the start whether there is an engine
}
