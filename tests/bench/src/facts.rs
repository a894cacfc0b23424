//! What a reader needs to know about the machine and the versions; nothing that tells whose machine it is.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use anyhow::Result;

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

/// The first line that a command prints.
fn said(command: &mut Command) -> String {
    let output = command.output().map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    output
        .ok()
        .and_then(|text| text.lines().next().map(str::to_owned))
        .unwrap_or_else(|| "not here".to_owned())
}
