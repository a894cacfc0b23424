//! Policies beside the env flags: what their word is worth, in which order, and who had the last one.

use std::path::PathBuf;

use e2e::{Client, FakeEngine, Gateway, Via, guests, on_both_listeners};
use tempfile::TempDir;

on_both_listeners![
    a_policy_may_allow_what_the_flags_deny,
    a_policy_may_deny_what_the_flags_allow,
    what_a_policy_defers_the_flags_decide,
    a_denial_names_the_policy_and_keeps_its_status,
    a_narrow_policy_only_takes_away,
    an_observing_policy_changes_nothing,
    the_first_policy_that_decides_has_the_last_word,
    no_policy_opens_a_family_that_is_never_forwarded,
    no_policy_lifts_an_argument_that_reaches_the_host,
    a_policy_is_asked_about_upgrades_too,
    a_policy_is_told_who_asks,
    a_body_is_shown_to_none_but_the_policies_that_inspect_it,
    a_decision_for_which_there_is_no_place_is_refused_in_the_end,
    an_observer_without_a_place_is_not_waited_for,
    two_policies_of_one_name_are_told_apart_by_their_files,
];

/// The settings of a policy that does `deed`, whatever it is asked.
fn always(deed: &str) -> String {
    format!("decide={deed}")
}

/// A gateway with these policies, each a name and its settings, and with these settings besides.
struct Scene {
    engine: FakeEngine,
    gateway: Gateway,
    _folder: TempDir,
}

impl Scene {
    fn new(policies: &[(&str, &str)], settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<_> = policies.iter().map(|(name, _)| policy(&folder, name)).collect();
        let list = files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(",");
        let own = policies.iter().map(|(name, settings)| {
            (format!("POLICY_SETTINGS_{}", name.to_uppercase()), format!("name={name}\n{settings}"))
        });
        let cache = folder.path().join("cache").display().to_string();
        let mut all = vec![("POLICY".to_owned(), list), ("POLICY_CACHE".to_owned(), cache)];
        all.extend(own);
        all.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let all: Vec<_> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let engine = FakeEngine::start();
        let gateway = Gateway::start(engine.socket(), &all);
        Self { engine, gateway, _folder: folder }
    }

    async fn client(&self, via: Via) -> Client {
        self.gateway.connect(via).await
    }

    /// What arrived at the engine.
    fn arrived(&self) -> Vec<String> {
        self.engine.requests().iter().map(|seen| seen.head.target().to_owned()).collect()
    }
}

/// The hostile guest under another name, for it is the file's name that settings go by.
fn policy(folder: &TempDir, name: &str) -> PathBuf {
    let path = folder.path().join(name).with_extension("wasm");
    std::fs::copy(guests::rust("hostile"), &path).unwrap();
    path
}

async fn a_policy_may_allow_what_the_flags_deny(via: Via) {
    let scene = Scene::new(&[("rules", &always("allow"))], &[("CONTAINERS", "0")]);
    let mut client = scene.client(via).await;
    assert_eq!(client.fetch("GET /containers/json", &[]).await.status(), 200);
    assert_eq!(client.fetch("DELETE /images/alpine", &[]).await.status(), 200);
    assert_eq!(scene.arrived(), ["/containers/json", "/images/alpine"]);
}

async fn a_policy_may_deny_what_the_flags_allow(via: Via) {
    let scene = Scene::new(&[("rules", &always("deny:not today"))], &[("CONTAINERS", "1")]);
    let mut client = scene.client(via).await;
    for line in ["GET /containers/json", "GET /_ping", "GET /version", "GET /nowhere"] {
        assert_eq!(client.fetch(line, &[]).await.status(), 403, "{line}");
    }
    assert_eq!(scene.arrived(), [""; 0]);
}

async fn what_a_policy_defers_the_flags_decide(via: Via) {
    let scene = Scene::new(&[("rules", &always("defer"))], &[("CONTAINERS", "1")]);
    let mut client = scene.client(via).await;
    assert_eq!(client.fetch("GET /containers/json", &[]).await.status(), 200);
    let refused = client.fetch("GET /images/json", &[]).await;
    assert_eq!(refused.status(), 403);
    assert!(refused.text().contains("IMAGES=1 would allow it"), "{}", refused.text());
    assert_eq!(client.fetch("POST /containers/web/start", &["Content-Length: 0"]).await.status(), 405);
    assert_eq!(scene.arrived(), ["/containers/json"]);
}

async fn a_denial_names_the_policy_and_keeps_its_status(via: Via) {
    let scene = Scene::new(&[("rules", &always("deny:only on weekdays:423"))], &[]);
    let refused = scene.client(via).await.fetch("GET /containers/json", &[]).await;
    assert_eq!(refused.status(), 423);
    assert_eq!(
        refused.text(),
        r#"{"message":"sockgate denied ContainerList: only on weekdays (policy rules)"}"#
    );
}

async fn a_narrow_policy_only_takes_away(via: Via) {
    let rules = "on=ContainerInspect\ndecide=deny:no\nelse=allow";
    let scene = Scene::new(&[("rules", rules)], &[("POLICY_MODE", "narrow"), ("CONTAINERS", "1")]);
    let mut client = scene.client(via).await;
    assert_eq!(client.fetch("GET /containers/json", &[]).await.status(), 200);
    assert_eq!(client.fetch("GET /containers/web/json", &[]).await.status(), 403, "the policy denies it");
    assert_eq!(client.fetch("GET /images/json", &[]).await.status(), 403, "the flags deny it");
    assert_eq!(scene.arrived(), ["/containers/json"]);
}

async fn an_observing_policy_changes_nothing(via: Via) {
    for deed in ["deny:no", "allow", "defer", "unreachable", "deny:no:200"] {
        // Not of the ping that it is tried out with.
        let rules = format!("on=ContainerList,ImageList\ndecide={deed}");
        let scene = Scene::new(&[("rules", &rules)], &[("POLICY_MODE", "observe"), ("CONTAINERS", "1")]);
        let mut client = scene.client(via).await;
        assert_eq!(client.fetch("GET /containers/json", &[]).await.status(), 200, "{deed}");
        assert_eq!(client.fetch("GET /images/json", &[]).await.status(), 403, "{deed}");
        assert_eq!(scene.arrived(), ["/containers/json"], "{deed}");
    }
}

async fn the_first_policy_that_decides_has_the_last_word(via: Via) {
    let first = "on=ContainerList\ndecide=allow\nelse=defer";
    let second = "on=ContainerList,ContainerInspect\ndecide=deny:by the second\nelse=defer";
    let scene = Scene::new(&[("first", first), ("second", second)], &[("CONTAINERS", "1")]);
    let mut client = scene.client(via).await;
    assert_eq!(client.fetch("GET /containers/json", &[]).await.status(), 200, "the second is not asked");
    let refused = client.fetch("GET /containers/web/json", &[]).await;
    assert!(refused.text().contains("by the second (policy second)"), "{}", refused.text());
    assert_eq!(client.fetch("GET /containers/web/logs", &[]).await.status(), 200, "both defer to the flags");
    assert_eq!(scene.arrived(), ["/containers/json", "/containers/web/logs"]);
}

async fn no_policy_opens_a_family_that_is_never_forwarded(via: Via) {
    for flags in [
        &[][..],
        &[("POST", "1")],
        &[("PUT", "1")],
        &[("DELETE", "1")],
        &[("POST", "1"), ("PUT", "1"), ("DELETE", "1")],
    ] {
        let scene = Scene::new(&[("rules", &always("allow"))], flags);
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE"] {
            for path in [
                "/debug",
                "/debug/pprof/profile",
                "/v1.41/debug/vars",
                "/libpod/info",
                "/v4.0.0/libpod/pods/create",
            ] {
                let line = format!("{method} {path}");
                let refused = scene.client(via).await.fetch(&line, &[]).await;
                assert_eq!(refused.status(), 403, "{line} with {flags:?}");
                let is_told =
                    method == "HEAD" || refused.text().contains("never forwarded; no setting allows it");
                assert!(is_told, "{line} with {flags:?}: {}", refused.text());
            }
        }
        assert_eq!(scene.arrived(), [""; 0]);
    }
}

async fn no_policy_lifts_an_argument_that_reaches_the_host(via: Via) {
    let harmful = [
        "GET /containers/web/top?ps_args=e",
        "HEAD /v1.41/containers/web/top?x=y&ps_args=aux&%70s_args=e",
        "GET /containers/web/checkpoints?dir=/root",
        "DELETE /containers/web/checkpoints/etc?dir=/",
        "POST /containers/web/start?checkpoint-dir=/tmp",
    ];
    let families = [&[][..], &[("CONTAINERS", "1")], &[("POST", "1"), ("DELETE", "1")]];
    for flags in families {
        let scene = Scene::new(&[("rules", &always("allow"))], flags);
        for line in harmful {
            let refused = scene.client(via).await.fetch(line, &["Content-Length: 0"]).await;
            assert!(matches!(refused.status(), 403 | 405), "{line} with {flags:?}: {}", refused.head.start);
            let is_told = line.starts_with("HEAD ") || refused.text().contains("ALLOW_HOST_ARGS=1 ");
            assert!(is_told, "{line} with {flags:?}: {}", refused.text());
        }
        assert_eq!(scene.arrived(), [""; 0], "{flags:?}");
    }
    let scene = Scene::new(&[("rules", &always("allow"))], &[("ALLOW_HOST_ARGS", "1")]);
    for line in harmful {
        let answer = scene.client(via).await.fetch(line, &["Content-Length: 0"]).await;
        assert_eq!(answer.status(), 200, "{line} is the policy's to judge");
    }
    assert_eq!(scene.arrived().len(), harmful.len());
}

async fn a_policy_is_asked_about_upgrades_too(via: Via) {
    let rules = "on=ExecStart,ContainerAttach,ContainerAttachWebsocket,Session\ndecide=deny:no tunnels";
    let scene = Scene::new(&[("rules", rules)], &[]);
    for (line, protocol) in [
        ("POST /exec/abc/start", "tcp"),
        ("POST /containers/web/attach", "tcp"),
        ("GET /containers/web/attach/ws", "websocket"),
        ("POST /session", "h2c"),
    ] {
        let upgrade = format!("Upgrade: {protocol}");
        let refused = scene.client(via).await.fetch(line, &["Connection: Upgrade", &upgrade]).await;
        assert_eq!(refused.status(), 403, "{line}");
        assert!(refused.text().contains("no tunnels"), "{line}: {}", refused.text());
    }
    assert_eq!(scene.arrived(), [""; 0]);
}

async fn a_policy_is_told_who_asks(via: Via) {
    let scene = Scene::new(&[("rules", &always("echo"))], &[]);
    let refused = scene.client(via).await.fetch("GET /containers/json", &[]).await;
    let told = refused.text();
    let listener = match scene.gateway.endpoint(via) {
        e2e::Endpoint::Tcp(address) => address.to_string(),
        e2e::Endpoint::Unix(path) => format!("unix://{}", path.display()),
    };
    let who = match via {
        Via::Tcp => ["peer.address", "127.0.0.1"],
        Via::Unix => ["peer.uid", "0"],
    };
    for word in who.iter().chain(&["listener", listener.as_str()]) {
        assert!(told.contains(word), "{word} is not in {told}");
    }
}

async fn a_body_is_shown_to_none_but_the_policies_that_inspect_it(via: Via) {
    let good = r#"{"Image":"alpine"}"#;
    let ambiguous = r#"{"Image":"alpine","Image":"busybox"}"#;
    let echo = always("echo");
    let reads = |deed: &str| format!("inspect=ContainerCreate\n{}", always(deed));
    let (reads_and_echoes, reads_and_defers) = (reads("echo"), reads("defer"));
    let watched = &[("POLICY_MODE_READER", "observe")][..];
    let shown = r#"body=18 bytes \"{\\\"Image\\\":\\\"alpine\\\"}\""#;
    for (policies, settings, body, told) in [
        // Who only observes lets the client choose what it sees, and nobody else.
        ([("reader", &reads_and_defers), ("blind", &echo)], watched, good, "body=unread"),
        ([("reader", &reads_and_defers), ("blind", &echo)], watched, ambiguous, "body=unread"),
        ([("blind", &echo), ("reader", &reads_and_defers)], watched, good, "body=unread"),
        ([("reader", &reads_and_defers), ("blind", &echo)], &[], good, "body=unread"),
        ([("blind", &echo), ("reader", &reads_and_defers)], &[], good, "body=unread"),
        ([("reader", &reads_and_echoes), ("blind", &echo)], &[], good, shown),
    ] {
        let scene = Scene::new(&policies.map(|(name, settings)| (name, settings.as_str())), settings);
        let mut client = scene.client(via).await;
        client.ask("POST /containers/create", &[&format!("Content-Length: {}", body.len())]).await;
        client.send(body).await;
        let refused = client.read_response().await;
        assert!(refused.text().contains(told), "{policies:?} {body}: {}", refused.text());
    }
}

/// Three decisions that take all the time they may, and a place for one: while the first has it and then another, the third
/// has waited long enough.
async fn a_decision_for_which_there_is_no_place_is_refused_in_the_end(via: Via) {
    let rules = "on=ContainerList\ndecide=sleep:60000";
    let scene = Scene::new(&[("rules", rules)], &[("POLICY_CONCURRENCY", "1"), ("POLICY_TIMEOUT", "2s")]);
    let mut clients = [scene.client(via).await, scene.client(via).await, scene.client(via).await];
    for client in &mut clients {
        client.ask("GET /containers/json", &[]).await;
    }
    let mut statuses = Vec::new();
    for client in &mut clients {
        let refused = client.read_response().await;
        let (words, retry) = match refused.status() {
            503 => ("the policy rules is busy with other requests", Some("1")),
            _ => ("the policy rules did not answer in time", None),
        };
        assert!(refused.text().contains(words), "{}", refused.text());
        assert_eq!(refused.head.header("retry-after"), retry);
        statuses.push(refused.status());
    }
    assert!(statuses.contains(&403) && statuses.contains(&503), "{statuses:?}");
    assert_eq!(clients[0].fetch("GET /info", &[]).await.status(), 200, "there is a place again");
    assert_eq!(scene.arrived(), ["/info"]);
}

/// Two requests that an observer thinks about for long, and a place for one of them: the other goes past it at once.
async fn an_observer_without_a_place_is_not_waited_for(via: Via) {
    let policies = [("watch", "on=ContainerList\ndecide=sleep:600000"), ("rules", "decide=defer")];
    let settings = [
        ("POLICY_MODE_WATCH", "observe"),
        ("POLICY_CONCURRENCY", "1"),
        ("POLICY_TIMEOUT", "10m"),
        ("CONTAINERS", "1"),
    ];
    let scene = Scene::new(&policies, &settings);
    let (mut one, mut other) = (scene.client(via).await, scene.client(via).await);
    for client in [&mut one, &mut other] {
        client.ask("GET /containers/json", &[]).await;
    }
    let answered = tokio::select! {
        answer = one.read_response() => answer,
        answer = other.read_response() => answer,
    };
    assert_eq!(answered.status(), 200);
    assert_eq!(scene.arrived(), ["/containers/json"]);
}

async fn two_policies_of_one_name_are_told_apart_by_their_files(via: Via) {
    let first = "name=rules\non=ContainerList\ndecide=deny:no\nelse=defer";
    let second = "name=rules\non=ImageList\ndecide=deny:no\nelse=defer";
    let third = "on=VolumeList\ndecide=unreachable\nelse=defer";
    let fourth = "name=third\ndecide=deny:no";
    let policies = [
        ("first", first),
        ("second", second),
        ("third", third),
        ("fourth", fourth),
        ("fifth", "decide=allow"),
    ];
    let scene = Scene::new(&policies, &[("POLICY_MODE_THIRD", "narrow")]);
    let mut client = scene.client(via).await;
    for (line, whose) in [
        ("GET /containers/json", "(policy rules in first)"),
        ("GET /images/json", "(policy rules in second)"),
        ("GET /volumes", "the policy third in third failed"),
        ("GET /networks", "(policy third in fourth)"),
    ] {
        let refused = client.fetch(line, &[]).await.text();
        assert!(refused.contains(whose), "{line}: {refused}");
    }
}
