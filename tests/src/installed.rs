//! The folder of the programs of other languages. `tests/setup` installs them there; without it the tests fail and say
//! so.

use std::path::PathBuf;

/// A file or folder that `tests/setup` makes in its cache folder.
///
/// # Panics
/// When it is not there.
#[must_use]
pub fn installed(name: &str) -> PathBuf {
    let path = cache().join(name);
    assert!(path.exists(), "{} is missing; run tests/setup", path.display());
    path
}

/// The cache folder, which must be the same as in `tests/setup`.
fn cache() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("SOCKGATE_TEST_CACHE").unwrap_or_else(|| {
        let base = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")));
        base.expect("HOME is not set").join("sockgate-tests")
    })
}
