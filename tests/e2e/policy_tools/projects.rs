//! What `policy new` makes: it builds, and its test passes, as it is.

use std::path::Path;
use std::process::Command;

use e2e::guests;

use super::{run, text};

fn made(language: &str, folder: &Path) {
    let done = run(&["policy", "new", "--lang", language, text(folder)], &[]);
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
}

/// Runs a command that the project's README shows.
fn build(folder: &Path, command: &str, environment: &[(&str, &Path)]) {
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    assert!(readme.contains(&format!("\n    {command}\n")), "its README.md lacks `{command}`:\n{readme}");
    let mut shell = Command::new("sh");
    let output =
        shell.args(["-c", command]).current_dir(folder).envs(environment.iter().copied()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&said));
}

fn passes(folder: &Path, policy: &Path) {
    let tested = run(&["policy", "test", text(policy), text(&folder.join("cases.yaml"))], &[]);
    assert!(
        tested.code == Some(0) && tested.stdout.ends_with("\n8 passed\n"),
        "{}{}",
        tested.stdout,
        tested.stderr
    );
    let checked = run(&["policy", "check", text(policy)], &[]);
    assert!(checked.stdout.contains("\npolicy    team-rules 0.1.0\n"), "{}", checked.stdout);
}

#[test]
fn a_new_policy_in_rust_builds_and_passes_its_test_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("team-rules");
    made("rust", &folder);
    // Outside the folder: what the next run needs again need not be built again.
    let target = guests::folder().join("new");
    build(&folder, "cargo build --release --target wasm32-wasip2", &[("CARGO_TARGET_DIR", &target)]);
    passes(&folder, &target.join("wasm32-wasip2/release/team_rules.wasm"));
}
