//! The policy author's tools with policies: `policy check`, `test`, `bench`, `new`, and `explain`.

use std::path::{Path, PathBuf};
use std::process::Output;

use e2e::binary::sockgate;
use e2e::{FakeEngine, guests};
use tempfile::TempDir;

mod gate;
mod projects;
mod trouble;

/// A command that has ended: its exit code, and what it printed on both streams.
struct Done {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Done {
    let environment = [&[("POLICY_CACHE", "off"), ("POLICY_TIMEOUT", "10s")][..], environment].concat();
    let Output { status, stdout, stderr } = sockgate(&environment).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Done { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A file of cases in a folder of its own.
struct Cases {
    folder: TempDir,
}

impl Cases {
    fn new(yaml: &str) -> Self {
        let cases = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::write(cases.path(), yaml).unwrap();
        cases
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("cases.yaml")
    }

    /// What `policy test` comes to, with the folder's name taken out.
    fn test(&self, policy: &Path, more: &[&str]) -> Done {
        let cases = self.path();
        let arguments = [&["policy", "test", text(policy), text(&cases)][..], more].concat();
        let done = run(&arguments, &[]);
        assert_eq!(done.stderr, "");
        Done { stdout: done.stdout.replace(&format!("{}/", text(self.folder.path())), ""), ..done }
    }
}

#[test]
fn check_tells_what_a_policy_is() {
    let done = run(&["policy", "check", text(&guests::rust("talk"))], &[("POLICY_MEMORY", "8M")]);
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
    for line in [
        "imports   provided  sockgate:policy/call@0.1.0",
        "world     policy of sockgate:policy@0.1",
        "policy    talk 0.1.0",
        "description talks",
        "inspects  ContainerCreate, VolumeCreate",
        "verdict   the gateway would load it",
    ] {
        assert!(done.stdout.lines().any(|printed| printed == line), "{line}\n{}", done.stdout);
    }
    for start in
        ["file      /", "size      ", "sha256    ", "compiled  in ", "memory    1.1 MiB for a decision on"]
    {
        assert!(done.stdout.lines().any(|printed| printed.starts_with(start)), "{start}\n{}", done.stdout);
    }
    assert!(done.stdout.contains("POLICY_MEMORY allows 8 MiB\n"), "{}", done.stdout);
}

#[test]
fn check_says_when_the_policy_refuses_its_settings() {
    let policy = guests::rust("talk");
    let refused = run(&["policy", "check", text(&policy), "--settings", "nonsense"], &[]);
    let verdict = "verdict   the gateway would not load it: it refuses its settings (POLICY_SETTINGS): nonsense is no setting\n";
    assert!(refused.code == Some(1) && refused.stdout.ends_with(verdict), "{}", refused.stdout);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings");
    std::fs::write(&file, "nonsense").unwrap();
    let refused = run(&["policy", "check", text(&policy), "--settings", &format!("@{}", text(&file))], &[]);
    assert!(refused.code == Some(1) && refused.stdout.ends_with(verdict), "{}", refused.stdout);
}

#[test]
fn a_policy_is_told_what_a_case_says() {
    let cases = Cases::new(
        r#"
flags: CONTAINERS=1
client: { listener: "unix:///run/a.sock", peer.uid: 1000 }
cases:
  - name: a body that is read, with everything
    request: POST /v1.41/containers/create?name=web
    headers: { X-Team: [a, b], X-Registry-Auth: secret }
    body: { Image: alpine, HostConfig: { Memory: 1000 } }
    flags: CONTAINERS=1 POST=1
    client: { peer.uid: 1001 }
    expect:
      deny:
        message: ContainerCreate | x-registry-auth=<withheld>,x-team=a,x-team=b,content-type=application/json | listener=unix:///run/a.sock,peer.uid=1001 | FlagsVerdict::Allow | {"HostConfig":{"Memory":1000},"Image":"alpine"}
        status: 409
  - name: a body that streams past
    request: POST /containers/web/update
    headers: { Content-Type: text/plain }
    body: raw text
    expect: { deny: "ContainerUpdate | content-type=text/plain | listener=unix:///run/a.sock,peer.uid=1000 | FlagsVerdict::Deny | a body unread" }
  - name: a body from a file
    request: POST /volumes/create
    body: "@volume.json"
    expect: { deny: { contains: ' | {"Name": "data"}' } }
  - name: none
    request: GET /containers/json
    expect: { deny: { contains: FlagsVerdict::Allow | a body unread } }
  - name: allowed
    request: GET /version
    expect: allow
  - name: a crash
    request: GET /info
    expect: { fault: { contains: "it crashed: " } }
  - name: settings that are not taken
    settings: nonsense
    request: GET /info
    expect: { invalid-settings: nonsense is no setting }
  - name: a body that the gateway refuses
    request: POST /containers/create
    body: '{"HostConfig": {}, "hostconfig": {}}'
    expect: refused
  - name: a path that it refuses
    request: GET /containers/../info
    expect: { refused: the path has a dot segment }
"#,
    );
    std::fs::write(cases.folder.path().join("volume.json"), r#"{"Name": "data"}"#).unwrap();
    let done = cases.test(&guests::rust("talk"), &[]);
    assert!(done.stdout.starts_with("policy talk 0.1.0 sha256:"), "{}", done.stdout);
    assert!(done.code == Some(0) && done.stdout.ends_with("\n9 passed\n"), "{}", done.stdout);
}

#[test]
fn what_differs_is_shown_with_the_log_and_in_junit() {
    let cases = Cases::new(
        "cases:\n  - name: <wrong> & \"late\"\n    request: GET /info\n    expect: allow\n  - name: right\n    \
         request: GET /version\n    expect: allow\n  - name: a wrong word\n    request: GET /events\n    \
         expect: { deny: { message: SystemEvents, status: 403 } }\n",
    );
    let junit = cases.folder.path().join("junit.xml");
    let done = cases.test(&guests::rust("talk"), &["--junit", text(&junit)]);
    assert_eq!(done.code, Some(1));
    let (_, printed) = done.stdout.split_once('\n').unwrap();
    let crash = "it crashed: wasm trap: wasm `unreachable` instruction executed";
    assert_eq!(
        without_panic_lines(printed),
        format!(
            "FAIL  <wrong> & \"late\" (cases.yaml:2)\n      request   GET /info\n      expected  allow\n      \
             actual    fault: {crash}\n      log       warn: a \\u{{1b}}[31mred\\u{{1b}}[0m line\\nand another\n      \
             log       info: printed\nok    right\nFAIL  a wrong word (cases.yaml:8)\n      \
             request   GET /events\n      expected  deny 403: SystemEvents\n      \
             actual    deny 409: SystemEvents |  |  | FlagsVerdict::Allow | a body unread\n      \
             log       warn: a \\u{{1b}}[31mred\\u{{1b}}[0m line\\nand another\n      log       info: printed\n\
             1 passed, 2 failed\n"
        )
    );
    let xml = std::fs::read_to_string(&junit).unwrap();
    let xml = roxmltree::Document::parse(&xml).unwrap();
    let suite = xml.descendants().find(|node| node.has_tag_name("testsuite")).unwrap();
    assert_eq!((suite.attribute("tests"), suite.attribute("failures")), (Some("3"), Some("2")));
    let found: Vec<_> = suite
        .children()
        .filter(roxmltree::Node::is_element)
        .map(|case| {
            let failure = case.children().find(|node| node.has_tag_name("failure"));
            (
                case.attribute("name").unwrap(),
                case.attribute("line"),
                failure.and_then(|node| node.attribute("message")),
            )
        })
        .collect();
    let fault = format!("fault: {crash}");
    assert_eq!(
        found,
        [
            ("<wrong> & \"late\"", Some("2"), Some(fault.as_str())),
            ("right", Some("5"), None),
            (
                "a wrong word",
                Some("8"),
                Some("deny 409: SystemEvents |  |  | FlagsVerdict::Allow | a body unread")
            ),
        ]
    );
}

/// A panic names the place in the guest's source, which is not what is tested here.
fn without_panic_lines(printed: &str) -> String {
    let lines = printed.lines().filter(|line| {
        let is_of_panic =
            ["panicked at", "last words", "RUST_BACKTRACE"].iter().any(|word| line.contains(word));
        !is_of_panic
    });
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn look_ups_are_answered_from_the_cases_and_one_that_is_not_listed_is_reported() {
    let cases = Cases::new(
        r#"
settings: "container web\nimage alpine:3\nvolume data"
engine:
  container: { web: { Id: "3f4e3f4e3f4e3f4e3f4e3f4e3f4e3f4e3f4e3f4e3f4e3f4e3f4e3f4e3f4e3f4e", Name: /web } }
  volume: { data: "unavailable: asleep" }
cases:
  - name: found, not listed, unavailable
    request: POST /containers/web/start
    expect: { deny: { contains: '","Name":"/web"}; image: ' } }
  - name: the case has the last word
    request: POST /containers/web/start
    engine:
      container: { web: not-found }
      image: { "alpine:3": "@image.json" }
      volume: { data: "refused: not today" }
    expect: { deny: { contains: 'not today' } }
"#,
    );
    std::fs::write(cases.folder.path().join("image.json"), r#"{"Id": "sha256:2"}"#).unwrap();
    let done = cases.test(&guests::rust("lookup"), &[]);
    let (_, printed) = done.stdout.split_once('\n').unwrap();
    assert_eq!(
        printed,
        "ok    found, not listed, unavailable\n      look-up   image alpine:3: it is not listed below `engine:`, so the \
         answer was unavailable\nok    the case has the last word\n2 passed\n"
    );
}

#[test]
fn bench_says_what_a_decision_costs_and_where() {
    let folder = tempfile::tempdir().unwrap();
    let body = folder.path().join("create.json");
    std::fs::write(&body, r#"{"Image":"alpine"}"#).unwrap();
    let policy = guests::rust("talk");
    let measure =
        |more: &[&str]| run(&[&["policy", "bench", text(&policy), "--seconds", "1"][..], more].concat(), &[]);
    let done = measure(&["--request", "POST /containers/create", "--body", text(&body)]);
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
    assert!(
        done.stdout.contains("request     POST /containers/create, 18 bytes of body, which it reads\n"),
        "{}",
        done.stdout
    );
    for label in [
        "policy ",
        "verdict     deny 409: ",
        "decide      p50 ",
        "beside it   instance ",
        "cpu ",
        "memory ",
        "measured ",
    ] {
        assert!(done.stdout.lines().any(|line| line.starts_with(label)), "{label}\n{}", done.stdout);
    }
    let by_client = measure(&["--client", "listener=127.0.0.1:2375", "--client", "peer.address=127.0.0.1"]);
    assert!(
        by_client.stdout.contains(" | listener=127.0.0.1:2375,peer.address=127.0.0.1 | "),
        "{}",
        by_client.stdout
    );
    let failed = measure(&["--request", "GET /info"]);
    assert_eq!((failed.code, failed.stdout.as_str()), (Some(1), ""));
    assert!(
        failed.stderr.starts_with("sockgate: the policy failed on this request: it crashed"),
        "{}",
        failed.stderr
    );
}

#[test]
fn explain_asks_the_policies_in_their_order_and_says_what_each_one_counts_for() {
    let (talk, flags) = (guests::rust("talk"), guests::rust("guest-default"));
    let policies = format!("{},{}", text(&flags), text(&talk));
    let explain = |request: &[&str], environment: &[(&str, &str)]| {
        let done =
            run(&[&["explain"], request].concat(), &[&[("POLICY", policies.as_str())], environment].concat());
        assert_eq!(done.stderr, "");
        (done.code, done.stdout)
    };
    let (code, printed) = explain(&["GET", "/version"], &[("POLICY_MODE", "narrow"), ("VERSION", "0")]);
    assert_eq!(
        (code, printed.as_str()),
        (
            Some(1),
            "operation  SystemVersion (read, plain)\njudged as  GET /version\npolicy     guest-default 0.1.0 (narrow): \
             allow\npolicy     talk 0.1.0 (narrow): allow\n  log      warn: a \\u{1b}[31mred\\u{1b}[0m line\\nand \
             another\n  log      info: printed\nverdict    denied: /version is off (VERSION=0); \
             ALLOW_OPERATIONS=SystemVersion would allow just this; VERSION=1 would allow it\ndecided by VERSION (off)\n"
        )
    );
    let (code, printed) = explain(&["GET", "/version"], &[("VERSION", "0")]);
    assert_eq!(code, Some(0));
    assert!(printed.ends_with(
        "policy     guest-default 0.1.0 (decide): allow\npolicy     talk 0.1.0 (decide): not asked any more\nflags      \
         would deny it: /version is off (VERSION=0); ALLOW_OPERATIONS=SystemVersion would allow just this; VERSION=1 would \
         allow it\nverdict    allowed (policy guest-default)\n"
    ), "{printed}");
    let (code, printed) = explain(
        &["GET", "/info", "--client", "peer.uid=7"],
        &[("POLICY_MODE_GUEST_DEFAULT", "observe"), ("INFO", "1")],
    );
    assert_eq!(code, Some(1));
    assert!(
        printed.contains("policy     guest-default 0.1.0 (observe): deny 403: /info is off (INFO=0)"),
        "{printed}"
    );
    assert!(printed.contains("policy     talk 0.1.0 (decide): failed: it crashed: "), "{printed}");
    assert!(
        printed.ends_with("flags      would allow it\nverdict    denied: the policy talk failed\n"),
        "{printed}"
    );
}

#[test]
fn explain_hands_policies_the_body_the_client_and_the_engine() {
    let folder = tempfile::tempdir().unwrap();
    let body = folder.path().join("create.json");
    std::fs::write(&body, r#"{"Image":"alpine"}"#).unwrap();
    let talk = guests::rust("talk");
    let create = |more: &[&str]| {
        let arguments = [&["explain", "POST", "/containers/create"], more].concat();
        run(&arguments, &[("POLICY", text(&talk)), ("CONTAINERS", "1")])
    };
    let done =
        create(&["--body", text(&body), "--client", "peer.uid=7", "--client", "listener=127.0.0.1:2375"]);
    let told = "ContainerCreate | content-type=application/json | peer.uid=7,listener=127.0.0.1:2375 | \
                FlagsVerdict::Deny | {\"Image\":\"alpine\"}";
    assert!(done.stdout.ends_with(&format!("verdict    denied: {told} (policy talk)\n")), "{}", done.stdout);
    let done = create(&[]);
    assert!(
        done.stdout.contains("body       none; policies would read one (--body FILE)\n"),
        "{}",
        done.stdout
    );
    std::fs::write(&body, r#"{"Image":"alpine","image":"busybox"}"#).unwrap();
    let done = create(&["--body", text(&body)]);
    assert_eq!(done.code, Some(1));
    assert!(done.stdout.contains("\nverdict    refused: the body has "), "{}", done.stdout);
    assert!(!done.stdout.contains("policy "), "{}", done.stdout);
    assert_eq!(create(&["--body", "/nowhere"]).code, Some(64));
    assert_eq!(create(&["--client", "uid"]).code, Some(64));
    let misspelt = create(&["--client", "lisener=127.0.0.1:2375"]);
    assert_eq!(misspelt.code, Some(64));
    assert!(misspelt.stderr.contains("is not a fact that is known of a client"), "{}", misspelt.stderr);

    let engine = FakeEngine::start();
    let done = run(
        &["explain", "GET", "/containers/web/json"],
        &[
            ("POLICY", text(&guests::rust("lookup"))),
            ("POLICY_SETTINGS", "container *"),
            ("DOCKER_SOCKET", text(engine.socket())),
        ],
    );
    assert!(
        done.stdout.contains("policy     lookup 0.1.0 (decide): deny 403: container: "),
        "{}",
        done.stdout
    );
    assert!(!done.stdout.contains("unavailable"), "{}", done.stdout);
}

#[test]
fn explain_fails_as_the_gateway_would_not_start() {
    let talk = guests::rust("talk");
    let refused =
        run(&["explain", "GET", "/info"], &[("POLICY", text(&talk)), ("POLICY_SETTINGS", "nonsense")]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""));
    assert!(
        refused.stderr.contains("it refuses its settings (POLICY_SETTINGS): nonsense is no setting"),
        "{}",
        refused.stderr
    );
    let pin = "0".repeat(64);
    let refused = run(&["explain", "GET", "/info"], &[("POLICY", text(&talk)), ("POLICY_SHA256", &pin)]);
    assert!(
        refused.code == Some(1) && refused.stderr.contains("POLICY_SHA256 wants 0000"),
        "{}",
        refused.stderr
    );
}
