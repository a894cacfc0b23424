//! What stands in the way of a start: socket files of others, starts at the same time, and whatever hangs.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::binary::{Done, Process, executable, run};
use tempfile::TempDir;

use super::process::Running;

/// A socket file on which somebody listens who accepts nobody, with no room for one more client that waits.
pub(super) struct FullListener {
    folder: TempDir,
    _listener: UnixListener,
    _waiting: UnixStream,
}

impl FullListener {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = socket_in(&folder);
        let listener = UnixListener::bind(&path).unwrap();
        rustix::net::listen(&listener, 0).unwrap(); // room for one
        let waiting = UnixStream::connect(&path).unwrap();
        Self { folder, _listener: listener, _waiting: waiting }
    }

    pub(super) fn address(&self) -> String {
        address_of(&socket_in(&self.folder))
    }
}

fn socket_in(folder: &TempDir) -> PathBuf {
    folder.path().join("gate.sock")
}

fn address_of(socket: &Path) -> String {
    format!("unix://{}", socket.display())
}

#[test]
fn a_stale_socket_file_is_replaced_and_a_live_one_or_another_file_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = socket_in(&folder);
    let address = address_of(&path);
    let live = UnixListener::bind(&path).unwrap();
    let refused = run(&[], &[("LISTEN_ADDR", &address)]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("another process is listening there"), "{}", refused.stderr);
    drop(live);

    let gateway = Running::start(&[("LISTEN_ADDR", &address)]);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o660);
    assert_eq!(gateway.stop().code, 0);
    assert!(!path.exists(), "the socket file is removed at the end");

    std::fs::write(&path, "precious").unwrap();
    let refused = run(&[], &[("LISTEN_ADDR", &address)]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("the file is there and is not a socket"), "{}", refused.stderr);
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");
}

/// A folder with a folder in it, a link to that, and a link to a socket file in it that is not there.
fn folder_with_links() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("real")).unwrap();
    for (target, link) in [("real", "linked"), ("real/gate.sock", "link.sock")] {
        std::os::unix::fs::symlink(folder.path().join(target), folder.path().join(link)).unwrap();
    }
    folder
}

/// What the gateway says that it does not start with.
fn refused(settings: &[(&str, &str)]) -> String {
    let refused = Process::start(settings).expect_err("it starts");
    assert_eq!(refused.code, 1, "{refused:?}");
    refused.stderr
}

/// Else it would be its own engine.
#[test]
fn a_listener_on_the_engines_socket_is_refused_by_whatever_name() {
    let folder = folder_with_links();
    let path = folder.path().join("real/gate.sock");
    let names = ["real/gate.sock", "real//gate.sock", "real/./gate.sock", "linked/gate.sock", "link.sock"];
    for file in ["missing", "left behind", "live"] {
        let listening = (file != "missing").then(|| UnixListener::bind(&path).unwrap());
        let _live = listening.filter(|_| file == "live");
        for name in names {
            let engine = format!("{}/{name}", folder.path().display());
            let says = refused(&[("LISTEN_ADDR", &address_of(&path)), ("DOCKER_SOCKET", &engine)]);
            let want = format!(
                "cannot listen on {}: DOCKER_SOCKET ({engine}) leads to it as well",
                address_of(&path)
            );
            assert!(says.contains(&want), "{file}: {says}");
            assert_eq!(path.exists(), file != "missing", "{file}: {name}");
        }
        let _ = std::fs::remove_file(&path);
    }
}

#[test]
fn an_address_that_stands_twice_in_listen_addr_is_called_that() {
    // An address of this process alone, so that the port stays free.
    let [.., high, low] = std::process::id().to_be_bytes();
    let free = std::net::TcpListener::bind((std::net::Ipv4Addr::new(127, 99, high, low), 0));
    let address = free.unwrap().local_addr().unwrap();
    let folder = folder_with_links();
    let unix = |name: &str| format!("unix://{}/{name}", folder.path().display());
    for (first, second) in [
        (address.to_string(), address.to_string()),
        (format!("tcp://{address}"), format!("0.0.0.0:{}", address.port())),
        (format!(":{}", address.port()), address.to_string()),
        (unix("real/gate.sock"), unix("real/gate.sock")),
        (unix("real/gate.sock"), unix("real//gate.sock")),
        (unix("real/gate.sock"), unix("linked/gate.sock")),
        (unix("linked/gate.sock"), unix("real/./gate.sock")),
    ] {
        let says = refused(&[("LISTEN_ADDR", &format!("{first},127.0.0.1:0,{second}"))]);
        let want = format!("cannot listen on {second}: it stands twice in LISTEN_ADDR");
        assert!(says.contains(&want), "{says}");
    }
}

/// As Docker leaves it where a container mounts a file that is not there.
#[test]
fn a_folder_in_the_place_of_a_socket_is_called_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let says = refused(&[("LISTEN_ADDR", &address_of(folder.path()))]);
    let want = format!("cannot listen on {}: it is a folder, as Docker makes it", address_of(folder.path()));
    assert!(says.contains(&want), "{says}");

    let gateway = Running::start(&[("DOCKER_SOCKET", folder.path().to_str().unwrap())]);
    let want = "It is a folder, as Docker makes it where a file that a container mounts is missing: \
                remove it on the host, start the engine, and mount its socket.";
    assert!(gateway.log().contains(want), "{}", gateway.log());
}

#[test]
fn the_mode_of_a_unix_listener_can_be_set() {
    let folder = tempfile::tempdir().unwrap();
    let path = socket_in(&folder);
    let address = address_of(&path);
    let gateway = Running::start(&[("LISTEN_ADDR", &address), ("LISTEN_SOCKET_MODE", "0600")]);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(gateway.stop().code, 0);
}

#[test]
fn a_listener_that_accepts_nobody_is_a_live_one() {
    let full = FullListener::new();
    let refused = Process::start(&[("LISTEN_ADDR", &full.address())]).unwrap_err();
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("another process is listening there"), "{refused:?}");
}

#[test]
fn of_starts_at_once_on_one_socket_file_one_serves() {
    const STARTS: usize = 8;
    let folder = tempfile::tempdir().unwrap();
    let address = address_of(&socket_in(&folder));
    let settings = [("LISTEN_ADDR", address.as_str())];
    for _file in ["missing", "left behind", "left behind"] {
        let started: Vec<_> = std::thread::scope(|scope| {
            let starting: Vec<_> = (0..STARTS).map(|_| scope.spawn(|| Process::start(&settings))).collect();
            starting.into_iter().map(|start| start.join().unwrap()).collect()
        });
        let (serving, refused): (Vec<_>, Vec<_>) = started.into_iter().partition(Result::is_ok);
        for Done { code, stderr, .. } in refused.into_iter().filter_map(Result::err) {
            assert_eq!(code, 1, "{stderr}");
            assert!(stderr.contains("another process is listening there"), "{stderr}");
        }
        assert_eq!(serving.len(), 1);
        // Its engine is missing, and it is there to say so.
        assert_eq!(run(&["healthcheck"], &settings).code, 3);
        for gateway in serving.into_iter().flatten() {
            gateway.signal("-KILL");
            gateway.until_ended();
        }
    }
}

#[test]
fn whoever_locks_the_folder_of_the_socket_file_delays_a_start_and_does_not_prevent_it() {
    let folder = tempfile::tempdir().unwrap();
    let lock = std::fs::File::open(folder.path()).unwrap();
    lock.lock().unwrap();
    let gateway = Running::start(&[("LISTEN_ADDR", &address_of(&socket_in(&folder)))]);
    assert_eq!(gateway.stop().code, 0);
}

/// Mounts a file system on `$1` that answers nothing: it is FUSE without a daemon.
const HANGING_FOLDER: &str = "exec 3<>/dev/fuse && \
    mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 none \"$1\" && exec \"$0\"";

/// Looks up names in a file that is a pipe which nobody writes to.
const HANGING_RESOLVER: &str = "mkfifo \"$1/hosts\" && mount --bind \"$1/hosts\" /etc/hosts && exec \"$0\"";

#[test]
fn sigterm_ends_a_start_that_hangs() {
    for (script, settings) in [
        (HANGING_FOLDER, [("LISTEN_ADDR", "unix://FOLDER/gate.sock"), ("PING", "1")]),
        (HANGING_FOLDER, [("DOCKER_SOCKET", "FOLDER/docker.sock"), ("PING", "1")]),
        (HANGING_FOLDER, [("POLICY_CACHE", "FOLDER/cache"), ("POLICY", "/rules.wasm")]),
        (HANGING_FOLDER, [("POLICY", "FOLDER/rules.wasm"), ("POLICY_CACHE", "off")]),
        (HANGING_RESOLVER, [("LISTEN_ADDR", "gateway.test:0"), ("PING", "1")]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let settings = settings.map(|(name, value)| (name, value.replace("FOLDER", path)));
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script]).arg(executable()).arg(path);
        let gateway = Process::begin_as(command, &settings);
        gateway.until_it_catches_sigterm();
        let done = gateway.stop();
        assert_eq!(done.code, 0, "{settings:?}: {done:?}");
        assert!(done.stderr.contains("stopped before anything was served"), "{settings:?}: {done:?}");
    }
}
