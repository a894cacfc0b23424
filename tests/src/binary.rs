//! The binary `sockgate`, as a process of its own: a case sees its log and its exit code, can send it signals, and a
//! policy that took it down would take down nothing else.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, LazyLock, Mutex};
use std::time::Instant;

use pdp::Compiler;
use serde_json::{Value, json};

use crate::bound::BOUND;
use crate::client::Endpoint;
use crate::guests;
use crate::reference::root;

/// The binary.
///
/// # Panics
/// When it does not build.
#[must_use]
pub fn executable() -> &'static Path {
    // Cargo gives a test only its own crate's binaries, so this one is asked for: built as the tests were, for the whole
    // workspace and together with the tests (whose dependencies turn on features of shared ones), so that nothing but the
    // binary itself is left to build.
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
        let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
        build(&["--workspace", "--tests", "--profile", profile])
    });
    &BUILT
}

/// The binary as what compiles policies, for gateways and workbenches in a test's own process.
#[must_use]
pub fn compiler() -> Compiler {
    Compiler::program(executable())
}

/// The binary as it is released.
///
/// # Panics
/// When it does not build.
#[must_use]
pub fn released() -> &'static Path {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| build(&["--package", "sockgate", "--release"]));
    &BUILT
}

fn build(what: &[&str]) -> PathBuf {
    let mut build = guests::builder(env!("CARGO"));
    build.args(["build", "--locked", "--bin", "sockgate", "--message-format", "json"]).args(what);
    let built = build.current_dir(root()).stderr(Stdio::inherit()).output().expect("cargo runs");
    assert!(built.status.success(), "the binary does not build");
    let messages = String::from_utf8(built.stdout).expect("cargo writes UTF-8");
    let mut messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let is_binary = |message: &Value| {
        message["target"]["name"] == "sockgate"
            && message["target"]["kind"] == json!(["bin"])
            && message["profile"]["test"] == false
    };
    let built = messages.find(is_binary).expect("cargo tells of the binary");
    PathBuf::from(built["executable"].as_str().expect("where it is"))
}

/// The binary, with this environment and no other.
#[must_use]
pub fn sockgate<N: AsRef<OsStr>, V: AsRef<OsStr>>(environment: &[(N, V)]) -> Command {
    let mut command = Command::new(executable());
    command.env_clear().envs(environment.iter().map(|(name, value)| (name, value))).stdin(Stdio::null());
    command
}

/// A command that has ended.
#[derive(Debug)]
pub struct Done {
    /// Its exit code; -1 if a signal ended it.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it said besides: of a gateway, the log.
    pub stderr: String,
}

/// Runs a command to its end.
///
/// # Panics
/// When it prints anything but UTF-8.
#[must_use]
pub fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Done {
    let output = sockgate(environment).args(arguments).output().expect("the binary runs");
    let text = |bytes| String::from_utf8(bytes).expect("the binary writes UTF-8");
    Done { code: code(output.status), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or(-1)
}

/// A serving gateway; killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: Arc<Log>,
    address: String,
}

impl Process {
    /// Starts one that serves on a free port, in front of no engine, unless the environment says otherwise, and waits
    /// until it listens.
    ///
    /// # Errors
    /// What it comes to when it does not start.
    pub fn start<N: AsRef<OsStr>, V: AsRef<OsStr>>(environment: &[(N, V)]) -> Result<Self, Done> {
        Self::start_as(Command::new(executable()), environment)
    }

    /// As `start`, with a hard limit of open files.
    ///
    /// # Errors
    /// What it comes to when it does not start.
    pub fn start_with_files<N: AsRef<OsStr>, V: AsRef<OsStr>>(
        limit: u32,
        environment: &[(N, V)],
    ) -> Result<Self, Done> {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {limit}; exec \"$0\"")]).arg(executable());
        Self::start_as(command, environment)
    }

    /// As `start`, with a command that becomes the binary.
    ///
    /// # Errors
    /// What it comes to when it does not start.
    pub fn start_as<N: AsRef<OsStr>, V: AsRef<OsStr>>(
        command: Command,
        environment: &[(N, V)],
    ) -> Result<Self, Done> {
        let mut process = Self::begin_as(command, environment);
        let started = process.log.until(|so_far| so_far.has_ended || so_far.text.contains("listening on "));
        let (Ok(log) | Err(log)) = started;
        match log.split_once("listening on ").and_then(|(_, rest)| rest.split(['\n', '"']).next()) {
            Some(address) => {
                address.clone_into(&mut process.address);
                Ok(process)
            }
            None => {
                let _ = process.child.kill(); // if it is still there, it has said nothing in time
                Err(process.wait(log))
            }
        }
    }

    /// As `start_as`, without waiting for anything: it has no address.
    ///
    /// # Panics
    /// When the command cannot be run.
    #[must_use]
    pub fn begin_as<N: AsRef<OsStr>, V: AsRef<OsStr>>(mut command: Command, environment: &[(N, V)]) -> Self {
        command.env_clear().env("LISTEN_ADDR", "127.0.0.1:0").env("DOCKER_SOCKET", "/nonexistent");
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().expect("the binary runs");
        let log = Log::of(&mut child);
        Self { child, log, address: String::new() }
    }

    /// Waits until SIGTERM no longer just kills it (proc(5): the bits of `SigCgt` are the signals that are caught).
    ///
    /// # Panics
    /// When that does not come in time.
    pub fn until_it_catches_sigterm(&self) {
        const SIGTERM: u32 = 15;
        let asked = Instant::now();
        loop {
            let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap_or_default();
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
            let caught =
                caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
            if caught & (1 << (SIGTERM - 1)) != 0 {
                return;
            }
            assert!(asked.elapsed() < BOUND, "it does not catch SIGTERM:\n{}", self.log());
            std::thread::yield_now();
        }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sets its soft limit of open files while it runs. Those that it has stay open.
    ///
    /// # Panics
    /// When prlimit does not run, or refuses.
    pub fn limit_files(&self, soft: u32) {
        let mut prlimit = Command::new("prlimit");
        prlimit.args(["--pid", &self.id().to_string(), &format!("--nofile={soft}:")]);
        assert!(prlimit.status().expect("prlimit runs").success(), "prlimit refuses");
    }

    /// Its first listener, as `LISTEN_ADDR` would name it.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where its first listener is.
    ///
    /// # Panics
    /// When that is neither a socket file nor an address.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        match self.address.strip_prefix("unix://") {
            Some(path) => Endpoint::Unix(path.into()),
            None => Endpoint::Tcp(self.address.parse().expect("an address")),
        }
    }

    /// The log so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.so_far.lock().expect("no holder panics").text.clone()
    }

    /// Waits for a line that says all of this, and gives it and all others that do.
    ///
    /// # Panics
    /// When there is none in time.
    #[must_use]
    pub fn lines(&self, words: &[&str]) -> Vec<String> {
        let says = |line: &&str| words.iter().all(|word| line.contains(word));
        match self.log.until(|so_far| so_far.text.lines().any(|line| says(&line))) {
            Ok(text) => text.lines().filter(says).map(str::to_owned).collect(),
            Err(text) => panic!("no line of the log says {words:?}:\n{text}"),
        }
    }

    /// Waits for the event that `text` tells of, however long ago it was.
    ///
    /// # Panics
    /// When it does not come in time.
    pub fn until_logged(&self, text: &str) {
        let _ = self.lines(&[text]);
    }

    /// Waits for a line that says this, after the one that was waited for last.
    ///
    /// # Panics
    /// When there is none in time.
    pub fn next_line(&self, text: &str) -> String {
        let next = |so_far: &SoFar| {
            let mut end = so_far.read;
            let unread = so_far.text.get(so_far.read..)?;
            unread.split_inclusive('\n').find_map(|line| {
                end += line.len();
                line.contains(text).then(|| (line.trim_end().to_owned(), end))
            })
        };
        if let Err(log) = self.log.until(|so_far| next(so_far).is_some()) {
            panic!("no {text:?} after what was waited for last in:\n{log}");
        }
        let mut so_far = self.log.so_far.lock().expect("no holder panics");
        let (line, end) = next(&so_far).expect("the log only grows");
        so_far.read = end;
        line
    }

    /// Sends a signal, such as `-HUP`.
    ///
    /// # Panics
    /// When the process is gone.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success(), "it was still running");
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Panics
    /// When it does not end in time.
    #[must_use]
    pub fn stop(mut self) -> Done {
        self.signal("-TERM");
        match self.log.until(|so_far| so_far.has_ended) {
            Ok(log) => self.wait(log),
            Err(log) => panic!("it does not stop:\n{log}"),
        }
    }

    /// Waits for its end, which something else brings.
    ///
    /// # Panics
    /// When it does not end in time.
    pub fn until_ended(self) {
        if let Err(log) = self.log.until(|so_far| so_far.has_ended) {
            panic!("it does not end:\n{log}");
        }
    }

    fn wait(&mut self, log: String) -> Done {
        let status = self.child.wait().expect("a child");
        Done { code: code(status), stdout: String::new(), stderr: log }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a process has written to its standard error.
#[derive(Debug, Default)]
struct Log {
    so_far: Mutex<SoFar>,
    grown: Condvar,
}

#[derive(Debug, Default)]
struct SoFar {
    text: String,
    has_ended: bool,
    /// How much of the text is before the line that was waited for next.
    read: usize,
}

impl Log {
    fn of(child: &mut Child) -> Arc<Self> {
        let log = Arc::<Self>::default();
        let (stderr, ours) = (child.stderr.take().expect("piped"), Arc::clone(&log));
        std::thread::spawn(move || {
            let mut lines = BufReader::new(stderr).split(b'\n').map_while(Result::ok);
            loop {
                let line = lines.next();
                let mut so_far = ours.so_far.lock().expect("no holder panics");
                match line {
                    Some(line) => {
                        so_far.text.push_str(&String::from_utf8_lossy(&line));
                        so_far.text.push('\n');
                    }
                    None => so_far.has_ended = true,
                }
                ours.grown.notify_all();
                if so_far.has_ended {
                    return;
                }
            }
        });
        log
    }

    /// The log, once this holds of it; as an error, the log when it did not come to hold in time.
    fn until(&self, wanted: impl Fn(&SoFar) -> bool) -> Result<String, String> {
        let so_far = self.so_far.lock().expect("no holder panics");
        let waited = self.grown.wait_timeout_while(so_far, BOUND, |so_far| !wanted(so_far));
        let (so_far, _) = waited.expect("no holder panics");
        if wanted(&so_far) { Ok(so_far.text.clone()) } else { Err(so_far.text.clone()) }
    }
}
