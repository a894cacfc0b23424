//! Socket files: those that we listen on, and whether somebody listens on one.
//!
//! A file that is there and on which nobody listens is replaced; any other file never is. What looks abandoned may be
//! the file of a gateway that is just starting and does not listen yet, so starts in one folder take turns. All this may
//! wait for a file system, and must not run on the gateway's thread.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

/// How long a start waits for its turn in a folder. Others take milliseconds.
const TURN: Duration = Duration::from_secs(5);

/// The pause between two attempts to get one's turn.
const TURN_PAUSE: Duration = Duration::from_millis(10);

/// What keeps us from listening on a file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Obstacle {
    /// Another process listens on it.
    #[error("another process is listening there")]
    Live,
    /// It is not a socket, and listening there would destroy it.
    #[error("the file is there and is not a socket")]
    NotASocket,
    /// It is a folder.
    #[error("it is a folder")]
    Folder,
    /// The operating system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A socket file of ours. Dropping it removes the file, unless somebody else has put another one there since. It must be
/// dropped before the socket: while that is open nobody takes the file for an abandoned one, and its inode's number is
/// no other file's.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    device_and_inode: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path)
            .is_ok_and(|file| (file.dev(), file.ino()) == self.device_and_inode)
        {
            // If it fails there is nobody left to tell, and the next start replaces an abandoned file anyway.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl SocketFile {
    /// Listens on a file that has `mode`, with room for `backlog` clients that wait.
    ///
    /// # Errors
    /// The [`Obstacle`].
    pub(crate) fn listen(path: &Path, mode: u32, backlog: i32) -> Result<(Self, UnixListener), Obstacle> {
        let _turn = turn(path);
        remove_abandoned(path)?;
        Ok(bind(path, mode, backlog)?)
    }
}

/// Whether two paths lead to one file, by whatever links and mounts.
pub(crate) fn are_same(one: &Path, other: &Path) -> bool {
    let id = |path| fs::metadata(path).map(|file| (file.dev(), file.ino()));
    matches!((id(one), id(other)), (Ok(one), Ok(other)) if one == other)
}

/// Whether somebody listens on a socket, without waiting: `WouldBlock` means that somebody does, and that as many
/// clients wait to be accepted as may.
pub(crate) fn probe(path: &Path) -> io::Result<()> {
    Ok(rustix::net::connect(&socket()?, &SocketAddrUnix::new(path)?)?)
}

fn socket() -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
}

/// Locks the folder of `path` until what is returned is dropped. Not every file system has locks, not every folder can be
/// read, and a stranger who can read it can lock it, too: then a start waits for a while and goes on without.
fn turn(path: &Path) -> Option<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(path.parent()?, flags, Mode::empty()).ok()?;
    let asked = Instant::now();
    loop {
        match rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Some(folder),
            Err(Errno::WOULDBLOCK) if asked.elapsed() < TURN => thread::sleep(TURN_PAUSE),
            Err(_) => return None,
        }
    }
}

fn remove_abandoned(path: &Path) -> Result<(), Obstacle> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if found.is_dir() {
        return Err(Obstacle::Folder);
    }
    if !found.file_type().is_socket() {
        return Err(Obstacle::NotASocket);
    }
    match probe(path) {
        Ok(()) => Err(Obstacle::Live),
        Err(error) => match Errno::from_io_error(&error) {
            // Somebody did not wait for our turn if this is not the file that was probed.
            Some(Errno::CONNREFUSED) if identity(&fs::symlink_metadata(path)?) != identity(&found) => {
                Err(Obstacle::Live)
            }
            Some(Errno::CONNREFUSED) => Ok(fs::remove_file(path)?),
            Some(Errno::WOULDBLOCK | Errno::PROTOTYPE) => Err(Obstacle::Live),
            _ => Err(Obstacle::Io(error)),
        },
    }
}

/// What tells a file from another that has taken its place, perhaps with the same inode number.
fn identity(file: &Metadata) -> [i128; 4] {
    [file.dev().into(), file.ino().into(), file.ctime().into(), file.ctime_nsec().into()]
}

fn bind(path: &Path, mode: u32, backlog: i32) -> io::Result<(SocketFile, UnixListener)> {
    let socket = socket()?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    let made = fs::symlink_metadata(path)?;
    let file = SocketFile { path: path.to_owned(), device_and_inode: (made.dev(), made.ino()) };
    // Nobody can connect before `listen`, and by then the mode is set. The umask would do the same, but it belongs to
    // the whole process.
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    rustix::net::listen(&socket, backlog)?;
    Ok((file, socket.into()))
}
