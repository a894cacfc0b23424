//! The pings of a client beside others that keep policies busy.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::samples::{Figure, Samples};
use crate::client::{self, Address, Client};
use crate::stats::percentile;

/// Pings in a full run.
pub(super) const PINGS: usize = 1000;
/// Between two pings.
const PAUSE: Duration = Duration::from_millis(3);

/// Where the neighbour's connection comes from: places for decisions are shared out by address, and its own are free.
const NEIGHBOUR: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Pings so many times, as a neighbour of all other clients; nanoseconds of each.
pub(super) async fn ping(address: &Address, pings: usize) -> Result<Vec<u64>> {
    let mut client = Client::new(address, 4 << 10);
    client.come_from(NEIGHBOUR);
    let mut latencies = Vec::with_capacity(pings);
    for _ping in 0..pings {
        tokio::time::sleep(PAUSE).await;
        let begin = Instant::now();
        let answer = client.exchange(&client::get("/_ping")).await?;
        ensure!(answer.status == 200, "/_ping: status {} where 200 was due", answer.status);
        latencies.push(u64::try_from(begin.elapsed().as_nanos())?);
    }
    Ok(latencies)
}

/// Notes what pings took, and what the requests took beside which they were sent, if there were any.
pub(super) fn note(samples: &mut Samples, row: &str, pings: &mut [u64], others: &mut [u64]) {
    samples.add(row, "", Figure::P50, percentile(pings, 0.5) / 1e6);
    samples.add(row, "", Figure::P99, percentile(pings, 0.99) / 1e6);
    if !others.is_empty() {
        samples.add(row, "", Figure::OthersP50, percentile(others, 0.5) / 1e6);
        samples.add(row, "", Figure::OthersP99, percentile(others, 0.99) / 1e6);
    }
}
