//! SIGHUP and what the log says, with the binary: there the log is the event to wait for.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use e2e::{BOUND, Client, Endpoint};

use super::{Mounted, policy_with_a_mark};
use crate::docs::binary::sockgate;

/// The binary, serving.
struct Running {
    child: Child,
    log: mpsc::Receiver<String>,
}

impl Running {
    fn start(environment: &[(String, String)]) -> Self {
        let own = [("LISTEN_ADDR", "127.0.0.1:0"), ("DOCKER_SOCKET", "/nonexistent")];
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let environment: Vec<_> = own.into_iter().chain(environment.iter().cloned()).collect();
        let mut child = sockgate(&environment).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let (sender, log) = mpsc::channel();
        std::thread::spawn(move || lines.map(|line| sender.send(line)).all(|sent| sent.is_ok()));
        Self { child, log }
    }

    /// The next line that says so.
    fn line(&self, text: &str) -> String {
        let mut before = String::new();
        loop {
            match self.log.recv_timeout(BOUND) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => before += &(line + "\n"),
                Err(_) => panic!("no {text:?} in:\n{before}"),
            }
        }
    }

    async fn client(&self) -> Client {
        let line = self.line("listening on ");
        let (_, address) = line.rsplit_once(' ').unwrap();
        Client::connect(&Endpoint::Tcp(address.parse().unwrap())).await
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// Reloads, and returns the line that says so.
    fn reload(&self, text: &str) -> String {
        self.signal("-HUP");
        self.line(text)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

type Breaks = fn(&Path);

#[tokio::test]
async fn what_does_not_load_is_named_and_the_old_policy_stays_until_there_is_a_good_one() {
    let mounted = Mounted::new();
    let running = Running::start(&mounted.environment());
    let mut client = running.client().await;
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
        let line = running.reload("the policies stay as they were (guest-default ");
        assert!(line.contains("ERROR"), "{line}");
        assert!(line.contains(&format!("the policy {} is not loaded: {cause}", path.display())), "{line}");
        // The engine is not there: the old policy allowed it.
        assert_eq!(client.fetch("GET /info", &[]).await.status(), 503, "{cause}");
    }
    fs::remove_file(&path).unwrap();
    fs::write(&path, policy_with_a_mark(1)).unwrap();
    fs::write(mounted.path("settings"), "INFO=perhaps").unwrap();
    let line = running.reload("the policies stay as they were");
    assert!(line.contains("it refuses its settings (POLICY_SETTINGS): "), "{line}");
    assert_eq!(client.fetch("GET /info", &[]).await.status(), 503);

    fs::write(mounted.path("settings"), "INFO=0").unwrap();
    running.reload(" replaces guest-default ");
    assert_eq!(client.fetch("GET /info", &[]).await.status(), 403);
    running.reload("the policies have not changed: guest-default ");
}

#[tokio::test]
async fn one_of_several_that_does_not_load_keeps_all_of_them() {
    let mounted = Mounted::new();
    let second = mounted.path("second.wasm");
    fs::write(&second, policy_with_a_mark(2)).unwrap();
    let mut environment = mounted.environment();
    environment[0].1 += &format!(",{}", second.display());
    environment.push(("POLICY_SETTINGS_SECOND".to_owned(), "INFO=1".to_owned()));
    let running = Running::start(&environment);
    let mut client = running.client().await;

    fs::write(mounted.path("settings"), "INFO=0").unwrap();
    fs::write(&second, "garbage").unwrap();
    running.reload("the policies stay as they were (guest-default ");
    assert_eq!(client.fetch("GET /info", &[]).await.status(), 503);

    fs::write(&second, policy_with_a_mark(2)).unwrap();
    running.reload("has new settings");
    assert_eq!(client.fetch("GET /info", &[]).await.status(), 403);
}

#[tokio::test]
async fn what_is_not_pinned_does_not_replace_what_is() {
    let mounted = Mounted::new();
    let checked = sockgate(&[]).args(["policy", "check"]).arg(mounted.path("rules.wasm")).output().unwrap();
    let printed = String::from_utf8(checked.stdout).unwrap();
    let pin = printed.lines().find_map(|line| line.strip_prefix("sha256 ")).unwrap().trim();
    let mut environment = mounted.environment();
    environment.push(("POLICY_SHA256".to_owned(), pin.to_owned()));
    let running = Running::start(&environment);
    let mut client = running.client().await;

    mounted.swap(1);
    let line = running.reload("the policies stay as they were (guest-default ");
    assert!(line.contains(&format!("and POLICY_SHA256 wants {pin}")), "{line}");
    assert_eq!(client.fetch("GET /info", &[]).await.status(), 503, "the engine is not there");
    mounted.swap(0);
    fs::write(mounted.path("settings"), "INFO=0").unwrap();
    running.reload("has new settings");
    assert_eq!(client.fetch("GET /info", &[]).await.status(), 403);
}

#[tokio::test]
async fn a_deletion_is_warned_of_once_and_the_policy_goes_on() {
    let mounted = Mounted::new();
    let running = Running::start(&mounted.environment());
    let mut client = running.client().await;
    fs::remove_file(mounted.path("rules.wasm")).unwrap();
    running.line("the policies stay as they were");
    // Whatever the next looks would say comes before this.
    for _ in 0..2 {
        running.signal("-HUP");
        running.line("the policies stay as they were");
    }
    assert_eq!(client.fetch("GET /info", &[]).await.status(), 503);
    running.signal("-TERM");
    let rest: Vec<_> = running.log.iter().collect();
    assert!(rest.iter().all(|line| !line.contains("the policies stay")), "{rest:?}");
}

#[tokio::test]
async fn without_policies_a_signal_to_reload_changes_nothing() {
    let running = Running::start(&[]);
    let mut client = running.client().await;
    running.reload("there is nothing to reload: POLICY names no policy");
    assert_eq!(client.fetch("GET /info", &[]).await.status(), 403);
}
