//! Figures to Markdown and JSON, and the targets that they must meet.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::stats::{Summary, summary};
use crate::workload::{Metric, Row};

/// The name of the column of the relay that parses nothing.
pub(crate) const FLOOR: &str = "floor";
/// The name of HAProxy's column.
pub(crate) const HAPROXY: &str = "HAProxy";
/// The name of the measured binary's column.
pub(crate) const SOCKGATE: &str = "sockgate";

/// All figures of a run.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    /// What was measured where.
    pub(crate) facts: BTreeMap<String, String>,
    /// The columns.
    pub(crate) subjects: Vec<String>,
    /// The figures.
    pub(crate) cells: Vec<Cell>,
}

/// One metric of one workload through one subject.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Cell {
    /// `Row::name`.
    pub(crate) workload: String,
    /// `Row::title`.
    pub(crate) title: String,
    /// What was measured.
    pub(crate) metric: Metric,
    /// `Subject::name`.
    pub(crate) subject: String,
    /// One value a round.
    pub(crate) rounds: Vec<f64>,
}

/// What a figure must not exceed.
enum Limit {
    /// So much of HAProxy's figure in the same round.
    OfHaProxy(f64),
    /// This figure.
    Absolute(f64),
}

const TARGETS: [(&str, Metric, Limit); 12] = [
    ("small-16", Metric::CpuPer10k, Limit::OfHaProxy(0.6)),
    ("json-16", Metric::CpuPer10k, Limit::OfHaProxy(0.7)),
    ("connect", Metric::CpuPer10k, Limit::OfHaProxy(0.85)),
    ("denied", Metric::CpuPer10k, Limit::OfHaProxy(0.6)),
    ("download", Metric::CpuPerGib, Limit::OfHaProxy(0.9)),
    ("download-chunked", Metric::CpuPerGib, Limit::OfHaProxy(0.9)),
    ("upload", Metric::CpuPerGib, Limit::OfHaProxy(0.9)),
    ("upload-chunked", Metric::CpuPerGib, Limit::OfHaProxy(0.9)),
    ("logs", Metric::P50, Limit::Absolute(0.2)),
    ("memory", Metric::RssIdle, Limit::Absolute(12.0)),
    ("memory", Metric::RssLoaded, Limit::Absolute(20.0)),
    ("start", Metric::Start, Limit::Absolute(15.0)),
];

/// Figures that plots show and no table does.
const PLOTTED: [(Metric, &str); 2] = [(Metric::P90, "p90 ms"), (Metric::P999, "p99.9 ms")];

/// Metric, its name in a row, its name above a table.
const TABLES: [(Metric, &str, &str); 13] = [
    (Metric::CpuPer10k, "CPU s / 10,000", "CPU seconds of the proxy for 10,000 requests (log rows: lines)"),
    (Metric::CpuPerGib, "CPU s / GiB", "CPU seconds of the proxy for a GiB"),
    (Metric::Rate, "requests/s", "Requests a second"),
    (Metric::GibRate, "GiB/s", "GiB a second"),
    (Metric::P50, "p50 ms", "p50 of a request or of a log line's delay, ms"),
    (Metric::P99, "p99 ms", "p99 of the same, ms"),
    (Metric::Start, "start ms", "From exec to the first byte of a 200 answer, ms"),
    (Metric::RssIdle, "idle MiB", "Resident memory after the first answer, MiB"),
    (Metric::RssLoaded, "after load MiB", "Resident memory after load, MiB"),
    (Metric::RssConnection, "KiB / connection", "Resident memory that each of 200 connections adds, KiB"),
    (Metric::RssLeft, "left MiB", "Resident memory after these 200 clients have left, MiB"),
    (Metric::CpuStreams, "CPU ms", "CPU time in a second in which 200 silent event streams are open, ms"),
    (Metric::LogLines, "log lines / request", "Log lines that the proxy wrote a request"),
];

impl Report {
    /// Notes one round's figure.
    pub(crate) fn add(&mut self, row: Row, subject: &str, metric: Metric, value: f64) {
        match self.position(row.name, metric, subject) {
            Some(index) => self.cells[index].rounds.push(value),
            None => self.cells.push(Cell {
                workload: row.name.to_owned(),
                title: row.title.to_owned(),
                metric,
                subject: subject.to_owned(),
                rounds: vec![value],
            }),
        }
    }

    fn position(&self, workload: &str, metric: Metric, subject: &str) -> Option<usize> {
        self.cells.iter().position(|cell| {
            (cell.workload.as_str(), cell.metric, cell.subject.as_str()) == (workload, metric, subject)
        })
    }

    /// A figure in all rounds.
    pub(crate) fn rounds(&self, workload: &str, metric: Metric, subject: &str) -> Option<&[f64]> {
        self.position(workload, metric, subject).map(|index| self.cells[index].rounds.as_slice())
    }

    /// `of` divided by `by`, round by round.
    fn ratio(&self, workload: &str, metric: Metric, of: &str, by: &str) -> Option<Summary> {
        let (of, by) = (self.rounds(workload, metric, of)?, self.rounds(workload, metric, by)?);
        summary(&of.iter().zip(by).map(|(of, by)| of / by).collect::<Vec<_>>())
    }

    /// The run as Markdown: facts, targets, a table a metric.
    pub(crate) fn markdown(&self) -> Result<String> {
        let mut out = String::new();
        for (name, value) in &self.facts {
            writeln!(out, "- {name}: {value}")?;
        }
        self.targets(&mut out)?;
        for (metric, _name, title) in TABLES {
            self.table(&mut out, metric, title)?;
        }
        Ok(out)
    }

    fn targets(&self, out: &mut String) -> Result<()> {
        writeln!(
            out,
            "\n### Targets\n\n| workload | figure | target | measured | met |\n|---|---|---|---|---|"
        )?;
        for (workload, metric, limit) in &TARGETS {
            let (measured, limit, unit) = match limit {
                Limit::OfHaProxy(limit) => {
                    (self.ratio(workload, *metric, SOCKGATE, HAPROXY), *limit, "x HAProxy")
                }
                Limit::Absolute(limit) => {
                    (self.rounds(workload, *metric, SOCKGATE).and_then(summary), *limit, "")
                }
            };
            let Some(measured) = measured else { continue };
            let met = if measured.median <= limit { "yes" } else { "**no**" };
            let name = figure(*metric);
            writeln!(out, "| {workload} | {name} | <= {limit}{unit} | {} | {met} |", show(measured))?;
        }
        Ok(())
    }

    fn table(&self, out: &mut String, metric: Metric, title: &str) -> Result<()> {
        let mut rows: Vec<(&str, &str)> = Vec::new();
        for cell in self.cells.iter().filter(|cell| cell.metric == metric) {
            if !rows.iter().any(|(name, _title)| *name == cell.workload) {
                rows.push((&cell.workload, &cell.title));
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        let pairs = self.pairs();
        write!(out, "\n### {title}\n\n| |")?;
        for name in self.subjects.iter().cloned().chain(pairs.iter().map(|(of, by)| format!("{of} / {by}"))) {
            write!(out, " {name} |")?;
        }
        writeln!(out, "\n|---|{}", "---|".repeat(self.subjects.len() + pairs.len()))?;
        for (workload, title) in rows {
            write!(out, "| {title} |")?;
            for subject in &self.subjects {
                write!(
                    out,
                    " {} |",
                    self.rounds(workload, metric, subject).and_then(summary).map_or_else(dash, show)
                )?;
            }
            for (of, by) in &pairs {
                write!(out, " {} |", self.ratio(workload, metric, of, by).map_or_else(dash, show))?;
            }
            writeln!(out)?;
        }
        Ok(())
    }

    /// The columns that are ratios: sockgate to its peers, and a second sockgate to the first.
    fn pairs(&self) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for subject in self.subjects.iter().skip_while(|name| *name != SOCKGATE) {
            let peers: &[&str] = if subject == SOCKGATE { &[FLOOR, HAPROXY] } else { &[SOCKGATE] };
            let measured = peers.iter().filter(|by| self.subjects.iter().any(|name| name == *by));
            pairs.extend(measured.map(|by| (subject.clone(), (*by).to_owned())));
        }
        pairs
    }
}

/// Two runs side by side: sockgate's medians and their ratio.
pub(crate) fn compare(before: &Report, after: &Report) -> Result<String> {
    let mut out =
        String::from("| workload | figure | before | after | after / before |\n|---|---|---|---|---|\n");
    for cell in before.cells.iter().filter(|cell| cell.subject == SOCKGATE) {
        let (Some(old), Some(new)) =
            (summary(&cell.rounds), after.rounds(&cell.workload, cell.metric, SOCKGATE).and_then(summary))
        else {
            continue;
        };
        let ratio = new.median / old.median;
        writeln!(
            out,
            "| {} | {} | {} | {} | {ratio:.2} |",
            cell.workload,
            figure(cell.metric),
            show(old),
            show(new)
        )?;
    }
    Ok(out)
}

fn figure(metric: Metric) -> &'static str {
    let tabled = TABLES.iter().map(|(of, name, _title)| (of, name));
    let mut names = tabled.chain(PLOTTED.iter().map(|(of, name)| (of, name)));
    names.find(|(of, _name)| **of == metric).map_or("", |(_of, name)| name)
}

/// What stands where nothing was measured.
pub(crate) fn dash() -> String {
    "-".to_owned()
}

/// Median, minimum and maximum.
pub(crate) fn show(summary: Summary) -> String {
    let Summary { median, min, max } = summary;
    let decimals = decimals(median);
    format!("{median:.decimals$} ({min:.decimals$}-{max:.decimals$})")
}

/// How many decimals of a figure of this size are worth showing.
pub(crate) fn decimals(figure: f64) -> usize {
    match figure {
        small if small < 0.1 => 3,
        small if small < 10.0 => 2,
        middle if middle < 1000.0 => 1,
        _large => 0,
    }
}
