//! What a client had sent stood in its refusal at whatever length.

use e2e::{Via, on_both_listeners, scene_with};

on_both_listeners![a_refusal_is_short_whatever_it_names, a_connection_goes_on_after_a_long_refused_head];

/// A sentence and a name in it.
const SHORT: usize = 1000;

/// Requests that are refused over TCP, each with a part of `length` bytes, and whether a unix listener refuses it, too.
fn refused(length: usize) -> Vec<(&'static str, String, &'static [Via])> {
    const BOTH: &[Via] = &[Via::Tcp, Via::Unix];
    const WEB: &[Via] = &[Via::Tcp];
    let a = "a".repeat(length);
    let e = "é".repeat(length / 2);
    let option = "a".repeat(length.min(60_000)); // a longer one is no field's name
    let asking = |line: &str, header: &str| format!("{line} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n");
    let host = |host: &str| format!("GET /info HTTP/1.1\r\nHost: {host}\r\n\r\n");
    vec![
        ("Origin", asking("GET /info", &format!("Origin: http://{a}")), WEB),
        ("Sec-Fetch-Site", asking("GET /info", &format!("Sec-Fetch-Site: {a}")), WEB),
        ("Host", host(&format!("{a}.example.org")), WEB),
        ("Host of short labels", host(&"a.".repeat(length / 2)), WEB),
        ("Host beyond ASCII", host(&e), WEB),
        ("Connection", asking("GET /info", &format!("Connection: content-{option}")), BOTH),
        (
            "Connection, at the end",
            asking("GET /info", &format!("Connection: close, x-registry-{option}")),
            BOTH,
        ),
        ("method", asking(&format!("{a} /info"), "X-Name: value"), BOTH),
        ("path", asking(&format!("GET /{a}"), "X-Name: value"), BOTH),
        ("path beyond ASCII", asking(&format!("GET /b{e}"), "X-Name: value"), BOTH),
        ("path that is not canonical", asking(&format!("GET /containers/{a}//json"), "X-Name: value"), BOTH),
        ("name in a path", asking(&format!("GET /images/{a}/json"), "X-Name: value"), BOTH),
        ("query", asking(&format!("GET /images/json?{a}"), "X-Name: value"), BOTH),
    ]
}

async fn a_refusal_is_short_whatever_it_names(via: Via) {
    let (engine, gateway, _) = scene_with(via, &[("IMAGES", "0")]).await;
    for length in [300, 60_000, 200_000] {
        for (what, request, listeners) in refused(length) {
            if !listeners.contains(&via) {
                continue; // no browser speaks there
            }
            let mut client = gateway.connect(via).await;
            client.send(request).await;
            let refused = client.read_response().await;
            assert!((400..500).contains(&refused.status()), "{what}, {length}: {}", refused.head.start);
            let answer = format!("{:?} {}", refused.head, refused.text());
            assert!(answer.len() < SHORT, "{what}, {length}: {} bytes: {answer:.1000}", answer.len());
        }
    }
    engine.assert_untouched();
}

async fn a_connection_goes_on_after_a_long_refused_head(via: Via) {
    let (engine, _gateway, mut client) = scene_with(via, &[("IMAGES", "0")]).await;
    for _ in 0..20 {
        let option = format!("Connection: content-{}", "a".repeat(60_000));
        let refused = client.fetch("GET /info", &[&option]).await;
        assert_eq!(refused.status(), 400);
        assert!(refused.text().len() < SHORT, "{} bytes", refused.text().len());
    }
    engine.assert_untouched();
    assert_eq!(client.fetch("GET /_ping", &[]).await.status(), 200);
}
