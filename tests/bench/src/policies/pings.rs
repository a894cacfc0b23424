//! The pings of a client beside others that keep policies busy.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::samples::{Figure, Samples};
use crate::client::{self, Address, Client};
use crate::stats::percentile;

/// Pings in a full run.
pub(super) const PINGS: usize = 1000;
/// Between two pings.
const PAUSE: Duration = Duration::from_millis(3);

/// Pings so many times; nanoseconds of each.
pub(super) async fn ping(address: &Address, pings: usize) -> Result<Vec<u64>> {
    let mut client = Client::new(address, 4 << 10);
    let mut latencies = Vec::with_capacity(pings);
    for _ping in 0..pings {
        tokio::time::sleep(PAUSE).await;
        latencies.push(timed(&mut client, "/_ping", 200).await?);
    }
    Ok(latencies)
}

/// Asks for `target`, which is answered with `status`; nanoseconds until the answer was there.
pub(super) async fn timed(client: &mut Client, target: &str, status: u16) -> Result<u64> {
    let begin = Instant::now();
    let answer = client.exchange(&client::get(target)).await?;
    ensure!(answer.status == status, "{target}: status {} where {status} was due", answer.status);
    Ok(u64::try_from(begin.elapsed().as_nanos())?)
}

/// Notes what pings took, and what the requests took beside which they were sent, if there were any.
pub(super) fn note(samples: &mut Samples, row: &str, pings: &mut [u64], others: &mut [u64]) {
    samples.add(row, "", Figure::P50, percentile(pings, 0.5) / 1e6);
    samples.add(row, "", Figure::P99, percentile(pings, 0.99) / 1e6);
    if !others.is_empty() {
        samples.add(row, "", Figure::RefusalP50, percentile(others, 0.5) / 1e6);
    }
}
