//! The part "Run" of an example's README, done as it is printed: the gateway with these variables and no others, then the
//! commands in their order, each with the outcome that stands behind it.

use e2e::dockerd::{Dockerd, Release};
use e2e::{Gateway, Via, guests};

use crate::client::Client;

/// What the README prints.
struct Run {
    variables: Vec<(String, String)>,
    /// Commands with `allowed`, or `refused: ` and the policy's words.
    commands: Vec<(String, String)>,
}

/// Does what the README of `examples/<package>` prints, with other names where `fill` gives some.
pub(super) fn holds(package: &str, engine: &Dockerd, cli: Release, fill: impl Fn(&str) -> String) {
    let readme = format!("{}/../examples/{package}/README.md", env!("CARGO_MANIFEST_DIR"));
    let run = read(&fill(&std::fs::read_to_string(readme).unwrap()));
    let component = guests::rust(package);
    let mut settings = vec![("POLICY_TIMEOUT", "10s")]; // a machine that runs all tests at once may be slow
    for (name, value) in &run.variables {
        if name == "POLICY" {
            let file = component.file_name().unwrap().to_str().unwrap();
            assert!(value.ends_with(&format!("release/{file}")), "POLICY={value}");
        } else {
            settings.push((name, value));
        }
    }
    settings.push(("POLICY", component.to_str().unwrap()));
    let docker = Client::behind(cli.docker(), Gateway::start(&engine.socket(), &settings), Via::Tcp);
    for (command, outcome) in &run.commands {
        let words: Vec<_> = command.split_whitespace().skip(1).collect();
        match outcome.split_once(": ") {
            None if outcome == "allowed" => drop(docker.ok(&words)),
            Some(("refused", reason)) => {
                let said = docker.fails(&words);
                assert!(said.contains(reason) && said.contains("(policy "), "{command}: {said}");
            }
            None | Some(_) => panic!("{command} neither `# allowed` nor `# refused: …`: {outcome}"),
        }
    }
}

fn read(readme: &str) -> Run {
    let (_, run) = readme.split_once("\n## Run\n").expect("a part Run");
    let blocks: Vec<_> = run.split("```sh\n").skip(1).filter_map(|rest| rest.split_once("```")).collect();
    let [(start, _), (use_it, _), ..] = blocks[..] else { panic!("one block to start, and one to use it") };
    let variables = start.trim().strip_suffix("\nsockgate").expect("sockgate comes last");
    // Without it the commands would go to the engine itself.
    let commands =
        use_it.strip_prefix("export DOCKER_HOST=tcp://127.0.0.1:2375\n").expect("DOCKER_HOST first");
    let commands = commands.lines().map(|line| {
        let (command, outcome) = line.split_once('#').unwrap_or_else(|| panic!("no outcome: {line}"));
        assert!(command.starts_with("docker "), "{line}");
        (command.trim().to_owned(), outcome.trim().to_owned())
    });
    Run { variables: variables.lines().flat_map(exported).collect(), commands: commands.collect() }
}

/// `export A=1 B=2`, or `export A='all of it'`.
fn exported(line: &str) -> Vec<(String, String)> {
    let line = line.strip_prefix("export ").unwrap_or_else(|| panic!("not an export: {line}"));
    let words = match line.split_once("='").and_then(|(name, rest)| Some((name, rest.strip_suffix('\'')?))) {
        Some(quoted) => vec![quoted],
        None => line.split_whitespace().map(|word| word.split_once('=').expect("a value")).collect(),
    };
    words.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
