//! The largest bodies that take the longest to judge: what other clients notice of them.
//!
//! One of two bodies has its mistake at the end, so that it is judged whole and refused; the other has none, and goes to
//! the policy. The clients that send them have a thread of their own, so that a ping does not wait for their work.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, ensure};
use tokio::task::{JoinSet, LocalSet};

use super::pings::{self, PINGS};
use super::samples::Samples;
use super::{Guest, Round, Row};
use crate::client::{self, Address, Client};
use crate::subject::Running;
use crate::wire::Framing;

/// How many clients send such bodies.
pub(super) const BUSY: [usize; 3] = [0, 1, 16];
/// What `POLICY_BODY_LIMIT` is by default.
const LARGEST: usize = 1 << 20;
/// Keys of one object: as many as are judged in the longest time for their bytes.
const KEYS: usize = 60_000;
const SETTINGS: &str = r#"{"registries":["registry.example.org"]}"#;

/// The table's row for so many clients.
pub(super) fn row(busy: usize) -> String {
    format!("{busy} clients with large bodies")
}

/// One round with every number of clients.
pub(super) async fn measure(round: &Round<'_>, component: &Path, samples: &mut Samples) -> Result<()> {
    let policy = Some(Guest { component: component.to_owned(), settings: SETTINGS.to_owned(), fewer: 1 });
    let cache = tempfile::Builder::new().prefix("sgc").tempdir()?;
    let subject = round.subject(&Row { name: "bodies", policy }, cache.path())?;
    let running = Running::start(&subject, round.engine)?;
    for busy in BUSY {
        let measured = beside(&running.address, busy, round.some(PINGS)).await;
        let (mut pings, mut bodies) = measured.map_err(|error| running.explain(error))?;
        pings::note(samples, &row(busy), &mut pings, &mut bodies);
    }
    Ok(())
}

/// Pings beside `busy` clients; nanoseconds of each ping, and of each of the others' requests.
async fn beside(address: &Address, busy: usize, pings: usize) -> Result<(Vec<u64>, Vec<u64>)> {
    let stop = Arc::new(AtomicBool::new(false));
    let (theirs, to) = (Arc::clone(&stop), address.clone());
    let others = thread::spawn(move || send_all(&to, busy, &theirs));
    let latencies = pings::ping(address, pings).await?;
    stop.store(true, Ordering::Relaxed);
    let others = others.join().map_err(|_panic| anyhow!("the thread of the busy clients panicked"))?;
    Ok((latencies, others?))
}

fn send_all(address: &Address, busy: usize, stop: &Arc<AtomicBool>) -> Result<Vec<u64>> {
    let requests = Arc::new([request(&body(r#","z":1,"z":1"#)?), request(&body("")?)]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(LocalSet::new().run_until(async {
        let mut clients = JoinSet::new();
        for index in 0..busy {
            let (client, requests) = (Client::new(address, 4 << 10), Arc::clone(&requests));
            clients.spawn_local(send(client, requests, index, Arc::clone(stop)));
        }
        let mut latencies = Vec::new();
        while let Some(ended) = clients.join_next().await {
            latencies.extend(ended.context("a client with large bodies")??);
        }
        Ok(latencies)
    }))
}

async fn send(
    mut client: Client,
    requests: Arc<[Vec<u8>; 2]>,
    first: usize,
    stop: Arc<AtomicBool>,
) -> Result<Vec<u64>> {
    let mut latencies = Vec::new();
    for request in requests.iter().cycle().skip(first % requests.len()) {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let begin = Instant::now();
        let answer = client.exchange(request).await?;
        ensure!(answer.status >= 400, "status {} of a body that is refused", answer.status);
        latencies.push(u64::try_from(begin.elapsed().as_nanos())?);
    }
    Ok(latencies)
}

/// A body full of short keys in an object that the engine would ignore, with this at its end.
fn body(end: &str) -> Result<String> {
    let mut object = String::from("{");
    for key in 0..KEYS {
        write!(object, "\"{key:x}\":1,")?;
    }
    object.push_str("\"z\":1}");
    let begin = r#"{"Image":"alpine","Unknown":["#;
    let copies = (LARGEST - begin.len() - end.len() - 2) / (object.len() + 1);
    Ok(format!("{begin}{}]{end}}}", vec![object; copies].join(",")))
}

fn request(body: &str) -> Vec<u8> {
    let head = client::upload_head(
        "POST",
        "/containers/create",
        "application/json",
        Framing::Length(body.len() as u64),
    );
    [head.as_slice(), body.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::{LARGEST, body};

    #[test]
    fn the_bodies_are_as_large_as_they_may_be() {
        for end in ["", r#","z":1,"z":1"#] {
            let length = body(end).unwrap().len();
            assert!((LARGEST / 2..=LARGEST).contains(&length), "{length}");
        }
    }
}
