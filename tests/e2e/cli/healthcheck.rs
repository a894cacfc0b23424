//! `sockgate healthcheck`, of gateways in every state and of listeners that are none.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use e2e::FakeEngine;
use e2e::binary::{executable, run};

use super::process::Running;
use super::start::FullListener;

#[test]
fn healthcheck_tells_who_is_there_and_who_refuses() {
    let engine = FakeEngine::start();
    let engine = ("DOCKER_SOCKET", engine.socket().to_str().unwrap());
    let refused = "ok: the gateway answers, and lets no ping through: sockgate denied SystemPing: /_ping is off (PING=0); \
                   ALLOW_OPERATIONS=SystemPing would allow just this; PING=1 would allow it\n";
    let denied = "ok: the gateway answers, and lets no ping through: sockgate denied SystemPing: SystemPing is in DENY_OPERATIONS; ";
    let away = "sockgate: the gateway is there, the engine is not: cannot connect to the Docker engine at /nonexistent";
    for (settings, code, says) in [
        (&[engine][..], 0, "ok: the engine answers through the gateway\n"),
        (&[engine, ("PING", "0")], 0, refused),
        (&[engine, ("DENY_OPERATIONS", "SystemPing")], 0, denied),
        (&[("PING", "1")], 3, away),
        (
            &[engine, ("MAX_CONNECTIONS", "1")],
            5,
            "sockgate: the gateway is there and has no place for one more request: the gateway has as many ",
        ),
    ] {
        let gateway = Running::start(settings);
        let _only_place = settings.contains(&("MAX_CONNECTIONS", "1")).then(|| gateway.open("GET /events"));
        let health = run(&["healthcheck"], &[("LISTEN_ADDR", gateway.address())]);
        assert_eq!(health.code, code, "{health:?}");
        assert!((health.stdout + &health.stderr).starts_with(says), "{settings:?}");
    }
    let health = run(&["healthcheck"], &[("LISTEN_ADDR", "127.0.0.1:1")]);
    assert_eq!(health.code, 1);
    assert!(health.stderr.contains("no answer from 127.0.0.1:1"), "{}", health.stderr);
}

/// Runs the check for some 20 s at most: what it prints on standard error, and its exit code.
fn late_check(address: &str) -> (String, Option<i32>) {
    let mut check = Command::new("timeout");
    check.arg("20").arg(executable()).arg("healthcheck").env("LISTEN_ADDR", address);
    let done = check.output().unwrap();
    (String::from_utf8(done.stderr).unwrap(), done.status.code())
}

fn late(address: &str) -> String {
    format!(
        "sockgate: no whole answer from {address} within 5 s: whoever listens there accepts no connections or does not go on, \
         or the engine behind it took the ping and does not answer\n"
    )
}

#[test]
fn an_engine_that_accepts_nobody_is_away_to_the_health_check_and_in_the_log() {
    let engine = FullListener::new();
    let folder = tempfile::tempdir().unwrap();
    let unix = format!("unix://{}", folder.path().join("gate.sock").display());
    let check = |listen: &str| {
        let gateway = Running::start(&[("LISTEN_ADDR", listen), ("DOCKER_SOCKET", &engine.address())]);
        let health = run(&["healthcheck"], &[("LISTEN_ADDR", gateway.address())]);
        assert_eq!(health.code, 3, "{health:?}");
        let says = "sockgate: the gateway is there, the engine is not: the Docker engine at ";
        assert!(health.stderr.starts_with(says), "{health:?}");
        assert!(health.stderr.ends_with(" accepted no connection within 4 s\n"), "{health:?}");
        gateway.until_logged("accepted no connection within 4 s. Clients are answered 504 until it does.");
    };
    std::thread::scope(|both| {
        for listen in ["127.0.0.1:0", &unix] {
            both.spawn(move || check(listen));
        }
    });
}

#[test]
fn healthcheck_does_not_wait_for_a_listener_that_accepts_nothing() {
    let full = FullListener::new();
    assert_eq!(late_check(&full.address()), (late(&full.address()), Some(1)));
}

#[test]
fn healthcheck_does_not_wait_for_an_answer_that_comes_byte_by_byte() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let dripping = std::thread::spawn(move || drip(listener.accept().unwrap().0));
    assert_eq!(late_check(&address), (late(&address), Some(1)));
    dripping.join().unwrap();
}

/// Answers one byte each time that the client has said nothing for a while, until it leaves.
fn drip(mut client: TcpStream) {
    client.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    loop {
        match client.read(&mut [0; 128]) {
            Ok(0) => return,
            Ok(_) => {}
            Err(_silent) if client.write_all(b"H").is_err() => return,
            Err(_silent) => {}
        }
    }
}
