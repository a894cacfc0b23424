//! `ALLOW_OPERATIONS` and `DENY_OPERATIONS`: rights by name, beside flags and policies.

use e2e::binary::Process;
use e2e::{Client, FakeEngine, Gateway, Via, guests, on_both_listeners};

on_both_listeners![
    what_is_allowed_by_name_needs_no_flag_and_nothing_else_is_allowed,
    what_is_denied_by_name_is_denied_in_every_spelling,
    no_policy_lifts_what_is_denied_by_name,
    a_body_of_what_is_denied_by_name_is_not_read,
    a_policy_denies_what_is_allowed_by_name_and_what_it_defers_is_allowed,
    a_policy_is_told_what_a_defer_comes_to,
    a_name_allows_no_argument_that_reaches_the_host,
    a_tunnel_is_allowed_by_its_name_alone,
];

/// No body, which a POST says as well.
const EMPTY: &[&str] = &["Content-Length: 0"];

/// An engine, and a gateway in front of it with these settings.
struct Scene {
    engine: FakeEngine,
    gateway: Gateway,
}

impl Scene {
    fn new(settings: &[(&str, &str)]) -> Self {
        let engine = FakeEngine::start();
        let gateway = Gateway::start(engine.socket(), settings);
        Self { engine, gateway }
    }

    /// The same, with a policy: the guest `hostile` with these settings of its own.
    fn with_policy(rules: &str, settings: &[(&str, &str)]) -> Self {
        let file = guests::rust("hostile").display().to_string();
        let policy = [("POLICY", file.as_str()), ("POLICY_SETTINGS", rules), ("POLICY_CACHE", "off")];
        Self::new(&[&policy, settings].concat())
    }

    async fn client(&self, via: Via) -> Client {
        self.gateway.connect(via).await
    }

    /// What arrived at the engine.
    fn arrived(&self) -> Vec<String> {
        self.engine.requests().iter().map(|seen| seen.head.target().to_owned()).collect()
    }
}

async fn what_is_allowed_by_name_needs_no_flag_and_nothing_else_is_allowed(via: Via) {
    let scene = Scene::new(&[("ALLOW_OPERATIONS", "ContainerList,ContainerRestart")]);
    let mut client = scene.client(via).await;
    for (line, status) in [
        ("GET /containers/json", 200),
        ("HEAD /v1.41/containers/json?all=1", 200),
        ("POST /containers/web/restart?t=1", 200),
        ("POST /v1.41/containers/a/b/%72estart", 200),
        ("POST /containers/create", 405),
        ("POST /containers/web/kill", 405),
        ("GET /containers/web/json", 403),
        ("GET /containers/web/restart", 403),
        ("POST /containers/json", 405),
        ("GET /info", 403),
    ] {
        let answer = client.fetch(line, EMPTY).await;
        assert_eq!(answer.status(), status, "{line}: {}", answer.text());
        let refused_by = (status != 200).then_some("flags");
        assert_eq!(answer.head.header("sockgate-refused-by"), refused_by, "{line}");
    }
    assert_eq!(
        scene.arrived(),
        [
            "/containers/json",
            "/v1.41/containers/json?all=1",
            "/containers/web/restart?t=1",
            "/v1.41/containers/a/b/restart"
        ]
    );
    let refused = client.fetch("POST /containers/web/kill", EMPTY).await.text();
    assert!(refused.contains("; ALLOW_OPERATIONS=ContainerKill would allow just this; POST=1 "), "{refused}");
}

async fn what_is_denied_by_name_is_denied_in_every_spelling(via: Via) {
    let scene = Scene::new(&[("CONTAINERS", "1"), ("DENY_OPERATIONS", "ContainerLogs,ContainerArchive*")]);
    let mut client = scene.client(via).await;
    for line in [
        "GET /containers/web/logs?stdout=1",
        "HEAD /v1.41/containers/web/logs",
        "GET /%63ontainers/a/b/l%6fgs",
        "GET /containers/web/archive?path=/etc/shadow",
        "HEAD /containers/web/archive?path=/etc/shadow",
    ] {
        let refused = client.fetch(line, &[]).await;
        assert_eq!(refused.status(), 403, "{line}");
        assert_eq!(refused.head.header("sockgate-refused-by"), Some("deny-operations"), "{line}");
        let is_told = line.starts_with("HEAD ")
            || refused.text().contains(" is in DENY_OPERATIONS; taking it out of there would allow it");
        assert!(is_told, "{line}: {}", refused.text());
    }
    assert_eq!(client.fetch("GET /containers/web/json", &[]).await.status(), 200);
    assert_eq!(scene.arrived(), ["/containers/web/json"]);
}

async fn no_policy_lifts_what_is_denied_by_name(via: Via) {
    let scene = Scene::with_policy("decide=allow", &[("DENY_OPERATIONS", "Container*,ImageList")]);
    let mut client = scene.client(via).await;
    for line in [
        "GET /containers/json",
        "POST /containers/web/start",
        "GET /images/json",
        "GET /containers/a/attach/ws",
    ] {
        let refused = client.fetch(line, EMPTY).await;
        assert_eq!(refused.status(), 403, "{line}");
        assert_eq!(refused.head.header("sockgate-refused-by"), Some("deny-operations"), "{line}");
    }
    assert_eq!(client.fetch("GET /volumes", &[]).await.status(), 200, "the policy allows all else");
    assert_eq!(scene.arrived(), ["/volumes"]);
}

/// The announced body never comes, so an answer is one that was given without it.
async fn a_body_of_what_is_denied_by_name_is_not_read(via: Via) {
    let rules = "inspect=ContainerCreate\ndecide=allow";
    let scene =
        Scene::with_policy(rules, &[("DENY_OPERATIONS", "ContainerCreate"), ("HEADER_TIMEOUT", "1h")]);
    let mut client = scene.client(via).await;
    client.ask("POST /containers/create", &["Content-Length: 100"]).await;
    let refused = client.read_response().await;
    assert_eq!(refused.head.header("sockgate-refused-by"), Some("deny-operations"));
    scene.engine.assert_untouched();
}

async fn a_policy_denies_what_is_allowed_by_name_and_what_it_defers_is_allowed(via: Via) {
    let rules = "on=ContainerRestart\ndecide=deny:not today\nelse=defer";
    let scene = Scene::with_policy(rules, &[("ALLOW_OPERATIONS", "ContainerRestart,ContainerStop")]);
    let mut client = scene.client(via).await;
    let refused = client.fetch("POST /containers/web/restart", EMPTY).await;
    assert_eq!(refused.head.header("sockgate-refused-by"), Some("policy"));
    assert_eq!(client.fetch("POST /containers/web/stop", EMPTY).await.status(), 200);
    assert_eq!(
        client.fetch("POST /containers/web/start", EMPTY).await.status(),
        405,
        "neither name nor flags"
    );
    assert_eq!(scene.arrived(), ["/containers/web/stop"]);
}

async fn a_policy_is_told_what_a_defer_comes_to(via: Via) {
    let scene = Scene::with_policy("decide=echo", &[("ALLOW_OPERATIONS", "ContainerList")]);
    let mut client = scene.client(via).await;
    for (line, flags) in [("GET /containers/json", "flags=allow"), ("GET /images/json", "flags=deny")] {
        let told = client.fetch(line, &[]).await.text();
        assert!(told.contains(flags), "{line}: {told}");
    }
}

async fn a_name_allows_no_argument_that_reaches_the_host(via: Via) {
    let names = ("ALLOW_OPERATIONS", "ContainerTop,ContainerStart,Checkpoint*");
    let harmful = [
        "GET /containers/web/top?ps_args=e",
        "HEAD /containers/web/top?ps_args=aux&ps_args=e",
        "GET /containers/web/checkpoints?dir=/root",
        "DELETE /containers/web/checkpoints/etc?dir=/",
        "POST /containers/web/start?checkpoint-dir=/tmp",
    ];
    let scene = Scene::new(&[names]);
    let mut client = scene.client(via).await;
    for line in harmful {
        assert_eq!(client.fetch(line, EMPTY).await.status(), 403, "{line}");
    }
    scene.engine.assert_untouched();
    assert_eq!(client.fetch("GET /containers/web/top?ps_args=aux", &[]).await.status(), 200);

    let scene = Scene::new(&[names, ("ALLOW_HOST_ARGS", "1")]);
    let mut client = scene.client(via).await;
    for line in harmful {
        assert_eq!(client.fetch(line, EMPTY).await.status(), 200, "{line}");
    }
}

async fn a_tunnel_is_allowed_by_its_name_alone(via: Via) {
    let tunnels = [
        ("ContainerAttachWebsocket", "GET /containers/web/attach/ws", "websocket"),
        ("ContainerAttach", "POST /containers/web/attach", "tcp"),
        ("ExecStart", "POST /exec/abc/start", "tcp"),
        ("Session", "POST /session", "h2c"),
        ("Grpc", "POST /grpc", "h2c"),
    ];
    for (name, line, protocol) in tunnels {
        let scene = Scene::new(&[("ALLOW_OPERATIONS", name)]);
        let upgrade = format!("Upgrade: {protocol}");
        let headers = ["Connection: Upgrade", &upgrade];
        for (_, other, _) in tunnels.iter().filter(|(_, other, _)| *other != line) {
            let refused = scene.client(via).await.fetch(other, EMPTY).await;
            assert!(matches!(refused.status(), 403 | 405), "{name}: {other}");
        }
        scene.engine.assert_untouched();
        let mut client = scene.client(via).await;
        client.ask(line, &headers).await;
        assert_eq!(client.read_head().await.status(), 101, "{line}");
    }
}

#[tokio::test]
async fn a_record_tells_which_list_had_the_last_word() {
    let engine = FakeEngine::start();
    let gateway = Process::start(&[
        ("DOCKER_SOCKET", engine.socket().to_str().unwrap()),
        ("CONTAINERS", "1"),
        ("ALLOW_OPERATIONS", "ContainerRestart"),
        ("DENY_OPERATIONS", "ContainerLogs"),
    ])
    .unwrap();
    let mut client = Client::connect(&gateway.endpoint()).await;
    for (line, operation, says) in [
        (
            "POST /containers/web/restart",
            "ContainerRestart",
            "decision=allow list=ALLOW_OPERATIONS status=200",
        ),
        ("GET /containers/json", "ContainerList", "decision=allow status=200"),
        ("POST /containers/web/stop", "ContainerStop", "give clients root on the host\" status=405"),
        ("GET /containers/web/logs", "ContainerLogs", "would allow it\" list=DENY_OPERATIONS status=403"),
    ] {
        client.fetch(line, EMPTY).await;
        let record = gateway.lines(&[&format!("operation={operation} ")]).remove(0);
        assert!(record.contains(says), "{record}");
    }
}
