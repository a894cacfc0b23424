//! What the process does that compiles a policy: it limits itself, starts itself anew under these limits, reads its
//! input, and writes code.
//!
//! Limits come first, because an allocator may reserve more at its start than the process may have in all. The process
//! has an empty environment and three pipes. It opens no file but this program, and no socket.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use rustix::process::{Signal, set_parent_process_death_signal, setpriority_process, setrlimit};

use crate::guest::fault::{is_out_of_memory, one_line};
use crate::guest::sandbox::{Memories, linker};
use crate::load::compiler::{COMPILE_POLICY, Job, exit};
use crate::load::snapshot::{self, NoSnapshot};
use crate::load::{checkpoints, native_code};

/// The argument that says that the limits are set.
const LIMITED: &str = "limited";

/// How much the process stands back behind others (nice(2)).
const NICENESS: i32 = 5;

/// Why the process fails.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("this is not a command for people: the gateway compiles policies with it")]
    Usage,
    #[error("it cannot limit itself: {0}")]
    Limit(rustix::io::Errno),
    #[error("it cannot start itself anew: {0}")]
    Restart(io::Error),
    #[error("its pipes fail: {0}")]
    Pipe(#[from] io::Error),
    #[error("{}", one_line(.0))]
    Wasmtime(wasmtime::Error),
    #[error("{}", one_line(.0))]
    Component(wasmtime::Error),
    #[error("it cannot be given checkpoints: {0}")]
    Unreadable(checkpoints::Unreadable),
    #[error(transparent)]
    NoSnapshot(#[from] NoSnapshot),
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Usage => exit::USAGE,
            Self::Wasmtime(error) | Self::Component(error) if is_out_of_memory(error) => exit::NO_MEMORY,
            Self::Component(_) | Self::Unreadable(_) | Self::NoSnapshot(_) => exit::INVALID,
            Self::Limit(_) | Self::Restart(_) | Self::Pipe(_) | Self::Wasmtime(_) => exit::UNABLE,
        }
    }
}

/// Runs this process, given what follows [`COMPILE_POLICY`] on its command line.
#[must_use]
pub fn compile_policy(arguments: &[OsString]) -> ExitCode {
    let words: Vec<_> = arguments.iter().map(|word| word.to_str().unwrap_or_default()).collect();
    let ended = match words[..] {
        [job, memories] => job_of(job).and_then(|job| start_limited(job, memories)),
        [job, memories, LIMITED] => job_of(job).and_then(|job| work(job, memories)),
        _ => Err(Failure::Usage),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "{failure}"); // if nobody reads it, nobody misses it
            ExitCode::from(failure.exit_code())
        }
    }
}

fn job_of(word: &str) -> Result<Job, Failure> {
    Job::ALL.into_iter().find(|job| job.as_str() == word).ok_or(Failure::Usage)
}

/// Sets the limits and starts this program anew. It returns only if that fails.
fn start_limited(job: Job, memories: &str) -> Result<(), Failure> {
    // The process ends with the thread that started it, which waits for as long as anybody does.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(Failure::Limit)?;
    // Neither of these is a limit, and nothing depends on them: others go first, and if memory runs out, they stay.
    let _ = setpriority_process(None, NICENESS);
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    for (resource, limit) in job.budget().limits() {
        setrlimit(resource, limit).map_err(Failure::Limit)?;
    }
    let mut anew = Command::new("/proc/self/exe");
    Err(Failure::Restart(anew.args([COMPILE_POLICY, job.as_str(), memories, LIMITED]).exec()))
}

/// Does the job: the component or the code comes on standard input, the code goes to standard output.
fn work(job: Job, memories: &str) -> Result<(), Failure> {
    let memories =
        Memories::ALL.into_iter().find(|known| known.as_str() == memories).ok_or(Failure::Usage)?;
    let engine = || memories.engine().map_err(Failure::Wasmtime);
    let mut input = Vec::new();
    io::stdin().lock().read_to_end(&mut input)?; // as much as the gateway sends; the memory is limited
    match job {
        Job::Compile => {
            let engine = engine()?;
            let code = match checkpoints::insert(&input) {
                Ok(wasm) => engine.precompile_component(&wasm).map_err(Failure::Component)?,
                Err(unreadable) => {
                    // The compiler mostly says better what is wrong.
                    engine.precompile_component(&input).map_err(Failure::Component)?;
                    return Err(Failure::Unreadable(unreadable));
                }
            };
            drop(input);
            io::stdout().lock().write_all(&code)?;
        }
        Job::Load => {
            let engine = engine()?;
            let component = native_code::load(&engine, &input).map_err(Failure::Wasmtime)?;
            let linker = linker(&engine).map_err(Failure::Wasmtime)?;
            // The gateway tells what is wrong with it; here it matters only that the attempt is within the limits.
            drop(linker.instantiate_pre(&component));
        }
        Job::Snapshot => io::stdout().lock().write_all(&snapshot::take(&input)?)?,
    }
    Ok(())
}
