//! The binary as a child process, and an engine that answers everything with 200.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A test waits no longer than this for anything.
const BOUND: Duration = Duration::from_secs(20);

const NOBODY: u32 = 65534;

/// A command that has ended.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

fn sockgate(env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockgate"));
    command.env_clear().envs(env.iter().copied()).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn run(args: &[&str], env: &[(&str, &str)]) -> Done {
    let output = sockgate(env).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Done { code: code(output.status), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or(-1)
}

/// A serving gateway; killed when dropped.
pub(crate) struct Running {
    child: Child,
    /// Its first listener, as `LISTEN_ADDR` would name it.
    pub(crate) address: String,
    log: Arc<(Mutex<String>, Condvar)>,
    /// Of a copy of the binary, which goes with it.
    #[allow(dead_code, reason = "held for its drop")]
    folder: Option<TempDir>,
}

impl Running {
    /// Serves on a free port unless `LISTEN_ADDR` says otherwise.
    pub(crate) fn start(env: &[(&str, &str)]) -> Self {
        Self::spawn(sockgate(&with_port(env)))
    }

    /// As a user who may next to nothing.
    pub(crate) fn start_as_nobody(env: &[(&str, &str)]) -> Self {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--groups", &NOBODY.to_string()]);
        let folder = folder_with_a_copy();
        command.arg(folder.path().join("sockgate")).env_clear().envs(with_port(env)).stdin(Stdio::null());
        let mut running = Self::spawn(command);
        running.folder = Some(folder);
        running
    }

    /// With a hard limit of open files.
    pub(crate) fn start_with_files(limit: u32, env: &[(&str, &str)]) -> Self {
        let mut command = Command::new("sh");
        let script = format!("ulimit -n {limit}; exec {}", env!("CARGO_BIN_EXE_sockgate"));
        command.args(["-c", &script]).env_clear().envs(with_port(env)).stdin(Stdio::null());
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command.process_group(0).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let log = Arc::new((Mutex::new(String::new()), Condvar::new()));
        let for_thread = Arc::clone(&log);
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut log = for_thread.0.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
                for_thread.1.notify_all();
            }
        });
        let mut running = Self { child, address: String::new(), log, folder: None };
        running.wait_for_log("listening on ");
        let log = running.log();
        let (_, rest) = log.split_once("listening on ").unwrap();
        running.address = rest.split(['\n', '"']).next().unwrap().to_owned();
        running
    }

    pub(crate) fn log(&self) -> String {
        self.log.0.lock().unwrap().clone()
    }

    /// Waits for the event that `text` tells of.
    pub(crate) fn wait_for_log(&self, text: &str) {
        let log = self.log.0.lock().unwrap();
        let (log, timed_out) = self.log.1.wait_timeout_while(log, BOUND, |log| !log.contains(text)).unwrap();
        assert!(!timed_out.timed_out(), "no {text:?} in:\n{log}");
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
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

    pub(crate) fn signal(&self, signal: &str) {
        assert!(
            Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success()
        );
    }

    /// Sends SIGTERM and waits for the exit code.
    pub(crate) fn stop(mut self) -> i32 {
        self.signal("-TERM");
        code(self.child.wait().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn with_port<'e>(env: &[(&'e str, &'e str)]) -> Vec<(&'e str, &'e str)> {
    let mut env = env.to_vec();
    if !env.iter().any(|(name, _)| *name == "LISTEN_ADDR") {
        env.push(("LISTEN_ADDR", "127.0.0.1:0"));
    }
    env
}

/// The folders above the binary may be closed to others. Another process makes the copy: a file that this one had open
/// for writing could not be run while one of its threads is between fork and exec.
fn folder_with_a_copy() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let install = ["-m", "755", env!("CARGO_BIN_EXE_sockgate")];
    assert!(
        Command::new("install").args(install).arg(dir.path().join("sockgate")).status().unwrap().success()
    );
    dir
}

/// Answers every request on its socket with 200; `/events` without an end.
pub(crate) struct Engine(());

impl Engine {
    pub(crate) fn start(socket: &Path) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                thread::spawn(move || answer(stream));
            }
        });
        Self(())
    }
}

fn answer(stream: UnixStream) {
    let mut requests = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    while requests.read_line(&mut line).is_ok_and(|length| length > 0) {
        let is_endless = line.contains("/events");
        let mut length = 0;
        while line != "\r\n" {
            line.clear();
            requests.read_line(&mut line).unwrap();
            length =
                line.strip_prefix("content-length: ").map_or(length, |value| value.trim().parse().unwrap());
        }
        let _ = requests.by_ref().take(length).read_to_end(&mut Vec::new());
        let head: &[u8] = match is_endless {
            true => b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            false => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK",
        };
        let _ = (&stream).write_all(head);
        line.clear();
    }
}
