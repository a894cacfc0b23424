//! The judgement of a large body: other requests do not wait for it.

use std::time::{Duration, Instant};

use e2e::{Client, Via, on_both_listeners};

use super::{CREATE, Scene, is_refused, post};

on_both_listeners![nobody_waits_while_a_large_body_is_judged];

/// Objects full of short keys, which take the longest. The last key comes twice, so that no policy is asked.
fn worst_body(bytes: usize) -> String {
    let keys: String = (0..40_000).map(|at| format!("\"{at:x}\":1,")).collect();
    let object = format!("{{{keys}\"z\":1}}");
    let objects = vec![object.as_str(); bytes / object.len()].join(",");
    format!("{{\"Unknown\":[{objects}],\"z\":1,\"z\":1}}")
}

/// The longest that a ping takes until `answered`.
async fn longest_ping(client: &mut Client, answered: impl Future<Output = ()>) -> Duration {
    let mut answered = std::pin::pin!(answered);
    let mut longest = Duration::ZERO;
    loop {
        let begin = Instant::now();
        client.ask("GET /_ping", &[]).await;
        assert_eq!(client.read_response().await.status(), 200);
        longest = longest.max(begin.elapsed());
        let over = std::future::poll_fn(|cx| std::task::Poll::Ready(answered.as_mut().poll(cx).is_ready()));
        if over.await {
            return longest;
        }
    }
}

async fn nobody_waits_while_a_large_body_is_judged(via: Via) {
    let scene = Scene::new(&[("POLICY_BODY_LIMIT", "4MiB"), ("HEADER_TIMEOUT", "10m")]);
    let body = worst_body(3 << 20);
    let mut pinging = scene.gateway.connect(via).await;
    assert_eq!(pinging.fetch("GET /_ping", &[]).await.status(), 200);
    let mut client = scene.gateway.connect(via).await;
    let begin = Instant::now();
    let longest = longest_ping(&mut pinging, async {
        post(&mut client, CREATE, &[], &body).await;
        is_refused(&mut client, 400, "twice").await;
    })
    .await;
    let judged = begin.elapsed();
    assert!(longest * 2 < judged, "a ping took {longest:?} of the {judged:?} until the body was judged");
}
