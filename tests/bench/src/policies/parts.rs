//! Where a decision's time goes, as the program beside this one finds out.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::{ALL_ASKED, Asked, Row};
use crate::Arguments;
use crate::subject::LISTENER;

/// Decisions in a full run.
const DECISIONS: usize = 2_000;
/// Where the made-up client connected.
const ADDRESS: &str = "127.0.0.1:2375";

/// Medians of one policy and request.
pub(super) struct Medians {
    /// The policy.
    pub(super) row: &'static str,
    /// The request.
    pub(super) asked: Asked,
    /// Instance, configure, decide, end; and decide once more in the same instance. In microseconds.
    pub(super) micros: [f64; 5],
}

/// Takes every policy's decisions apart.
pub(super) fn measure(arguments: &Arguments, rows: &[Row]) -> Result<Vec<Medians>> {
    let mut all = Vec::new();
    for (row, guest) in rows.iter().filter_map(|row| Some((row, row.policy.as_ref()?))) {
        let decisions = if arguments.quick { DECISIONS / 10 } else { DECISIONS } / guest.fewer;
        let mut command = Command::new(&arguments.guests);
        command.arg("parts").arg(&guest.component).arg(guest.settings.replace(LISTENER, ADDRESS));
        let printed = said(command.args([ADDRESS, &decisions.to_string()]))?;
        for (asked, line) in ALL_ASKED.into_iter().zip(printed.lines()) {
            let micros = line.split(' ').map(str::parse).collect::<Result<Vec<f64>, _>>()?;
            let micros = micros.try_into().ok().context("five figures on a line")?;
            all.push(Medians { row: row.name, asked, micros });
        }
    }
    Ok(all)
}

/// What a command prints, if all is well.
pub(super) fn said(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output().context("starting bench-guests")?;
    ensure!(output.status.success(), "bench-guests ended with {}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}
