//! The engine's socket, for the operator: why it cannot be opened and what to do about it.
//!
//! The gateway only warns of it: it starts without an engine, answers 503, and works as soon as the engine is there.

use std::fmt::Write as _;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// Describes the failure in sentences: what failed, what is at the path, who we are, what to do.
pub(crate) fn describe(socket: &Path, error: &io::Error) -> String {
    let cause = engine_api::report(error);
    let mut text = format!("cannot connect to the Docker engine at {}: {cause}.", socket.display());
    let advice = match std::fs::metadata(socket) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
            "Start the engine, mount its socket here, or point DOCKER_SOCKET at it.".to_owned()
        }
        Err(_) => "A folder on the way to it cannot be entered.".to_owned(),
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
            if error.kind() == io::ErrorKind::PermissionDenied {
                format!("Add gid {gid} to the gateway's groups (docker run --group-add {gid}).")
            } else {
                "Nobody listens on it: start the engine.".to_owned()
            }
        }
    };
    let _ = write!(text, " {advice} Clients are answered 503 until it works; no restart is needed.");
    text
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
