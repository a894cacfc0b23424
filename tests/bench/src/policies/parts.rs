//! Where a decision's time goes, as `sockgate policy bench` finds out: in one process, without a gateway and its load.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{ALL_ASKED, Asked, Row};
use crate::Arguments;
use crate::subject::LISTENER;

/// Medians of one policy and request, as they are printed: `12 us`.
#[derive(Debug)]
pub(super) struct Parts {
    /// The policy.
    pub(super) row: &'static str,
    /// The request.
    pub(super) asked: Asked,
    /// What the policy said, without its reasons.
    pub(super) verdict: String,
    /// Making the instance.
    pub(super) instance: String,
    /// Its `configure`.
    pub(super) configure: String,
    /// Its `decide`.
    pub(super) decide: String,
    /// Dropping it.
    pub(super) end: String,
    /// CPU time of everything.
    pub(super) cpu: String,
}

/// Takes every policy's decisions apart.
pub(super) fn measure(arguments: &Arguments, rows: &[Row], cache: &Path) -> Result<Vec<Parts>> {
    let mut all = Vec::new();
    let body = cache.join("create.json");
    std::fs::write(&body, super::CREATE)?;
    for (row, guest) in rows.iter().filter_map(|row| Some((row, row.policy.as_ref()?))) {
        for asked in ALL_ASKED {
            let mut command = Command::new(&arguments.sockgate);
            command.env_clear().env("POLICY_CACHE", cache).args(["policy", "bench", "--seconds", "2"]);
            command.args(["--settings", &guest.settings]).arg(&guest.component);
            // Nothing listens here; a policy that asks who came by which listener has to know this one.
            command.arg("--client").arg(format!("listener={LISTENER}"));
            match asked {
                Asked::SmallGet => command.args(["--request", "GET /_ping"]),
                Asked::Create => {
                    command.args(["--request", "POST /containers/create?name=web-1", "--body"]).arg(&body)
                }
            };
            let output = command.output().context("starting sockgate policy bench")?;
            ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let printed = String::from_utf8(output.stdout)?;
            all.push(read(row.name, asked, &printed).with_context(|| printed.clone())?);
        }
    }
    Ok(all)
}

fn read(row: &'static str, asked: Asked, printed: &str) -> Option<Parts> {
    let line = |name: &str| printed.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let between = |text: &str, before: &str| {
        let (_, rest) = text.split_once(before)?;
        Some(rest.split([',', ':']).next()?.trim().to_owned())
    };
    let beside = line("beside it")?;
    Some(Parts {
        row,
        asked,
        verdict: line("verdict")?.split(' ').next()?.to_owned(),
        instance: between(beside, "instance")?,
        configure: between(beside, "configure")?,
        decide: between(line("decide")?, "p50")?,
        end: between(beside, "end")?,
        cpu: line("cpu")?.split(" in all").next()?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::{Asked, read};

    #[test]
    fn the_tools_words_are_understood() {
        let printed = "policy      p 1\nrequest     GET /_ping, no body\nverdict     deny 403: no\n\
            decide      p50 4.5 us, p99 9.8 us: what a request waits for\n\
            beside it   instance 8.1 us, configure 3.0 us, end 2.2 us: made ready between requests (p50)\n\
            cpu         19 us in all: 52631 decisions/s on a core of its own\n";
        let parts = read("p", Asked::SmallGet, printed).unwrap();
        let figures = [parts.instance, parts.configure, parts.decide, parts.end, parts.cpu, parts.verdict];
        assert_eq!(figures, ["8.1 us", "3.0 us", "4.5 us", "2.2 us", "19 us", "deny"]);
    }
}
