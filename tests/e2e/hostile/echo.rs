//! What a refusal repeats of a request: a beginning. Answers and log lines must not grow with what a client sends.

use e2e::{Via, on_both_listeners, scene};

on_both_listeners![a_refusal_repeats_but_a_beginning_of_what_it_refuses];

async fn a_refusal_repeats_but_a_beginning_of_what_it_refuses(via: Via) {
    let long = "a".repeat(60_000);
    let of_both = [
        format!("{} /info HTTP/1.1\r\nHost: localhost\r\n", long),
        format!("GET /info HTTP/1.1\r\nHost: localhost\r\nConnection: content-{long}\r\n"),
        format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n"),
        format!("GET /containers/{long}/%zz HTTP/1.1\r\nHost: localhost\r\n"),
    ];
    let of_tcp = [
        format!("GET /info HTTP/1.1\r\nHost: {long}.example\r\n"),
        format!("GET http://{long}.example/info HTTP/1.1\r\nHost: localhost\r\n"),
        format!("GET /info HTTP/1.1\r\nHost: localhost\r\nOrigin: https://{long}.example\r\n"),
        format!("GET /info HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: {long}\r\n"),
    ];
    let of_tcp = if via == Via::Tcp { of_tcp.as_slice() } else { &[] };
    for head in of_both.iter().chain(of_tcp) {
        let (engine, _gateway, mut client) = scene(via).await;
        client.send(format!("{head}\r\n")).await;
        let refusal = client.read_response().await;
        assert!((400..500).contains(&refusal.status()), "{}", refusal.head.start);
        let length = refusal.body.bytes.len();
        assert!(length > 0 && length < 1000, "{length} bytes of body for {}", &head[..80]);
        engine.assert_untouched();
    }
}
