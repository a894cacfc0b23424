//! The binary as a child process that is spoken to with plain text.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::ops::Deref;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Instant;

use e2e::BOUND;
use e2e::binary::{Done, Process, executable};
use tempfile::TempDir;

/// A serving gateway; killed when dropped.
pub(crate) struct Running {
    process: Process,
    /// Of a copy of the binary, which goes with it.
    _folder: Option<TempDir>,
}

impl Running {
    pub(crate) fn start(env: &[(&str, &str)]) -> Self {
        Self::start_as(Command::new(executable()), env)
    }

    /// As a user who may next to nothing.
    pub(crate) fn start_as_nobody(env: &[(&str, &str)]) -> Self {
        let folder = folder_with_a_copy();
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--groups", "65534"]);
        command.arg(folder.path().join("sockgate"));
        Self { _folder: Some(folder), ..Self::start_as(command, env) }
    }

    /// With a hard limit of open files.
    pub(crate) fn start_with_files(limit: u32, env: &[(&str, &str)]) -> Self {
        Self::of(Process::start_with_files(limit, env))
    }

    pub(crate) fn start_as(command: Command, env: &[(&str, &str)]) -> Self {
        Self::of(Process::start_as(command, env))
    }

    fn of(started: Result<Process, Done>) -> Self {
        let process = started.unwrap_or_else(|done| panic!("{done:?}"));
        Self { process, _folder: None }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(BOUND)).unwrap();
        stream
    }

    /// Sends `METHOD /path`, or a whole request, and returns the whole answer.
    pub(crate) fn ask(&self, request: &str) -> String {
        let mut stream = self.connect();
        let whole = match request.contains('\n') {
            true => request.to_owned(),
            false => format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
        };
        let _ = stream.write_all(whole.as_bytes());
        let mut answer = String::new();
        // A connection that is turned away may be reset.
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    /// Asks again until the answer starts as it should.
    pub(crate) fn ask_until(&self, request: &str, want: &str) {
        let asked = Instant::now();
        loop {
            let answer = self.ask(request);
            if answer.starts_with(want) {
                return;
            }
            assert!(asked.elapsed() < BOUND, "{answer}");
        }
    }

    /// Sends a request whose answer does not end, and waits for its head.
    pub(crate) fn open(&self, request: &str) -> TcpStream {
        let mut stream = self.connect();
        stream.write_all(format!("{request} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        assert_eq!(&status, b"HTTP/1.1 200");
        stream
    }

    /// Ends it in order, as SIGTERM does.
    pub(crate) fn stop(self) -> Done {
        self.process.stop()
    }
}

impl Deref for Running {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

/// Runs it as a user who may have no more than one thread, and waits for its end.
pub(crate) fn without_threads(env: &[(&str, &str)]) -> Done {
    let folder = folder_with_a_copy();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "54321", "--regid", "54321", "--clear-groups", "prlimit", "--nproc=1"]);
    command.arg(folder.path().join("sockgate"));
    Process::start_as(command, env).err().unwrap_or_else(|| panic!("it serves without a thread for its log"))
}

/// The folders above the binary may be closed to others. Another process makes the copy: a file that this one had open
/// for writing could not be run while one of its threads is between fork and exec.
fn folder_with_a_copy() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut install = Command::new("install");
    install.args(["-m", "755"]).arg(executable()).arg(dir.path().join("sockgate"));
    assert!(install.status().unwrap().success());
    dir
}
