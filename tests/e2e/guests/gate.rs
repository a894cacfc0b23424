//! The binary with a policy, in front of a stand-in engine: a process of its own, so that a case sees its log and its
//! exit code, and a guest that took it down would take down nothing else.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, LazyLock, Mutex};

use e2e::{BOUND, Client, Endpoint, FakeEngine, Response};
use tempfile::TempDir;

use crate::docs::binary::sockgate;

/// Compiled policies, for all cases: one that many of them load is compiled once.
static CODE: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder for compiled code"));

/// A gateway, and the engine behind it.
pub(super) struct Gate {
    pub(super) engine: FakeEngine,
    child: Child,
    socket: PathBuf,
    log: Arc<Log>,
    _folder: TempDir,
}

#[derive(Default)]
struct Log {
    so_far: Mutex<SoFar>,
    grown: Condvar,
}

#[derive(Default)]
struct SoFar {
    text: String,
    has_ended: bool,
}

impl Gate {
    /// Starts it with this policy and these settings, besides `POLICY_CACHE`.
    ///
    /// # Errors
    /// What it says, and the code that it exits with, when it refuses to start.
    pub(super) fn start(policy: &Path, settings: &[(&str, &str)]) -> Result<Self, Refused> {
        let engine = FakeEngine::start();
        let folder = tempfile::Builder::new().prefix("gate").tempdir().unwrap();
        let socket = folder.path().join("gate.sock");
        let own = [
            ("LISTEN_ADDR", format!("unix://{}", socket.display())),
            ("DOCKER_SOCKET", engine.socket().display().to_string()),
            ("POLICY", policy.display().to_string()),
            ("POLICY_CACHE", CODE.path().display().to_string()),
            ("SHUTDOWN_GRACE", "1s".to_owned()),
        ];
        let own = own.into_iter().filter(|(name, _)| settings.iter().all(|(given, _)| given != name));
        let given = settings.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let environment: Vec<_> = own.chain(given).map(|(name, value)| (name.to_owned(), value)).collect();
        let mut child = sockgate(&environment).stderr(Stdio::piped()).spawn().unwrap();
        let log = Log::of(&mut child);
        let mut gate = Self { engine, child, socket, log, _folder: folder };
        match gate.log.until(|so_far| so_far.has_ended || so_far.text.contains("listening on ")) {
            Ok(started) if started.contains("listening on ") => Ok(gate),
            Ok(said) | Err(said) => {
                let _ = gate.child.kill(); // if it is still there, it has said nothing in time
                Err(Refused { code: gate.child.wait().unwrap().code(), said })
            }
        }
    }

    /// Where it listens.
    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint::Unix(self.socket.clone())
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
        let says = |line: &&str| words.iter().all(|word| line.contains(word));
        match self.log.until(|so_far| so_far.text.lines().any(|line| says(&line))) {
            Ok(text) => text.lines().filter(says).map(str::to_owned).collect(),
            Err(text) => panic!("no line of the log says {words:?}:\n{text}"),
        }
    }

    /// Ends it in order, as SIGTERM does, and gives its whole log.
    pub(super) fn stop(mut self) -> String {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").arg(id).status().unwrap().success(), "it was still running");
        let log = self.log.until(|so_far| so_far.has_ended);
        let log = log.unwrap_or_else(|log| panic!("it does not stop:\n{log}"));
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}:\n{log}");
        log
    }

    /// Sends a signal, such as `-HUP`.
    pub(super) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A start that came to nothing.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) code: Option<i32>,
    pub(super) said: String,
}

impl Log {
    fn of(child: &mut Child) -> Arc<Self> {
        let log = Arc::<Self>::default();
        let (stderr, ours) = (child.stderr.take().expect("piped"), Arc::clone(&log));
        std::thread::spawn(move || {
            let mut lines = BufReader::new(stderr).split(b'\n').map_while(Result::ok);
            loop {
                let line = lines.next();
                let mut so_far = ours.so_far.lock().unwrap();
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
        let so_far = self.so_far.lock().unwrap();
        let (so_far, _) = self.grown.wait_timeout_while(so_far, BOUND, |so_far| !wanted(so_far)).unwrap();
        if wanted(&so_far) { Ok(so_far.text.clone()) } else { Err(so_far.text.clone()) }
    }
}
