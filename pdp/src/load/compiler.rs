//! Compiles a policy in a process of its own, which has limits: a small file may take a compiler minutes and gigabytes,
//! and a compiler at work cannot be stopped. The gateway, which waits for it, loses neither memory nor time.
//!
//! The process is this program again, and does what `compiler_process.rs` says. It is given the component on its
//! standard input, and gives back code on its standard output, by pipes that nobody else has. A second such process
//! then loads the code as the gateway will: what a component comes to in memory shows only then. Either process ends
//! when its work is done, when its limits are reached, and when nobody waits for it any more. Without such a process
//! nothing is compiled.

use std::io::{self, PipeReader, Read as _, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use engine_api::untrusted;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Resource, Rlimit, Signal, getrlimit};

use crate::guest::sandbox::Memories;
use crate::load::snapshot;

#[cfg(test)]
mod tests;

/// The first argument with which this program is started to compile a policy. It is not a command for people.
pub const COMPILE_POLICY: &str = "compile-policy";

/// How long such a process may be there, in case that it gets no processor.
const PATIENCE: Duration = Duration::from_secs(600);

/// How long a process may take to end once it has written everything.
const GRACE: Duration = Duration::from_secs(5);

/// The largest code that is taken, in bytes. CPython comes to 30 MiB.
const MAX_CODE: usize = 96 << 20;

/// How much of what the process says is read, in bytes.
const MAX_SAID: u64 = 4096;

/// The exit codes of the process, after those of sysexits.h.
pub(crate) mod exit {
    /// The arguments are wrong.
    pub(crate) const USAGE: u8 = 64;
    /// The component is not valid; standard error says why.
    pub(crate) const INVALID: u8 = 65;
    /// The process cannot work, through no fault of the component; standard error says why.
    pub(crate) const UNABLE: u8 = 70;
    /// There was no more memory.
    pub(crate) const NO_MEMORY: u8 = 71;
}

/// What the process is started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    /// To make code of a component.
    Compile,
    /// To load code, and to find out whether it can be.
    Load,
    /// To configure a policy, and to make a component of what it is then.
    Snapshot,
}

impl Job {
    pub(crate) const ALL: [Self; 3] = [Self::Compile, Self::Load, Self::Snapshot];

    /// Its name as an argument.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Compile => "compile",
            Self::Load => "load",
            Self::Snapshot => "snapshot",
        }
    }

    /// What it does, as the beginning of a sentence.
    const fn in_words(self) -> &'static str {
        match self {
            Self::Compile => "compiling it",
            Self::Load => "loading its code",
            Self::Snapshot => "configuring it for a snapshot",
        }
    }

    /// Which limit on which resource its process has, the gateway's own limits aside.
    ///
    /// The largest interpreter, CPython, takes 370 MiB and, with an optimized compiler, some 10 s. When it is loaded,
    /// the address space holds its code twice, besides this program.
    const fn wanted(self) -> Budget {
        match self {
            Self::Compile | Self::Snapshot => Budget { seconds: 120, memory: 1 << 30 },
            Self::Load => Budget { seconds: 20, memory: 256 << 20 },
        }
    }

    /// The limits that its process has. The gateway and the process come to the same, since limits are inherited.
    pub(crate) fn budget(self) -> Budget {
        let Budget { seconds, memory } = self.wanted();
        // Past the hard limit on CPU time a process is killed, and past the soft one it is told why.
        let most = getrlimit(Resource::Cpu).maximum.map_or(seconds, |hard| hard.saturating_sub(1).max(1));
        let space = getrlimit(Resource::As);
        let space = space.current.into_iter().chain(space.maximum).min().unwrap_or(memory);
        Budget { seconds: seconds.min(most), memory: memory.min(space) }
    }
}

/// How much of the machine a process may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    /// The CPU time of the process, in seconds.
    pub seconds: u64,
    /// Its address space, in bytes.
    pub memory: u64,
}

impl Budget {
    /// The limits as the kernel takes them. Files it neither writes nor needs, but for those that its own start opens.
    pub(crate) const fn limits(self) -> [(Resource, Rlimit); 5] {
        const fn both(most: u64) -> Rlimit {
            Rlimit { current: Some(most), maximum: Some(most) }
        }
        let cpu = Rlimit { current: Some(self.seconds), maximum: Some(self.seconds + 1) };
        [
            (Resource::As, both(self.memory)),
            (Resource::Cpu, cpu),
            (Resource::Core, both(0)),
            (Resource::Fsize, both(0)),
            (Resource::Nofile, both(16)),
        ]
    }
}

/// What is told where a budget was not enough.
const SMALLER: &str = "build it optimized, and without what it does not need";

/// Why a component was not compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The component is not valid.
    #[error("it is not a valid component: {0}")]
    Invalid(String),
    /// It took too much time.
    #[error("{job} took more than {seconds} s of CPU time: {SMALLER}")]
    Time {
        /// What took so long.
        job: &'static str,
        /// The limit, in seconds.
        seconds: u64,
    },
    /// It took too much memory.
    #[error("{job} took more than {mebibytes} MiB of memory: {SMALLER}")]
    Memory {
        /// What took so much.
        job: &'static str,
        /// The limit, in MiB.
        mebibytes: u64,
    },
    /// The code is too large.
    #[error("the code that it compiles to has more than {} MiB: {SMALLER}", MAX_CODE >> 20)]
    Code,
    /// The process got too little of the processor.
    #[error("{job} did not end within {} s, though it used little CPU time: this machine is too busy", PATIENCE.as_secs())]
    Patience {
        /// What did not end.
        job: &'static str,
    },
    /// The process was killed by somebody else.
    #[error(
        "{job} was killed: most likely this machine or container ran out of memory, of which it may take {mebibytes} MiB"
    )]
    Killed {
        /// What was killed.
        job: &'static str,
        /// The limit, in MiB.
        mebibytes: u64,
    },
    /// The process failed in another way.
    #[error("{job} failed ({status}): {said}")]
    Failed {
        /// What failed.
        job: &'static str,
        /// How the process ended.
        status: ExitStatus,
        /// What it said.
        said: String,
    },
    /// There is no process to compile it in.
    #[error(
        "policies are compiled in a process of their own, and {} cannot be started as one: mount /proc, and let the \
         gateway start processes (seccomp, noexec, a limit on processes)",
        program.display()
    )]
    Start {
        /// The program that cannot be started.
        program: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The process cannot be given its work, or its work cannot be taken.
    #[error("the process that policies are compiled in cannot be talked to")]
    Talk(#[source] io::Error),
    /// Nobody waits for the code any more.
    #[error("it is not waited for any more")]
    Abandoned,
}

/// The program in whose processes policies are compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiler {
    program: PathBuf,
}

impl Compiler {
    /// The program that runs now. It must pass the arguments that follow [`COMPILE_POLICY`] to
    /// [`compile_policy`](crate::compile_policy).
    #[must_use]
    pub fn this_program() -> Self {
        Self::program("/proc/self/exe")
    }

    /// Another program that does so: the same version of sockgate.
    #[must_use]
    pub fn program(path: impl Into<PathBuf>) -> Self {
        Self { program: path.into() }
    }

    /// Compiles a component to code that has been loaded once. This takes a while, and blocks: `abandoned` is the end
    /// of a pipe whose other end is closed when nobody waits any more.
    ///
    /// # Errors
    /// [`CompileError`] if it cannot be compiled within the limits.
    pub(crate) fn compile(
        &self,
        wasm: Vec<u8>,
        memories: Memories,
        abandoned: &PipeReader,
    ) -> Result<Vec<u8>, CompileError> {
        let code = self.run(Job::Compile, memories, &wasm, abandoned)?;
        drop(wasm);
        self.run(Job::Load, memories, &code, abandoned)?;
        Ok(code)
    }

    /// Configures a policy with these settings, and gives the component that it is then. This takes as long as to compile
    /// it, and blocks: `abandoned` is as for [`Compiler::compile`].
    ///
    /// # Errors
    /// [`CompileError`] if that cannot be done.
    pub(crate) fn snapshot(
        &self,
        wasm: &[u8],
        settings: &str,
        memories: Memories,
        abandoned: &PipeReader,
    ) -> Result<Vec<u8>, CompileError> {
        self.run(Job::Snapshot, memories, &snapshot::input(settings, wasm), abandoned)
    }

    /// Runs one process to its end, and gives what it writes.
    fn run(
        &self,
        job: Job,
        memories: Memories,
        input: &[u8],
        abandoned: &PipeReader,
    ) -> Result<Vec<u8>, CompileError> {
        let mut command = Command::new(&self.program);
        command.args([COMPILE_POLICY, job.as_str(), memories.as_str()]).env_clear();
        // In a process group of its own, it does not get the signals that a terminal or a script sends to the gateway.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn();
        let child = child.map_err(|source| CompileError::Start { program: self.program.clone(), source })?;
        let mut process = Process { child };
        let (stdin, stdout) = (process.child.stdin.take(), process.child.stdout.take());
        let written = thread::scope(|scope| {
            let feed = move || {
                // If it ends before it has read everything, how it ended says more than this error.
                let _ = stdin.map(|mut stdin| stdin.write_all(input));
            };
            let fed = thread::Builder::new().name("compiler-input".to_owned()).spawn_scoped(scope, feed);
            let written = fed.and(Ok(())).map_err(CompileError::Talk).and_then(|()| match stdout {
                Some(stdout) => collect(job, stdout, abandoned),
                None => Err(CompileError::Talk(io::ErrorKind::BrokenPipe.into())),
            });
            if written.is_ok() {
                process.settle();
            }
            process.kill(); // which also ends the thread, if it still writes
            written
        })?;
        let (status, said) = process.end().map_err(CompileError::Talk)?;
        if status.success() { Ok(written) } else { Err(failure(job, status, said)) }
    }
}

/// Reads all that the process writes. By then the process has ended or is about to, as nothing else closes the pipe.
fn collect(job: Job, mut stdout: ChildStdout, abandoned: &PipeReader) -> Result<Vec<u8>, CompileError> {
    let deadline = Instant::now() + PATIENCE;
    let (mut code, mut chunk) = (Vec::<u8>::new(), vec![0; 64 << 10]);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(|error| CompileError::Talk(io::Error::other(error)))?;
        let mut ends = [PollFd::new(abandoned, PollFlags::IN), PollFd::new(&stdout, PollFlags::IN)];
        match poll(&mut ends, Some(&left)) {
            Ok(0) => return Err(CompileError::Patience { job: job.in_words() }),
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(CompileError::Talk(error.into())),
        }
        let [abandoned, _] = ends.map(|end| !end.revents().is_empty());
        if abandoned {
            return Err(CompileError::Abandoned);
        }
        let read = stdout.read(&mut chunk).map_err(CompileError::Talk)?;
        match chunk.get(..read) {
            None | Some([]) => return Ok(code),
            Some(more) if code.len() + more.len() > MAX_CODE => return Err(CompileError::Code),
            Some(more) => {
                let room = code.try_reserve(more.len());
                room.map_err(|_full| CompileError::Talk(io::ErrorKind::OutOfMemory.into()))?;
                code.extend_from_slice(more);
            }
        }
    }
}

/// Why the process failed, by how it ended.
fn failure(job: Job, status: ExitStatus, said: String) -> CompileError {
    let Budget { seconds, memory } = job.budget();
    let (job, mebibytes) = (job.in_words(), memory >> 20);
    let is = |signal: Signal| status.signal() == Some(signal.as_raw());
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    // Rust's own words, before it aborts.
    let is_out_of_memory = said.contains("memory allocation of ") || code == Some(exit::NO_MEMORY);
    match code {
        Some(exit::INVALID) => CompileError::Invalid(said),
        _ if is_out_of_memory => CompileError::Memory { job, mebibytes },
        _ if is(Signal::XCPU) => CompileError::Time { job, seconds },
        _ if is(Signal::KILL) => CompileError::Killed { job, mebibytes },
        _ => CompileError::Failed { job, status, said },
    }
}

/// A process, which is gone when this is dropped.
struct Process {
    child: Child,
}

impl Process {
    /// Waits until it has ended, which it is about to do, and not for long.
    fn settle(&mut self) {
        let begun = Instant::now();
        while begun.elapsed() < GRACE && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn kill(&mut self) {
        // It does nothing to a process that has been waited for.
        let _ = self.child.kill();
    }

    /// How it ended, and what it said on standard error, fit for a line.
    fn end(&mut self) -> io::Result<(ExitStatus, String)> {
        let status = self.child.wait()?;
        let mut said = Vec::new();
        if let Some(stderr) = self.child.stderr.take() {
            stderr.take(MAX_SAID).read_to_end(&mut said)?;
        }
        let said = String::from_utf8_lossy(&said);
        Ok((status, untrusted::fit(&said.split_whitespace().collect::<Vec<_>>().join(" "), 1000)))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        let _ = self.child.wait(); // it was killed, so this does not wait for its work
    }
}
