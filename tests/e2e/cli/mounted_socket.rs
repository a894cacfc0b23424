//! The engine's socket as a file that is mounted by itself, as `docker run -v FILE:FILE` does it: whoever has it keeps it,
//! also when the engine has made another.

use std::path::PathBuf;
use std::process::Command;

use e2e::FakeEngine;
use e2e::binary::executable;
use tempfile::TempDir;

use super::process::Running;

/// A gateway that has an engine's socket mounted in a place of its own.
fn start(engine: &FakeEngine, and_then: &str) -> (Running, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let place: PathBuf = folder.path().join("docker.sock");
    std::fs::write(&place, "").unwrap();
    let mut command = Command::new("unshare");
    let script = format!("mount --bind \"$1\" \"$2\" && {and_then} exec \"$0\"");
    command.args(["--mount", "sh", "-c", &script]).arg(executable()).arg(engine.socket()).arg(&place);
    (Running::start_as(command, &[("DOCKER_SOCKET", place.to_str().unwrap())]), folder)
}

const RESTART: &str = "the file itself is mounted here, so restart this container whenever the engine makes the file anew, \
                       or give it a folder of its own and mount that.";

#[tokio::test]
async fn an_engine_that_made_its_socket_anew_is_told_from_one_that_is_away() {
    let mut engine = FakeEngine::start();
    let (gateway, _folder) = start(&engine, "");
    assert!(gateway.ask("GET /_ping").starts_with("HTTP/1.1 200 "));
    assert!(!gateway.log().contains("cannot connect"), "{}", gateway.log());

    engine.stop().await;
    let away = gateway.ask("GET /_ping");
    assert!(away.contains("is it running, and is DOCKER_SOCKET its socket?"), "{away}");

    engine.restart();
    let says = "the engine's socket is another file now, and the gateway has the removed one mounted: restart its container";
    let stale = gateway.ask("GET /_ping");
    assert!(stale.starts_with("HTTP/1.1 503 ") && stale.contains(says), "{stale}");
    gateway.until_logged(says);
}

#[tokio::test]
async fn a_start_promises_nothing_where_the_socket_itself_is_mounted() {
    let mut engine = FakeEngine::start();
    engine.stop().await;
    for (and_then, says) in [
        ("", "Nobody listens on it: start the engine."),
        (
            "rm \"$1\" &&",
            "Nobody will listen on it again: it was removed on the host, and the engine makes another file when it starts.",
        ),
    ] {
        let (gateway, _folder) = start(&engine, and_then);
        let log = gateway.log();
        assert!(log.contains(&format!("{says} Clients are answered 503 until it works; {RESTART}")), "{log}");
        assert!(!log.contains("no restart is needed"), "{log}");
    }
}
