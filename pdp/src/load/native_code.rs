//! Native code: the one place where bytes become code that runs with all that the gateway may do.

use wasmtime::Engine;
use wasmtime::component::Component;

/// Makes a component of code that [`Engine::precompile_component`] made in a process of this program. The caller must
/// have it from that process or from the cache, which holds it against its seal, and from nowhere else.
///
/// # Errors
/// If the code was made by another version of wasmtime, with other settings or for another processor.
pub(crate) fn load(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    #[allow(unsafe_code, reason = "compiled by this program, and whole: the caller sees to it")]
    // SAFETY: as the reason says; wasmtime itself checks version and settings.
    unsafe {
        Component::deserialize(engine, code)
    }
}
