//! What `policy new` makes: it builds, and its test passes, as it is.

use std::os::unix::fs::symlink;
use std::path::Path;

use e2e::reference::root;
use e2e::{guests, installed};

use super::{run, text};

fn made(language: &str, folder: &Path) {
    let done = run(&["policy", "new", "--lang", language, text(folder)], &[]);
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
}

/// Runs a command that the project's README shows.
fn build(folder: &Path, command: &str, environment: &[(&str, &Path)]) {
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    assert!(readme.contains(&format!("\n    {command}\n")), "its README.md lacks `{command}`:\n{readme}");
    let mut shell = guests::builder("sh");
    let output = shell.args(["-c", command]).current_dir(folder).envs(environment.iter().copied()).output();
    let output = output.unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&said));
}

fn passes(folder: &Path, policy: &Path) {
    let cases = folder.join("cases.yaml");
    let tested = run(&["policy", "test", text(policy), text(&cases)], &[]);
    let has_passed = tested.code == Some(0) && tested.stdout.ends_with("\n8 passed\n");
    assert!(has_passed, "{}{}", tested.stdout, tested.stderr);
    assert!(tested.stdout.starts_with("policy house-rules 0.1.0 "), "{}", tested.stdout);
    // What the README runs in the end is this file, and behind a socket: its flags hand out root.
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let file = text(policy.strip_prefix(folder).unwrap());
    let export = format!("\n    export LISTEN_ADDR=unix://$PWD/gate.sock POLICY={file}\n");
    assert!(readme.contains(&export), "its README.md lacks `{export}`:\n{readme}");
}

#[test]
fn a_new_policy_in_rust_builds_and_passes_its_test_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("house-rules");
    made("rust", &folder);
    // What the next run would build again lies outside the folder. The guide's walk builds there, too, under another name.
    let build_folder = guests::folder().join("new");
    let command = "cargo build --release --target wasm32-wasip2";
    build(
        &folder,
        command,
        &[("CARGO_BUILD_BUILD_DIR", &build_folder), ("CARGO_TARGET_DIR", Path::new("target"))],
    );
    passes(&folder, &folder.join("target/wasm32-wasip2/release/house_rules.wasm"));
}

#[test]
fn a_new_policy_in_javascript_builds_and_passes_its_test_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("house-rules");
    made("js", &folder);
    // As `npm ci` would have it; `tests/setup` has been there.
    let ours = std::fs::read_to_string(folder.join("package-lock.json")).unwrap();
    let theirs = std::fs::read_to_string(root().join("examples/js-tenant-labels/package-lock.json")).unwrap();
    assert_eq!(ours.replace("house-rules", "tenant-labels"), theirs, "what is installed is something else");
    symlink(installed("js-tenant-labels").join("node_modules"), folder.join("node_modules")).unwrap();
    build(&folder, "npm run build", &[]);
    passes(&folder, &folder.join("house_rules.wasm"));
}

#[test]
fn a_new_policy_in_python_builds_and_passes_its_test_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("house-rules");
    made("python", &folder);
    let ours = std::fs::read_to_string(folder.join("requirements.txt")).unwrap();
    let theirs =
        std::fs::read_to_string(root().join("examples/python-image-allowlist/requirements.txt")).unwrap();
    assert_eq!(ours, theirs, "what is installed is something else");
    symlink(installed("python-image-allowlist"), folder.join(".venv")).unwrap();
    let command = ".venv/bin/componentize-py --wit-path wit --world policy componentize --stub-wasi policy -o house_rules.wasm";
    build(&folder, command, &[]);
    passes(&folder, &folder.join("house_rules.wasm"));
}
