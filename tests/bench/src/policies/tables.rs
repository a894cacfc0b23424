//! The figures of policies as Markdown, and the targets that they must meet.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;

use super::parts::Parts;
use super::samples::{Figure, Samples};
use super::{ALL_ASKED, Asked, DEFAULT, FLAGS_ALONE, Row, bodies, misdeeds};
use crate::report::{dash, show};
use crate::stats::Summary;

/// The run as Markdown: facts, targets, tables.
pub(super) fn markdown(
    facts: &BTreeMap<String, String>,
    rows: &[Row],
    samples: &Samples,
    parts: &[Parts],
) -> Result<String> {
    let mut out = String::new();
    for (name, value) in facts {
        writeln!(out, "- {name}: {value}")?;
    }
    targets(&mut out, samples)?;
    decisions(&mut out, rows, samples)?;
    starts(&mut out, rows, samples)?;
    misdeeds(&mut out, samples)?;
    large_bodies(&mut out, samples)?;
    taken_apart(&mut out, parts)?;
    Ok(out)
}

fn targets(out: &mut String, samples: &Samples) -> Result<()> {
    let against = (DEFAULT, FLAGS_ALONE);
    let get = Asked::SmallGet.title();
    let with_bodies = bodies::row(bodies::BUSY.into_iter().max().unwrap_or_default());
    let busiest = misdeeds::BUSY.into_iter().max().unwrap_or_default();
    let beside = |deed| samples.of(&misdeeds::row(busiest, deed), "", Figure::P99);
    let worst = misdeeds::DEEDS.into_iter().filter_map(|(_, deed)| beside(deed));
    let rows = [
        (
            "guest-default: CPU of a decision, us",
            "<=",
            15.0,
            samples.against(against, get, Figure::CpuMicros, minus),
        ),
        (
            "guest-default: requests a second, of the flags'",
            ">=",
            0.75,
            samples.against(against, get, Figure::Rate, by),
        ),
        ("guest-default: p99, of the flags'", "<=", 1.5, samples.against(against, get, Figure::P99, by)),
        (
            "guest-default: start with a warm cache, ms",
            "<=",
            60.0,
            samples.of(DEFAULT, "", Figure::WarmStart),
        ),
        (
            "p99 of a ping beside 16 clients of a policy that misbehaves, the worst, ms",
            "<=",
            5.0,
            worst.max_by(|one, other| one.median.total_cmp(&other.median)),
        ),
        (
            "p99 of a ping beside 16 clients with the worst bodies of 1 MiB, ms",
            "<=",
            2.0,
            samples.of(&with_bodies, "", Figure::P99),
        ),
    ];
    writeln!(out, "\n### Targets of policies\n\n| figure | target | measured | met |\n|---|---|---|---|")?;
    for (figure, order, limit, measured) in rows {
        let Some(measured) = measured else { continue };
        let is_met = if order == "<=" { measured.median <= limit } else { measured.median >= limit };
        let met = if is_met { "yes" } else { "**no**" };
        writeln!(out, "| {figure} | {order} {limit} | {} | {met} |", show(measured))?;
    }
    Ok(())
}

fn decisions(out: &mut String, rows: &[Row], samples: &Samples) -> Result<()> {
    writeln!(
        out,
        "\n### Decisions, {} connections\n\n| request | policy | CPU of a decision, us | requests/s | of the flags' | \
         p50 ms | p99 ms | of the flags' |\n|---|---|---|---|---|---|---|---|",
        super::CONNECTIONS
    )?;
    for asked in ALL_ASKED {
        let title = asked.title();
        for row in rows {
            let of = |figure| cell(samples.of(row.name, title, figure));
            let against = |figure, with: fn(f64, f64) -> f64| match row.policy {
                Some(_) => cell(samples.against((row.name, FLAGS_ALONE), title, figure, with)),
                None => dash(),
            };
            writeln!(
                out,
                "| {title} | {} | {} | {} | {} | {} | {} | {} |",
                row.name,
                against(Figure::CpuMicros, minus),
                of(Figure::Rate),
                against(Figure::Rate, by),
                of(Figure::P50),
                of(Figure::P99),
                against(Figure::P99, by),
            )?;
        }
    }
    Ok(())
}

fn starts(out: &mut String, rows: &[Row], samples: &Samples) -> Result<()> {
    writeln!(
        out,
        "\n### From exec to the first decision, and resident memory\n\n| policy | empty cache, ms | warm cache, ms | \
         idle, MiB | after load, MiB |\n|---|---|---|---|---|"
    )?;
    for row in rows {
        let of = |figure| cell(samples.of(row.name, "", figure));
        let (cold, warm) = (of(Figure::ColdStart), of(Figure::WarmStart));
        writeln!(
            out,
            "| {} | {cold} | {warm} | {} | {} |",
            row.name,
            of(Figure::RssIdle),
            of(Figure::RssLoaded)
        )?;
    }
    Ok(())
}

fn misdeeds(out: &mut String, samples: &Samples) -> Result<()> {
    writeln!(
        out,
        "\n### A ping beside clients of a policy that misbehaves, with a `POLICY_TIMEOUT` of 100 ms\n\n\
         | | ping p50 ms | ping p99 ms | the others' p50, ms | p99, ms |\n|---|---|---|---|---|"
    )?;
    for (_, deed) in misdeeds::DEEDS {
        for busy in misdeeds::BUSY {
            pings(out, &misdeeds::row(busy, deed), samples)?;
        }
    }
    Ok(())
}

fn pings(out: &mut String, row: &str, samples: &Samples) -> Result<()> {
    let of = |figure| cell(samples.of(row, "", figure));
    let (p50, p99) = (of(Figure::P50), of(Figure::P99));
    let (others_p50, others_p99) = (of(Figure::OthersP50), of(Figure::OthersP99));
    Ok(writeln!(out, "| {row} | {p50} | {p99} | {others_p50} | {others_p99} |")?)
}

fn large_bodies(out: &mut String, samples: &Samples) -> Result<()> {
    writeln!(
        out,
        "\n### A ping beside clients whose bodies of 1 MiB take the longest to judge\n\n\
         | | ping p50 ms | ping p99 ms | a body's p50, ms | p99, ms |\n|---|---|---|---|---|"
    )?;
    bodies::BUSY.into_iter().try_for_each(|busy| pings(out, &bodies::row(busy), samples))
}

fn taken_apart(out: &mut String, parts: &[Parts]) -> Result<()> {
    writeln!(
        out,
        "\n### A decision taken apart by `sockgate policy bench`, medians\n\n| policy | request | verdict | instance | \
         configure | decide | end | CPU of all |\n|---|---|---|---|---|---|---|---|"
    )?;
    for Parts { row, asked, verdict, instance, configure, decide, end, cpu } in parts {
        let asked = asked.title();
        writeln!(
            out,
            "| {row} | {asked} | {verdict} | {instance} | {configure} | {decide} | {end} | {cpu} |"
        )?;
    }
    Ok(())
}

fn cell(summary: Option<Summary>) -> String {
    summary.map_or_else(dash, show)
}

fn minus(own: f64, others: f64) -> f64 {
    own - others
}

fn by(own: f64, others: f64) -> f64 {
    own / others
}
