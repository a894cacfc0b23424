//! `examples/c-no-shell` in front of a real engine: a TCP listener for all, a unix socket that is exempt.

use std::rc::Rc;

use e2e::dockerd::{Dockerd, IMAGE, Release};
use e2e::{Gateway, Via, guests};

use super::{clis_of, post_and_wait};
use crate::client::{Client, fresh_name, on_both_engines};

on_both_engines! {
    nobody_gets_into_a_running_container_but_over_the_exempt_listener,
    an_attach_without_stdin_looks_on,
}

#[test]
fn its_own_tests_pass() {
    guests::c_tests("c-no-shell");
}

fn gateway(engine: Release, more: &[(&str, &str)]) -> Gateway {
    let (policy, cache) = (guests::c("c-no-shell"), guests::code_cache());
    let settings = [
        ("POLICY", policy.to_str().unwrap()),
        ("POLICY_CACHE", cache.to_str().unwrap()),
        ("POLICY_TIMEOUT", "10s"), // a machine that runs all tests at once may be slow
    ];
    Gateway::open_with(&Dockerd::shared(engine).socket(), &[&settings, more].concat())
}

fn nobody_gets_into_a_running_container_but_over_the_exempt_listener(engine: Release) {
    let folder = tempfile::tempdir().unwrap();
    let admin = format!("unix://{}", folder.path().join("admin").display());
    let settings = folder.path().join("settings");
    std::fs::write(&settings, format!("{admin}\n")).unwrap(); // as editors leave a file
    let settings = format!("@{}", settings.display());
    let listen = format!("127.0.0.1:0,{admin}");
    let gateway = Rc::new(gateway(engine, &[("LISTEN_ADDR", &listen), ("POLICY_SETTINGS", &settings)]));
    for cli in clis_of(engine) {
        let docker = Client::behind(cli.docker(), Rc::clone(&gateway), Via::Tcp);
        let exempt = Client::behind(cli.docker(), Rc::clone(&gateway), Via::Tcp).with("DOCKER_HOST", &admin);
        let web = fresh_name();
        let serve = ["sh", "-c", "echo served; sleep 1000"];
        docker.ok(&[&["run", "--detach", "--interactive", "--name", &web, IMAGE], &serve[..]].concat());
        let file = docker.write("file", "content");
        let inside = format!("{web}:/tmp/file");
        let (run, attach) = (["run", "--rm", "--interactive", IMAGE, "cat"], ["attach", &web]);
        for refused in [&["exec", &web, "true"][..], &["cp", &file, &inside], &run, &attach] {
            let said = docker.fails(refused);
            // Of a refused upgrade the CLI tells only the status.
            let is_told = said.contains("nobody gets into a running container") || said.contains("403");
            assert!(is_told, "{refused:?}: {said}");
        }
        assert_eq!(docker.ok(&["run", "--rm", IMAGE, "echo", "looked on"]), "looked on");
        assert_eq!(docker.ok(&["logs", &web]), "served");
        exempt.ok(&["cp", &file, &inside]);
        assert_eq!(exempt.ok(&["exec", &web, "cat", "/tmp/file"]), "content");
        docker.ok(&["rm", "--force", &web]);
    }
}

fn an_attach_without_stdin_looks_on(engine: Release) {
    let (gateway, engine, web) = (gateway(engine, &[]), Dockerd::shared(engine), fresh_name());
    engine.docker(&["create", "--interactive", "--name", &web, IMAGE, "echo", "served"]);
    for (query, status) in
        [("stdin=0", 200), ("stdin=false&stdin=1", 200), ("stdin=1", 403), ("stdin=x", 403)]
    {
        let answer =
            post_and_wait(&gateway, &format!("/containers/{web}/attach?logs=1&stdout=1&{query}"), "");
        assert_eq!(answer.status(), status, "{query}: {}", answer.text());
    }
    engine.docker(&["rm", &web]);
}
