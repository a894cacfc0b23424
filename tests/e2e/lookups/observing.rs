//! Nothing that observes takes anything from what decides.

use e2e::{FakeEngine, Via, json, on_both_listeners};

use super::{A, B, Scene, container};

on_both_listeners![
    what_decides_is_answered_with_an_observer_before_it_as_without,
    what_decides_is_asked_for_anew_when_an_observer_has_asked_before,
    an_observer_reads_what_was_answered_to_those_that_decide,
    an_observer_has_an_allowance_of_its_own,
];

const OBSERVED: &[(&str, &str)] = &[("POLICY_MODE_P0", "observe")];

fn volumes(prefix: &str, count: usize) -> String {
    let volumes: Vec<_> = (0..count).map(|number| format!("volume {prefix}{number}")).collect();
    volumes.join("\n")
}

/// An engine whose every answer has so many bytes.
fn engine_of(bytes: usize) -> FakeEngine {
    let engine = FakeEngine::start();
    engine.answer("*", json("200 OK", &format!("\"{}\"", "x".repeat(bytes - 2))));
    engine
}

async fn what_decides_is_answered_with_an_observer_before_it_as_without(via: Via) {
    for (bytes, observes, decides) in [
        (10, volumes("o", 17), volumes("d", 17)),
        (10, volumes("d", 17), volumes("d", 17)),
        (1_000_000, volumes("o", 5), volumes("d", 5)),
        (1_000_000, volumes("d", 5), volumes("d", 5)),
    ] {
        let alone = Scene::with(engine_of(bytes), &[&decides], &[]).answer(via).await;
        assert!(alone.contains("found") && alone.contains("refused"), "{alone}");
        let beside = Scene::with(engine_of(bytes), &[&observes, &decides], OBSERVED).answer(via).await;
        assert_eq!(beside, alone, "beside an observer of {observes}");
    }
}

/// An observer may have thought for long since it asked.
async fn what_decides_is_asked_for_anew_when_an_observer_has_asked_before(via: Via) {
    let scene = Scene::with(FakeEngine::start(), &["container web", "container web"], OBSERVED);
    let mut inspections = scene.engine.hand_over("GET /containers/web/json");
    let mut client = scene.client(via).await;
    client.ask("GET /containers/json", &[]).await;
    inspections.next().await.answer(container(A)).await;
    inspections.next().await.answer(container(B)).await;
    let refusal = client.read_response().await.text();
    assert!(refusal.contains(B) && !refusal.contains(A), "{refusal}");
}

async fn an_observer_reads_what_was_answered_to_those_that_decide(via: Via) {
    let defers = "container web\nthen defer";
    let scene =
        Scene::with(FakeEngine::start(), &[defers, "container web"], &[("POLICY_MODE_P1", "observe")]);
    scene.engine.answer("GET /containers/web/json", container(A));
    assert_eq!(scene.client(via).await.fetch("GET /images/json", &[]).await.status(), 200);
    assert_eq!(scene.arrived(), ["GET /containers/web/json", "GET /images/json"]);
}

async fn an_observer_has_an_allowance_of_its_own(via: Via) {
    let (first, second) = (volumes("a", 20), volumes("b", 20));
    let watched = [("POLICY_MODE", "observe")];
    let scene = Scene::with(engine_of(10), &[&first, &second], &watched);
    assert_eq!(scene.client(via).await.fetch("GET /images/json", &[]).await.status(), 200);
    assert_eq!(scene.arrived().iter().filter(|line| line.starts_with("GET /volumes/")).count(), 2 * 16);
}
