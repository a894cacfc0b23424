//! Reads the files that policies and their settings come from, whole or not at all, and looks at them for changes.
//!
//! What is read may be shown to clients: a policy's settings are the policy's to publish. So a file of the kernel
//! (procfs, sysfs) is not read, and a symbolic link is followed only if whoever made it could have had the file's
//! content anyway. Otherwise whoever may write to the folder of a settings file could put a link to
//! `/proc/self/environ` or `/etc/shadow` there.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

#[cfg(test)]
mod tests;

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The operating system refuses.
    #[error("it cannot be read{}", by_whom_or_where(.0))]
    Io(#[from] io::Error),
    /// The file has no content of its own: the kernel makes it up when it is read.
    #[error("it is a file of the kernel ({0}), not one on a disk: name a regular file")]
    Kernel(&'static str),
    /// A symbolic link on the way to the file is somebody else's.
    #[error(
        "{} is a symbolic link of uid {owner}, who owns neither the file that it leads to nor this process: \
         name the file itself, or have root or the file's owner make the link", link.display()
    )]
    Link {
        /// Where the link is.
        link: PathBuf,
        /// Whose it is.
        owner: u32,
    },
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
/// [`Unreadable`] if the file cannot be read, is not a regular file, is not for us to read, is too large or changes
/// meanwhile.
pub(crate) fn read(path: &Path, most: u64) -> Result<Vec<u8>, Unreadable> {
    // Without this, opening a pipe would wait for its other end.
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path)?;
    require_on_disk(&file)?;
    require_links_to(&file, path)?;
    read_from(&file, most, || {})
}

/// File systems whose files are the kernel's words, by their numbers in `linux/magic.h`.
const OF_THE_KERNEL: [(u32, &str); 8] = [
    (0x9fa0, "procfs"),
    (0x6265_6572, "sysfs"),
    (0x0027_e0eb, "cgroup"),
    (0x6367_7270, "cgroup2"),
    (0x6462_6720, "debugfs"),
    (0x7472_6163, "tracefs"),
    (0x7363_6673, "securityfs"),
    (0x6265_6570, "configfs"),
];

fn require_on_disk(file: &File) -> Result<(), Unreadable> {
    let found = rustix::fs::fstatfs(file).map_err(io::Error::from)?.f_type;
    let found = OF_THE_KERNEL.iter().find(|(number, _)| u32::try_from(found) == Ok(*number));
    found.map_or(Ok(()), |(_, name)| Err(Unreadable::Kernel(name)))
}

/// How many links the kernel follows at most.
const MAX_LINKS: usize = 40;

/// Refuses links of strangers on the way to `file`, which was opened by that path. The way is gone once more here: if
/// it leads to the same file, then what is found on it holds for the file, whatever was exchanged in between.
fn require_links_to(file: &File, path: &Path) -> Result<(), Unreadable> {
    let (end, links) = follow(path)?;
    let (opened, found) = (file.metadata()?, std::fs::symlink_metadata(end)?);
    if (opened.dev(), opened.ino()) != (found.dev(), found.ino()) {
        return Err(Unreadable::Changing);
    }
    let trusted = [0, rustix::process::geteuid().as_raw(), opened.uid()];
    match links.into_iter().find(|(_, owner)| !trusted.contains(owner)) {
        Some((link, owner)) => Err(Unreadable::Link { link, owner }),
        None => Ok(()),
    }
}

/// Where a path ends, and the symbolic links on the way with their owners.
fn follow(path: &Path) -> io::Result<(PathBuf, Vec<(PathBuf, u32)>)> {
    let (mut at, mut links) = (PathBuf::new(), Vec::new());
    let mut ahead = vec![std::path::absolute(path)?];
    while let Some(next) = ahead.pop() {
        let mut parts = next.components();
        let Some(part) = parts.next() else { continue };
        ahead.push(parts.as_path().to_owned());
        match part {
            Component::Prefix(_) | Component::CurDir => {}
            Component::RootDir => at = PathBuf::from("/"),
            // No link is left in what has been gone so far.
            Component::ParentDir => drop(at.pop()),
            Component::Normal(name) => {
                let step = at.join(name);
                let found = std::fs::symlink_metadata(&step)?;
                if !found.is_symlink() {
                    at = step;
                } else if links.len() == MAX_LINKS {
                    return Err(io::Error::other("too many links"));
                } else {
                    ahead.push(std::fs::read_link(&step)?);
                    links.push((step, found.uid()));
                }
            }
        }
    }
    Ok((at, links))
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
