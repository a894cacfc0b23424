//! SIGHUP and what the log says, with the binary: there the log is the event to wait for.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use e2e::Client;
use e2e::binary::{Process, run};

use super::{Mounted, policy_with_a_mark};

/// The binary with these policies, and a client of it.
async fn start(environment: &[(String, String)]) -> (Process, Client) {
    let process = Process::start(environment).unwrap_or_else(|done| panic!("{done:?}"));
    let client = Client::connect(&process.endpoint()).await;
    (process, client)
}

/// Reloads, and returns the line that says so.
fn reload(running: &Process, text: &str) -> String {
    running.signal("-HUP");
    running.next_line(text)
}

type Breaks = fn(&Path);

#[tokio::test]
async fn what_does_not_load_is_named_and_the_old_policy_stays_until_there_is_a_good_one() {
    let mounted = Mounted::new();
    let (running, mut client) = start(&mounted.environment()).await;
    let rows: [(Breaks, &str); 7] = [
        (|path| fs::write(path, "garbage").unwrap(), "it is not a WebAssembly component"),
        (|path| fs::write(path, "").unwrap(), "it is empty"),
        (|path| fs::write(path, b"\0asm\x01\0\0\0").unwrap(), "it is a core module"),
        (
            |path| {
                let policy = policy_with_a_mark(3);
                fs::write(path, &policy[..policy.len() / 2]).unwrap();
            },
            "it is not a valid component",
        ),
        (
            |_| {},
            "it cannot be read where the gateway runs (on this machine, or in its container): No such file or directory",
        ),
        (|path| fs::create_dir(path).unwrap(), "it is not a regular file"),
        (|path| symlink(path, path).unwrap(), "it cannot be read: Too many levels of symbolic links"),
    ];
    let path = mounted.path("rules.wasm");
    for (make, cause) in rows {
        let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir(&path));
        make(&path);
        let line = reload(&running, "the policies stay as they were (guest-default ");
        assert!(line.contains("ERROR"), "{line}");
        assert!(line.contains(&format!("the policy {} is not loaded: {cause}", path.display())), "{line}");
        // The engine is not there: the old policy allowed it.
        assert_eq!(client.fetch("GET /info", &[]).await.status(), 503, "{cause}");
    }
    fs::remove_file(&path).unwrap();
    fs::write(&path, policy_with_a_mark(1)).unwrap();
    fs::write(mounted.path("settings"), "INFO=perhaps").unwrap();
    let line = reload(&running, "the policies stay as they were");
    assert!(line.contains("it refuses its settings (POLICY_SETTINGS): "), "{line}");
    assert_eq!(client.fetch("GET /info", &[]).await.status(), 503);

    fs::write(mounted.path("settings"), "INFO=0").unwrap();
    reload(&running, " replaces guest-default ");
    assert_eq!(client.fetch("GET /info", &[]).await.status(), 403);
    reload(&running, "the policies have not changed: guest-default ");
}

#[tokio::test]
async fn one_of_several_that_does_not_load_keeps_all_of_them() {
    let mounted = Mounted::new();
    let second = mounted.path("second.wasm");
    fs::write(&second, policy_with_a_mark(2)).unwrap();
    let mut environment = mounted.environment();
    environment[0].1 += &format!(",{}", second.display());
    environment.push(("POLICY_SETTINGS_SECOND".to_owned(), "INFO=1".to_owned()));
    let (running, mut client) = start(&environment).await;

    fs::write(mounted.path("settings"), "INFO=0").unwrap();
    fs::write(&second, "garbage").unwrap();
    reload(&running, "the policies stay as they were (guest-default ");
    assert_eq!(client.fetch("GET /info", &[]).await.status(), 503);

    fs::write(&second, policy_with_a_mark(2)).unwrap();
    reload(&running, "has new settings");
    assert_eq!(client.fetch("GET /info", &[]).await.status(), 403);
}

#[tokio::test]
async fn what_is_not_pinned_does_not_replace_what_is() {
    let mounted = Mounted::new();
    let checked = run(&["policy", "check", mounted.path("rules.wasm").to_str().unwrap()], &[]);
    let pin = checked.stdout.lines().find_map(|line| line.strip_prefix("sha256 ")).unwrap().trim();
    let mut environment = mounted.environment();
    environment.push(("POLICY_SHA256".to_owned(), pin.to_owned()));
    let (running, mut client) = start(&environment).await;

    mounted.swap(1);
    let line = reload(&running, "the policies stay as they were (guest-default ");
    assert!(line.contains(&format!("and POLICY_SHA256 wants {pin}")), "{line}");
    assert_eq!(client.fetch("GET /info", &[]).await.status(), 503, "the engine is not there");
    mounted.swap(0);
    fs::write(mounted.path("settings"), "INFO=0").unwrap();
    reload(&running, "has new settings");
    assert_eq!(client.fetch("GET /info", &[]).await.status(), 403);
}

#[tokio::test]
async fn a_deletion_is_warned_of_once_and_the_policy_goes_on() {
    let mounted = Mounted::new();
    let (running, mut client) = start(&mounted.environment()).await;
    fs::remove_file(mounted.path("rules.wasm")).unwrap();
    running.next_line("the policies stay as they were");
    // Whatever the next looks would say comes before this.
    for _ in 0..2 {
        running.signal("-HUP");
        running.next_line("the policies stay as they were");
    }
    assert_eq!(client.fetch("GET /info", &[]).await.status(), 503);
    let log = running.stop().stderr;
    assert_eq!(log.matches("the policies stay as they were").count(), 3, "{log}");
}

#[tokio::test]
async fn without_policies_a_signal_to_reload_changes_nothing() {
    let (running, mut client) = start(&[]).await;
    reload(&running, "there is nothing to reload: POLICY names no policy");
    assert_eq!(client.fetch("GET /info", &[]).await.status(), 403);
}
