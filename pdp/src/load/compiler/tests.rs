use std::path::Path;

use tempfile::TempDir;

use super::*;

/// A shell script in the place of the compiler.
fn script(text: &str) -> (TempDir, Compiler) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("compiler");
    // Another process writes it: a file that this one had open for writing could not be run while one of its threads is
    // between fork and exec.
    let mut write = Command::new("sh");
    write.args(["-c", "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$0\" && chmod 755 \"$0\""]).arg(&path).arg(text);
    assert!(write.status().unwrap().success());
    (folder, Compiler::program(path))
}

fn run(compiler: &Compiler, input: &[u8]) -> Result<Vec<u8>, CompileError> {
    let (abandoned, _waiting) = io::pipe().unwrap();
    compiler.run(Job::Compile, Memories::Reserved, input, &abandoned)
}

#[test]
fn a_process_is_given_the_component_and_its_output_is_the_code() {
    let (_folder, compiler) = script("echo \"$*\"; cat");
    let megabytes = vec![b'x'; 3 << 20];
    let code = run(&compiler, &megabytes).unwrap();
    assert_eq!(code, [&b"compile-policy compile reserved\n"[..], &megabytes].concat());
}

#[test]
fn what_a_process_dies_of_is_told() {
    for (text, want) in [
        ("cat >/dev/null; echo no such thing >&2; exit 65", "it is not a valid component: no such thing"),
        ("exit 71", "compiling it took more than 1024 MiB of memory"),
        (
            "echo memory allocation of 99 bytes failed >&2; kill -ABRT $$",
            "compiling it took more than 1024 MiB of memory",
        ),
        ("kill -XCPU $$", "compiling it took more than 120 s of CPU time"),
        ("kill -KILL $$", "compiling it was killed: most likely this machine or container ran out of memory"),
        ("kill -SEGV $$", "compiling it failed (signal: 11"),
        ("echo oh >&2; exit 101", "compiling it failed (exit status: 101): oh"),
        ("exec head -c 200000000 /dev/zero", "the code that it compiles to has more than 96 MiB"),
        ("echo half the code; exit 1", "compiling it failed (exit status: 1)"),
    ] {
        let (_folder, compiler) = script(text);
        let said = run(&compiler, b"a component").unwrap_err().to_string();
        assert!(said.starts_with(want), "{text}: {said}");
    }
}

#[test]
fn a_process_has_an_empty_environment() {
    let (_folder, compiler) = script("cat /proc/$$/environ");
    // What the kernel shows for a shell is what it was started with.
    assert_eq!(String::from_utf8(run(&compiler, b"").unwrap()).unwrap(), "");
}

#[test]
fn a_process_that_cannot_be_started_is_told_with_what_to_do() {
    let error = run(&Compiler::program("/nonexistent/sockgate"), b"").unwrap_err();
    assert!(matches!(error, CompileError::Start { .. }), "{error:?}");
    let said = engine_api::report(&error);
    assert!(
        said.contains("mount /proc") && said.ends_with("No such file or directory (os error 2)"),
        "{said}"
    );
}

#[test]
fn a_process_that_nobody_waits_for_is_ended_whatever_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let started = folder.path().join("started");
    assert!(Command::new("mkfifo").arg(&started).status().unwrap().success());
    let (_folder, compiler) = script(&format!("echo $$ > {}; exec sleep 1000", started.display()));
    let (abandoned, waiting) = io::pipe().unwrap();
    let ended = thread::spawn(move || {
        let large = vec![0; 1 << 20]; // more than a pipe holds: it waits to be read
        compiler.run(Job::Compile, Memories::Reserved, &large, &abandoned)
    });
    let process = std::fs::read_to_string(&started).unwrap();
    drop(waiting);
    let ended = ended.join().unwrap();
    assert!(matches!(ended, Err(CompileError::Abandoned)), "{ended:?}");
    assert!(!Path::new(&format!("/proc/{}", process.trim())).exists(), "it has been waited for");
}

#[test]
fn the_limits_of_a_process_are_within_those_of_the_gateway() {
    for job in Job::ALL {
        let Budget { seconds, memory } = job.budget();
        assert!(seconds > 0 && seconds <= job.wanted().seconds, "{job:?}");
        assert!(memory > 0 && memory <= job.wanted().memory, "{job:?}");
        let resources = job.budget().limits().map(|(resource, _)| resource);
        for needed in [Resource::As, Resource::Cpu, Resource::Core, Resource::Fsize, Resource::Nofile] {
            assert!(resources.contains(&needed), "{job:?}: {needed:?}");
        }
    }
}
