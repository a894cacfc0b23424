//! One vector against one gateway with an engine of its own.

use e2e::{Client, Endpoint, FakeEngine, Gateway, Via, json, request};

use super::messages;
use super::vector::{ClientSide, End, Extent, Vector};

/// Sends the vector and compares what came back and what the engine got.
pub(super) async fn hold(vector: Vector, via: Via) {
    let engine = FakeEngine::start();
    if let Some(status) = &vector.engine_answers {
        engine.answer("*", json(&format!("{status} Scripted"), "{}"));
    }
    let mut gateway = gateway(&vector, &engine);
    let mut client = gateway.connect(via).await;
    // A gateway that refuses early may close while bytes are still on their way; what it answered is read below.
    let _ = client.try_send(&vector.sent).await;
    match vector.client_side {
        ClientSide::StaysOpen => hear_out(client, &vector).await,
        ClientSide::Shut => {
            client.half_close().await;
            hear_out(client, &vector).await;
        }
        ClientSide::Left => drop(client),
    }
    gateway.begin_stop();
    gateway.until_stopped().await;
    expect_record(&engine, &vector).await;
}

fn gateway(vector: &Vector, engine: &FakeEngine) -> Gateway {
    let pairs = vector.settings.iter().chain(vector.flags.iter().flatten());
    let pairs: Vec<_> = pairs.map(|(name, value)| (name.as_str(), value.as_str())).collect();
    match vector.flags {
        Some(_) => Gateway::start(engine.socket(), &pairs),
        None => Gateway::open_with(engine.socket(), &pairs),
    }
}

async fn hear_out(mut client: Client, vector: &Vector) {
    expect_answers(&mut client, vector).await;
    expect_end(client, vector.end).await;
}

async fn expect_answers(client: &mut Client, vector: &Vector) {
    let mut says = vector.says.as_deref();
    for (at, &want) in vector.statuses.iter().enumerate() {
        let head = match client.try_read_head().await {
            Ok(head) => head,
            Err(ended) => panic!("no answer {at}, {want} was expected: {ended:?}"),
        };
        let is_without_body = vector.sent.starts_with(b"HEAD ") && at == 0;
        if is_without_body {
            client.expect_no_body();
        }
        let body = match head.status() {
            101 => String::new(),
            _ => String::from_utf8_lossy(&client.read_body().await.bytes).into_owned(),
        };
        assert_eq!(head.status(), want, "answer {at}: {}\n{body}", head.start);
        let is_scripted = vector.engine_answers.is_some() && body == "{}";
        if !is_scripted && !is_without_body && (300..500).contains(&want) {
            expect_words(&body, says.take());
        }
    }
    assert_eq!(says, None, "no refusal was left to say this");
}

/// Every refusal is JSON and says why.
fn expect_words(body: &str, says: Option<&str>) {
    assert!(body.starts_with(r#"{"message":"#), "{body}");
    if let Some(words) = says {
        assert!(body.contains(words), "{words:?}: {body}");
    }
}

async fn expect_end(mut client: Client, end: End) {
    match end {
        End::Open => {
            let probe = client.fetch("GET /-/probe", &[]).await;
            assert_eq!(probe.status(), 403, "the probe behind the vector: {}", probe.text());
            assert!(probe.text().contains("outside every family"), "{}", probe.text());
        }
        End::Close => {
            let ended = client.read_to_end().await;
            assert_eq!(String::from_utf8_lossy(&ended.leftover), "", "an answer more than expected");
        }
        End::Tunnel => {
            client.half_close().await;
            client.read_to_end().await;
        }
    }
}

/// The engine accepts in order, so once it has answered this connection of ours it has seen all of the gateway's.
async fn expect_record(engine: &FakeEngine, vector: &Vector) {
    let mut last = Client::connect(&Endpoint::Unix(engine.socket().to_owned())).await;
    last.send(request("GET /last", &[])).await;
    last.read_head().await;
    drop(last);
    engine.until_nobody_is_connected().await;
    let mut record = engine.record();
    assert_eq!(
        record.pop().as_deref(),
        Some(request("GET /last", &[]).as_bytes()),
        "the engine's last connection"
    );
    // The gateway looks at the start and behind a tunnel whether the engine is there, and says nothing.
    let looks = record.iter().filter(|stream| stream.is_empty()).count();
    let tunnels = vector.statuses.iter().filter(|&&status| status == 101).count();
    let broken_off = usize::from(vector.extent == Extent::Beginning);
    assert!(looks <= 1 + tunnels + broken_off, "{looks} silent connections to the engine: {record:?}");
    let got: String = record.iter().flat_map(|stream| messages::split(stream)).collect();
    let want: String = messages::split(&vector.engine_gets).concat();
    match vector.extent {
        Extent::Whole => assert_eq!(got, want, "what the engine got"),
        Extent::Beginning => {
            assert!(want.starts_with(&got), "the engine got\n{got}\nwhich is no beginning of\n{want}");
            assert_ne!(got, want, "the engine got all of it");
        }
    }
}
