//! Reads the files that policies come from, whole or not at all, and looks at them for changes.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

#[cfg(test)]
mod tests;

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The operating system refuses.
    #[error("it cannot be read{}", by_whom_or_where(.0))]
    Io(#[from] io::Error),
    /// The path is that of a folder, a device or a pipe.
    #[error("it is not a regular file: name one")]
    NotAFile,
    /// The file is larger than is accepted.
    #[error("it has {found} bytes, and at most {most} are accepted: make it smaller")]
    TooLarge {
        /// The size of the file in bytes, as far as it was read.
        found: u64,
        /// The largest size that is accepted, in bytes.
        most: u64,
    },
    /// The file changed, so what was read may be half old and half new.
    #[error("it changed while it was being read: write the new file beside it, and move that over it")]
    Changing,
}

/// What the operator has to know besides the cause: who cannot read the file, or where it is missing.
fn by_whom_or_where(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::PermissionDenied {
        " by the gateway's user"
    } else if error.kind() == io::ErrorKind::NotFound {
        " where the gateway runs (on this machine, or in its container)"
    } else {
        "" // the cause says enough
    }
}

/// The bytes of a file, if there are at most `most`.
///
/// # Errors
/// [`Unreadable`] if the file cannot be read, is not a regular file, is too large or changes meanwhile.
pub(crate) fn read(path: &Path, most: u64) -> Result<Vec<u8>, Unreadable> {
    // Without this, opening a pipe would wait for its other end.
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    read_from(&OpenOptions::new().read(true).custom_flags(nonblocking).open(path)?, most, || {})
}

/// Reads an open file. `meanwhile` runs between the first look at the file and the last, for a test that changes the
/// file.
fn read_from(mut file: &File, most: u64, meanwhile: impl FnOnce()) -> Result<Vec<u8>, Unreadable> {
    let before = file.metadata()?;
    match before.len() {
        _ if !before.is_file() => return Err(Unreadable::NotAFile),
        found if found > most => return Err(Unreadable::TooLarge { found, most }),
        _ => {}
    }
    meanwhile();
    let mut bytes = Vec::new();
    let found = file.by_ref().take(most + 1).read_to_end(&mut bytes)? as u64;
    match Stamp::of(&file.metadata()?) == Stamp::of(&before) {
        _ if found > most => Err(Unreadable::TooLarge { found, most }),
        true => Ok(bytes),
        false => Err(Unreadable::Changing),
    }
}

/// What files looked like at some time: not their contents, but enough to tell whether the contents have changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look(Vec<Option<Stamp>>);

impl Look {
    /// Looks at these files, through symbolic links. This may wait for a disk or a network.
    pub(crate) fn at(paths: &[PathBuf]) -> Self {
        Self(paths.iter().map(|path| std::fs::metadata(path).ok().map(|found| Stamp::of(&found))).collect())
    }
}

/// The metadata of a file. If the contents have changed, at least one of these fields has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(found: &Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}
