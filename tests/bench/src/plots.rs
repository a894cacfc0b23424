//! What of a run is drawn, and where the drawings go: beside the document that shows the figures.

mod bars;

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::report::Report;
use crate::stats::summary;
use crate::workload::Metric;
use bars::{Chart, Series};

/// The folder of the drawings, below the document's.
const FOLDER: &str = "plots";
const BY_CONNECTIONS: &str = "connections";
/// Of the subjects, in their order; each is told from the others on white and on black.
const COLOURS: [&str; 5] = ["#8c959f", "#2da44e", "#d4731c", "#388bfd", "#a371f7"];

/// A drawing.
pub(crate) struct Plot {
    file: &'static str,
    title: String,
    svg: String,
}

/// One group of bars: what is below it, and which figure of which row it shows.
type Group = (&'static str, &'static str, Metric);

/// Everything that the figures suffice for.
pub(crate) fn all(report: &Report) -> Result<Vec<Plot>> {
    let cpu = |workloads: [&'static str; 4]| {
        let [first, second, third, fourth] = workloads;
        [("16", first), ("64", second), ("256", third), ("900", fourth)]
            .map(|(connections, workload)| (connections, workload, Metric::CpuPer10k))
    };
    let latency = [("p50", Metric::P50), ("p90", Metric::P90), ("p99", Metric::P99), ("p99.9", Metric::P999)]
        .map(|(name, metric)| (name, "small-16", metric));
    let mut plots = Vec::new();
    for (file, title, below, groups) in [
        (
            "cpu-small-get.svg",
            "CPU time of the proxy for 10,000 small GETs, seconds",
            BY_CONNECTIONS,
            cpu(["small-16", "small-64", "small-256", "small-900"]),
        ),
        (
            "cpu-json.svg",
            "CPU time of the proxy for 10,000 answers of 50 KB, seconds",
            BY_CONNECTIONS,
            cpu(["json-16", "json-64", "json-256", "json-900"]),
        ),
        (
            "latency-small-get.svg",
            "Time of a small GET on 16 connections, milliseconds",
            "of all requests, this share takes no longer",
            latency,
        ),
    ] {
        let chart = chart(report, title, below, &groups);
        if !chart.series.is_empty() {
            plots.push(Plot { file, title: title.to_owned(), svg: bars::draw(&chart)? });
        }
    }
    Ok(plots)
}

/// Subjects without a single figure have no series.
fn chart(report: &Report, title: &str, below: &str, groups: &[Group]) -> Chart {
    let bars = |subject: &str| {
        let bars = groups.iter().map(|(_name, workload, metric)| report.rounds(workload, *metric, subject));
        bars.map(|rounds| rounds.and_then(summary)).collect::<Vec<_>>()
    };
    let subjects = report.subjects.iter().zip(COLOURS);
    let series = subjects.map(|(name, colour)| Series { name: name.clone(), colour, bars: bars(name) });
    Chart {
        title: title.to_owned(),
        below: below.to_owned(),
        groups: groups.iter().map(|(name, ..)| (*name).to_owned()).collect(),
        series: series.filter(|series| series.bars.iter().any(Option::is_some)).collect(),
    }
}

/// Markdown that shows them.
pub(crate) fn links(plots: &[Plot]) -> String {
    plots.iter().map(|plot| format!("\n![{}]({FOLDER}/{})\n", plot.title, plot.file)).collect()
}

/// Writes them into their folder below this one.
pub(crate) fn write(plots: &[Plot], parent: &Path) -> Result<()> {
    let folder = parent.join(FOLDER);
    fs::create_dir_all(&folder)?;
    for plot in plots {
        fs::write(folder.join(plot.file), &plot.svg)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{all, links};
    use crate::report::Report;
    use crate::workload::{Metric, Row};

    #[test]
    fn a_plot_is_drawn_as_soon_as_there_is_one_figure_for_it() {
        let mut report =
            Report { subjects: vec!["floor".to_owned(), "sockgate".to_owned()], ..Report::default() };
        assert!(all(&report).unwrap().is_empty());
        report.add(Row { name: "small-256", title: "" }, "sockgate", Metric::CpuPer10k, 0.5);
        let plots = all(&report).unwrap();
        assert_eq!(plots.iter().map(|plot| plot.file).collect::<Vec<_>>(), ["cpu-small-get.svg"]);
        assert!(!plots[0].svg.contains("floor"), "nothing was measured of it");
        assert!(links(&plots).contains("(plots/cpu-small-get.svg)"));
    }
}
