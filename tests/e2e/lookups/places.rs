//! Decisions that wait for an engine that hangs, and those of others.

use e2e::{FakeEngine, Via, on_both_listeners};

use super::{A, B, Scene, container};

on_both_listeners![a_client_whose_look_ups_hang_leaves_places_for_others];

const SUBJECT: &str = "container *\nthen defer";

/// The engine holds a container's lock, so that no look-up of it is answered, and one client asks for nothing else.
async fn a_client_whose_look_ups_hang_leaves_places_for_others(via: Via) {
    let patient = [("POLICY_CONCURRENCY", "8"), ("POLICY_TIMEOUT", "10m")];
    let scene = Scene::with(FakeEngine::start(), &[SUBJECT], &patient);
    let mut hanging = scene.engine.hand_over("GET /containers/locked/json");
    scene.engine.answer("GET /containers/web/json", container(B));
    let mut clients = Vec::new();
    for _ in 0..12 {
        let mut client = scene.client(via).await;
        client.ask("GET /containers/locked/logs", &[]).await;
        clients.push(client);
    }
    let held = [hanging.next().await, hanging.next().await]; // its share: a quarter of the places
    let other = match via {
        Via::Tcp => Via::Unix,
        Via::Unix => Via::Tcp,
    };
    let mut other = scene.client(other).await;
    for _ in 0..20 {
        assert_eq!(other.fetch("GET /containers/web/logs", &[]).await.status(), 200);
    }
    assert!(hanging.is_empty(), "more than its share of decisions run");
    // Its other requests waited for nothing but its own.
    for inspection in held {
        inspection.answer(container(A)).await;
    }
    for _ in held_back(&clients) {
        hanging.next().await.answer(container(A)).await;
    }
    for client in &mut clients {
        assert_eq!(client.read_response().await.status(), 200);
    }
}

/// The requests that had no place at first.
fn held_back<T>(all: &[T]) -> std::ops::Range<usize> {
    2..all.len()
}
