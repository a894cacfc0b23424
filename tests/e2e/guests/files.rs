//! What `POLICY` names is no policy, or no file at all.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use e2e::binary::executable;
use e2e::guests::shape::Shape;

use super::gate::Gate;
use super::{Failures, hostile, refusal};

#[test]
fn bytes_that_are_no_component_are_named_for_what_they_are() {
    let component = std::fs::read(hostile()).unwrap();
    let mut noise = 0x5eed_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        noise = noise.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        noise.to_be_bytes()[0]
    })
    .take(100_000)
    .collect();
    let mut damaged = component.clone();
    damaged.iter_mut().skip(5000).step_by(97).for_each(|byte| *byte ^= 0x55);
    let cases: [(&str, &[u8], &str); 10] = [
        ("nothing", b"", "it is empty"),
        ("a text", b"#!/bin/sh\nexit 0\n", "it is not a WebAssembly component"),
        ("WebAssembly text", b"(component)", "it is WebAssembly text"),
        ("noise", &noise, "it is not a WebAssembly component"),
        ("a core module", &Shape::default().module(), "it is a core module"),
        ("the beginning of a component", &component[..component.len() / 2], "it is not a valid component"),
        ("a header alone", &component[..8], "decision-point"),
        ("half a header", &component[..5], "it is a core module"),
        ("a damaged component", &damaged, "it is not a valid component"),
        ("two components", &[&component[..], &component[..]].concat(), "it is not a valid component"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let mut failures = Failures::default();
    for (name, bytes, why) in cases {
        let path = folder.path().join(name.replace(' ', "-"));
        std::fs::write(&path, bytes).unwrap();
        failures.expect(name, &refusal(&path, &[]), why);
    }
    failures.none();
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let inside = |name: &str| folder.path().join(name);
    assert!(Command::new("mkfifo").arg(inside("pipe")).status().unwrap().success());
    symlink(inside("nowhere"), inside("dangling")).unwrap();
    symlink(inside("circle"), inside("circle")).unwrap();
    symlink(folder.path(), inside("link-to-folder")).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(inside("socket")).unwrap();
    let mut failures = Failures::default();
    for (path, why) in [
        (folder.path().to_owned(), "it is not a regular file"),
        (inside("link-to-folder"), "it is not a regular file"),
        (inside("pipe"), "it is not a regular file"),
        (inside("socket"), "it cannot be read"),
        (inside("missing"), "No such file"),
        (inside("dangling"), "No such file"),
        (inside("circle"), "Too many levels"),
        ("/dev/zero".into(), "it is not a regular file"),
        ("/dev/null".into(), "it is not a regular file"),
        ("/proc/self/mem".into(), "it is a file of the kernel (procfs)"),
        ("/proc/self/environ".into(), "it is a file of the kernel (procfs)"),
        ("/sys/devices/system/cpu/online".into(), "it is a file of the kernel (sysfs)"),
    ] {
        failures.expect(&path.display().to_string(), &refusal(&path, &[]), why);
    }
    failures.none();
}

/// A sparse file: it costs no disk, and reading it would show in the time and the memory.
#[test]
fn a_file_of_200_mib_is_refused_by_its_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.wasm");
    std::fs::File::create(&path).unwrap().set_len(200 << 20).unwrap();
    let said = refusal(&path, &[]);
    assert!(said.contains("it has 209715200 bytes"), "{said}");
}

/// As another user: modes do not stop root.
#[test]
fn an_unreadable_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let (program, policy) = (folder.path().join("sockgate"), folder.path().join("secret.wasm"));
    std::fs::copy(hostile(), &policy).unwrap();
    std::fs::set_permissions(&policy, Permissions::from_mode(0o000)).unwrap();
    // The folders above the binary may be closed to others. Another process makes the copy: a file that this one had
    // open for writing could not be run while one of its threads is between fork and exec.
    let mut install = Command::new("install");
    assert!(install.args(["-m", "755"]).arg(executable()).arg(&program).status().unwrap().success());
    let mut nobody = Command::new("timeout");
    nobody.args(["30", "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(&program);
    nobody.env_clear().env("POLICY", &policy).env("POLICY_CACHE", "off").env("LISTEN_ADDR", "127.0.0.1:0");
    let done = nobody.env("DOCKER_SOCKET", "/nonexistent").output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(
        said.contains("is not loaded: it cannot be read by the gateway's user: Permission denied"),
        "{said}"
    );
}

#[test]
fn a_file_that_is_not_what_was_pinned_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.wasm");
    std::fs::copy(hostile(), &path).unwrap();
    let pin = "0".repeat(64);
    let said = refusal(&path, &[("POLICY_SHA256", &pin)]);
    assert!(said.contains("POLICY_SHA256"), "{said}");
}

/// Whatever a writer does meanwhile, the gateway starts or refuses to, and does not crash.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_being_written_is_loaded_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changing.wasm");
    let component = std::fs::read(hostile()).unwrap();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let (written, whole) = (path.clone(), component.clone());
    std::fs::write(&path, &component).unwrap();
    let writer = std::thread::spawn(move || {
        let mut length = 0;
        while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            length = (length + 40_009) % whole.len();
            std::fs::write(&written, &whole[..length]).unwrap();
            std::fs::write(&written, &whole).unwrap();
        }
    });
    for _ in 0..10 {
        match Gate::start(&path, &[("POLICY_SETTINGS", "decide=deny:whole")]) {
            Ok(gate) => {
                let refusal = gate.fetch("GET /containers/json", &[]).await;
                assert!(refusal.text().contains(": whole (policy hostile)"), "{}", refusal.text());
                drop(gate.stop());
            }
            Err(refused) => {
                assert!(refused.code > 0, "{refused:?}");
                assert!(refused.stderr.contains("is not loaded"), "{refused:?}");
            }
        }
    }
    drop(stop);
    writer.join().unwrap();
}

/// Native code would run with all that the gateway may do: only what it compiled itself is, and only from its folder.
#[test]
fn code_that_was_compiled_elsewhere_is_not_run() {
    let cache = tempfile::tempdir().unwrap();
    let setting = cache.path().display().to_string();
    let gate = Gate::start(&hostile(), &[("POLICY_CACHE", &setting)]).unwrap();
    gate.stop();
    let entries: Vec<_> = files_in(cache.path());
    let [code] = &entries[..] else { panic!("{entries:?}") };
    let said = refusal(code, &[]);
    assert!(said.contains("it is already compiled"), "{said}");
}

fn files_in(folder: &Path) -> Vec<std::path::PathBuf> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect()
}
