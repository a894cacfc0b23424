//! The binary as an operator runs it: exit codes, messages, signals, log lines.

mod healthcheck;
mod mounted_socket;
mod operations;
mod policy_tools;
mod preset;
mod process;
mod start;

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt;

use e2e::FakeEngine;
use e2e::binary::run;

use process::Running;

#[test]
fn check_prints_the_effective_policy() {
    let done = run(&["check"], &[("POST", "yes"), ("CONTAINERS", "1"), ("ALLOW_STOP", "1"), ("PLUGIN", "1")]);
    assert_eq!(done.code, 0);
    for line in [
        "policy  env flags",
        "  on: PING VERSION EVENTS CONTAINERS POST ALLOW_STOP",
        "allowed by flags: 26 of 113 operations",
        "  /_ping: SystemPing SystemPingHead",
        "warning CONTAINERS=1 with POST=1 gives clients root on this host: a client can create a container that mounts / or is privileged",
        "hint    PLUGIN is set, which sockgate does not read: did you mean PLUGINS?",
    ] {
        assert!(done.stdout.lines().any(|printed| printed == line), "{line}\n{}", done.stdout);
    }
}

#[test]
fn check_loads_the_policies_as_serve_would() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rules.wasm");
    let settings = [("POLICY", path.to_str().unwrap()), ("POLICY_CACHE", "off")];
    for command in [&["check"][..], &["serve"]] {
        let done = run(command, &settings);
        assert_eq!((done.code, done.stdout.as_str()), (1, ""), "{command:?}");
        let want = format!(
            "the policy {} is not loaded: it cannot be read where the gateway runs (on this machine, or in its container): \
             No such file",
            path.display()
        );
        assert!(done.stderr.contains(&want), "{}", done.stderr);
    }
}

#[test]
fn a_hangup_does_not_end_a_gateway_without_policies() {
    let gateway = Running::start(&[]);
    gateway.signal("-HUP");
    gateway.until_logged("there is nothing to reload: POLICY names no policy");
    assert_eq!(gateway.stop().code, 0);
}

#[test]
fn mistakes_stop_the_start_up_with_64_and_are_listed_together() {
    for command in [&["check"][..], &["serve"], &[], &["explain", "GET", "/info"], &["healthcheck"]] {
        let done = run(command, &[("POST", "perhaps"), ("LOG_LEVEL", "loud")]);
        assert_eq!((done.code, done.stdout.as_str()), (64, ""), "{command:?}");
        assert_eq!(
            done.stderr,
            "sockgate: the configuration has 2 mistake(s):\n  POST=\"perhaps\" is not a switch; use 1, true, yes or on, \
             or 0, false, no or off\n  LOG_LEVEL: \"loud\" is not one of error, warn, info, debug and trace\n",
            "{command:?}"
        );
    }
}

#[test]
fn a_command_line_that_makes_no_sense_ends_with_64() {
    for line in [&["bogus"][..], &["check", "more"], &["explain", "GET"], &["--bogus"]] {
        assert_eq!(run(line, &[]).code, 64, "{line:?}");
    }
    assert_eq!(run(&["--help"], &[]).code, 0);
    assert!(run(&["--version"], &[]).stdout.starts_with("sockgate "));
}

#[test]
fn help_lists_every_variable() {
    let help = run(&["--help"], &[]).stdout;
    let names = engine_api::Flag::ALL.iter().map(|flag| flag.name());
    for name in names.chain(sockgate::config::SETTINGS.iter().map(|setting| setting.name)) {
        assert!(help.contains(&format!("\n  {name} ")), "{name}");
    }
}

#[test]
fn explain_says_what_decides_and_what_would_change_it() {
    let done = run(&["explain", "post", "/v1.41/containers/we%62/start"], &[("CONTAINERS", "1")]);
    assert_eq!(done.code, 1);
    assert_eq!(
        done.stdout,
        "operation  ContainerStart (write, plain)\n\
         judged as  POST /v1.41/containers/web/start\n\
         subject    web\n\
         verdict    denied: the method POST is off (POST=0); ALLOW_OPERATIONS=ContainerStart would allow just this; \
         POST=1 ALLOW_START=1 would allow it, but also give clients root on the host\n\
         decided by POST (off), CONTAINERS (on), ALLOW_START (off)\n"
    );
    let allowed = run(&["explain", "GET", "/containers/json"], &[("CONTAINERS", "1")]);
    assert_eq!(allowed.code, 0);
    assert!(
        allowed.stdout.ends_with(
            "verdict    allowed\ndecided by CONTAINERS (on)\nto deny it DENY_OPERATIONS=ContainerList, or CONTAINERS=0\n"
        )
    );
    let refused = run(&["explain", "GET", "/containers/../info"], &[]);
    assert_eq!(
        (refused.code, refused.stdout.as_str()),
        (1, "verdict    refused: the path has a dot segment (400)\n")
    );
}

#[test]
fn a_taken_port_is_a_clear_message_and_a_failure() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let done = run(&[], &[("LISTEN_ADDR", &address)]);
    assert_eq!(done.code, 1);
    let want = format!(
        "ERROR cannot listen on {address} (something else listens there: stop it, or set LISTEN_ADDR to a free \
         address): Address already in use (os error 98)"
    );
    assert!(done.stderr.contains(&want), "{}", done.stderr);
}

#[test]
fn a_missing_engine_is_named_at_the_start_and_to_clients_and_needs_no_restart() {
    let mut engine = FakeEngine::absent();
    let gateway = Running::start(&[("DOCKER_SOCKET", engine.socket().to_str().unwrap())]);
    let answer = gateway.ask("GET /_ping");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("is it running, and is DOCKER_SOCKET its socket?"), "{answer}");
    let health = run(&["healthcheck"], &[("LISTEN_ADDR", gateway.address())]);
    assert_eq!(health.code, 3, "{}", health.stderr);

    engine.restart();
    assert!(gateway.ask("GET /_ping").starts_with("HTTP/1.1 200 "));
    let health = run(&["healthcheck"], &[("LISTEN_ADDR", gateway.address())]);
    assert_eq!((health.code, health.stdout.as_str()), (0, "ok: the engine answers through the gateway\n"));

    let log = gateway.log();
    assert!(log.contains("Start the engine, mount its socket here, or point DOCKER_SOCKET at it."), "{log}");
}

#[test]
fn an_engine_socket_without_permission_is_explained_with_owner_mode_and_ourselves() {
    let (engine, mode) = (FakeEngine::start(), std::fs::Permissions::from_mode);
    std::fs::set_permissions(engine.socket().parent().unwrap(), mode(0o755)).unwrap();
    for (bits, advice) in [
        (0o660, "Add gid 0 to the gateway's groups (docker run --group-add 0)."),
        (
            0o600,
            "Its group may not connect either: run the gateway as uid 0 (docker run --user 0), or let the group in \
             (chmod g+rw) and add gid 0 to the gateway's groups (docker run --group-add 0).",
        ),
    ] {
        std::fs::set_permissions(engine.socket(), mode(bits)).unwrap();
        let gateway = Running::start_as_nobody(&[("DOCKER_SOCKET", engine.socket().to_str().unwrap())]);
        assert!(gateway.ask("GET /_ping").starts_with("HTTP/1.1 503 "));
        let log = gateway.log();
        let want = format!(
            "It belongs to uid 0 and gid 0 with mode {bits:04o}; we are uid 65534 with gid 65534 and groups [65534]. {advice}"
        );
        assert!(log.contains(&want), "{log}");
    }
}

const ATTACH: &str =
    "POST /containers/web/attach HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

#[test]
fn a_second_signal_does_not_wait_for_what_is_in_flight() {
    let engine = FakeEngine::start();
    let gateway = Running::start(&[
        ("DOCKER_SOCKET", engine.socket().to_str().unwrap()),
        ("SHUTDOWN_GRACE", "1h"),
        ("CONTAINERS", "1"),
        ("POST", "1"),
    ]);
    // The engine sends this log without an end, though it was not asked to follow it.
    let _stream = gateway.open("GET /containers/web/logs?follow=0");
    let mut tunnel = gateway.connect();
    tunnel.write_all(ATTACH.as_bytes()).unwrap();
    tunnel.read_exact(&mut [0; "HTTP/1.1 101 ".len()]).unwrap();
    gateway.signal("-TERM");
    gateway.until_logged("stopping: no new connections");
    let done = gateway.stop();
    assert_eq!(done.code, 130);
    assert_eq!(done.stderr.matches("end=\"cut by shutdown\"").count(), 2, "{}", done.stderr);
}

/// The engine ends first, and the client leaves as soon as it has read that: nothing tells which of the two is seen first.
#[test]
fn a_tunnel_that_ended_well_is_logged_as_closed() {
    const TUNNELS: usize = 32;
    let engine = FakeEngine::start();
    engine.answer_and_close(
        "POST /exec/1/start",
        "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nall of it",
    );
    let socket = engine.socket().to_str().unwrap();
    let gateway = Running::start(&[("DOCKER_SOCKET", socket), ("EXEC", "1"), ("POST", "1")]);
    for _ in 0..TUNNELS {
        let mut client = gateway.connect();
        let head =
            "POST /exec/1/start HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
        client.write_all(head.as_bytes()).unwrap();
        let mut told = String::new();
        client.read_to_string(&mut told).unwrap();
        assert!(told.ends_with("all of it"), "{told}");
    }
    let log = gateway.stop().stderr;
    assert_eq!(log.matches("operation=ExecStart").count(), TUNNELS, "{log}");
    assert_eq!(log.matches("end=\"tunnel closed\"").count(), TUNNELS, "{log}");
}

#[test]
fn the_first_signal_ends_at_once_when_nothing_is_in_flight() {
    let gateway = Running::start(&[("SHUTDOWN_GRACE", "1h")]);
    let _idle = gateway.connect();
    assert_eq!(gateway.stop().code, 0);
}

#[test]
fn running_out_of_file_descriptors_costs_connections_and_not_the_gateway() {
    let engine = FakeEngine::start();
    let gateway = Running::start(&[("DOCKER_SOCKET", engine.socket().to_str().unwrap())]);
    gateway.limit_files(3);
    let waiting = gateway.connect();
    gateway.until_logged("cannot accept a connection, trying again");
    drop(waiting);
    gateway.limit_files(1000);
    gateway.ask_until("GET /_ping", "HTTP/1.1 200 ");
    assert_eq!(gateway.stop().code, 0);
}

#[test]
fn a_crowd_needs_no_more_files_than_there_may_be() {
    let engine = FakeEngine::start();
    let gateway = Running::start_with_files(24, &[("DOCKER_SOCKET", engine.socket().to_str().unwrap())]);
    let crowd: Vec<_> = (0..40).map(|_| gateway.connect()).collect();
    gateway.until_logged("connections were turned away");
    drop(crowd);
    gateway.ask_until("GET /_ping", "HTTP/1.1 200 ");
    let log = gateway.log();
    assert!(log.contains("MAX_CONNECTIONS=1000 is lowered to 1: the limit of open files is 24"), "{log}");
    assert_eq!(gateway.stop().code, 0);
}

#[test]
fn a_request_is_one_log_line_without_credentials_query_or_body() {
    let engine = FakeEngine::start();
    for format in ["text", "json"] {
        let gateway = Running::start(&[
            ("DOCKER_SOCKET", engine.socket().to_str().unwrap()),
            ("LOG_FORMAT", format),
            ("LOG_LEVEL", "trace"),
            ("IMAGES", "1"),
            ("POST", "1"),
        ]);
        let answer = gateway.ask(
            "POST /images/create?fromImage=q-secret HTTP/1.1\r\nHost: localhost\r\nX-Registry-Auth: h-secret\r\n\
             Authorization: h-secret\r\nX-Registry-Config: h-secret\r\nContent-Length: 8\r\nConnection: close\r\n\r\nb-secret",
        );
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let _ = gateway.ask("GET /info");
        gateway.until_logged("SystemInfo");
        let log = gateway.log();
        assert!(!log.contains("secret"), "{log}");
        let lines: Vec<_> = log.lines().filter(|line| line.contains("ImageCreate")).collect();
        let [line] = lines[..] else { panic!("{log}") };
        if format == "text" {
            assert!(line.contains(" INFO  id=1 client=127.0.0.1:"), "{line}");
            let want = " method=POST operation=ImageCreate path=/images/create decision=allow status=200 request_bytes=8 ";
            assert!(line.contains(want), "{line}");
        } else {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!((&line["status"], &line["operation"]), (&200.into(), &"ImageCreate".into()), "{line}");
            assert_eq!((&line["level"], &line["end"]), (&"INFO".into(), &"complete".into()), "{line}");
        }
    }
}

#[test]
fn a_denial_is_a_warning_that_says_why() {
    let gateway = Running::start(&[]);
    let _ = gateway.ask("GET /info");
    gateway.until_logged("SystemInfo");
    let log = gateway.log();
    let line = log.lines().find(|line| line.contains("SystemInfo")).unwrap();
    let want = "decision=deny reason=\"/info is off (INFO=0); ALLOW_OPERATIONS=SystemInfo would allow just this; INFO=1 would allow \
                it\" status=403";
    assert!(line.contains(" WARN  ") && line.contains(want), "{line}");
}

/// A user who may have one thread at a time gets no log, and so no gateway that denies and allows in silence.
#[test]
fn without_a_thread_for_the_log_nothing_is_served() {
    let done = process::without_threads(&[("LISTEN_ADDR", "127.0.0.1:0")]);
    assert_eq!(done.code, 1, "{done:?}");
    let why = "sockgate: cannot start the thread that writes the log: ";
    assert!(done.stderr.starts_with(why) && done.stderr.contains("ulimit -u"), "{done:?}");
}

#[test]
fn what_is_no_http_is_logged_with_its_path_and_without_its_query() {
    let gateway = Running::start(&[]);
    for (sent, says) in [
        (
            "GET /containers/<a>/json?s=secret HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "path=/containers/<a>/json ",
        ),
        ("GET /_ping HTTP/3\r\nsecret\r\n\r\n", "path=/_ping "),
    ] {
        let says = format!(" method=GET operation=\"\" {says}decision=deny reason=\"the request ");
        let answer = gateway.ask(sent);
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
        assert!(
            answer.contains("\r\n\r\n{\"message\":\"sockgate refused the request: the request "),
            "{answer}"
        );
        gateway.until_logged(&says);
    }
    assert!(!gateway.log().contains("secret"), "{}", gateway.log());
}

#[test]
fn explain_says_of_a_raw_target_what_serve_does() {
    let gateway = Running::start(&[("CONTAINERS", "1")]);
    for (target, says) in [
        ("/images/json?filters={\"label\":[\"<a>\"]}", "IMAGES=1 would allow it"),
        ("/images/json#/../../containers/json", "IMAGES=1 would allow it"),
        ("/containers/<a>/json", "the request target has a '<' that is not percent-encoded"),
        ("/containers/`a`/json", "the request target has a '`' that is not percent-encoded"),
        ("/containers/json?a=\";\"", "the query has a semicolon"),
        (
            &format!("/containers/json?{}", "\"".repeat(30_000)),
            "longer than 65534 bytes once it is percent-encoded",
        ),
        (
            &format!("/containers/{}/json", "é".repeat(15_000)),
            "longer than 65534 bytes once it is percent-encoded",
        ),
    ] {
        let explained = run(&["explain", "GET", target], &[("CONTAINERS", "1")]);
        assert_eq!(explained.code, 1, "{target:.60}");
        assert!(explained.stdout.contains(says), "{target:.60}: {}", explained.stdout);
        let answer = gateway.ask(&format!("GET {target}"));
        assert!(answer.contains(says), "{target:.60}: {answer}");
    }
    let allowed =
        run(&["explain", "GET", "/containers/json?filters={\"a\":[\"b\"]}"], &[("CONTAINERS", "1")]);
    assert_eq!(allowed.code, 0);
    assert!(allowed.stdout.contains("filters={%22a%22:[%22b%22]}"), "{}", allowed.stdout);
}
