//! The example policies in languages other than Rust, built and tested with the commands of their READMEs.
//!
//! Nothing is built inside the repository: the example and the interface are first copied below the target folder, side
//! by side as they are, and the language's packages and programs, which `tests/setup` installed, are linked in. What
//! has been built is built again when a file of the example or the interface has changed.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use pdp::workbench::Workbench;
use pdp::{Limits, LoadError};

use super::{ROOT, target_folder};
use crate::binary::compiler;
use crate::installed;

/// The component of a JavaScript example.
///
/// # Panics
/// When it cannot be built.
#[must_use]
pub fn javascript(example: &str) -> PathBuf {
    Workshop::of_javascript(example).build("npm run build")
}

/// Runs the unit tests of a JavaScript example.
///
/// # Panics
/// When they fail.
pub fn javascript_tests(example: &str) {
    Workshop::of_javascript(example).run("npm test");
}

/// The component of a Python example.
///
/// # Panics
/// When it cannot be built.
#[must_use]
pub fn python(example: &str) -> PathBuf {
    let workshop = Workshop::of_python(example);
    let build = "componentize-py --wit-path ../../wit --world policy componentize --stub-wasi policy -o";
    workshop.build(&format!(".venv/bin/{build} {}", workshop.component_name()))
}

/// Runs the unit tests of a Python example.
///
/// # Panics
/// When they fail.
pub fn python_tests(example: &str) {
    let workshop = Workshop::of_python(example);
    workshop.run_once(
        ".venv/bin/componentize-py --wit-path ../../wit --world policy bindings .bindings",
        ".bindings",
    );
    workshop.run("PYTHONPATH=.bindings python3 -m unittest");
}

/// The component of a C example.
///
/// # Panics
/// When it cannot be built.
#[must_use]
pub fn c(example: &str) -> PathBuf {
    Workshop::of_c(example).build("make")
}

/// Runs the unit tests of a C example.
///
/// # Panics
/// When they fail.
pub fn c_tests(example: &str) {
    Workshop::of_c(example).run("make test");
}

/// The copy of an example. Only one process uses it at a time.
struct Workshop {
    example: String,
    folder: PathBuf,
    /// The PATH for the example's commands.
    path: OsString,
    _lock: File,
}

impl Workshop {
    fn of_javascript(example: &str) -> Self {
        let workshop = Self::open(example);
        workshop.link("node_modules", &installed(example).join("node_modules"));
        workshop
    }

    fn of_python(example: &str) -> Self {
        let workshop = Self::open(example);
        workshop.link(".venv", &installed(example));
        workshop
    }

    fn of_c(example: &str) -> Self {
        let mut workshop = Self::open(example);
        let programs = std::env::split_paths(&workshop.path).collect::<Vec<_>>();
        let programs = [installed(example).join("bin")].into_iter().chain(programs);
        workshop.path = std::env::join_paths(programs).expect("folders without a colon");
        workshop
    }

    /// Waits until no other process uses this example, then brings the copy up to date.
    fn open(example: &str) -> Self {
        let home = target_folder().join("guests").join(example);
        fs::create_dir_all(&home).expect("a folder below the target folder");
        let lock = File::create(home.join("lock")).expect("a file to lock");
        lock.lock().expect("a lock");
        let workshop = Self {
            example: example.to_owned(),
            folder: home.join("examples").join(example),
            path: std::env::var_os("PATH").expect("a PATH"),
            _lock: lock,
        };
        let (sources, stamp) = (sources(example), home.join("stamp"));
        let now: Vec<u8> =
            sources.iter().flat_map(|(path, content)| [path.as_bytes(), content].concat()).collect();
        if fs::read(&stamp).is_ok_and(|then| then == now) {
            return workshop;
        }
        for old in ["stamp", "examples", "wit"] {
            remove(&home.join(old));
        }
        for (path, content) in sources {
            let copy = home.join(path);
            fs::create_dir_all(copy.parent().expect("it is below home")).expect("a folder");
            fs::write(copy, content).expect("a copy");
        }
        fs::write(stamp, now).expect("a stamp");
        workshop
    }

    /// Links the packages that the README installs into the example's folder.
    fn link(&self, name: &str, packages: &Path) {
        let link = self.folder.join(name);
        if fs::read_link(&link).is_ok_and(|old| old == packages) {
            return;
        }
        remove(&link);
        symlink(packages, link).expect("a link");
    }

    /// The component's name in the README: `tenant_labels.wasm` for `js-tenant-labels`.
    fn component_name(&self) -> String {
        let (_, name) = self.example.split_once('-').expect("examples are named LANGUAGE-WHAT");
        format!("{}.wasm", name.replace('-', "_"))
    }

    /// Builds the component, and compiles its code into the code cache.
    fn build(&self, command: &str) -> PathBuf {
        let component = self.run_once(command, &self.component_name());
        compile(&component);
        component
    }

    /// Runs a command that makes `product`, unless that has been made already.
    fn run_once(&self, command: &str, product: &str) -> PathBuf {
        let product = self.folder.join(product);
        if !product.exists() {
            self.run(command);
        }
        product
    }

    /// Runs a command that the README shows.
    fn run(&self, command: &str) {
        let readme = fs::read_to_string(self.folder.join("README.md")).expect("each example has a README.md");
        assert!(readme.lines().any(|line| line == command), "{}'s README.md lacks `{command}`", self.example);
        let mut shell = super::builder("sh");
        shell.args(["-c", command]).current_dir(&self.folder).env("PATH", &self.path);
        let output = shell.output().expect("sh runs");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}: {command}: {}", self.example, String::from_utf8_lossy(&said));
    }
}

/// The folder in which the gateways of tests find compiled policies (`POLICY_CACHE`).
#[must_use]
pub fn code_cache() -> PathBuf {
    target_folder().join("guests/code")
}

/// Compiles a policy's code into the code cache. An unoptimized compiler needs more time for CPython than tests wait
/// for a gateway.
pub(super) fn compile(component: &Path) {
    static COMPILED: LazyLock<Mutex<HashSet<PathBuf>>> = LazyLock::new(Mutex::default);
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if !compiled.insert(component.to_owned()) {
        return;
    }
    let limits = Limits { timeout: Duration::from_secs(60), memory: 64 << 20 };
    let workbench = Workbench::new(limits, &compiler(), Some(&code_cache())).expect("a workbench");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    // Without settings it may be refused, but by then its code is compiled.
    let loaded = runtime.block_on(workbench.load(component, ""));
    assert!(matches!(loaded, Ok(_) | Err(LoadError::Settings(_))), "{}: {loaded:?}", component.display());
}

/// The files of an example and of the interface, by their paths in the repository, in a fixed order.
fn sources(example: &str) -> Vec<(String, Vec<u8>)> {
    let mut sources = Vec::new();
    for folder in ["wit".to_owned(), format!("examples/{example}")] {
        collect(&folder, &mut sources);
    }
    sources.sort();
    sources
}

fn collect(folder: &str, into: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(Path::new(ROOT).join(folder)).expect("a folder of the repository") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().to_str().expect("names are ASCII").to_owned();
        let path = format!("{folder}/{name}");
        // Skips the output of an author's own build.
        if name.starts_with('.')
            || name.ends_with(".wasm")
            || ["node_modules", "__pycache__"].contains(&name.as_str())
        {
            continue;
        }
        match entry.file_type().expect("a type").is_dir() {
            true => collect(&path, into),
            false => into.push((path, fs::read(entry.path()).expect("a file of the repository"))),
        }
    }
}

fn remove(path: &Path) {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => return, // it is not there
    };
    assert!(removed.is_ok(), "cannot remove {}: {removed:?}", path.display());
}
