//! What policies look up in the engine: only what they named, only by inspecting, and the request goes where they looked.

use std::path::PathBuf;
use std::sync::LazyLock;

use e2e::{Client, FakeEngine, Gateway, Via, guests, json};
use tempfile::TempDir;

mod answers;
mod observing;
mod pinning;
mod places;
mod requests;

/// The id of the container that the policies were shown.
const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Another one.
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// Compiled policies, for all cases: all of them load the same.
static CODE: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder for compiled code"));

/// Policies that look things up, in front of a stand-in engine.
struct Scene {
    engine: FakeEngine,
    gateway: Gateway,
    _folder: TempDir,
}

impl Scene {
    /// A policy with these settings (see `tests/guests/lookup`).
    fn new(looks_up: &str) -> Self {
        Self::with(FakeEngine::start(), &[looks_up], &[])
    }

    /// A policy for each of these, with settings of the gateway's besides. Time enough, as the machine may be busy.
    fn with(engine: FakeEngine, look_up: &[&str], settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<_> = (0..look_up.len()).map(|number| policy(&folder, number)).collect();
        let list = files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(",");
        let cache = CODE.path().display().to_string();
        let own = [("POLICY", list), ("POLICY_CACHE", cache), ("POLICY_TIMEOUT", "9s".to_owned())];
        let own = own.into_iter().filter(|(name, _)| settings.iter().all(|(given, _)| given != name));
        let mut all: Vec<_> = own.map(|(name, value)| (name.to_owned(), value)).collect();
        let of_each = look_up.iter().enumerate();
        all.extend(of_each.map(|(number, text)| (format!("POLICY_SETTINGS_P{number}"), (*text).to_owned())));
        all.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let all: Vec<_> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let gateway = Gateway::open_with(engine.socket(), &all);
        Self { engine, gateway, _folder: folder }
    }

    async fn client(&self, via: Via) -> Client {
        self.gateway.connect(via).await
    }

    /// What the first policy says that it was answered.
    async fn answer(&self, via: Via) -> String {
        self.denial(&mut self.client(via).await, "GET /containers/json").await
    }

    /// What the first policy says of a request.
    async fn denial(&self, client: &mut Client, line: &str) -> String {
        let response = client.fetch(line, &["Content-Length: 0"]).await;
        assert_eq!(response.status(), 403, "{line}: {}", response.text());
        let text: serde_json::Value = serde_json::from_str(&response.text()).unwrap();
        let message = text["message"].as_str().unwrap();
        let answer = message.split_once(": ").unwrap().1;
        answer.rsplit_once(" (policy lookup").map_or(answer, |(said, _policy)| said).to_owned()
    }

    /// The request lines that arrived at the engine, without HTTP's version.
    fn arrived(&self) -> Vec<String> {
        let seen = self.engine.requests();
        seen.iter().map(|seen| seen.head.start.trim_end_matches(" HTTP/1.1").to_owned()).collect()
    }
}

/// The guest under a name of its own, for it is the file's name that settings go by.
fn policy(folder: &TempDir, number: usize) -> PathBuf {
    let path = folder.path().join(format!("p{number}.wasm"));
    std::fs::copy(guests::rust("lookup"), &path).unwrap();
    path
}

/// The engine's inspect answer for a container with this id.
fn container(id: &str) -> String {
    json("200 OK", &format!(r#"{{"Id":"{id}","Name":"/web"}}"#))
}
