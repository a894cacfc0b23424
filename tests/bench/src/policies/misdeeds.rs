//! A policy that misbehaves on every call but one: what other clients notice of it, and how long its own wait.

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use tokio::task::JoinSet;

use super::pings::{self, PINGS};
use super::samples::Samples;
use super::{Guest, Round, Row};
use crate::client::{self, Address, Client};
use crate::subject::Running;

/// How many clients keep the policy busy.
pub(super) const BUSY: [usize; 3] = [0, 1, 16];
/// What the policy does for lists, and in words. It answers pings at once.
pub(super) const DEEDS: [(&str, &str); 4] = [
    ("loop", "that loops"),
    ("fill", "that loops over instructions which take long"),
    ("hoard", "that takes all memory that it gets"),
    ("flood-log", "that floods the log"),
];
const TIMEOUT: &str = "100ms";

/// The table's row for so many busy clients.
pub(super) fn row(busy: usize, deed: &str) -> String {
    format!("{busy} clients of a policy {deed}")
}

/// One round with every number of busy clients.
pub(super) async fn measure(round: &Round<'_>, component: &Path, samples: &mut Samples) -> Result<()> {
    let cache = tempfile::Builder::new().prefix("sgc").tempdir()?;
    for (deed, in_words) in DEEDS {
        let settings = format!("decide={deed}\non=ContainerList\n");
        let policy = Some(Guest { component: component.to_owned(), settings, fewer: 1 });
        let mut subject = round.subject(&Row { name: deed, policy }, cache.path())?;
        subject.with("POLICY_TIMEOUT", TIMEOUT);
        let running = Running::start(&subject, round.engine)?;
        for busy in BUSY {
            let (mut pings, mut others) = beside(&running.address, busy, round.some(PINGS))
                .await
                .map_err(|error| running.explain(error))?;
            pings::note(samples, &row(busy, in_words), &mut pings, &mut others);
        }
    }
    Ok(())
}

/// Pings beside `busy` clients; nanoseconds of each ping, and of each of the others' answers.
async fn beside(address: &Address, busy: usize, pings: usize) -> Result<(Vec<u64>, Vec<u64>)> {
    let stop = Rc::new(Cell::new(false));
    let mut others = JoinSet::new();
    for _client in 0..busy {
        others.spawn_local(keep_busy(Client::new(address, 4 << 10), Rc::clone(&stop)));
    }
    let latencies = pings::ping(address, pings).await?;
    stop.set(true);
    let mut answers = Vec::new();
    while let Some(ended) = others.join_next().await {
        answers.extend(ended.context("a busy client")??);
    }
    Ok((latencies, answers))
}

async fn keep_busy(mut client: Client, stop: Rc<Cell<bool>>) -> Result<Vec<u64>> {
    let mut latencies = Vec::new();
    while !stop.get() {
        let begin = Instant::now();
        client.exchange(&client::get("/containers/json")).await?;
        latencies.push(u64::try_from(begin.elapsed().as_nanos())?);
    }
    Ok(latencies)
}
