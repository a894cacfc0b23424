//! docs/POLICIES.md, walked: its commands in one shell and in an empty folder, and what they print.

use std::process::{Command, Stdio};

use e2e::binary::executable;
use e2e::reference::root;
use e2e::{FakeEngine, guests};

use super::markdown::{Quote, quotes};

/// Stands between the outputs of two commands.
const END: &str = "== end of the command ==";

/// Longer than any of it takes; a shell that hangs is ended, with all that it started.
const LIMIT: &str = "600";

#[test]
fn the_commands_of_the_guide_to_policies_print_what_it_says() {
    let guide = std::fs::read_to_string(root().join("docs/POLICIES.md")).unwrap();
    let quotes = quotes(&guide);
    assert!(quotes.len() > 10, "the guide has lost its commands");
    let printed = walked(&quotes);
    let walked: Vec<_> = quotes.iter().zip(&printed).map(|(quote, printed)| show(quote, printed)).collect();
    let written: Vec<_> = quotes.iter().map(|quote| show(quote, &quote.output)).collect();
    assert_eq!(written, walked, "as it came:\n{}", printed.concat());
}

/// What each command prints.
fn walked(quotes: &[Quote]) -> Vec<String> {
    let engine = FakeEngine::start();
    let folder = tempfile::tempdir().unwrap();
    let mut script = String::from("trap 'kill $(jobs -p) 2>/dev/null' EXIT\n");
    for Quote { command, .. } in quotes {
        // Only what is not the shell's own word on its jobs.
        let command = if command.starts_with("kill") {
            format!("{{ {command}; }} 2>/dev/null")
        } else {
            command.clone()
        };
        script += &format!("{command}\necho '{END}'\n");
    }
    let path = format!("{}:{}", executable().parent().unwrap().display(), std::env::var("PATH").unwrap());
    let output = guests::builder("timeout")
        .args([LIMIT, "bash", "-c", &script])
        .current_dir(folder.path())
        .env("PATH", path)
        .env("DOCKER_SOCKET", engine.socket())
        .env("POLICY_CACHE", folder.path().join("cache"))
        .env("POLICY_TIMEOUT", "10s") // this machine may be busy with other tests
        .env("CARGO_BUILD_BUILD_DIR", guests::folder().join("new")) // what is built again each time need not be
        .env_remove("CARGO_TARGET_DIR")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let mut printed: Vec<_> = stdout.split(&format!("{END}\n")).map(str::to_owned).collect();
    assert_eq!(printed.pop().as_deref(), Some(""), "the shell ended early:\n{stdout}{stderr}");
    assert_eq!((printed.len(), stderr.as_str()), (quotes.len(), ""), "{stdout}");
    printed
}

/// A command and its output, without what differs from run to run.
fn show(quote: &Quote, output: &str) -> String {
    let lines: Vec<_> = output.trim_end().lines().map(steady).collect();
    format!("$ {}\n{}", quote.command, lines.join("\n"))
}

/// Without digests and, where figures are what the line is about, without these and their units.
fn steady(line: &str) -> String {
    let about_figures = ["size", "sha256", "compiled", "memory", "decide", "beside", "cpu", "measured"];
    if let Some((before, _digest)) = line.split_once("sha256:") {
        return format!("{before}sha256:…");
    }
    if !about_figures.iter().any(|label| line.starts_with(label)) {
        return line.to_owned();
    }
    let is_figure = |word: &&str| {
        let unit = word.trim_end_matches([',', ':', ')']);
        word.contains(|c: char| c.is_ascii_digit()) || ["us", "ms", "KiB", "MiB", "bytes"].contains(&unit)
    };
    line.split_whitespace().filter(|word| !is_figure(word)).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_guide_has_a_file_of_cases_that_the_tool_reads() {
    let guide = std::fs::read_to_string(root().join("docs/POLICIES.md")).unwrap();
    let blocks = super::markdown::blocks(&guide, "yaml");
    let cases = blocks.iter().find(|block| block.contains("\ncases:")).expect("a block of cases");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cases.yaml");
    std::fs::write(&path, cases).unwrap();
    std::fs::write(folder.path().join("volume.json"), "{}").unwrap();
    let tested = Command::new(executable())
        .env_clear()
        .args(["policy", "test", "/nowhere.wasm"])
        .arg(&path)
        .output()
        .unwrap();
    let said = String::from_utf8(tested.stderr).unwrap();
    assert!(said.contains("cannot be tested: it cannot be read"), "the cases were not understood: {said}");
}
