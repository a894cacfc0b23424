//! The binary `sockgate`, run as the documents say.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use e2e::reference::root;
use e2e::{BOUND, guests};

/// Cargo gives a test only its own crate's binaries, so this one is asked for: built as the tests were, for the whole
/// workspace, so that nothing but the binary itself is left to build.
static SOCKGATE: LazyLock<PathBuf> = LazyLock::new(|| {
    let mut build = guests::builder(env!("CARGO"));
    build.args(["build", "--locked", "--workspace", "--bin", "sockgate", "--message-format", "json"]);
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    let built = build.current_dir(root()).stderr(Stdio::inherit()).output().unwrap();
    assert!(built.status.success(), "the binary does not build");
    let messages = String::from_utf8(built.stdout).unwrap();
    let (_, executable) = messages.rsplit_once("\"executable\":\"").expect("an executable");
    Path::new(executable.split('"').next().unwrap()).to_owned()
});

/// The binary.
pub(crate) fn executable() -> &'static Path {
    &SOCKGATE
}

/// The binary, with this environment and no other.
pub(crate) fn sockgate(environment: &[(String, String)]) -> Command {
    let mut command = Command::new(&*SOCKGATE);
    command.env_clear().envs(environment.iter().cloned()).stdin(Stdio::null());
    command
}

/// What a quoted command prints on both streams; nothing if it is not one whose output depends on its own line alone.
pub(crate) fn printed(command: &str) -> Option<String> {
    let mut words = command.split_whitespace().peekable();
    let mut environment = Vec::new();
    while let Some((name, value)) = words.peek().and_then(|word| word.split_once('=')) {
        environment.push((name.to_owned(), value.to_owned()));
        words.next();
    }
    let arguments: Vec<_> = words.collect();
    match arguments[..] {
        _ if arguments.contains(&"--body") => return None, // and on a file: `walk` has those
        ["sockgate", "check" | "explain" | "--version" | "--help", ..] => {}
        _ => return None,
    }
    let output = sockgate(&environment).args(&arguments[1..]).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Some(text(output.stdout) + &text(output.stderr))
}

/// What `check` prints of an environment that it accepts.
pub(crate) fn check(environment: &[(String, String)]) -> String {
    let output = sockgate(environment).arg("check").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The log line of a request that one policy observed and another refused, in JSON: it has every field.
pub(crate) fn request_line() -> String {
    let folder = tempfile::tempdir().unwrap();
    let policies = ["watch.wasm", "rules.wasm"].map(|name| folder.path().join(name));
    for policy in &policies {
        std::fs::copy(guests::rust("guest-default"), policy).unwrap();
    }
    let chain = policies.map(|path| path.to_str().unwrap().to_owned()).join(",");
    let settings = [
        ("LISTEN_ADDR", "127.0.0.1:0"),
        ("LOG_FORMAT", "json"),
        ("DOCKER_SOCKET", "/nonexistent"),
        ("POLICY", &chain),
        ("POLICY_MODE_WATCH", "observe"),
        ("POLICY_SETTINGS_WATCH", "INFO=1"),
        ("POLICY_CACHE", "off"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut gateway = sockgate(&settings).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(gateway.stderr.take().unwrap()).lines().map(Result::unwrap);
    let listening = log.find_map(|line| Some(line.split_once("listening on ")?.1.to_owned())).unwrap();
    let mut client = TcpStream::connect(listening.split('"').next().unwrap()).unwrap();
    client.set_read_timeout(Some(BOUND)).unwrap();
    client.write_all(b"GET /v1.41/info HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    client.read_to_end(&mut Vec::new()).unwrap();
    // A stop ends the log, so that looking for the line ends too.
    assert!(Command::new("kill").arg(gateway.id().to_string()).status().unwrap().success());
    let line = log.find(|line| line.contains("SystemInfo")).unwrap();
    gateway.wait().unwrap();
    line
}
