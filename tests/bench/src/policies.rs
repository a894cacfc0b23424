//! What policies cost: the same requests, judged by the env flags alone and by each example policy before them.
//!
//! A figure of a policy is taken against that of the flags in the same round. CPU time of a decision is what the
//! gateway uses a request beyond what it uses with the flags alone: making an instance ready, asking it, dropping it.

mod bodies;
mod misdeeds;
mod parts;
mod pings;
mod samples;
mod tables;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::client;
use crate::facts;
use crate::load::{self, Load, Reuse};
use crate::stats::{percentile, summary};
use crate::subject::{Kind, LISTENER, Running, Sockgate, Subject};
use crate::wire::Framing;
use crate::workload::{Meter, resident};
use crate::{Arguments, FakeEngine, publish};
use samples::{Figure, Samples};

/// What the rows without a policy are called.
const FLAGS_ALONE: &str = "env flags alone";
/// The policy that the targets are for.
const DEFAULT: &str = "guest-default";
/// Starts with a warm cache in a round; their median counts.
const WARM_STARTS: usize = 5;
const CONNECTIONS: usize = 16;
/// Sixteen clients of an interpreter wait longer for one another than a decision may take by default.
const TIMEOUT: &str = "2s";
/// What the docker CLI 28 sends for a container with some fifteen options.
const CREATE: &str = include_str!("../create.json");

/// One row of the tables.
#[derive(Clone, Debug)]
struct Row {
    name: &'static str,
    policy: Option<Guest>,
}

/// A policy to be measured.
#[derive(Clone, Debug)]
struct Guest {
    component: PathBuf,
    settings: String,
    /// How many times fewer requests are enough, because each takes so much longer.
    fewer: usize,
}

/// What is asked of every row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    SmallGet,
    Create,
}

const ALL_ASKED: [Asked; 2] = [Asked::SmallGet, Asked::Create];

impl Asked {
    const fn title(self) -> &'static str {
        match self {
            Self::SmallGet => "small GET",
            Self::Create => "create, body of 2.5 KB",
        }
    }

    fn load(self, requests: usize) -> Load {
        let (request, status) = match self {
            Self::SmallGet => (client::get("/_ping"), 200),
            Self::Create => (create(), 201),
        };
        Load { request, status, connections: CONNECTIONS, requests, reuse: Reuse::Kept }
    }

    const fn requests(self) -> usize {
        match self {
            Self::SmallGet => 30_000,
            Self::Create => 15_000,
        }
    }
}

fn create() -> Vec<u8> {
    let length = Framing::Length(CREATE.len() as u64);
    let head = client::upload_head("POST", "/containers/create?name=web-1", "application/json", length);
    [head.as_slice(), CREATE.as_bytes()].concat()
}

/// Measures, prints and writes the tables.
pub(crate) async fn measure(arguments: &Arguments) -> Result<()> {
    let (share, rounds) = if arguments.quick { (0.1, 2) } else { (1.0, arguments.rounds) };
    let rows = rows(arguments);
    let hostile = arguments.guests.join(rust("hostile"));
    let reader = arguments.guests.join(rust("rust_restrict_create"));
    let folder = tempfile::Builder::new().prefix("sgb").tempdir()?;
    let (begin, ticks) = (Instant::now(), facts::Ticks::now()?);
    let engine = FakeEngine::start(&folder.path().join("e.sock"))?;
    let mut samples = Samples::default();
    let is_wanted = |part: &str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == part);
    for index in 0..rounds {
        let round = Round { binary: &arguments.sockgate, engine: &engine.socket, share };
        if is_wanted("decisions") {
            round.run(&rows, index, &mut samples).await?;
        }
        if is_wanted("misdeeds") {
            misdeeds::measure(&round, &hostile, &mut samples).await?;
        }
        if is_wanted("bodies") {
            bodies::measure(&round, &reader, &mut samples).await?;
        }
        eprintln!("round {} of {rounds} done", index + 1);
    }
    drop(engine);
    let parts =
        if is_wanted("decisions") { parts::measure(arguments, &rows, folder.path())? } else { Vec::new() };
    let mut facts = facts::gather(arguments, rounds)?;
    facts.insert("cores kept busy by others".to_owned(), ticks.others_since(begin)?);
    let markdown = tables::markdown(&facts, &rows, &samples, &parts)?;
    publish(arguments, "policies", &samples, &markdown)
}

/// The flags alone, and every policy that has been built.
fn rows(arguments: &Arguments) -> Vec<Row> {
    let flags = "CONTAINERS=1 IMAGES=1 POST=1 PUT=1".to_owned();
    let tenants = format!(r#"{{"label":"team","clients":[{{"listener":"{LISTENER}","tenant":"a"}}]}}"#);
    let registries = r#"{"registries":["registry.example.org"]}"#.to_owned();
    let images = r#"{"allowed":["registry.example.org/team/*:*"]}"#.to_owned();
    let mut rows = vec![Row { name: FLAGS_ALONE, policy: None }];
    for (name, component, settings, fewer) in [
        (DEFAULT, rust("guest_default"), flags, 1),
        ("restrict-create (Rust)", rust("rust_restrict_create"), registries, 1),
        ("rules (30, in YAML with CEL)", rust("rules"), include_str!("../rules.yaml").to_owned(), 1),
        ("tenant-labels (JavaScript)", example("js-tenant-labels", "tenant_labels"), tenants, 5),
        ("image-allowlist (Python)", example("python-image-allowlist", "image_allowlist"), images, 10),
    ] {
        let component = arguments.guests.join(component);
        // Interpreters take long to compile.
        if !component.exists() {
            eprintln!("{name} is left out: {} is missing; tests/run builds it", component.display());
        } else if !arguments.quick || fewer == 1 {
            rows.push(Row { name, policy: Some(Guest { component, settings, fewer }) });
        }
    }
    rows
}

/// Where a package of the workspace becomes a component.
fn rust(name: &str) -> String {
    format!("wasm32-wasip2/guest/{name}.wasm")
}

/// Where the tests build the examples in other languages.
fn example(folder: &str, name: &str) -> String {
    format!("{folder}/examples/{folder}/{name}.wasm")
}

/// What a round needs to know.
struct Round<'a> {
    binary: &'a Path,
    engine: &'a Path,
    share: f64,
}

/// A started row with the folder of its compiled code.
struct Started<'r> {
    row: &'r Row,
    running: Running,
    _cache: TempDir,
}

impl Round<'_> {
    async fn run(&self, rows: &[Row], index: usize, samples: &mut Samples) -> Result<()> {
        let mut started = rows.iter().map(|row| self.start(row, samples)).collect::<Result<Vec<_>>>()?;
        // Nobody goes first in every round.
        let count = started.len();
        started.rotate_left(index % count);
        for asked in ALL_ASKED {
            for each in &started {
                let what = || format!("{} judged by {}", asked.title(), each.row.name);
                self.ask(each, asked, samples).await.with_context(what)?;
            }
        }
        for each in &started {
            samples.add(each.row.name, "", Figure::RssLoaded, resident(&each.running)?);
        }
        Ok(())
    }

    /// Starts once with an empty cache, some times with a full one; the last stays.
    fn start<'r>(&self, row: &'r Row, samples: &mut Samples) -> Result<Started<'r>> {
        let cache = tempfile::Builder::new().prefix("sgc").tempdir()?;
        let subject = self.subject(row, cache.path())?;
        let begin = Instant::now();
        let cold = Running::start(&subject, self.engine)?.start;
        samples.add(row.name, "", Figure::ColdStart, cold.as_secs_f64() * 1e3);
        let mut warm = Vec::with_capacity(WARM_STARTS);
        for _start in 0..WARM_STARTS {
            warm.push(Running::start(&subject, self.engine)?.start.as_secs_f64() * 1e3);
        }
        samples.add(row.name, "", Figure::WarmStart, summary(&warm).context("no starts")?.median);
        let running = Running::start(&subject, self.engine)?;
        samples.add(row.name, "", Figure::RssIdle, resident(&running)?);
        eprintln!("{} started: {:.1?}", row.name, begin.elapsed());
        Ok(Started { row, running, _cache: cache })
    }

    fn subject(&self, row: &Row, cache: &Path) -> Result<Subject> {
        let binary = std::fs::canonicalize(self.binary).with_context(|| self.binary.display().to_string())?;
        let variables = row.policy.as_ref().map_or_else(Vec::new, |guest| guest.variables(cache));
        let kind = Kind::Sockgate(Sockgate { binary, variables, counted: None });
        Ok(Subject { name: row.name.to_owned(), kind })
    }

    async fn ask(&self, started: &Started<'_>, asked: Asked, samples: &mut Samples) -> Result<()> {
        let fewer = started.row.policy.as_ref().map_or(1, |guest| guest.fewer);
        let load = asked.load(self.some(asked.requests() / fewer));
        let clients = load::warm(&load, &started.running.address)
            .await
            .map_err(|error| started.running.explain(error))?;
        let meter = Meter::start(&started.running)?;
        let begin = Instant::now();
        let driven = load::drive(&load, clients).await;
        let mut driven = driven.map_err(|error| started.running.explain(error))?;
        let wall = begin.elapsed();
        ensure!(driven.latencies.len() == load.requests, "some requests were not answered");
        let (cpu, _lines) = meter.stop().await?.context("a gateway has CPU time")?;
        let count = load.requests as f64;
        for (figure, value) in [
            (Figure::CpuMicros, cpu * 1e6 / count),
            (Figure::Rate, count / wall.as_secs_f64()),
            (Figure::P50, percentile(&mut driven.latencies, 0.5) / 1e6),
            (Figure::P99, percentile(&mut driven.latencies, 0.99) / 1e6),
        ] {
            samples.add(started.row.name, asked.title(), figure, value);
        }
        eprintln!("{} judged by {}: {wall:.1?}", asked.title(), started.row.name);
        Ok(())
    }

    /// So many of a full run.
    fn some(&self, requests: usize) -> usize {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a small positive number"
        )]
        let some = (requests as f64 * self.share) as usize;
        some.max(CONNECTIONS)
    }
}

impl Guest {
    fn variables(&self, cache: &Path) -> Vec<(&'static str, String)> {
        vec![
            ("POLICY", self.component.display().to_string()),
            ("POLICY_SETTINGS", self.settings.clone()),
            ("POLICY_CACHE", cache.display().to_string()),
            ("POLICY_TIMEOUT", TIMEOUT.to_owned()),
        ]
    }
}
