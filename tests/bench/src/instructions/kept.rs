//! The counts as the repository keeps them, and what becomes of those that have changed.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};

/// What may be dearer without a word: what varies from run to run, and from one machine's libraries to another's.
const TOLERANCE: f64 = 0.05;
const HEAD: &str = "# Instructions that the release of sockgate executes in user space, as valgrind counts them: written by\n\
    # `tests/bench/run instructions`, compared by `tests/bench/run instructions --check`.\n\
    # workload\tfor each\tinstructions\n";

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Count {
    /// The workload.
    pub(super) name: String,
    /// What the instructions are for.
    pub(super) unit: String,
    /// How many for one of these.
    pub(super) instructions: u64,
}

/// The sum in a file that cachegrind has written.
pub(super) fn total(written: &str) -> Result<u64> {
    let sum = written.lines().find_map(|line| line.strip_prefix("summary:"));
    Ok(sum.context("valgrind has written no sum: it did not end by itself")?.trim().parse()?)
}

/// The file's text.
pub(super) fn write(counts: &[Count]) -> String {
    let lines =
        counts.iter().map(|Count { name, unit, instructions }| format!("{name}\t{unit}\t{instructions}\n"));
    HEAD.to_owned() + &lines.collect::<String>()
}

/// The counts of the file's text.
pub(super) fn read(text: &str) -> Result<Vec<Count>> {
    let line = |line: &str| {
        let mut fields = line.split('\t');
        let (name, unit) = (fields.next()?.to_owned(), fields.next()?.to_owned());
        Some(Count { name, unit, instructions: fields.next()?.parse().ok()? })
    };
    let lines = text.lines().filter(|text| !text.starts_with('#'));
    lines.map(|text| line(text).with_context(|| format!("{text:?} is no count"))).collect()
}

/// A table of both, and the names of what has become dearer or was not kept.
pub(super) fn compare(kept: &[Count], measured: &[Count]) -> (String, Vec<String>) {
    let mut table =
        String::from("| workload | for each | kept | now | now / kept |\n|---|---|---|---|---|\n");
    let mut dearer = Vec::new();
    for Count { name, unit, instructions } in measured {
        let before = kept.iter().find(|count| count.name == *name).map(|count| count.instructions);
        let ratio = before.map(|before| *instructions as f64 / before as f64);
        let (before, shown) = match (before, ratio) {
            (Some(before), Some(ratio)) => (before.to_string(), format!("{ratio:.3}")),
            _not_kept => ("-".to_owned(), "-".to_owned()),
        };
        // A String takes any line.
        let _written = writeln!(table, "| {name} | {unit} | {before} | {instructions} | {shown} |");
        if ratio.is_none_or(|ratio| ratio > 1.0 + TOLERANCE) {
            dearer.push(name.clone());
        }
    }
    (table, dearer)
}

/// What to say of these.
pub(super) fn complaint(dearer: &[String]) -> String {
    format!(
        "more than {:.0} % dearer than in tests/bench/instructions.tsv, or not in it: {}. If that is meant, write the file \
         anew with tests/bench/run instructions, and commit it with the reason",
        TOLERANCE * 100.0,
        dearer.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::{Count, compare, read, total, write};

    fn count(name: &str, instructions: u64) -> Count {
        Count { name: name.to_owned(), unit: "request".to_owned(), instructions }
    }

    #[test]
    fn what_is_written_is_read() {
        let counts = [count("small GET", 30_000), count("50 KB JSON", 50_000)];
        assert_eq!(read(&write(&counts)).unwrap(), counts);
        assert!(read("small GET\trequest\tmany\n").is_err());
    }

    #[test]
    fn a_sum_is_taken_from_what_cachegrind_writes() {
        assert_eq!(total("events: Ir\nfl=???\n0 12\nsummary: 1234567\n").unwrap(), 1_234_567);
        assert!(total("events: Ir\n").is_err());
    }

    #[test]
    fn only_what_is_clearly_dearer_or_unknown_is_complained_of() {
        for (kept, now, complaints) in [(1000, 1000, 0), (1000, 1050, 0), (1000, 1051, 1), (1000, 500, 0)] {
            let (_table, dearer) = compare(&[count("small GET", kept)], &[count("small GET", now)]);
            assert_eq!(dearer.len(), complaints, "{now} after {kept}");
        }
        assert_eq!(compare(&[], &[count("new", 1)]).1, ["new"]);
    }
}
