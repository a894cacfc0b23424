//! The gateway under test, in this process, on a thread of its own.
//!
//! It listens on a free TCP port and on a socket in a folder of its own. It gets its settings like the binary, as pairs
//! of names and values.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc as sync;
use std::thread::JoinHandle;

use engine_api::{Flag, report};
use pdp::{Compiler, Reload};
use sockgate::presets::Preset;
use sockgate::{Config, Server};
use tempfile::TempDir;
use tokio::sync::{oneshot, watch};

use crate::binary;
use crate::bound::BOUND;
use crate::client::{Client, Endpoint};
use crate::fake_engine::FakeEngine;
use crate::within;

/// The usual scene: an engine, a gateway in front of it with every flag on, and a client of the gateway.
pub async fn scene(via: Via) -> (FakeEngine, Gateway, Client) {
    scene_with(via, &[]).await
}

/// The usual scene, with these additional settings.
pub async fn scene_with(via: Via, settings: &[(&str, &str)]) -> (FakeEngine, Gateway, Client) {
    let engine = FakeEngine::start();
    let gateway = Gateway::open_with(engine.socket(), settings);
    let client = gateway.connect(via).await;
    (engine, gateway, client)
}

/// Which of the gateway's listeners a case goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// The TCP listener.
    Tcp,
    /// The unix listener.
    Unix,
}

/// A running gateway. Dropping it stops it, which must not take longer than [`BOUND`].
#[derive(Debug)]
pub struct Gateway {
    tcp: SocketAddr,
    unix: PathBuf,
    reload: Reload,
    stop: Option<oneshot::Sender<()>>,
    running: watch::Receiver<()>,
    over: sync::Receiver<()>,
    thread: Option<JoinHandle<()>>,
    _folder: TempDir,
}

impl Gateway {
    /// A gateway in front of the engine on `engine_socket`, with these settings. `SHUTDOWN_GRACE` is a second unless
    /// they say otherwise.
    ///
    /// # Panics
    /// When the settings are refused or a listener cannot be bound.
    #[must_use]
    pub fn start(engine_socket: &Path, settings: &[(&str, &str)]) -> Self {
        Self::start_at("127.0.0.1:0", engine_socket, settings).unwrap_or_else(|problem| panic!("{problem}"))
    }

    /// A gateway whose flags are all on.
    #[must_use]
    pub fn open(engine_socket: &Path) -> Self {
        Self::open_with(engine_socket, &[])
    }

    /// A gateway whose flags are all on, with these additional settings.
    #[must_use]
    pub fn open_with(engine_socket: &Path, settings: &[(&str, &str)]) -> Self {
        let names = Flag::ALL.iter().map(|flag| flag.name());
        let on = names.filter(|name| settings.iter().all(|(given, _)| given != name)).map(|name| (name, "1"));
        let settings: Vec<_> = on.chain(settings.iter().copied()).collect();
        Self::start(engine_socket, &settings)
    }

    /// A gateway with the settings of a preset, but with the listeners of a test.
    ///
    /// # Panics
    /// When the settings are refused or a listener cannot be bound.
    #[must_use]
    pub fn of_preset(engine_socket: &Path, preset: &Preset) -> Self {
        let text = preset.environment();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let settings = lines.filter_map(|line| line.split_once('='));
        let settings: Vec<_> = settings.filter(|(name, _)| *name != "LISTEN_ADDR").collect();
        Self::start(engine_socket, &settings)
    }

    /// A gateway like that of `start`, with the TCP listener on `tcp`.
    ///
    /// # Errors
    /// The gateway's own message when it refuses to start.
    pub fn start_at(tcp: &str, engine_socket: &Path, settings: &[(&str, &str)]) -> Result<Self, String> {
        let folder =
            tempfile::Builder::new().prefix("gate").tempdir().expect("a folder for the gateway's socket");
        let unix = folder.path().join("gate.sock");
        let listen = format!("{tcp},unix://{}", unix.display());
        let own = [
            ("LISTEN_ADDR", listen.as_str()),
            ("DOCKER_SOCKET", path_text(engine_socket)),
            ("SHUTDOWN_GRACE", "1s"),
        ];
        let ours = own.iter().filter(|(name, _)| settings.iter().all(|(given, _)| given != name));
        let vars =
            ours.chain(settings).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();

        // The binary is needed, and built, only where there is something to compile.
        let has_policies = settings.iter().any(|(name, _)| *name == "POLICY");
        let compiler = if has_policies { binary::compiler() } else { Compiler::this_program() };

        let (stop, stop_signal) = oneshot::channel();
        let (say_started, started) = sync::channel();
        let (alive, running) = watch::channel(()); // nothing is ever sent: the thread's end closes both channels
        let (alive_too, over) = sync::channel();
        let thread = std::thread::Builder::new()
            .name("gateway".to_owned())
            .spawn(move || {
                let _alive = (alive, alive_too);
                run(vars, &compiler, &say_started, stop_signal);
            })
            .expect("a thread for the gateway");
        let (addresses, reload) = started.recv_timeout(BOUND).expect("the gateway starts or says why not")?;
        let tcp = addresses.iter().find_map(|address| address.parse().ok()).expect("a TCP address");
        Ok(Self { tcp, unix, reload, stop: Some(stop), running, over, thread: Some(thread), _folder: folder })
    }

    /// The address of a listener.
    #[must_use]
    pub fn endpoint(&self, via: Via) -> Endpoint {
        match via {
            Via::Tcp => Endpoint::Tcp(self.tcp),
            Via::Unix => Endpoint::Unix(self.unix.clone()),
        }
    }

    /// Connects a client to a listener.
    pub async fn connect(&self, via: Via) -> Client {
        Client::connect(&self.endpoint(via)).await
    }

    /// Asks the gateway to load its policies anew, as SIGHUP would, and does not wait.
    pub fn begin_reload(&self) {
        self.reload.ask();
    }

    /// Tells the gateway to stop, as SIGTERM would, and does not wait.
    pub fn begin_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(()); // a gateway that has ended does not need it
        }
    }

    /// Whether the gateway still runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.has_changed().is_ok()
    }

    /// Waits until the gateway has stopped.
    pub async fn until_stopped(&mut self) {
        let _ = within("the gateway to stop", self.running.changed()).await; // an error: the sender is gone
    }
}

fn run(
    vars: Vec<(String, String)>,
    compiler: &Compiler,
    started: &sync::Sender<Result<(Vec<String>, Reload), String>>,
    stop: oneshot::Receiver<()>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let server = match start(vars, compiler).await {
            Ok(server) => server,
            Err(problem) => {
                let _ = started.send(Err(problem)); // whoever started it waits for this
                return;
            }
        };
        let _ = started.send(Ok((server.local_addrs(), server.reload())));
        server
            .run(async {
                let _ = stop.await; // told, or the harness is gone
            })
            .await
            .expect("the runtime can watch the listeners");
    });
}

async fn start(vars: Vec<(String, String)>, compiler: &Compiler) -> Result<Server, String> {
    let config = Config::from_vars(vars).map_err(|error| report(&error))?;
    Server::start(config, compiler).await.map_err(|error| report(&error))
}

fn path_text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.begin_stop();
        let over = self.over.recv_timeout(BOUND) == Err(sync::RecvTimeoutError::Disconnected);
        let result = self.thread.take().filter(|_| over).map(JoinHandle::join);
        if std::thread::panicking() {
            return; // the case failed already, for a better reason
        }
        assert!(over, "the gateway did not stop within {BOUND:?}");
        assert!(!matches!(result, Some(Err(_))), "the gateway panicked");
    }
}
