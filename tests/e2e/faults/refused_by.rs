//! Who refused a request: the field `sockgate-refused-by` of the gateway's own answers.

use e2e::{Client, FakeEngine, Via, on_both_listeners, request, scene};

use super::binary;

on_both_listeners![
    a_request_that_cannot_be_read_or_judged_is_refused_for_itself,
    a_body_that_breaks_on_its_way_is_refused_for_itself,
    an_engine_that_is_away_or_answers_badly_has_refused,
    a_gateway_out_of_files_is_full,
];

async fn a_request_that_cannot_be_read_or_judged_is_refused_for_itself(via: Via) {
    let (_engine, gateway, _) = scene(via).await;
    let long = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(70_000));
    for (head, status) in [
        ("GET /info HTTP/1.1\r\nHost : localhost\r\n\r\n", 400),
        ("GET /info\r\n\r\n", 400),
        (&*long, 414),
        ("GET /info HTTP/1.1\r\n\r\n", 400),
        ("GET /a/../info HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    ] {
        let mut client = gateway.connect(via).await;
        client.send(head).await;
        let refused = client.read_response().await;
        let shown = head.get(..40).unwrap_or(head);
        assert_eq!((refused.status(), by(&refused)), (status, Some("request")), "{shown:?}");
    }
}

async fn a_body_that_breaks_on_its_way_is_refused_for_itself(via: Via) {
    let (engine, _gateway, mut client) = scene(via).await;
    let mut loads = engine.hand_over("POST /images/load");
    client.send(request("POST /images/load", &["Transfer-Encoding: chunked"])).await;
    let _load = loads.next().await;
    client.send("no chunk\r\n").await;
    let refused = client.read_response().await;
    assert_eq!((refused.status(), by(&refused)), (400, Some("request")));
}

async fn an_engine_that_is_away_or_answers_badly_has_refused(via: Via) {
    let (mut engine, _gateway, mut client) = scene(via).await;
    for answer in
        ["", "SMTP ready\r\n\r\n", "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"]
    {
        engine.answer_and_close("GET /info", answer);
        let refused = client.fetch("GET /info", &[]).await;
        assert_eq!((refused.status(), by(&refused)), (502, Some("engine")), "{answer:?}");
    }
    engine.stop().await;
    let refused = client.fetch("GET /info", &[]).await;
    assert_eq!((refused.status(), by(&refused)), (503, Some("engine")));
}

async fn a_gateway_out_of_files_is_full(via: Via) {
    let engine = FakeEngine::start();
    let gateway = binary(engine.socket(), via);
    let mut client = Client::connect(&gateway.endpoint()).await;
    assert_eq!(client.fetch("GET /debug/vars", &[]).await.status(), 403, "by now it was accepted");

    gateway.limit_files(3);
    let refused = client.fetch("GET /_ping", &[]).await;
    assert_eq!((refused.status(), by(&refused)), (503, Some("full")));
    let want = "no file can be opened for a connection to the Docker engine";
    assert!(refused.text().contains(want), "{}", refused.text());
    let record = gateway.next_line("operation=SystemPing");
    assert!(record.contains("decision=deny") && record.contains("end=complete"), "{record}");
}

fn by(refused: &e2e::Response) -> Option<&str> {
    refused.head.header("sockgate-refused-by")
}
