//! How many instructions sockgate executes for a request, in user space, as valgrind counts them: a figure that other
//! work on the machine hardly moves, so that it can be kept and compared with.
//!
//! Every workload runs with some requests, and with twice as many. What both have in common (start, first requests, end)
//! cancels out. Both are repeated and the least counts: being disturbed (an answer that comes in two pieces, a wake-up
//! in vain) only adds.

mod kept;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::client::{self, Address};
use crate::load::{self, Load, Reuse};
use crate::stream::{self, Stamp};
use crate::subject::{Kind, Running, Sockgate, Subject};
use crate::{Arguments, FakeEngine, engine};
use kept::Count;

const REPEATS: usize = 3;

/// What becomes of the counts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wish {
    /// They are kept from now on.
    Keep,
    /// They are compared with those that are kept.
    Check,
}

/// One row of the counts.
struct Counted {
    name: &'static str,
    /// What the figure is for.
    unit: &'static str,
    /// How many of these make an exchange.
    units: u64,
    /// In the shorter run.
    exchanges: usize,
    exchange: Exchange,
}

#[derive(Clone, Copy)]
enum Exchange {
    Get { target: &'static str, status: u16 },
    Connect,
    Download,
    Follow,
}

const ALL: [Counted; 6] = [
    counted("small GET", 2000, Exchange::Get { target: "/_ping", status: 200 }),
    counted("50 KB JSON", 1000, Exchange::Get { target: "/containers/json", status: 200 }),
    counted("denied GET", 2000, Exchange::Get { target: "/secrets", status: 403 }),
    counted("small GET on a new connection", 1000, Exchange::Connect),
    Counted {
        name: "chunked download",
        unit: "MiB",
        units: engine::TRANSFER >> 20,
        exchanges: 1,
        exchange: Exchange::Download,
    },
    Counted {
        name: "followed log",
        unit: "line",
        units: engine::LOG_LINES as u64,
        exchanges: 2,
        exchange: Exchange::Follow,
    },
];

const fn counted(name: &'static str, exchanges: usize, exchange: Exchange) -> Counted {
    Counted { name, unit: "request", units: 1, exchanges, exchange }
}

/// Counts, then keeps or compares. Needs a `LocalSet` around it.
pub(crate) async fn measure(arguments: &Arguments, wish: Wish) -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.tsv");
    let kept = match wish {
        Wish::Keep => Vec::new(),
        Wish::Check => kept::read(&fs::read_to_string(&path).with_context(|| path.display().to_string())?)?,
    };
    let folder = tempfile::Builder::new().prefix("sgb").tempdir()?;
    let engine = FakeEngine::start(&folder.path().join("e.sock"))?;
    let binary =
        fs::canonicalize(&arguments.sockgate).with_context(|| arguments.sockgate.display().to_string())?;
    let counts = folder.path().join("counts");
    let kind = Kind::Sockgate(Sockgate { binary, variables: Vec::new(), counted: Some(counts.clone()) });
    let subject = Subject { name: "sockgate under valgrind".to_owned(), kind };
    let mut measured = Vec::new();
    for each in ALL {
        let mut least = [u64::MAX; 2];
        for _repeat in 0..REPEATS {
            for (least, times) in least.iter_mut().zip([1, 2]) {
                let running = Running::start(&subject, &engine.socket)?;
                each.run(&running.address, times)
                    .await
                    .map_err(|error| running.explain(error))
                    .context(each.name)?;
                running.stop()?;
                *least = kept::total(&fs::read_to_string(&counts)?)?.min(*least);
            }
        }
        let count = each.count(least);
        eprintln!("{}: {} a {}", count.name, count.instructions, count.unit);
        measured.push(count);
    }
    match wish {
        Wish::Keep => Ok(fs::write(&path, kept::write(&measured))?),
        Wish::Check => {
            let (table, dearer) = kept::compare(&kept, &measured);
            print!("{table}");
            ensure!(dearer.is_empty(), kept::complaint(&dearer));
            Ok(())
        }
    }
}

impl Counted {
    async fn run(&self, address: &Address, times: usize) -> Result<()> {
        let exchanges = self.exchanges * times;
        match self.exchange {
            Exchange::Get { target, status } => {
                one_by_one(address, client::get(target), status, exchanges, Reuse::Kept).await
            }
            Exchange::Connect => {
                let request = client::get_and_close("/_ping");
                one_by_one(address, request, 200, exchanges, Reuse::OneRequest).await
            }
            Exchange::Download => {
                for _download in 0..exchanges {
                    stream::download(address, "/containers/chunked/export").await?;
                }
                Ok(())
            }
            Exchange::Follow => {
                let target = "/containers/followed/logs?follow=1&stdout=1";
                for _log in 0..exchanges {
                    stream::follow(address, target, Stamp::Nanos, engine::LOG_LINES).await?;
                }
                Ok(())
            }
        }
    }

    /// From the instructions of the shorter run and of the longer.
    fn count(&self, [shorter, longer]: [u64; 2]) -> Count {
        let more = longer.saturating_sub(shorter);
        let units = self.units * self.exchanges as u64;
        Count { name: self.name.to_owned(), unit: self.unit.to_owned(), instructions: more / units }
    }
}

/// On one connection at a time: how many events are ready at once is then no matter of luck.
async fn one_by_one(
    address: &Address,
    request: Vec<u8>,
    status: u16,
    requests: usize,
    reuse: Reuse,
) -> Result<()> {
    let load = Load { request, status, connections: 1, requests, reuse };
    load::drive(&load, load::warm(&load, address).await?).await?;
    Ok(())
}
