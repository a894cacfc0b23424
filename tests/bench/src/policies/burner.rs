//! A policy that uses up its time on every call but one: what other clients notice of it.

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::task::JoinSet;

use super::samples::{Figure, Samples};
use super::{Guest, Round, Row};
use crate::client::{self, Address, Client};
use crate::stats::percentile;
use crate::subject::Running;

/// How many clients keep the policy busy.
pub(super) const BUSY: [usize; 4] = [0, 1, 4, 16];
/// Pings in a full run.
const PINGS: usize = 1000;
/// Between two pings.
const PAUSE: Duration = Duration::from_millis(3);
/// The policy answers pings at once and never says a word about lists.
const SETTINGS: &str = "decide=loop\non=ContainerList\n";
const TIMEOUT: &str = "100ms";

/// The table's row for so many busy clients.
pub(super) fn row(busy: usize) -> String {
    format!("{busy} busy clients")
}

/// One round with every number of busy clients.
pub(super) async fn measure(round: &Round<'_>, component: &Path, samples: &mut Samples) -> Result<()> {
    let policy = Some(Guest { component: component.to_owned(), settings: SETTINGS.to_owned(), fewer: 1 });
    let cache = tempfile::Builder::new().prefix("sgc").tempdir()?;
    let mut subject = round.subject(&Row { name: "burner", policy }, cache.path())?;
    subject.with("POLICY_TIMEOUT", TIMEOUT);
    let running = Running::start(&subject, round.engine)?;
    for busy in BUSY {
        let (mut pings, mut refusals) = beside(&running.address, busy, round.some(PINGS))
            .await
            .map_err(|error| running.explain(error))?;
        samples.add(&row(busy), "", Figure::P50, percentile(&mut pings, 0.5) / 1e6);
        samples.add(&row(busy), "", Figure::P99, percentile(&mut pings, 0.99) / 1e6);
        if busy > 0 {
            samples.add(&row(busy), "", Figure::RefusalP50, percentile(&mut refusals, 0.5) / 1e6);
        }
    }
    Ok(())
}

/// Pings beside `busy` clients; nanoseconds of each ping, and of each of the others' refusals.
async fn beside(address: &Address, busy: usize, pings: usize) -> Result<(Vec<u64>, Vec<u64>)> {
    let stop = Rc::new(Cell::new(false));
    let mut others = JoinSet::new();
    for _client in 0..busy {
        others.spawn_local(keep_busy(Client::new(address, 4 << 10), Rc::clone(&stop)));
    }
    let mut client = Client::new(address, 4 << 10);
    let mut latencies = Vec::with_capacity(pings);
    for _ping in 0..pings {
        tokio::time::sleep(PAUSE).await;
        latencies.push(timed(&mut client, "/_ping", 200).await?);
    }
    stop.set(true);
    let mut refusals = Vec::new();
    while let Some(ended) = others.join_next().await {
        refusals.extend(ended.context("a busy client")??);
    }
    Ok((latencies, refusals))
}

async fn keep_busy(mut client: Client, stop: Rc<Cell<bool>>) -> Result<Vec<u64>> {
    let mut latencies = Vec::new();
    while !stop.get() {
        latencies.push(timed(&mut client, "/containers/json", 403).await?);
    }
    Ok(latencies)
}

async fn timed(client: &mut Client, target: &str, status: u16) -> Result<u64> {
    let begin = Instant::now();
    let answer = client.exchange(&client::get(target)).await?;
    ensure!(answer.status == status, "{target}: status {} where {status} was due", answer.status);
    Ok(u64::try_from(begin.elapsed().as_nanos())?)
}
