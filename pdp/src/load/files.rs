//! The files that policies come from: read whole or not at all, and looked at for changes.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

#[cfg(test)]
mod tests;

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The system says no.
    #[error("it cannot be read: {}", in_words(.0))]
    Io(#[from] io::Error),
    /// A folder, a device, a pipe.
    #[error("it is no file: name a regular one")]
    NotAFile,
    /// More than is taken.
    #[error("it has {found} bytes; at most {most} are taken: make it smaller")]
    TooLarge {
        /// What it has, as far as it was read.
        found: u64,
        /// What it may have.
        most: u64,
    },
    /// Half of it may be the old one, half the new one.
    #[error("it changed while it was read: write a new one beside it, and move that over it")]
    Changing,
}

/// What the system says, and what to do.
fn in_words(error: &io::Error) -> String {
    let advice = if error.kind() == io::ErrorKind::PermissionDenied {
        "; let the gateway's user read it"
    } else if error.kind() == io::ErrorKind::NotFound {
        "; the path is that of the machine or container which the gateway runs in"
    } else {
        "" // what the system says is enough
    };
    format!("{error}{advice}")
}

/// The bytes of a file, if there are at most `most`.
///
/// # Errors
/// [`Unreadable`].
pub(crate) fn read(path: &Path, most: u64) -> Result<Vec<u8>, Unreadable> {
    // Opening a pipe would otherwise wait for its other end.
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    read_from(&OpenOptions::new().read(true).custom_flags(nonblocking).open(path)?, most, || {})
}

/// `meanwhile` happens between the first look and the last, for the test that changes the file there.
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

/// What files looked like at some time: not what is in them, but that it is not another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look(Vec<Option<Stamp>>);

impl Look {
    /// Of these files, through symbolic links. May wait for a disk or a network.
    pub(crate) fn at(paths: &[PathBuf]) -> Self {
        Self(paths.iter().map(|path| std::fs::metadata(path).ok().map(|found| Stamp::of(&found))).collect())
    }
}

/// Two contents of a file differ in one of these.
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
