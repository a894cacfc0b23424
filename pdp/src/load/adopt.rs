//! Has a policy that takes long to configure decide from a snapshot of it: takes it or finds it in the cache, and tries it
//! out.

use std::io::PipeReader;
use std::path::Path;

use wasmtime::component::Component as Compiled;

use super::{CodeSource, LoadError, PolicyFile, snapshot, trial, while_waited_for};
use crate::bindings::{FlagsVerdict, PolicyPre};
use crate::digest::Digest;
use crate::guest::fault::Fault;
use crate::guest::policy::{Component, Unready};
use crate::guest::sandbox::Sandbox;

/// Why a policy has no snapshot.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAdopted {
    /// It cannot be taken, or the file has changed.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It cannot be loaded.
    #[error("it cannot be loaded: {0:#}")]
    Code(#[from] wasmtime::Error),
    /// It fails.
    #[error("it fails: {0}")]
    Fault(#[from] Fault),
}

/// Has the instances of a policy begin as a snapshot of one that is configured. That is found in the cache, or takes some
/// times as long as to compile the policy. Without it the policy works as well, and slower.
///
/// # Errors
/// [`NotAdopted`]
pub(crate) async fn adopt_snapshot(
    sandbox: &Sandbox,
    code: &CodeSource,
    path: &Path,
    digest: Digest,
    component: &Component,
) -> Result<(), NotAdopted> {
    let compiling = {
        let (sandbox, code, path) = (sandbox.clone(), code.clone(), path.to_owned());
        let settings = component.settings().to_owned();
        move |abandoned: &PipeReader| compile(&sandbox, &code, &path, digest, &settings, abandoned)
    };
    let compiled = while_waited_for(compiling).await?;
    let pre = sandbox.linker().instantiate_pre(&compiled).and_then(PolicyPre::new)?;
    let term = component.term();
    let trying = async {
        let mut instance = component.try_snapshot(&pre, &term).await.map_err(Unready::into_fault)?;
        match trial() {
            Some(ping) => {
                component.decide_in(&mut instance, ping, FlagsVerdict::Allow, &term).await.map(drop)
            }
            None => Ok(()),
        }
    };
    term.run(trying).await??;
    component.adopt(pre).await;
    Ok(())
}

fn compile(
    sandbox: &Sandbox,
    code: &CodeSource,
    path: &Path,
    digest: Digest,
    settings: &str,
    abandoned: &PipeReader,
) -> Result<Compiled, LoadError> {
    let engine = sandbox.engine();
    let key = snapshot::key(&digest, settings);
    if let Some(found) = code.cache.find_snapshot(engine, &digest, &key) {
        return Ok(found);
    }
    let PolicyFile { bytes, .. } = PolicyFile::read_pinned(path, Some(digest))?;
    let wasm = code.compiler.snapshot(&bytes, settings, sandbox.memories(), abandoned)?;
    let (component, native) = code.compile(sandbox, wasm, abandoned)?;
    code.cache.keep_snapshot(engine, &digest, &key, &native);
    Ok(component)
}
