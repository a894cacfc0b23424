//! Policies are replaced while requests go on.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use e2e::{Client, FakeEngine, Gateway, Via, guests, on_both_listeners, within};
use tempfile::TempDir;

mod signals;

on_both_listeners![
    no_request_fails_while_policies_are_replaced_under_load,
    a_slow_request_does_not_hold_a_reload_up,
    a_decision_that_has_begun_is_the_old_policys,
    changed_files_are_noticed_without_a_signal,
];

/// What `guest-default` is told in the two versions of these cases, and what it then answers.
const VERSIONS: [(&str, u16); 2] = [("INFO=1 PING=1 POST=1 IMAGES=1", 200), ("PING=1 POST=1 IMAGES=1", 403)];

/// A folder as Kubernetes mounts a ConfigMap: `..data` is a link to the folder of one version, in which there are a policy
/// and its settings, and each file is a link into `..data`.
pub(crate) struct Mounted(TempDir);

impl Mounted {
    pub(crate) fn new() -> Self {
        let mounted = Self(tempfile::tempdir().unwrap());
        for (number, (settings, _)) in VERSIONS.iter().enumerate() {
            let folder = mounted.path(&number.to_string());
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("rules.wasm"), policy_with_a_mark(number)).unwrap();
            fs::write(folder.join("settings"), settings).unwrap();
        }
        for name in ["rules.wasm", "settings"] {
            symlink(Path::new("..data").join(name), mounted.path(name)).unwrap();
        }
        mounted.swap(0);
        mounted
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Another version is there, all at once.
    fn swap(&self, version: usize) {
        symlink(version.to_string(), self.path("..data_tmp")).unwrap();
        fs::rename(self.path("..data_tmp"), self.path("..data")).unwrap();
    }

    /// Moves another version of each file over the old one.
    fn rename(&self, version: usize) {
        for name in ["rules.wasm", "settings"] {
            fs::copy(self.path(&version.to_string()).join(name), self.path("new")).unwrap();
            fs::rename(self.path("new"), self.path(name)).unwrap();
        }
    }

    /// The settings for a gateway that loads it.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let settings = [
            ("POLICY", text(self.path("rules.wasm"))),
            ("POLICY_SETTINGS", format!("@{}", text(self.path("settings")))),
            ("POLICY_CACHE", text(self.path("cache"))),
            ("POLICY_TIMEOUT", "10s".to_owned()),
        ];
        settings.map(|(name, value)| (name.to_owned(), value)).into()
    }

    fn gateway(&self, engine: &FakeEngine) -> Gateway {
        let environment = self.environment();
        let settings: Vec<_> =
            environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Gateway::start(engine.socket(), &settings)
    }
}

/// The default policy, told apart by a mark at its end.
pub(crate) fn policy_with_a_mark(mark: usize) -> Vec<u8> {
    marked("guest-default", mark)
}

/// A policy with a custom section at its end: its name is one byte, and there is nothing in it.
fn marked(policy: &str, mark: usize) -> Vec<u8> {
    let mut bytes = fs::read(guests::rust(policy)).unwrap();
    bytes.extend([0, 2, 1, b'0' + u8::try_from(mark).unwrap()]);
    bytes
}

/// Asks until the policies answer so.
async fn until_answered(client: &mut Client, status: u16) {
    let asking = async { while client.fetch("GET /info", &[]).await.status() != status {} };
    within(&format!("a policy that answers {status}"), asking).await;
}

async fn no_request_fails_while_policies_are_replaced_under_load(via: Via) {
    let (engine, mounted) = (FakeEngine::start(), Mounted::new());
    let gateway = mounted.gateway(&engine);
    let is_over = Arc::new(AtomicBool::new(false));
    let answers = Arc::new([const { AtomicUsize::new(0) }; 2]);
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut client = gateway.connect(via).await;
        let (is_over, answers) = (Arc::clone(&is_over), Arc::clone(&answers));
        clients.push(tokio::spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                let response = client.fetch("GET /info", &[]).await;
                let version = VERSIONS.iter().position(|(_, status)| *status == response.status());
                answers[version.expect("an answer of one of the two")].fetch_add(1, Ordering::Relaxed);
                let is_denial = response.text().contains("/info is off (INFO=0)");
                assert_eq!(is_denial, response.status() == 403, "{}", response.text());
            }
        }));
    }
    let mut prober = gateway.connect(via).await;
    for (turn, replace) in [Mounted::swap, Mounted::rename].into_iter().cycle().take(24).enumerate() {
        let version = (turn + 1) % 2;
        // What was moved over the links goes, so that `swap` has them again.
        for name in ["rules.wasm", "settings"] {
            symlink(Path::new("..data").join(name), mounted.path("link")).unwrap();
            fs::rename(mounted.path("link"), mounted.path(name)).unwrap();
        }
        replace(&mounted, version);
        gateway.begin_reload();
        until_answered(&mut prober, VERSIONS[version].1).await;
    }
    is_over.store(true, Ordering::Relaxed);
    for client in clients {
        within("a client", client).await.expect("no request failed");
    }
    assert!(answers.iter().all(|count| count.load(Ordering::Relaxed) > 0), "both versions were asked");
}

/// A request whose body is still on its way keeps to the policies that it began with; others need not wait for it.
async fn a_slow_request_does_not_hold_a_reload_up(via: Via) {
    let (engine, mounted) = (FakeEngine::start(), Mounted::new());
    let gateway = mounted.gateway(&engine);
    let (mut slow, mut prober) = (gateway.connect(via).await, gateway.connect(via).await);
    slow.ask("POST /images/create", &["Content-Length: 2"]).await;
    slow.send("a").await;
    for version in [1, 0, 1] {
        mounted.swap(version);
        gateway.begin_reload();
        until_answered(&mut prober, VERSIONS[version].1).await;
    }
    slow.send("b").await;
    assert_eq!(slow.read_response().await.status(), 200);
}

async fn a_decision_that_has_begun_is_the_old_policys(via: Via) {
    let (engine, folder) = (FakeEngine::start(), tempfile::tempdir().unwrap());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (policy, settings, cache) = (path("rules.wasm"), path("settings"), path("cache"));
    fs::copy(guests::rust("hostile"), &policy).unwrap();
    fs::write(&settings, "on=ContainerList\ndecide=inspect:container:web").unwrap();
    let from_file = format!("@{settings}");
    let gateway = Gateway::start(
        engine.socket(),
        &[
            ("POLICY", policy.as_str()),
            ("POLICY_SETTINGS", from_file.as_str()),
            ("POLICY_CACHE", cache.as_str()),
            ("POLICY_TIMEOUT", "10s"),
        ],
    );
    let mut look_ups = engine.hand_over("GET /containers/web/json");
    let (mut slow, mut prober) = (gateway.connect(via).await, gateway.connect(via).await);
    slow.ask("GET /containers/json", &[]).await;
    let look_up = look_ups.next().await;

    fs::write(path("new"), marked("hostile", 1)).unwrap();
    fs::rename(path("new"), &policy).unwrap();
    fs::write(&settings, "decide=deny:by the new one").unwrap();
    gateway.begin_reload();
    until_answered(&mut prober, 403).await;

    let id = "4".repeat(64);
    look_up.answer(e2e::json("200 OK", &format!(r#"{{"Id":"{id}"}}"#))).await;
    let refused = slow.read_response().await;
    assert!(refused.text().contains(&id), "the old policy's answer: {}", refused.text());
    let refused = slow.fetch("GET /containers/json", &[]).await;
    assert!(refused.text().contains("by the new one"), "{}", refused.text());
}

async fn changed_files_are_noticed_without_a_signal(via: Via) {
    let (engine, mounted) = (FakeEngine::start(), Mounted::new());
    let gateway = mounted.gateway(&engine);
    let mut client = gateway.connect(via).await;
    until_answered(&mut client, VERSIONS[0].1).await;
    mounted.swap(1);
    until_answered(&mut client, VERSIONS[1].1).await;
    fs::write(mounted.path("settings"), VERSIONS[0].0).unwrap(); // in place
    until_answered(&mut client, VERSIONS[0].1).await;
}
