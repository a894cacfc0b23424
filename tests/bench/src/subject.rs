//! What is measured: nothing in between, a relay that parses nothing, HAProxy, or a sockgate binary; started afresh for
//! every round.

use std::io::{BufRead as _, BufReader, PipeReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::client::{self, Address};

/// Compiling a policy with an interpreter in it takes its time.
const START_BOUND: Duration = Duration::from_secs(120);
const STOP_BOUND: Duration = Duration::from_secs(30);
/// What stands for the address of the gate in a variable's value.
pub(crate) const LISTENER: &str = "{listener}";
const RETRY: Duration = Duration::from_micros(100);
/// The families that the workloads need; all others stay off.
const FLAGS: [(&str, &str); 4] = [("CONTAINERS", "1"), ("IMAGES", "1"), ("POST", "1"), ("PUT", "1")];
/// What sockgate has on by default and HAProxy's rules read from the environment.
const DEFAULTS: [(&str, &str); 3] = [("PING", "1"), ("VERSION", "1"), ("EVENTS", "1")];

/// One column of the result.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// Its name in tables.
    pub(crate) name: String,
    /// What to start.
    pub(crate) kind: Kind,
}

impl Subject {
    /// Sets one more variable of a sockgate.
    pub(crate) fn with(&mut self, name: &'static str, value: &str) {
        if let Kind::Sockgate(told) = &mut self.kind {
            told.variables.push((name, value.to_owned()));
        }
    }
}

/// What stands between the load and the engine.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// Nothing.
    Direct,
    /// The relay of this program, which parses nothing.
    Floor,
    /// HAProxy with haproxy.cfg.
    HaProxy,
    /// A sockgate binary.
    Sockgate(Sockgate),
}

/// A sockgate binary, and what it is told beside the flags.
#[derive(Clone, Debug)]
pub(crate) struct Sockgate {
    /// The program.
    pub(crate) binary: PathBuf,
    /// More variables; [`LISTENER`] in a value stands for where it listens.
    pub(crate) variables: Vec<(&'static str, String)>,
    /// The file that valgrind writes at its end, if it counts instructions.
    pub(crate) counted: Option<PathBuf>,
}

/// A started subject; dropping it ends its process.
pub(crate) struct Running {
    /// The column it fills.
    pub(crate) subject: Subject,
    /// Where it listens.
    pub(crate) address: Address,
    /// From exec to the first byte of a 200 answer.
    pub(crate) start: Duration,
    process: Option<Process>,
}

struct Process {
    child: Child,
    output: Option<JoinHandle<()>>,
    log: Arc<Mutex<Log>>,
}

#[derive(Default)]
struct Log {
    lines: u64,
    first: Vec<String>,
    /// Some of its warnings and errors.
    errors: Vec<String>,
}

impl Log {
    const KEPT: usize = 20;

    fn take_down(&mut self, piece: &str) {
        if self.first.len() < Self::KEPT {
            self.first.extend(piece.lines().take(Self::KEPT).map(str::to_owned));
        }
        if Self::is_loud(piece) && self.errors.len() < Self::KEPT {
            self.errors.extend(piece.lines().filter(|line| Self::is_loud(line)).map(str::to_owned));
        }
    }

    fn is_loud(text: &str) -> bool {
        text.contains(" ERROR ") || text.contains(" WARN ")
    }
}

impl Running {
    /// Starts `subject` in front of `engine`, waits until a ping through it is answered.
    pub(crate) fn start(subject: &Subject, engine: &Path) -> Result<Self> {
        let mut running = Self {
            subject: subject.clone(),
            address: Address::Unix(engine.to_owned()),
            start: Duration::ZERO,
            process: None,
        };
        let gate = free_port()?;
        let mut command = match &subject.kind {
            Kind::Direct => return Ok(running),
            Kind::Floor => floor(engine, gate)?,
            Kind::HaProxy => haproxy(engine, gate),
            Kind::Sockgate(told) => sockgate(told, engine, gate),
        };
        let begin = Instant::now();
        running.process = Some(Process::spawn(&mut command)?);
        running.wait_for_ping(gate, begin).with_context(|| format!("starting {}", subject.name))?;
        running.start = begin.elapsed();
        running.address = Address::Tcp(gate);
        Ok(running)
    }

    /// The process to account for, unless there is nothing in between.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(|process| process.child.id())
    }

    /// Lines logged so far.
    pub(crate) fn log_lines(&self) -> u64 {
        self.process.as_ref().map_or(0, |process| process.log.lock().map_or(0, |log| log.lines))
    }

    /// Has the process end by itself, and waits for that.
    pub(crate) fn stop(mut self) -> Result<()> {
        let Some(process) = &mut self.process else { return Ok(()) };
        kill_process(Pid::from_child(&process.child), Signal::TERM)?;
        let begin = Instant::now();
        while begin.elapsed() < STOP_BOUND {
            if let Some(status) = process.child.try_wait()? {
                ensure!(status.success(), "it ended with {status}: {}", process.said());
                return Ok(());
            }
            std::thread::sleep(RETRY);
        }
        bail!("{} did not end within {STOP_BOUND:?}", self.subject.name)
    }

    /// `error` with what the process logged of warnings and errors, which may come a little later.
    pub(crate) fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        std::thread::sleep(Duration::from_millis(100));
        match &self.process {
            Some(process) => error.context(process.said()),
            None => error,
        }
    }

    fn wait_for_ping(&mut self, gate: SocketAddr, begin: Instant) -> Result<()> {
        let ping = client::get("/_ping");
        while begin.elapsed() < START_BOUND {
            if let Ok(()) = first_byte(gate, &ping) {
                return Ok(());
            }
            if let Some(process) = &mut self.process
                && let Some(status) = process.child.try_wait()?
            {
                bail!("it ended with {status}: {}", process.said());
            }
            std::thread::sleep(RETRY);
        }
        bail!(
            "no 200 to a ping within {START_BOUND:?}: {}",
            self.process.as_ref().map_or_else(String::new, Process::said)
        )
    }
}

impl Process {
    fn spawn(command: &mut Command) -> Result<Self> {
        let (output, input) = std::io::pipe()?;
        let child = command
            .stdin(Stdio::null())
            .stdout(input.try_clone()?)
            .stderr(input)
            .spawn()
            .with_context(|| format!("starting {}", command.get_program().display()))?;
        // The command holds copies of the pipe's writing end: without this the reader would never see its end.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let log = Arc::new(Mutex::new(Log::default()));
        let output = std::thread::spawn({
            let log = Arc::clone(&log);
            move || read_log(output, &log)
        });
        Ok(Self { child, output: Some(output), log })
    }

    fn said(&self) -> String {
        self.log
            .lock()
            .map_or_else(|_poisoned| String::new(), |log| [&log.first[..], &log.errors].concat().join("\n"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Errors mean that it ended before; there is nobody to tell.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
        if let Some(output) = self.output.take() {
            let _panicked = output.join();
        }
    }
}

/// Reads as a container runtime would: in large pieces, as they come.
fn read_log(output: PipeReader, log: &Mutex<Log>) {
    let mut output = BufReader::with_capacity(64 << 10, output);
    loop {
        let Ok(piece) = output.fill_buf() else { return };
        if piece.is_empty() {
            return;
        }
        let Ok(mut log) = log.lock() else { return };
        log.lines += piece.iter().filter(|byte| **byte == b'\n').count() as u64;
        log.take_down(&String::from_utf8_lossy(piece));
        let length = piece.len();
        output.consume(length);
    }
}

fn first_byte(gate: SocketAddr, ping: &[u8]) -> Result<()> {
    let mut stream = TcpStream::connect(gate)?;
    stream.set_read_timeout(Some(START_BOUND))?;
    stream.write_all(ping)?;
    let mut start = [0; 12];
    stream.read_exact(&mut start)?;
    if &start == b"HTTP/1.1 200" { Ok(()) } else { bail!("{:?}", String::from_utf8_lossy(&start)) }
}

/// A port that was free a moment ago: HAProxy cannot tell which one it took if it is given 0.
fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn floor(engine: &Path, gate: SocketAddr) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("relay").arg(gate.to_string()).arg(engine);
    Ok(command)
}

fn haproxy(engine: &Path, gate: SocketAddr) -> Command {
    let mut command = Command::new("haproxy");
    command
        .args(["-db", "-f"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("haproxy.cfg"))
        .envs(FLAGS)
        .envs(DEFAULTS)
        .env("BENCH_ENGINE", engine)
        .env("BENCH_GATE", gate.to_string());
    command
}

fn sockgate(told: &Sockgate, engine: &Path, gate: SocketAddr) -> Command {
    let mut command = match &told.counted {
        Some(counts) => valgrind(&told.binary, counts),
        None => Command::new(&told.binary),
    };
    command.env_clear().envs(FLAGS).env("DOCKER_SOCKET", engine).env("LISTEN_ADDR", gate.to_string());
    for (name, value) in &told.variables {
        command.env(name, value.replace(LISTENER, &gate.to_string()));
    }
    command
}

/// Cachegrind, the cheapest of valgrind's tools that counts instructions; caches are not simulated.
fn valgrind(binary: &Path, counts: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--tool=cachegrind", "--cache-sim=no"]);
    command.arg(format!("--cachegrind-out-file={}", counts.display())).arg(binary);
    command
}
