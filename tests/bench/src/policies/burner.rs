//! A policy that uses up its time on every call but one: what other clients notice of it.

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;

use anyhow::{Context as _, Result};
use tokio::task::JoinSet;

use super::pings::{self, PINGS, timed};
use super::samples::Samples;
use super::{Guest, Round, Row};
use crate::client::{Address, Client};
use crate::subject::Running;

/// How many clients keep the policy busy.
pub(super) const BUSY: [usize; 4] = [0, 1, 4, 16];
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
        pings::note(samples, &row(busy), &mut pings, &mut refusals);
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
    let latencies = pings::ping(address, pings).await?;
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
