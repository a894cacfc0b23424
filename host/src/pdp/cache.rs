//! Compiled policies on disk, so that a start does not compile what an earlier one has compiled.
//!
//! A compiled policy is native code: only what this user wrote, into a folder that nobody else may write to, is ever
//! loaded. Anything else, and anything damaged, is compiled anew. Without a usable folder everything works, slower.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use wasmtime::Engine;
use wasmtime::component::Component;

use super::digest::Digest;

#[cfg(test)]
mod tests;

/// Compiled code, by what it was compiled from and for.
#[derive(Clone, Debug)]
pub(super) struct CodeCache {
    folder: Option<PathBuf>,
}

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it belongs to uid {0}")]
    Owner(u32),
    #[error("others may write to it (mode {0:04o})")]
    Mode(u32),
    #[error("it is no folder")]
    NoFolder,
}

impl CodeCache {
    /// In `folder`, which is made if it is missing, for its owner alone.
    pub(super) fn open(folder: &Path) -> Self {
        match claim(folder) {
            Ok(()) => Self { folder: Some(folder.to_owned()) },
            Err(problem) => {
                tracing::warn!(
                    "policies are compiled at every start: the folder {} cannot be used ({problem}); \
                     set POLICY_CACHE to one that only this user may write to",
                    folder.display()
                );
                Self { folder: None }
            }
        }
    }

    /// No folder: always compiles.
    pub(super) fn none() -> Self {
        Self { folder: None }
    }

    /// The compiled form of `wasm`, from the folder or from the compiler. Takes a while: not for the gateway's thread.
    ///
    /// # Errors
    /// What the compiler says of the bytes.
    pub(super) fn component(
        &self,
        engine: &Engine,
        wasm: &[u8],
        digest: &Digest,
    ) -> wasmtime::Result<(Component, Origin)> {
        let Some(folder) = &self.folder else {
            return Ok((Component::from_binary(engine, wasm)?, Origin::Compiled));
        };
        let path = folder.join(entry_name(engine, digest));
        match load(engine, &path) {
            Ok(component) => return Ok((component, Origin::Cached)),
            Err(Unloadable::Missing) => {}
            Err(problem) => {
                tracing::warn!("compiling anew: the compiled policy {} {problem}", path.display());
            }
        }
        let component = Component::from_binary(engine, wasm)?;
        if let Err(problem) = component.serialize().and_then(|code| Ok(store(&path, &code)?)) {
            tracing::warn!("the compiled policy cannot be kept in {}: {problem:#}", path.display());
        }
        Ok((component, Origin::Compiled))
    }
}

/// Where compiled code came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The folder.
    Cached,
    /// The compiler.
    Compiled,
}

#[derive(Debug, thiserror::Error)]
enum Unloadable {
    #[error("is missing")]
    Missing,
    #[error("cannot be read: {0}")]
    Io(#[source] io::Error),
    #[error("is not ours: {0}")]
    Foreign(Unusable),
    #[error("is damaged")]
    Damaged,
    #[error("does not load: {0:#}")]
    Rejected(wasmtime::Error),
}

fn claim(folder: &Path) -> Result<(), Unusable> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let found = fs::symlink_metadata(folder)?;
    if !found.is_dir() {
        return Err(Unusable::NoFolder);
    }
    require_ours(&found)
}

fn require_ours(found: &fs::Metadata) -> Result<(), Unusable> {
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(Unusable::Owner(found.uid()));
    }
    match found.mode() & 0o7777 {
        mode if mode & 0o022 != 0 => Err(Unusable::Mode(mode)),
        _ => Ok(()),
    }
}

/// What the code was made from, and what for: another version or another processor has other names.
fn entry_name(engine: &Engine, digest: &Digest) -> String {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let mut name = digest.to_string();
    // Writing to a string cannot fail.
    let _ = write!(name, "-{:016x}.code", hasher.finish());
    name
}

/// An entry is the compiled code and, behind it, the digest of that: bytes that rotted would be run.
fn load(engine: &Engine, path: &Path) -> Result<Component, Unloadable> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Unloadable::Missing),
        opened => opened.map_err(Unloadable::Io)?,
    };
    require_ours(&file.metadata().map_err(Unloadable::Io)?).map_err(Unloadable::Foreign)?;
    let mut entry = Vec::new();
    io::Read::read_to_end(&mut file, &mut entry).map_err(Unloadable::Io)?;
    let length = entry.len().checked_sub(Digest::LENGTH).ok_or(Unloadable::Damaged)?;
    let (code, sum) = entry.split_at(length);
    if Digest::of(code).as_bytes() != sum {
        return Err(Unloadable::Damaged);
    }
    #[allow(
        unsafe_code,
        reason = "compiled by this program, kept where only this user writes, and undamaged"
    )]
    // SAFETY: as the reason says; wasmtime itself checks version and settings.
    let component = unsafe { Component::deserialize(engine, code) };
    component.map_err(Unloadable::Rejected)
}

/// Under another name first: a reader sees a whole entry or none.
fn store(path: &Path, code: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension(format!("{}.new", std::process::id()));
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    let written = file.write_all(code).and_then(|()| file.write_all(Digest::of(code).as_bytes()));
    written.and_then(|()| fs::rename(&unfinished, path)).inspect_err(|_| {
        // What is left over is harmless, and overwritten the next time.
        let _ = fs::remove_file(&unfinished);
    })
}
