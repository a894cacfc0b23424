//! What the gateway does before it asks a policy, the tools do as well: they refuse what it refuses, and hand policies what
//! it hands them.

use e2e::guests;

use super::{Cases, run, text};

#[test]
fn a_test_refuses_what_the_gateway_refuses() {
    let cases = Cases::new(
        r#"
cases:
  - name: a family that is never forwarded
    request: GET /debug/pprof
    expect: { refused: { contains: /debug is never forwarded, status: 403 } }
  - name: a method that the API does not have
    request: PATCH /info
    expect: { refused: { contains: no method, status: 405 } }
  - name: a target that is not canonical
    request: GET /containers//json
    expect: { refused: { contains: empty segment, status: 301 } }
  - name: a body over the limit
    request: POST /containers/create
    body: '{"Image": "0123456789012345678901234567890123456789"}'
    expect: { refused: { contains: POLICY_BODY_LIMIT, status: 413 } }
  - name: a body over the limit that streams past
    request: POST /containers/web/update
    body: '{"Image": "0123456789012345678901234567890123456789"}'
    expect: { deny: { contains: a body unread } }
  - name: an encoded body
    request: POST /containers/create
    headers: { Content-Encoding: gzip }
    body: '{}'
    expect: { refused: { contains: Content-Encoding, status: 400 } }
  - name: an encoded body that streams past
    request: POST /containers/web/update
    headers: { Content-Encoding: gzip }
    body: '{}'
    expect: { deny: { contains: content-encoding=gzip } }
  - name: an ambiguous body
    request: POST /containers/create
    body: '{"image": "a"}'
    expect: { refused: { contains: spell it like that, status: 400 } }
  - name: a form
    request: POST /build
    headers: { Content-Type: application/x-www-form-urlencoded }
    body: a=b
    expect: { refused: { contains: form bodies, status: 400 } }
  - name: a connection header that takes away what is judged
    request: GET /containers/json
    headers: { Connection: X-Registry-Auth }
    expect: { refused: { contains: x-registry-auth, status: 400 } }
  - name: headers of the hop are gone
    request: GET /containers/json
    headers: { Connection: X-Hop, X-Hop: a, X-End: b }
    expect: { deny: { contains: " | x-end=b | " } }
  - name: no body where one would be read
    request: POST /containers/create
    expect: { deny: { contains: no body } }
  - name: no body where none would be read
    request: POST /containers/web/update
    expect: { deny: { contains: a body unread } }
"#,
    );
    let (path, talk) = (cases.path(), guests::rust("talk"));
    let arguments = ["policy", "test", text(&talk), text(&path)];
    let done = run(&arguments, &[("POLICY_BODY_LIMIT", "40")]);
    assert!(done.code == Some(0) && done.stdout.ends_with("\n13 passed\n"), "{}{}", done.stdout, done.stderr);
}

#[test]
fn a_refusal_of_the_gateway_is_no_denial_by_the_policy() {
    let cases = Cases::new(
        "cases:\n  - name: closed\n    request: GET /debug/pprof\n    expect: deny\n  - name: another status\n    \
         request: GET /debug/pprof\n    expect: { refused: { contains: never, status: 400 } }\n",
    );
    let done = cases.test(&guests::rust("talk"), &[]);
    let (_, printed) = done.stdout.split_once('\n').unwrap();
    let actual = "refused 403: /debug is never forwarded; no setting allows it";
    assert_eq!(
        (done.code, printed),
        (
            Some(1),
            format!(
                "FAIL  closed (cases.yaml:2)\n      request   GET /debug/pprof\n      expected  deny\n      \
                 actual    {actual}\nFAIL  another status (cases.yaml:5)\n      request   GET /debug/pprof\n      \
                 expected  refused 400: … never …\n      actual    {actual}\n0 passed, 2 failed\n"
            )
            .as_str()
        )
    );
}

#[test]
fn an_argument_that_reaches_the_host_is_refused_unless_its_flag_is_on() {
    let cases = Cases::new(
        r#"
cases:
  - name: the gateway refuses it before it asks
    request: GET /containers/web/top?ps_args=e
    operation: ContainerTop
    flags: CONTAINERS=1
    expect: { refused: { contains: ALLOW_HOST_ARGS=1 would allow it, status: 403 } }
  - name: with the flag the policy is asked
    request: GET /containers/web/top?ps_args=e
    flags: CONTAINERS=1 ALLOW_HOST_ARGS=1
    expect: { deny: { contains: ContainerTop } }
  - name: a harmless one
    request: GET /containers/web/top?ps_args=aux
    expect: { deny: { contains: ContainerTop } }
"#,
    );
    let done = cases.test(&guests::rust("talk"), &[]);
    assert!(done.code == Some(0) && done.stdout.ends_with("\n3 passed\n"), "{}{}", done.stdout, done.stderr);
}

#[test]
fn a_case_whose_request_is_another_operation_than_it_says_fails_whatever_it_expects() {
    let cases = Cases::new(
        r#"
cases:
  - name: another operation
    request: POST /containers/web/stop
    operation: ContainerStart
    expect: { deny: { contains: ContainerStop } }
  - name: a mistake in the path
    request: POST /containers/web/strat
    expect: deny
  - name: a mistake in the path, and an operation
    request: POST /containers/web/strat
    operation: ContainerStart
    expect: deny
  - name: an operation that is listed after all
    request: GET /containers/json
    operation: unlisted
    expect: deny
  - name: one that is meant not to be listed
    request: POST /containers/web/next-year
    operation: unlisted
    expect: deny
"#,
    );
    let done = cases.test(&guests::rust("talk"), &[]);
    assert_eq!(done.code, Some(1), "{}{}", done.stdout, done.stderr);
    for actual in [
        "actual    the request is ContainerStop, not ContainerStart\n",
        "actual    the request is no operation that is known; if that is meant, say `operation: unlisted`\n",
        "actual    the request is no operation that is known, not ContainerStart\n",
        "actual    the request is ContainerList, which is listed\n",
    ] {
        assert!(done.stdout.contains(actual), "{actual}{}", done.stdout);
    }
    assert!(done.stdout.ends_with("\n1 passed, 4 failed\n"), "{}", done.stdout);
}

#[test]
fn explain_and_bench_refuse_what_the_gateway_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let body = folder.path().join("create.json");
    std::fs::write(&body, r#"{"Image":"alpine","image":"busybox"}"#).unwrap();
    let talk = guests::rust("talk");
    let explain = |environment: &[(&str, &str)]| {
        let policy = [("POLICY", text(&talk)), ("CONTAINERS", "1"), ("POST", "1")];
        let arguments = ["explain", "POST", "/containers/create", "--body", text(&body)];
        run(&arguments, &[&policy[..], environment].concat())
    };
    let refused = explain(&[]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stdout.contains("verdict    refused: the body has the key"), "{}", refused.stdout);
    assert!(refused.stdout.ends_with(" (400)\n"), "{}", refused.stdout);
    let refused = explain(&[("POLICY_BODY_LIMIT", "8")]);
    assert!(refused.stdout.ends_with("; POLICY_BODY_LIMIT allows more (413)\n"), "{}", refused.stdout);

    let arguments = ["policy", "bench", text(&talk), "--request", "POST /containers/create"];
    let refused = run(&[&arguments[..], &["--body", text(&body)]].concat(), &[]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(64), ""));
    assert!(refused.stderr.contains("the gateway refuses the request \"POST /containers/create\": the body"));
}

#[test]
fn explain_lets_a_body_pass_that_only_observing_policies_cannot_be_shown() {
    let folder = tempfile::tempdir().unwrap();
    let body = folder.path().join("create.json");
    std::fs::write(&body, r#"{"Image":"alpine","image":"busybox"}"#).unwrap();
    let (talk, flags) = (guests::rust("talk"), guests::rust("guest-default"));
    let policies = format!("{},{}", text(&talk), text(&flags));
    let done = run(
        &["explain", "POST", "/containers/create", "--body", text(&body)],
        &[("POLICY", &policies), ("POLICY_MODE_TALK", "observe"), ("CONTAINERS", "1"), ("POST", "1")],
    );
    for part in [
        "body       would be refused, but who reads it only observes: the body has the key",
        "policy     talk 0.1.0 (observe): deny 409: ContainerCreate | content-type=application/json |  | \
         FlagsVerdict::Allow | a body unread\n",
        "policy     guest-default 0.1.0 (decide): deny 405: ",
    ] {
        assert!(done.stdout.contains(part), "{part}\n{}", done.stdout);
    }
    let done = run(
        &["explain", "POST", "/containers/create", "--body", text(&body)],
        &[("POLICY", text(&talk)), ("POLICY_MODE", "observe"), ("CONTAINERS", "1"), ("POST", "1")],
    );
    assert_eq!(done.code, Some(0), "{}", done.stdout);
    assert!(done.stdout.contains("verdict    allowed"), "{}", done.stdout);
}
