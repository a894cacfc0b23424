//! The binary with a policy, in front of a stand-in engine.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use e2e::binary::{Done, Process, executable};
use e2e::{Client, Endpoint, FakeEngine, Response};
use tempfile::TempDir;

/// Compiled policies, for all cases: one that many of them load is compiled once.
static CODE: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder for compiled code"));

/// A gateway, and the engine behind it.
pub(super) struct Gate {
    pub(super) engine: FakeEngine,
    process: Process,
    _folder: TempDir,
}

impl Gate {
    /// Starts it with this policy and these settings, besides `POLICY_CACHE`.
    ///
    /// # Errors
    /// What it comes to when it refuses to start.
    pub(super) fn start(policy: &Path, settings: &[(&str, &str)]) -> Result<Self, Done> {
        Self::start_as(Command::new(executable()), policy, settings)
    }

    /// The same, with a command that becomes the binary.
    ///
    /// # Errors
    /// What it comes to when it refuses to start.
    pub(super) fn start_as(command: Command, policy: &Path, settings: &[(&str, &str)]) -> Result<Self, Done> {
        let engine = FakeEngine::start();
        let folder = tempfile::Builder::new().prefix("gate").tempdir().unwrap();
        let own = [
            ("LISTEN_ADDR", format!("unix://{}", folder.path().join("gate.sock").display())),
            ("DOCKER_SOCKET", engine.socket().display().to_string()),
            ("POLICY", policy.display().to_string()),
            ("POLICY_CACHE", CODE.path().display().to_string()),
            ("SHUTDOWN_GRACE", "1s".to_owned()),
        ];
        let own = own.into_iter().filter(|(name, _)| settings.iter().all(|(given, _)| given != name));
        let given = settings.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let environment: Vec<_> = own.chain(given).collect();
        let process = Process::start_as(command, &environment)?;
        Ok(Self { engine, process, _folder: folder })
    }

    /// Its process id.
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// The log so far.
    pub(super) fn log(&self) -> String {
        self.process.log()
    }

    /// Waits for its end, which a signal brings.
    pub(super) fn until_ended(self) {
        self.process.until_ended();
    }

    /// Where it listens, as `LISTEN_ADDR` names it.
    pub(super) fn address(&self) -> &str {
        self.process.address()
    }

    /// Where it listens.
    pub(super) fn endpoint(&self) -> Endpoint {
        self.process.endpoint()
    }

    /// A connection to it.
    pub(super) async fn connect(&self) -> Client {
        Client::connect(&self.endpoint()).await
    }

    /// Asks on a connection of its own.
    pub(super) async fn fetch(&self, line: &str, headers: &[&str]) -> Response {
        self.connect().await.fetch(line, headers).await
    }

    /// Waits for a log line that says all of this, and gives it and all others that do.
    pub(super) fn lines(&self, words: &[&str]) -> Vec<String> {
        self.process.lines(words)
    }

    /// Ends it in order, as SIGTERM does, and gives its whole log.
    pub(super) fn stop(self) -> String {
        let Done { code, stderr, .. } = self.process.stop();
        assert_eq!(code, 0, "{stderr}");
        stderr
    }

    /// Sends a signal, such as `-HUP`.
    pub(super) fn signal(&self, signal: &str) {
        self.process.signal(signal);
    }
}
