//! What the binary prints and logs when it is run as the documents say.

use e2e::binary::{Process, run, sockgate};
use e2e::{Client, guests};

/// What a quoted command prints on both streams; nothing if it is not one whose output depends on its own line alone.
pub(crate) fn printed(command: &str) -> Option<String> {
    let mut words = command.split_whitespace().peekable();
    let mut environment = Vec::new();
    while let Some((name, value)) = words.peek().and_then(|word| word.split_once('=')) {
        environment.push((name, value));
        words.next();
    }
    let arguments: Vec<_> = words.collect();
    match arguments[..] {
        _ if arguments.contains(&"--body") => return None, // and on a file: `walk` has those
        ["sockgate", "check" | "explain" | "preset" | "--version" | "--help", ..] => {}
        _ => return None,
    }
    let done = run(&arguments[1..], &environment);
    Some(done.stdout + &done.stderr)
}

/// What `check` prints of an environment that it accepts.
pub(crate) fn check(environment: &[(String, String)]) -> String {
    let output = sockgate(environment).arg("check").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The log lines, in JSON, of a request that one policy observed and another refused, and of one that is denied by name:
/// together they have every field.
pub(crate) async fn request_lines() -> [String; 2] {
    let folder = tempfile::tempdir().unwrap();
    let policies = ["watch.wasm", "rules.wasm"].map(|name| folder.path().join(name));
    for policy in &policies {
        std::fs::copy(guests::rust("guest-default"), policy).unwrap();
    }
    let chain = policies.map(|path| path.to_str().unwrap().to_owned()).join(",");
    let settings = [
        ("LOG_FORMAT", "json"),
        ("POLICY", &chain),
        ("POLICY_MODE_WATCH", "observe"),
        ("POLICY_SETTINGS_WATCH", "INFO=1"),
        ("POLICY_CACHE", "off"),
        ("DENY_OPERATIONS", "SystemVersion"),
    ];
    let gateway = Process::start(&settings).unwrap();
    let mut client = Client::connect(&gateway.endpoint()).await;
    client.fetch("GET /v1.41/info", &[]).await;
    client.fetch("GET /version", &[]).await;
    let line = |operation| gateway.lines(&[&format!("\"operation\":\"{operation}\"")]).remove(0);
    ["SystemInfo", "SystemVersion"].map(line)
}
