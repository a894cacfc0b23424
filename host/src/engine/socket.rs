//! The engine's socket, for the operator: why it cannot be opened and what to do about it.
//!
//! The gateway only warns of it: it starts without an engine, answers 503, and works as soon as the engine is there. The
//! exception is a socket that is mounted by itself: the mount keeps the file, also when the engine has made another.

use std::fmt::Write as _;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags};

/// Whether the file was removed and is still here, as it is mounted by itself: nobody will listen on it again.
pub(crate) fn was_removed(socket: &Path) -> bool {
    fs::metadata(socket).is_ok_and(|file| file.nlink() == 0)
}

/// Describes the failure in sentences: what failed, what is at the path, who we are, what to do.
pub(crate) fn describe(socket: &Path, error: &io::Error) -> String {
    let cause = engine_api::report(error);
    let mut text = format!("cannot connect to the Docker engine at {}: {cause}.", socket.display());
    let advice = match fs::metadata(socket) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
            "Start the engine, mount its socket here, or point DOCKER_SOCKET at it.".to_owned()
        }
        Err(_) => "A folder on the way to it cannot be entered.".to_owned(),
        Ok(file) if file.is_dir() => {
            "It is a folder, as Docker makes it where a file that a container mounts is missing: remove it on the host, start \
             the engine, and mount its socket."
                .to_owned()
        }
        Ok(file) if !file.file_type().is_socket() => {
            "The file there is not a socket: point DOCKER_SOCKET at the engine's.".to_owned()
        }
        Ok(file) => {
            let (uid, gid, mode) = (file.uid(), file.gid(), file.mode() & 0o7777);
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                " It belongs to uid {uid} and gid {gid} with mode {mode:04o}; we are {}.",
                ourselves()
            );
            advice(&file, error)
        }
    };
    let _ = write!(text, " {advice} Clients are answered 503 until it works; {}.", outlook(socket, error));
    text
}

/// What to do about a socket that is there.
fn advice(file: &Metadata, error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::PermissionDenied {
        permission(file)
    } else if file.nlink() == 0 {
        "Nobody will listen on it again: it was removed on the host, and the engine makes another file when it starts."
            .to_owned()
    } else {
        "Nobody listens on it: start the engine.".to_owned()
    }
}

/// What gives us the right to connect, which is the one to write (unix(7)).
fn permission(file: &Metadata) -> String {
    let (uid, gid) = (file.uid(), file.gid());
    let ours = if uid == rustix::process::geteuid().as_raw() {
        0o200
    } else if is_ours(gid) {
        0o020
    } else {
        0o002
    };
    if file.mode() & ours != 0 {
        "Its mode lets us connect, so something else does not: SELinux, AppArmor or the like.".to_owned()
    } else if file.mode() & 0o020 != 0 {
        format!("Add gid {gid} to the gateway's groups (docker run --group-add {gid}).")
    } else {
        format!(
            "Its group may not connect either: run the gateway as uid {uid} (docker run --user {uid}), or let the group in \
             (chmod g+rw) and add gid {gid} to the gateway's groups (docker run --group-add {gid})."
        )
    }
}

fn is_ours(gid: u32) -> bool {
    let groups = rustix::process::getgroups().unwrap_or_default();
    groups.iter().chain([&rustix::process::getegid()]).any(|group| group.as_raw() == gid)
}

/// Whether this process has to be started again.
fn outlook(socket: &Path, error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::PermissionDenied {
        "another user or group needs a restart"
    } else if was_removed(socket) || is_mounted(socket) {
        "the file itself is mounted here, so restart this container whenever the engine makes the file anew, or give it a \
         folder of its own and mount that"
    } else {
        "no restart is needed"
    }
}

/// Whether something is mounted on that very path. Kernels before 5.8 do not tell.
fn is_mounted(path: &Path) -> bool {
    let found = rustix::fs::statx(CWD, path, AtFlags::empty(), StatxFlags::empty());
    found.is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// The user and the groups of this process.
fn ourselves() -> String {
    let groups = rustix::process::getgroups().unwrap_or_default();
    let groups: Vec<_> = groups.iter().map(|group| group.as_raw().to_string()).collect();
    format!(
        "uid {} with gid {} and groups [{}]",
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
        groups.join(" ")
    )
}
