//! The limit of open files: how high it is, and what is to be done where it is reached.

use std::io;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many files this process may have open.
pub(crate) fn limit() -> usize {
    let limit = getrlimit(Resource::Nofile).current;
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

/// Raises the soft limit of open files to the hard limit: the usual soft limit of 1024 is for programs that use
/// `select`.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
    {
        tracing::warn!("cannot raise the limit of open files: {error}");
    }
}

/// The next step if `error` comes of too many open files, as the end of a sentence; else `None`.
pub(crate) fn advice(error: &io::Error) -> Option<&'static str> {
    match Errno::from_io_error(error) {
        Some(Errno::MFILE) => Some(
            "; raise the gateway's limit of open files (ulimit -n, LimitNOFILE=) or lower MAX_CONNECTIONS",
        ),
        Some(Errno::NFILE) => Some("; the whole machine has too few: raise fs.file-max"),
        _ => None,
    }
}
