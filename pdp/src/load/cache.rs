//! The cache of compiled policies on disk, so that a start need not compile what an earlier start has compiled.
//!
//! A compiled policy is native code, so it is loaded only if this user wrote it, as a regular file in a folder that
//! nobody else may write to. Anything else, and anything damaged, is compiled anew. Without a usable folder everything
//! works, but more slowly.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use engine_api::report;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::digest::Digest;
use crate::load::{checkpoints, native_code};

#[cfg(test)]
mod tests;

/// Compiled code that has not been used for so long is removed.
const UNUSED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What the names of entries end with.
const CODE: &str = "code";
const SNAPSHOT: &str = "snapshot";

/// How much of an entry is read, in bytes: more than any has. What is cut off is damaged.
const MAX_ENTRY: u64 = 128 << 20;

/// The cache, in which compiled code is found by what it was compiled from and for.
#[derive(Clone, Debug)]
pub(crate) struct CodeCache {
    folder: Option<PathBuf>,
}

/// Why a folder or an entry cannot be used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it belongs to uid {0}")]
    Owner(u32),
    #[error("others may write to it (mode {0:04o})")]
    Mode(u32),
    #[error("it is not a folder")]
    NoFolder,
    #[error("it is not a regular file")]
    NoFile,
}

impl CodeCache {
    /// A cache in `folder`. If the folder is missing, it is made, for its owner alone.
    pub(crate) fn open(folder: &Path) -> Self {
        match claim(folder) {
            Ok(()) => Self { folder: Some(folder.to_owned()) },
            Err(problem) => {
                tracing::warn!(
                    "policies are compiled at every start: the folder {} cannot be used ({}); \
                     set POLICY_CACHE to one that only this user may write to",
                    folder.display(),
                    report(&problem)
                );
                Self { folder: None }
            }
        }
    }

    /// No cache: policies are always compiled.
    pub(crate) fn none() -> Self {
        Self { folder: None }
    }

    /// The code that WebAssembly with this digest was compiled to before, if it is in the folder.
    pub(crate) fn find(&self, engine: &Engine, digest: &Digest) -> Option<Component> {
        let entry = Entry::of(self.folder.as_deref()?, engine, digest);
        match entry.load(engine) {
            Ok(component) => return Some(component),
            Err(Unloadable::Missing) => {}
            Err(problem) => {
                let (path, problem) = (entry.path.display(), report(&problem));
                tracing::warn!("compiling anew: the compiled policy {path} {problem}");
            }
        }
        None
    }

    /// The code of the snapshot of the policy with this digest, if it is the snapshot that `key` stands for.
    pub(crate) fn find_snapshot(&self, engine: &Engine, policy: &Digest, key: &Digest) -> Option<Component> {
        // One for other settings does not open with this key, and will be replaced.
        Entry::of_snapshot(self.folder.as_deref()?, engine, policy, key).load(engine).ok()
    }

    /// Keeps the code of a snapshot, in place of the one that was there for this policy: settings that change now and then
    /// must not fill the disk.
    pub(crate) fn keep_snapshot(&self, engine: &Engine, policy: &Digest, key: &Digest, code: &[u8]) {
        self.store(|folder| Entry::of_snapshot(folder, engine, policy, key), code);
    }

    /// Keeps the code that WebAssembly with this digest was compiled to, if there is a folder. This writes to a disk, and
    /// must not run on the gateway's thread.
    pub(crate) fn keep(&self, engine: &Engine, digest: &Digest, code: &[u8]) {
        self.store(|folder| Entry::of(folder, engine, digest), code);
    }

    fn store(&self, entry: impl FnOnce(&Path) -> Entry, code: &[u8]) {
        let Some(folder) = &self.folder else { return };
        let entry = entry(folder);
        if let Err(problem) = entry.store(code) {
            let (path, problem) = (entry.path.display(), report(&problem));
            tracing::warn!("the compiled policy cannot be kept in {path}: {problem}");
        }
        remove_unused(folder);
    }
}

/// Where compiled code came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It was found in the folder.
    Cached,
    /// It has just been compiled.
    Compiled,
}

#[derive(Debug, thiserror::Error)]
enum Unloadable {
    #[error("is missing")]
    Missing,
    #[error("cannot be read")]
    Io(#[source] io::Error),
    #[error("is not a file of this user alone")]
    NotOurs(#[source] Unusable),
    #[error("is damaged")]
    Damaged,
    #[error("cannot be loaded")]
    Rejected(#[source] wasmtime::Error),
}

fn claim(folder: &Path) -> Result<(), Unusable> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let found = fs::symlink_metadata(folder)?;
    if !found.is_dir() {
        return Err(Unusable::NoFolder);
    }
    require_ours(&found)
}

fn require_file(found: &fs::Metadata) -> Result<(), Unusable> {
    if found.is_file() { Ok(()) } else { Err(Unusable::NoFile) }
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

/// An entry of the cache. Other WebAssembly, another version of wasmtime or another processor has another entry.
struct Entry {
    path: PathBuf,
    digest: Digest,
    compatibility: [u8; 8],
}

impl Entry {
    fn of(folder: &Path, engine: &Engine, digest: &Digest) -> Self {
        Self::named(folder, engine, digest, CODE, digest)
    }

    /// The entry of a policy's snapshot, which is sealed with what it is a snapshot of.
    fn of_snapshot(folder: &Path, engine: &Engine, policy: &Digest, key: &Digest) -> Self {
        Self::named(folder, engine, policy, SNAPSHOT, key)
    }

    fn named(folder: &Path, engine: &Engine, name: &Digest, kind: &str, digest: &Digest) -> Self {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        checkpoints::VERSION.hash(&mut hasher);
        let compatibility = hasher.finish();
        let path = folder.join(format!("{name}-{compatibility:016x}.{kind}"));
        Self { path, digest: *digest, compatibility: compatibility.to_be_bytes() }
    }

    /// The digest that follows the code in the file. Without it, damaged code would be run, and so would an entry under
    /// another entry's name.
    fn seal(&self, code: &[u8]) -> Digest {
        Digest::of_all(&[self.digest.as_bytes(), &self.compatibility, code])
    }

    fn load(&self, engine: &Engine) -> Result<Component, Unloadable> {
        // Through no link, and without waiting for the other end of a pipe.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).unwrap_or_default();
        let file = match OpenOptions::new().read(true).custom_flags(flags).open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Unloadable::Missing),
            opened => opened.map_err(Unloadable::Io)?,
        };
        let found = file.metadata().map_err(Unloadable::Io)?;
        require_file(&found).and_then(|()| require_ours(&found)).map_err(Unloadable::NotOurs)?;
        let mut entry = Vec::new();
        (&file).take(MAX_ENTRY).read_to_end(&mut entry).map_err(Unloadable::Io)?;
        let length = entry.len().checked_sub(Digest::LENGTH).ok_or(Unloadable::Damaged)?;
        let (code, seal) = entry.split_at(length);
        if self.seal(code).as_bytes() != seal {
            return Err(Unloadable::Damaged);
        }
        let component = native_code::load(engine, code);
        // The file's time is that of its last use. If it cannot be set, the policy is compiled anew some day.
        let _ = file.set_modified(SystemTime::now());
        component.map_err(Unloadable::Rejected)
    }

    /// Writes the entry, under another name first, so that a reader sees a whole entry or none.
    fn store(&self, code: &[u8]) -> io::Result<()> {
        let unfinished = self.path.with_extension(format!("{}.new", std::process::id()));
        // What is there under that name is left over, and may be anything.
        let _ = fs::remove_file(&unfinished);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        let written = file.write_all(code).and_then(|()| file.write_all(self.seal(code).as_bytes()));
        written.and_then(|()| fs::rename(&unfinished, &self.path)).inspect_err(|_| {
            // If it is left over, it does no harm, and is removed when it is old.
            let _ = fs::remove_file(&unfinished);
        })
    }
}

/// Removes entries that no start or reload has used for long, and no file that is not named like an entry. An entry
/// that cannot be removed takes up space, and does no other harm.
fn remove_unused(folder: &Path) {
    let Some(long_ago) = SystemTime::now().checked_sub(UNUSED) else { return };
    for file in fs::read_dir(folder).into_iter().flatten().map_while(Result::ok) {
        let used = file.metadata().and_then(|found| found.modified());
        if is_entry(&file.file_name()) && used.is_ok_and(|used| used < long_ago) {
            let _ = fs::remove_file(file.path());
        }
    }
}

/// Whether a file is named as [`Entry::of`] and [`Entry::store`] name files.
fn is_entry(name: &OsStr) -> bool {
    let is_hex = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
    let Some((stem, kind)) = name.to_str().and_then(|name| name.split_once('.')) else { return false };
    let is_stem = stem.split_once('-').is_some_and(|(sum, for_what)| is_hex(sum, 64) && is_hex(for_what, 16));
    is_stem && (kind == CODE || kind == SNAPSHOT || kind.ends_with(".new"))
}
