//! The room for bodies that a policy reads: it is taken as bytes come, and no client holds more than its share.

use e2e::{Client, Via, on_both_listeners, within};

use super::{CREATE, FORBIDDEN, GOOD, Scene, is_allowed, is_refused, post};

on_both_listeners![
    bodies_that_are_only_announced_keep_no_other_out,
    a_client_that_holds_its_share_keeps_no_other_out,
    bodies_that_grow_together_do_not_wait_for_one_another,
    a_body_that_no_policy_can_allow_is_not_taken,
];

const MIB: usize = 1 << 20;

/// Of the 64 MiB of the room.
const SHARE: usize = 16 * MIB;

const NO_ROOM: &str = "no room for more bodies that a policy reads";

/// Nothing may depend on a body being given up.
const PATIENT: (&str, &str) = ("HEADER_TIMEOUT", "10m");

const fn other(via: Via) -> Via {
    match via {
        Via::Tcp => Via::Unix,
        Via::Unix => Via::Tcp,
    }
}

/// Begins a body of `length` bytes, and waits until the gateway reads it.
async fn begin(scene: &Scene, via: Via, length: usize) -> Client {
    let mut client = scene.gateway.connect(via).await;
    client.ask(CREATE, &["Expect: 100-continue", &format!("Content-Length: {length}")]).await;
    client.expect("HTTP/1.1 100 Continue\r\n\r\n").await;
    client
}

async fn bodies_that_are_only_announced_keep_no_other_out(via: Via) {
    let scene = Scene::new(&[PATIENT]);
    let mut announced = Vec::new();
    for _ in 0..80 {
        let mut client = begin(&scene, via, MIB).await;
        client.send("{").await;
        announced.push(client);
    }
    let mut client = scene.gateway.connect(via).await;
    post(&mut client, CREATE, &[], GOOD).await;
    is_allowed(&mut client).await;
    assert_eq!(scene.engine.requests().len(), 1);
}

/// The bodies are on their way to an engine that does not take them: they hold their room until it has.
async fn a_client_that_holds_its_share_keeps_no_other_out(via: Via) {
    let scene = Scene::new(&[PATIENT, ("POLICY_TIMEOUT", "60s")]);
    let mut creates = scene.engine.hand_over(CREATE);
    let body = format!("{}{GOOD}", " ".repeat(MIB - GOOD.len()));
    let mut holding = Vec::new();
    for _ in 0..SHARE / MIB {
        let mut client = scene.gateway.connect(via).await;
        post(&mut client, CREATE, &[], &body).await;
        holding.push((client, creates.next().await));
    }
    let mut same = scene.gateway.connect(via).await;
    post(&mut same, CREATE, &[], FORBIDDEN).await;
    let refused = same.read_response().await;
    assert_eq!((refused.status(), refused.head.header("retry-after")), (503, Some("1")));
    assert!(refused.text().contains(NO_ROOM), "{}", refused.text());

    let mut another = scene.gateway.connect(other(via)).await;
    post(&mut another, CREATE, &[], FORBIDDEN).await;
    is_refused(&mut another, 403, "bytes, sum").await;

    drop(holding);
    within("room for a body, as those that held it are gone", async {
        loop {
            post(&mut same, CREATE, &[], FORBIDDEN).await;
            if same.read_response().await.status() == 403 {
                return;
            }
        }
    })
    .await;
}

/// Together they are twice what their client may hold. Whoever finds no room is refused and makes room for others.
async fn bodies_that_grow_together_do_not_wait_for_one_another(via: Via) {
    let scene = Scene::new(&[PATIENT, ("POLICY_TIMEOUT", "60s")]);
    let body = format!("{}{GOOD}", " ".repeat(MIB - GOOD.len()));
    let (first, last) = body.split_at(MIB / 2);
    let mut clients = Vec::new();
    for _ in 0..2 * SHARE / MIB {
        let mut client = begin(&scene, via, MIB).await;
        client.send(first).await;
        clients.push(client);
    }
    for client in &mut clients {
        client.send(last).await;
    }
    let mut allowed = 0;
    for client in &mut clients {
        let answer = client.read_response().await;
        match answer.status() {
            200 => allowed += 1,
            503 => assert!(answer.text().contains(NO_ROOM), "{}", answer.text()),
            other => panic!("{other}: {}", answer.text()),
        }
    }
    assert!(allowed > 0, "all were refused");
}

async fn a_body_that_no_policy_can_allow_is_not_taken(via: Via) {
    for (mode, own_status) in [("narrow", 405), ("observe", 405), ("decide", 200)] {
        let scene = Scene::new(&[PATIENT, ("POLICY_MODE", mode), ("POST", "0")]);
        let mut client = scene.gateway.connect(via).await;
        client.ask(CREATE, &["Expect: 100-continue", &format!("Content-Length: {}", GOOD.len())]).await;
        if own_status == 200 {
            client.expect("HTTP/1.1 100 Continue\r\n\r\n").await;
            client.send(GOOD).await;
            is_allowed(&mut client).await;
        } else {
            is_refused(&mut client, own_status, "POST=1").await; // and no 100 before it
            scene.engine.assert_untouched();
        }
    }
}
