//! What a reader needs to know about the machine and the versions; nothing that tells whose machine it is.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::Arguments;

/// Collects the facts of a run.
pub(crate) fn gather(arguments: &Arguments, rounds: usize) -> Result<BTreeMap<String, String>> {
    let cpus = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name\t: ")).unwrap_or("unknown");
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let number = kernel.split('-').next().unwrap_or_default().trim();
    let memory = fs::read_to_string("/proc/meminfo")?;
    let kib: u64 = memory.split_whitespace().nth(1).map_or(Ok(0), str::parse)?;
    let cores = std::thread::available_parallelism()?;
    let mut facts = BTreeMap::from([
        ("machine".to_owned(), format!("{cores} cores of {model}, {} GiB, Linux {number}", kib >> 20)),
        ("rounds".to_owned(), rounds.to_string()),
        ("sockgate".to_owned(), said(Command::new(&arguments.sockgate).arg("--version"))),
    ]);
    if !arguments.no_peers {
        facts.insert("HAProxy".to_owned(), said(Command::new("haproxy").arg("-v")));
    }
    if !arguments.quick {
        facts.insert("dockerd".to_owned(), said(Command::new("/usr/sbin/dockerd").arg("--version")));
    }
    Ok(facts)
}

/// CPU ticks since the machine's start: all that were used, and those that this program and its ended children used.
#[derive(Clone, Copy)]
pub(crate) struct Ticks {
    all: u64,
    own: u64,
}

impl Ticks {
    /// Now.
    pub(crate) fn now() -> Result<Self> {
        let sum = |line: &str, skip: usize, take: usize| -> Result<u64> {
            Ok(line.split_whitespace().skip(skip).take(take).map(str::parse::<u64>).sum::<Result<_, _>>()?)
        };
        let machine = fs::read_to_string("/proc/stat")?;
        let machine = machine.lines().next().context("an empty /proc/stat")?;
        let own = fs::read_to_string("/proc/self/stat")?;
        // After the name: fields 14 to 17 are the times of the process and of the children it has waited for.
        let (_name, own) = own.rsplit_once(") ").context("no name in stat")?;
        // user, nice and system; then, after idle and iowait, interrupts and what the hypervisor took.
        Ok(Self { all: sum(machine, 1, 3)? + sum(machine, 6, 3)?, own: sum(own, 11, 4)? })
    }

    /// How many cores others kept busy since `self`: the less, the more the figures are worth.
    pub(crate) fn others_since(self, begin: Instant) -> Result<String> {
        let now = Self::now()?;
        let ticks = (now.all - self.all).saturating_sub(now.own - self.own);
        Ok(format!("{:.2} on average", ticks as f64 / 100.0 / begin.elapsed().as_secs_f64()))
    }
}

/// The first line that a command prints.
fn said(command: &mut Command) -> String {
    let output = command.output().map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    output
        .ok()
        .and_then(|text| text.lines().next().map(str::to_owned))
        .unwrap_or_else(|| "not here".to_owned())
}
