//! The list of workloads, and how each becomes figures.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::client;
use crate::load::{self, Load, Reuse};
use crate::stats::percentile;
use crate::stream::{self, Chunks, Stamp, Upload};
use crate::subject::{Kind, Running};
use crate::{dockerd, engine, held, usage};

/// A run of one workload against one subject may take this long.
const BOUND: Duration = Duration::from_secs(120);
/// What a proxy may still do after the last answer (closing, logging) counts too.
const SETTLE: Duration = Duration::from_millis(30);
const STREAMS: usize = 200;
/// How long the silent streams are watched.
const SILENCE: Duration = Duration::from_secs(2);
const STARTS: usize = 5;

/// A figure that a workload yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Metric {
    /// CPU seconds of the proxy for 10,000 requests (or log lines).
    CpuPer10k,
    /// CPU seconds of the proxy for a GiB.
    CpuPerGib,
    /// Requests a second.
    Rate,
    /// GiB a second.
    GibRate,
    /// Median time of a request, or delay of a line, in ms.
    P50,
    /// The time that 90 of 100 do not exceed, in ms.
    P90,
    /// The time that 99 of 100 do not exceed, in ms.
    P99,
    /// The time that 999 of 1,000 do not exceed, in ms.
    P999,
    /// From exec to the first byte of a 200 answer, in ms.
    Start,
    /// Resident memory after the first answer, in MiB.
    RssIdle,
    /// Resident memory after load on 64 connections and two transfers, in MiB.
    RssLoaded,
    /// Resident memory that each open connection adds, in KiB.
    RssConnection,
    /// Resident memory some time after all clients have left, in MiB.
    RssLeft,
    /// CPU time in a second in which 200 silent streams are open, in ms.
    CpuStreams,
    /// Log lines that the proxy wrote a request.
    LogLines,
}

/// Which engine answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// The fast fake one.
    Fake,
    /// A private dockerd.
    Dockerd,
}

/// One row of the result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// Its name in JSON.
    pub(crate) name: &'static str,
    /// What the table says.
    pub(crate) title: &'static str,
}

/// What is measured in one go.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    /// The row that it fills; `--only` goes by its name.
    pub(crate) row: Row,
    /// Which engine answers.
    pub(crate) engine: Engine,
    work: Work,
}

#[derive(Clone, Debug)]
enum Work {
    Requests(Load),
    Refusals(Load),
    Download(&'static str),
    Upload(Upload),
    Logs {
        target: &'static str,
        stamp: Stamp,
        lines: usize,
    },
    Start,
    Memory,
    /// Fills a row for each state of a connection.
    Held {
        patience: Duration,
    },
}

/// All workloads, in the order in which they run; `share` of the requests of a full run.
pub(crate) fn all(share: f64) -> Vec<Workload> {
    let fake = |name, title, work| Workload { row: Row { name, title }, engine: Engine::Fake, work };
    let real = |name, title, work| Workload { row: Row { name, title }, engine: Engine::Dockerd, work };
    let ask = |target, connections, requests| Work::Requests(kept(target, 200, connections, requests, share));
    let once = Load {
        request: client::get_and_close("/_ping"),
        reuse: Reuse::OneRequest,
        ..kept("", 200, 16, 8_000, share)
    };
    vec![
        fake("small-1", "small GET, 1 connection", ask("/_ping", 1, 8_000)),
        fake("small-16", "small GET, 16 connections", ask("/_ping", 16, 30_000)),
        fake("small-64", "small GET, 64 connections", ask("/_ping", 64, 30_000)),
        fake("small-256", "small GET, 256 connections", ask("/_ping", 256, 30_000)),
        fake("small-900", "small GET, 900 connections", ask("/_ping", 900, 30_000)),
        fake("json-1", "50 KB JSON, 1 connection", ask("/containers/json", 1, 6_000)),
        fake("json-16", "50 KB JSON, 16 connections", ask("/containers/json", 16, 15_000)),
        fake("json-64", "50 KB JSON, 64 connections", ask("/containers/json", 64, 15_000)),
        fake("json-256", "50 KB JSON, 256 connections", ask("/containers/json", 256, 15_000)),
        fake("json-900", "50 KB JSON, 900 connections", ask("/containers/json", 900, 15_000)),
        fake(
            "denied",
            "denied GET, 16 connections",
            Work::Refusals(kept("/secrets", 403, 16, 30_000, share)),
        ),
        fake("connect", "new connection a request, 16 at once", Work::Requests(once)),
        fake("download", "1 GiB download, with a length", Work::Download("/containers/sized/export")),
        fake("download-chunked", "1 GiB download, chunked", Work::Download("/containers/chunked/export")),
        fake("upload", "1 GiB upload, with a length", Work::Upload(load_image(Chunks::No))),
        fake("upload-chunked", "1 GiB upload, chunked", Work::Upload(load_image(Chunks::Yes))),
        fake("logs", "followed log, a line in 5 ms", followed(share)),
        fake("start", "start", Work::Start),
        fake("memory", "memory", Work::Memory),
        fake("held", "connections", Work::Held { patience: held::patience(share) }),
        real("dockerd-small-16", "dockerd: small GET, 16 connections", ask("/_ping", 16, 6_000)),
        real(
            "dockerd-json-16",
            "dockerd: list of 50 containers, 16 connections",
            ask("/containers/json?all=1", 16, 400),
        ),
        real("dockerd-copy", "dockerd: 256 MiB copied into a container", Work::Upload(dockerd::copy_in())),
        real(
            "dockerd-export",
            "dockerd: 256 MiB container exported",
            Work::Download("/containers/idle0/export"),
        ),
        real("dockerd-logs", "dockerd: followed log, a line in some 5 ms", followed_container(share)),
    ]
}

fn kept(target: &str, status: u16, connections: usize, requests: u32, share: f64) -> Load {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a small positive number"
    )]
    let requests = (f64::from(requests) * share) as usize;
    Load { request: client::get(target), status, connections, requests, reuse: Reuse::Kept }
}

fn load_image(chunks: Chunks) -> Upload {
    Upload {
        method: "POST",
        target: "/images/load".to_owned(),
        before: vec![],
        filler: engine::TRANSFER,
        after: vec![],
        chunks,
    }
}

fn followed(share: f64) -> Work {
    let lines = if share < 1.0 { engine::LOG_LINES / 3 } else { engine::LOG_LINES };
    Work::Logs { target: "/containers/followed/logs?follow=1&stdout=1", stamp: Stamp::Nanos, lines }
}

fn followed_container(share: f64) -> Work {
    let lines = if share < 1.0 { 60 } else { 200 };
    let target = "/containers/logger/logs?follow=1&stdout=1&timestamps=1&tail=0";
    Work::Logs { target, stamp: Stamp::Rfc3339, lines }
}

/// Figures of one row.
pub(crate) type Figures = Vec<(Metric, f64)>;

impl Workload {
    /// Whether the workload says something about `kind`.
    pub(crate) fn fits(&self, kind: &Kind) -> Fit {
        let fits = match kind {
            Kind::Direct => {
                !matches!(self.work, Work::Refusals(_) | Work::Start | Work::Memory | Work::Held { .. })
            }
            Kind::Floor => !matches!(self.work, Work::Refusals(_)),
            Kind::HaProxy | Kind::Sockgate(_) => true,
        };
        if fits { Fit::Yes } else { Fit::No }
    }

    /// Runs it once; the figures of each row that it fills. Needs a `LocalSet` around it.
    pub(crate) async fn run(&self, running: &Running, engine: &Path) -> Result<Vec<(Row, Figures)>> {
        let rows = async {
            let figures = match &self.work {
                Work::Requests(load) | Work::Refusals(load) => requests(load, running).await?,
                Work::Download(target) => {
                    transfer(running, stream::download(&running.address, target)).await?
                }
                Work::Upload(upload) => transfer(running, stream::upload(&running.address, upload)).await?,
                Work::Logs { target, stamp, lines } => logs(running, target, *stamp, *lines).await?,
                Work::Start => starts(running, engine)?,
                Work::Memory => memory(running, engine).await?,
                Work::Held { patience } => return held::measure(&running.subject, engine, *patience).await,
            };
            Ok(vec![(self.row, figures)])
        };
        let what = || format!("{} through {}", self.row.name, running.subject.name);
        tokio::time::timeout(BOUND, rows).await.with_context(what)?.with_context(what)
    }
}

/// Whether a workload is run against a subject.
#[derive(PartialEq, Eq)]
pub(crate) enum Fit {
    /// It is.
    Yes,
    /// There is nothing to measure.
    No,
}

/// What a subject uses between two moments.
pub(crate) struct Meter<'a> {
    running: &'a Running,
    cpu: Duration,
    lines: u64,
}

impl<'a> Meter<'a> {
    /// From now on.
    pub(crate) fn start(running: &'a Running) -> Result<Self> {
        Ok(Self { running, cpu: cpu(running)?, lines: running.log_lines() })
    }

    /// CPU seconds since the start; log lines since the start.
    pub(crate) async fn stop(self) -> Result<Option<(f64, f64)>> {
        if self.running.pid().is_none() {
            return Ok(None);
        }
        tokio::time::sleep(SETTLE).await;
        let spent = cpu(self.running)?.saturating_sub(self.cpu).as_secs_f64();
        Ok(Some((spent, (self.running.log_lines() - self.lines) as f64)))
    }
}

fn cpu(running: &Running) -> Result<Duration> {
    running.pid().map_or(Ok(Duration::ZERO), usage::cpu)
}

async fn requests(load: &Load, running: &Running) -> Result<Figures> {
    let clients = load::warm(load, &running.address).await?;
    let meter = Meter::start(running)?;
    let begin = Instant::now();
    let mut driven = load::drive(load, clients).await?;
    let wall = begin.elapsed().as_secs_f64();
    let count = load.requests as f64;
    ensure!(driven.latencies.len() == load.requests, "{} of {count} answered", driven.latencies.len());
    let mut figures = vec![(Metric::Rate, count / wall)];
    figures.extend(times(&mut driven.latencies));
    if let Some((cpu, lines)) = meter.stop().await? {
        figures.push((Metric::CpuPer10k, cpu * 10_000.0 / count));
        if lines > 0.0 {
            figures.push((Metric::LogLines, lines / count));
        }
    }
    Ok(figures)
}

fn times(nanos: &mut [u64]) -> Figures {
    let shares = [(Metric::P50, 0.5), (Metric::P90, 0.9), (Metric::P99, 0.99), (Metric::P999, 0.999)];
    shares.map(|(metric, share)| (metric, percentile(nanos, share) / 1e6)).to_vec()
}

async fn transfer(
    running: &Running,
    moved: impl Future<Output = Result<(Duration, u64)>>,
) -> Result<Figures> {
    let meter = Meter::start(running)?;
    let (wall, bytes) = moved.await?;
    let gib = bytes as f64 / f64::from(1 << 30);
    ensure!(gib >= 0.25, "{bytes} bytes moved");
    let mut figures = vec![(Metric::GibRate, gib / wall.as_secs_f64())];
    if let Some((cpu, _lines)) = meter.stop().await? {
        figures.push((Metric::CpuPerGib, cpu / gib));
    }
    Ok(figures)
}

async fn logs(running: &Running, target: &str, stamp: Stamp, lines: usize) -> Result<Figures> {
    let meter = Meter::start(running)?;
    let mut delays = stream::follow(&running.address, target, stamp, lines).await?;
    let mut figures = times(&mut delays);
    if let Some((cpu, _lines)) = meter.stop().await? {
        figures.push((Metric::CpuPer10k, cpu * 10_000.0 / lines as f64));
    }
    Ok(figures)
}

fn starts(running: &Running, engine: &Path) -> Result<Figures> {
    let mut times = Vec::with_capacity(STARTS);
    for _start in 0..STARTS {
        times.push(Running::start(&running.subject, engine)?.start.as_secs_f64() * 1e3);
    }
    let summary = crate::stats::summary(&times).context("no starts")?;
    Ok(vec![(Metric::Start, summary.median)])
}

async fn memory(running: &Running, engine: &Path) -> Result<Figures> {
    let fresh = Running::start(&running.subject, engine)?;
    let mut figures = vec![(Metric::RssIdle, resident(&fresh)?)];
    let streams = stream::open(&fresh.address, STREAMS, &client::get("/events")).await?;
    let meter = Meter::start(&fresh)?;
    tokio::time::sleep(SILENCE).await;
    if let Some((cpu, _lines)) = meter.stop().await? {
        figures.push((Metric::CpuStreams, cpu * 1e3 / SILENCE.as_secs_f64()));
    }
    drop(streams);
    let fresh = Running::start(&running.subject, engine)?;
    for load in [kept("/_ping", 200, 64, 20_000, 1.0), kept("/containers/json", 200, 64, 5_000, 1.0)] {
        load::drive(&load, load::warm(&load, &fresh.address).await?).await?;
    }
    stream::download(&fresh.address, "/containers/chunked/export").await?;
    stream::upload(&fresh.address, &load_image(Chunks::Yes)).await?;
    tokio::time::sleep(SETTLE).await;
    figures.push((Metric::RssLoaded, resident(&fresh)?));
    Ok(figures)
}

/// Resident memory, in MiB.
pub(crate) fn resident(running: &Running) -> Result<f64> {
    usage::resident_mib(running.pid().context("nothing in between has no memory")?)
}
