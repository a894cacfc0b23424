//! Policies for the tests, built from their sources when a test first asks for one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex, PoisonError};

mod example;
pub mod shape;

pub use example::{c, c_tests, code_cache, javascript, javascript_tests, python, python_tests};

/// The root of the repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The component of a Rust package of the workspace, such as `guest-default`. Cargo sees to it that it is up to date.
///
/// # Panics
/// When the package cannot be built.
#[must_use]
pub fn rust(package: &str) -> PathBuf {
    static BUILT: LazyLock<Mutex<HashMap<String, PathBuf>>> = LazyLock::new(Mutex::default);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    built.entry(package.to_owned()).or_insert_with(|| build_rust(package)).clone()
}

/// The component of a Rust example, its code in the [`code_cache`]: for a gateway that starts while others compile.
///
/// # Panics
/// When the package cannot be built.
#[must_use]
pub fn rust_compiled(package: &str) -> PathBuf {
    let component = rust(package);
    example::compile(&component);
    component
}

fn build_rust(package: &str) -> PathBuf {
    let target = folder();
    let output = builder(env!("CARGO"))
        .args([
            "build",
            "--locked",
            "--quiet",
            "--profile",
            "guest",
            "--target",
            "wasm32-wasip2",
            "--package",
            package,
        ])
        .current_dir(ROOT)
        .env("CARGO_TARGET_DIR", &target)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cannot build {package}: {}", String::from_utf8_lossy(&output.stderr));
    target.join("wasm32-wasip2/guest").join(package.replace('-', "_")).with_extension("wasm")
}

/// A command whose output files others can run, whatever umask the tests are run with.
#[must_use]
pub fn builder(program: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "umask 022 && exec \"$0\" \"$@\"", program]);
    command
}

/// The folder that components are built in.
#[must_use]
pub fn folder() -> PathBuf {
    target_folder().join("guests")
}

/// The target folder that this very program was built into: two levels above `debug/deps/e2e-…`.
fn target_folder() -> PathBuf {
    let program = std::env::current_exe().expect("a running program has a path");
    let debug = program.ancestors().find(|folder| folder.join("deps").is_dir());
    debug.and_then(Path::parent).expect("a program that cargo built").to_owned()
}
