//! Reads the files that a file of cases consists of: itself, and those that it names.

use std::io;
use std::path::PathBuf;

/// A file that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be read", path.display())]
pub struct ReadError {
    path: PathBuf,
    source: io::Error,
}

/// Reads a whole file, which has to be UTF-8.
///
/// # Errors
/// [`ReadError`].
pub(super) fn read(path: PathBuf) -> Result<String, ReadError> {
    std::fs::read_to_string(&path).map_err(|source| ReadError { path, source })
}
