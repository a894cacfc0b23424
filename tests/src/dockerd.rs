//! A real dockerd, private to the tests, of one of two releases.
//!
//! Every engine runs in namespaces of its own (`dockerd.sh` says how) and ends with its owner: a dropped [`Dockerd`]
//! has ended when `drop` returns, and the one of [`Dockerd::shared`] ends with the test process, however that ends.
//! Requests that a test makes here go straight to the engine's socket, past every gateway, and show what the engine
//! really did.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail, ensure};

use crate::program::{Program, modern_root, source};

/// The image that every engine starts with: it holds busybox under all its names, and nothing else.
pub const IMAGE: &str = "e2e/busybox:1";

const START_LIMIT: Duration = Duration::from_secs(60);
const PING_PAUSE: Duration = Duration::from_millis(20);
const HINT: &str = "`tests/run` installs what the tests with a real engine need, and must run as root";

/// Which engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// The one of today that `tests/setup` installs from a newer Debian: 28 with API 1.51, or 26 with API 1.45.
    Modern,
    /// 20.10 with API 1.41, of Debian 12: the oldest that the tests know.
    V20,
}

impl Release {
    /// The docker command of the same release.
    #[must_use]
    pub fn docker(self) -> Program {
        match self {
            Self::Modern => Program::modern("docker"),
            // Not whichever is first on PATH.
            Self::V20 => PathBuf::from("/usr/bin/docker").into(),
        }
    }

    /// Whether an engine that speaks up to API 1.`minor` is of this release.
    fn is_told_by(self, minor: u32) -> bool {
        match self {
            Self::Modern => minor >= 45,
            Self::V20 => minor == 41,
        }
    }
}

/// A running engine, with the image loaded.
#[derive(Debug)]
pub struct Dockerd {
    release: Release,
    version: String,
    api_version: String,
    folder: PathBuf,
    /// The process of `dockerd.sh`, which ends the engine when its stdin closes.
    keeper: Child,
}

impl Dockerd {
    /// The engine of this release that all tests share which neither count nor sweep up what others made.
    ///
    /// # Panics
    /// If the engine does not start: each test that needs it fails with the reason.
    pub fn shared(release: Release) -> &'static Self {
        static MODERN: OnceLock<Result<Dockerd, String>> = OnceLock::new();
        static V20: OnceLock<Result<Dockerd, String>> = OnceLock::new();
        let shared = match release {
            Release::Modern => &MODERN,
            Release::V20 => &V20,
        };
        let started = shared.get_or_init(|| Self::start(release).map_err(|error| format!("{error:#}")));
        started.as_ref().unwrap_or_else(|error| panic!("{error}"))
    }

    /// An engine for one test alone.
    pub fn start(release: Release) -> Result<Self> {
        for program in ["unshare", "ip", "iptables", "tar", "busybox"] {
            ensure!(on_path(program).is_some(), "`{program}` is not on PATH; {HINT}");
        }
        // Directly below /tmp: a socket's path has at most 107 bytes. `dockerd.sh` removes it.
        let folder = tempfile::Builder::new().prefix("sockgate-").tempdir_in("/tmp")?.keep();
        let root = match release {
            Release::Modern => Some(modern_root()),
            Release::V20 => None,
        };
        let keeper = Command::new("sh")
            .arg(source("dockerd.sh"))
            .arg(&folder)
            .args(root)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("keeper.log"))?)
            // Ctrl-C only reaches the tests. The keeper then sees its stdin close and cleans up.
            .process_group(0)
            .spawn()
            .context("sh")?;
        let mut engine = Self { release, version: String::new(), api_version: String::new(), folder, keeper };
        engine.wait_until_it_answers()?;
        engine.ask_its_versions()?;
        engine.import_busybox()?;
        Ok(engine)
    }

    /// Which engine this is.
    pub fn release(&self) -> Release {
        self.release
    }

    /// The version that it says it has.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The newest version of the API that it says it speaks.
    pub fn api_version(&self) -> &str {
        &self.api_version
    }

    /// Where the engine listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("docker.sock")
    }

    /// Runs the `docker` command of its release against the engine itself and returns what it printed.
    ///
    /// # Panics
    /// If the command fails.
    pub fn docker(&self, arguments: &[&str]) -> String {
        self.try_docker(arguments).unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// The engine's event log, oldest first, in lines like `container start NAME`. It holds the newest 256 events,
    /// which are all of them if the test has an engine of its own.
    pub fn events(&self) -> Vec<String> {
        self.events_where(&[])
    }

    /// The lines of the event log that are about this container.
    pub fn events_of(&self, container: &str) -> Vec<String> {
        self.events_where(&["--filter", &format!("container={container}")])
    }

    fn events_where(&self, filter: &[&str]) -> Vec<String> {
        // With an end in the past the engine answers from its log and closes. Its clock is ours.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock past 1970");
        let until = format!("{}.{:09}", now.as_secs(), now.subsec_nanos());
        let format = "{{.Type}} {{.Action}} {{or .Actor.Attributes.name .Actor.ID}}";
        let log = self
            .docker(&[&["events", "--since", "0", "--until", &until, "--format", format], filter].concat());
        log.lines().map(str::to_owned).collect()
    }

    fn try_docker(&self, arguments: &[&str]) -> Result<String> {
        let mut docker = self.release.docker().command();
        let output = docker
            .args(arguments)
            .env("DOCKER_HOST", format!("unix://{}", self.socket().display()))
            .env("DOCKER_CONFIG", self.folder.join("client"))
            .stdin(Stdio::null())
            .output()
            .context("docker")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "docker {}: {}: {said}", arguments.join(" "), output.status);
        Ok(String::from_utf8(output.stdout)?)
    }

    fn wait_until_it_answers(&mut self) -> Result<()> {
        let give_up = Instant::now() + START_LIMIT;
        while !ping(&self.socket()) {
            if let Some(status) = self.keeper.try_wait()? {
                bail!("dockerd ended at once ({status}); {HINT}\n{}", self.log());
            }
            ensure!(
                Instant::now() < give_up,
                "dockerd does not answer after {START_LIMIT:?}\n{}",
                self.log()
            );
            std::thread::sleep(PING_PAUSE);
        }
        Ok(())
    }

    fn ask_its_versions(&mut self) -> Result<()> {
        let answer = get(&self.socket(), "/version")?;
        let (_, told) = answer.split_once("\r\n\r\n").context("no body")?;
        let told: serde_json::Value = serde_json::from_str(told)?;
        let text = |name: &str| told[name].as_str().map(str::to_owned).with_context(|| answer.clone());
        (self.version, self.api_version) = (text("Version")?, text("ApiVersion")?);
        let minor = self.api_version.strip_prefix("1.").context("not API 1")?.parse()?;
        let Self { release, version, api_version, .. } = self;
        ensure!(
            release.is_told_by(minor),
            "this is no engine of {release:?}: version {version}, API {api_version}"
        );
        Ok(())
    }

    fn log(&self) -> String {
        ["keeper.log", "log"]
            .map(|name| std::fs::read_to_string(self.folder.join(name)).unwrap_or_default())
            .join("\n")
    }

    fn import_busybox(&self) -> Result<()> {
        let root = self.folder.join("image");
        let bin = root.join("bin");
        for folder in ["bin", "etc", "tmp"] {
            std::fs::create_dir_all(root.join(folder))?;
        }
        let busybox = on_path("busybox").context("busybox")?;
        std::fs::copy(&busybox, bin.join("busybox"))?;
        let names = Command::new(&busybox).arg("--list").output()?.stdout;
        for name in String::from_utf8(names)?.lines().filter(|name| *name != "busybox") {
            std::os::unix::fs::symlink("busybox", bin.join(name))?;
        }
        let archive = self.folder.join("image.tar");
        let packed = Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&archive).arg(".").status()?;
        ensure!(packed.success(), "tar: {packed}");
        let archive = archive.to_str().context("the folder's name is ASCII")?;
        self.try_docker(&["import", "--change", "CMD [\"sh\"]", archive, IMAGE])?;
        Ok(())
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // A keeper that cannot be waited for has ended already.
        let _ = self.keeper.wait();
    }
}

fn ping(socket: &Path) -> bool {
    get(socket, "/_ping").is_ok_and(|answer| answer.contains(" 200 OK\r\n"))
}

/// The whole answer, head and body.
fn get(socket: &Path, target: &str) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(START_LIMIT))?;
    stream.write_all(format!("GET {target} HTTP/1.0\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The file of `program` on PATH.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
