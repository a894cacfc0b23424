//! What a process tree has used, from /proc: CPU time and memory.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Ticks of /proc's CPU times a second: fixed at 100 in Linux's interface with user space.
const TICKS: u64 = 100;

/// CPU time (user and system) of `pid` and its living descendants.
///
/// The kernel counts nanoseconds a thread; `stat` shows them in ticks of 10 ms, but also has the threads that ended.
/// The nanoseconds are taken unless ended threads make the ticks say clearly more.
pub(crate) fn cpu(pid: u32) -> Result<Duration> {
    let mut total = Duration::ZERO;
    for pid in tree(pid)? {
        let living = threads(pid)?;
        let all = ticks(pid)?;
        total += if all > living + Duration::from_millis(20) { all } else { living };
    }
    Ok(total)
}

/// Resident memory of `pid` and its living descendants, in MiB.
///
/// From `smaps_rollup`, which walks the page tables: `status` is off by up to some hundred KiB a thread.
pub(crate) fn resident_mib(pid: u32) -> Result<f64> {
    let mut kib = 0.0;
    for pid in tree(pid)? {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:")).context("no Rss")?;
        kib += line.trim().trim_end_matches(" kB").parse::<f64>()?;
    }
    Ok(kib / 1024.0)
}

fn tree(pid: u32) -> Result<Vec<u32>> {
    let mut pids = vec![pid];
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let children = fs::read_to_string(task?.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace() {
            pids.extend(tree(child.parse()?)?);
        }
    }
    Ok(pids)
}

fn threads(pid: u32) -> Result<Duration> {
    let mut nanos = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end between the listing and the reading; `stat` then has its time.
        let Ok(line) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
        nanos += line.split_whitespace().next().context("an empty schedstat")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanos))
}

fn ticks(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the program's name in parentheses and may hold spaces; utime and stime are 14th and 15th.
    let (_name, rest) = stat.rsplit_once(") ").context("no name in stat")?;
    let ticks: u64 = rest.split(' ').skip(11).take(2).map(str::parse::<u64>).sum::<Result<_, _>>()?;
    Ok(Duration::from_millis(ticks * 1000 / TICKS))
}
