//! Where the client programs are. `tests/setup` puts them there; without it the tests fail and say so.

use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::dockerd::on_path;
use e2e::installed;

/// The docker CLIs that people use: the one of Debian's engine, and one of today.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum DockerCli {
    /// 20.10, from Debian's docker.io: its BuildKit client is built in.
    V20,
    /// 23 or newer (28 on the machines that these tests were written on).
    Modern,
}

impl DockerCli {
    /// The program of this version.
    pub(crate) fn program(self) -> PathBuf {
        let fits = |program: &Path| self.is_served_by(program);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let installed = std::env::split_paths(&path).chain(["/usr/local/bin".into(), "/usr/bin".into()]);
        let found = installed.map(|folder| folder.join("docker")).find(|program| fits(program));
        found.unwrap_or_else(|| panic!("no docker CLI {}; run tests/setup", self.versions()))
    }

    fn versions(self) -> &'static str {
        match self {
            Self::V20 => "20.10",
            Self::Modern => "23 or newer",
        }
    }

    fn is_served_by(self, program: &Path) -> bool {
        let Ok(output) = Command::new(program).arg("--version").output() else { return false };
        let said = String::from_utf8_lossy(&output.stdout);
        let major = said.strip_prefix("Docker version ").and_then(|rest| rest.split('.').next());
        match (self, major.and_then(|major| major.parse::<u32>().ok())) {
            (Self::V20, Some(major)) => major == 20,
            (Self::Modern, Some(major)) => major >= 23,
            (Self::V20 | Self::Modern, None) => false,
        }
    }
}

/// `docker-compose` from PATH.
pub(crate) fn compose() -> PathBuf {
    on_path("docker-compose").expect("no docker-compose on PATH; run tests/setup")
}

/// The interpreter of the private Python environment.
pub(crate) fn python() -> PathBuf {
    installed("python/bin/python")
}

/// The folder with the private npm packages.
pub(crate) fn node_modules() -> PathBuf {
    installed("node/node_modules")
}

/// A script of `tests/clients`.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}
