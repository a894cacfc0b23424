//! Measures what stands between a docker client and its engine: nothing, a relay that parses nothing, HAProxy, sockgate,
//! or two builds of it.
//!
//! One run starts every subject afresh in every round and takes the workloads in turn, so that a change of the
//! machine's mood reaches all subjects alike; the figure to compare is CPU time of the proxy, which load generator and
//! engine on the same cores blur least. It says how to read the result in docs/BENCHMARKS.md.
#![allow(
    clippy::indexing_slicing,
    reason = "the benchmark's own data; a wrong index ends the run with its place"
)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "progress and result of a command")]
#![allow(clippy::cast_precision_loss, reason = "figures have far fewer digits than an f64")]

mod client;
mod dockerd;
mod engine;
mod facts;
mod held;
mod instructions;
mod load;
mod plots;
mod policies;
mod relay;
mod report;
mod stats;
mod stream;
mod subject;
mod usage;
mod wire;
mod workload;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Parser, Subcommand};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;
use tokio::task::LocalSet;

use crate::dockerd::Dockerd;
use crate::facts::Ticks;
use crate::instructions::Wish;
use crate::report::{FLOOR, HAPROXY, Report, SOCKGATE};
use crate::subject::{Kind, Running, Sockgate, Subject};
use crate::workload::{Engine, Fit, Workload};

#[derive(Parser)]
#[command(about = "Measures direct access, a bare relay, HAProxy and sockgate side by side")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Action>,
    /// The sockgate binary to measure.
    #[arg(long, default_value = "target/release/sockgate", global = true)]
    sockgate: PathBuf,
    /// The folder where policies were built.
    #[arg(long, default_value = "target/guests", global = true)]
    guests: PathBuf,
    /// A second sockgate binary, measured beside the first.
    #[arg(long)]
    vs: Option<PathBuf>,
    /// How often everything is measured; the tables show medians and spread.
    #[arg(long, default_value_t = 5, global = true)]
    rounds: usize,
    /// Only workloads whose names start so, comma-separated: small,denied,dockerd. Of policies: decisions, misdeeds,
    /// bodies.
    #[arg(long, value_delimiter = ',', global = true)]
    only: Vec<String>,
    /// Two rounds of a fifth of the requests, without dockerd.
    #[arg(long, global = true)]
    quick: bool,
    /// Leave everything but sockgate out: for two builds of it.
    #[arg(long)]
    no_peers: bool,
    /// The folder that gets the figures as JSON and as Markdown, and the plots.
    #[arg(long, default_value = "target/bench", global = true)]
    out: PathBuf,
    /// Replaces the figures between the markers of this document, and the plots beside it.
    #[arg(long, global = true)]
    document: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Action {
    /// Serves canned answers on a unix socket; what the run starts for itself.
    Engine {
        /// Where to listen.
        socket: PathBuf,
    },
    /// Copies bytes between the clients of an address and a unix socket; what the run starts for itself.
    Relay {
        /// Where to listen.
        gate: SocketAddr,
        /// Where the engine is.
        socket: PathBuf,
    },
    /// Counts the instructions of a request instead, and keeps the counts in the repository.
    Instructions {
        /// Keep nothing; fail if something has become dearer than what is kept.
        #[arg(long)]
        check: bool,
    },
    /// Measures policies instead: what a decision costs, starts, memory, and a policy that burns its time.
    Policies,
    /// Prints sockgate's figures of two figures.json files side by side.
    Compare {
        /// The earlier run.
        before: PathBuf,
        /// The later run.
        after: PathBuf,
    },
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    raise_file_limit()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match &arguments.command {
        Some(Action::Engine { socket }) => runtime.block_on(engine::serve(socket)),
        Some(Action::Relay { gate, socket }) => Ok(runtime.block_on(relay::serve(*gate, socket))?),
        Some(Action::Compare { before, after }) => {
            let read = |path| -> Result<Report> { Ok(serde_json::from_slice(&fs::read(path)?)?) };
            print!("{}", report::compare(&read(before)?, &read(after)?)?);
            Ok(())
        }
        Some(Action::Instructions { check }) => {
            let wish = if *check { Wish::Check } else { Wish::Keep };
            runtime.block_on(LocalSet::new().run_until(instructions::measure(&arguments, wish)))
        }
        Some(Action::Policies) => runtime.block_on(LocalSet::new().run_until(policies::measure(&arguments))),
        None => runtime.block_on(LocalSet::new().run_until(measure(&arguments))),
    }
}

/// A proxy needs three files for each of 900 connections: as many as may be, for this program and all that it starts.
fn raise_file_limit() -> Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).context("raising the file limit")
}

async fn measure(arguments: &Arguments) -> Result<()> {
    let (share, rounds) = if arguments.quick { (0.2, 2) } else { (1.0, arguments.rounds) };
    let workloads = chosen(arguments, share)?;
    let subjects = subjects(arguments)?;
    let folder = tempfile::Builder::new().prefix("sgb").tempdir()?;
    let (begin, ticks) = (Instant::now(), Ticks::now()?);
    let fake = FakeEngine::start(&folder.path().join("e.sock"))?;
    let mut report = Report {
        facts: facts::gather(arguments, rounds)?,
        subjects: subjects.iter().map(|subject| subject.name.clone()).collect(),
        ..Report::default()
    };
    for (engine, socket) in [(Engine::Fake, Some(fake.socket.clone())), (Engine::Dockerd, None)] {
        let workloads: Vec<&Workload> =
            workloads.iter().filter(|workload| workload.engine == engine).collect();
        if workloads.is_empty() {
            continue;
        }
        let (socket, _dockerd) = match socket {
            Some(socket) => (socket, None),
            None => {
                let dockerd = Dockerd::start(folder.path()).await?;
                (dockerd.socket.clone(), Some(dockerd))
            }
        };
        for index in 0..rounds {
            round(&mut report, &workloads, &subjects, &socket, index).await?;
            eprintln!("round {} of {rounds} on {engine:?} done", index + 1);
        }
    }
    drop(fake);
    report.facts.insert("cores kept busy by others".to_owned(), ticks.others_since(begin)?);
    let plots = plots::all(&report)?;
    let markdown = report.markdown()? + &plots::links(&plots);
    plots::write(&plots, &arguments.out)?;
    if let Some(document) = &arguments.document {
        plots::write(&plots, document.parent().context("a document is in a folder")?)?;
    }
    publish(arguments, "figures", &report, &markdown)
}

async fn round(
    report: &mut Report,
    workloads: &[&Workload],
    subjects: &[Subject],
    engine: &Path,
    index: usize,
) -> Result<()> {
    let mut running =
        subjects.iter().map(|subject| Running::start(subject, engine)).collect::<Result<Vec<Running>>>()?;
    // Nobody goes first in every round.
    let count = running.len();
    running.rotate_left(index % count);
    for workload in workloads {
        for subject in &running {
            if workload.fits(&subject.subject.kind) == Fit::No {
                continue;
            }
            let begin = Instant::now();
            let rows = workload.run(subject, engine).await?;
            eprintln!("{} through {}: {:.1?}", workload.row.name, subject.subject.name, begin.elapsed());
            for (row, figures) in rows {
                for (metric, value) in figures {
                    report.add(row, &subject.subject.name, metric, value);
                }
            }
        }
    }
    Ok(())
}

fn chosen(arguments: &Arguments, share: f64) -> Result<Vec<Workload>> {
    let mut workloads = workload::all(share);
    if !arguments.only.is_empty() {
        for name in &arguments.only {
            ensure!(
                workloads.iter().any(|workload| workload.row.name.starts_with(name)),
                "no workload {name}"
            );
        }
        workloads.retain(|workload| arguments.only.iter().any(|name| workload.row.name.starts_with(name)));
    } else if arguments.quick {
        workloads.retain(|workload| workload.engine == Engine::Fake);
    }
    Ok(workloads)
}

fn subjects(arguments: &Arguments) -> Result<Vec<Subject>> {
    let mut subjects = Vec::new();
    if !arguments.no_peers {
        subjects.push(Subject { name: "direct".to_owned(), kind: Kind::Direct });
        subjects.push(Subject { name: FLOOR.to_owned(), kind: Kind::Floor });
        subjects.push(Subject { name: HAPROXY.to_owned(), kind: Kind::HaProxy });
    }
    for (name, binary) in [(SOCKGATE, Some(&arguments.sockgate)), ("sockgate (vs)", arguments.vs.as_ref())] {
        let Some(binary) = binary else { continue };
        let binary = fs::canonicalize(binary).with_context(|| binary.display().to_string())?;
        let kind = Kind::Sockgate(Sockgate { binary, variables: Vec::new(), counted: None });
        subjects.push(Subject { name: name.to_owned(), kind });
    }
    Ok(subjects)
}

/// This program once more, as the fake engine; dropping it ends it.
struct FakeEngine {
    child: Child,
    socket: PathBuf,
}

impl FakeEngine {
    fn start(socket: &Path) -> Result<Self> {
        let child = Command::new(std::env::current_exe()?).arg("engine").arg(socket).spawn()?;
        let engine = Self { child, socket: socket.to_owned() };
        for _attempt in 0..1000 {
            if std::os::unix::net::UnixStream::connect(socket).is_ok() {
                return Ok(engine);
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        bail!("the fake engine did not listen within 5 s")
    }
}

impl Drop for FakeEngine {
    fn drop(&mut self) {
        // Errors mean that it ended before; there is nobody to tell.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// Writes a run's figures down; in the document, between the comments `<!-- {section} -->` and `<!-- end of {section} -->`.
fn publish(arguments: &Arguments, section: &str, figures: &impl Serialize, markdown: &str) -> Result<()> {
    fs::create_dir_all(&arguments.out)?;
    fs::write(arguments.out.join(format!("{section}.json")), serde_json::to_vec_pretty(figures)?)?;
    fs::write(arguments.out.join(format!("{section}.md")), markdown)?;
    if let Some(path) = &arguments.document {
        let text = fs::read_to_string(path)?;
        let (begin, end) = (format!("<!-- {section} -->\n"), format!("<!-- end of {section} -->"));
        let (before, rest) =
            text.split_once(&begin).with_context(|| format!("no {begin} in the document"))?;
        let (_old, after) = rest.split_once(&end).with_context(|| format!("no {end} in the document"))?;
        fs::write(path, format!("{before}{begin}{markdown}{end}{after}"))?;
    }
    print!("{markdown}");
    Ok(())
}
