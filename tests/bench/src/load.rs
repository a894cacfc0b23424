//! The closed loop: so many connections, so many requests, the time of each.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

use crate::client::{Address, Client};

/// What to ask, how often, on how many connections.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// The bytes of one request.
    pub(crate) request: Vec<u8>,
    /// The status that each answer must have.
    pub(crate) status: u16,
    /// Connections at once.
    pub(crate) connections: usize,
    /// Requests in all.
    pub(crate) requests: usize,
    /// Whether a connection serves one request or all of them.
    pub(crate) reuse: Reuse,
}

/// How long a connection lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// As long as the peer keeps it.
    Kept,
    /// For one request.
    OneRequest,
}

/// Connected clients, after some requests that are not measured.
pub(crate) async fn warm(load: &Load, address: &Address) -> Result<Vec<Client>> {
    let clients = (0..load.connections).map(|_index| Client::new(address, 64 << 10)).collect();
    let some = Load { requests: (load.requests / 10).max(load.connections), ..load.clone() };
    Ok(drive(&some, clients).await?.clients)
}

/// How a loop went.
pub(crate) struct Driven {
    /// Nanoseconds of each request.
    pub(crate) latencies: Vec<u64>,
    /// The clients, for another loop.
    pub(crate) clients: Vec<Client>,
}

/// Asks until all requests are answered. Needs a `LocalSet` around it.
pub(crate) async fn drive(load: &Load, clients: Vec<Client>) -> Result<Driven> {
    let left = Rc::new(Cell::new(load.requests));
    let shared = Rc::new(load.clone());
    let mut loops = JoinSet::new();
    for client in clients {
        loops.spawn_local(ask(Rc::clone(&shared), client, Rc::clone(&left)));
    }
    let mut driven = Driven { latencies: Vec::with_capacity(load.requests), clients: Vec::new() };
    while let Some(ended) = loops.join_next().await {
        let (client, latencies) = ended??;
        driven.clients.push(client);
        driven.latencies.extend(latencies);
    }
    Ok(driven)
}

async fn ask(load: Rc<Load>, mut client: Client, left: Rc<Cell<usize>>) -> Result<(Client, Vec<u64>)> {
    let mut latencies = Vec::with_capacity(load.requests / load.connections);
    while let Some(rest) = left.get().checked_sub(1) {
        left.set(rest);
        let begin = Instant::now();
        let answer = client.exchange(&load.request).await?;
        latencies.push(u64::try_from(begin.elapsed().as_nanos())?);
        ensure!(answer.status == load.status, "status {} where {} was due", answer.status, load.status);
        if load.reuse == Reuse::OneRequest {
            client.disconnect();
        }
    }
    Ok((client, latencies))
}
