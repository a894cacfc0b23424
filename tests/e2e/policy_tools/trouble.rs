//! What a tool does where something is amiss beside the requests: with the policy, with a folder, with numbers.

use std::fmt::Write as _;

use e2e::guests;

use super::{Cases, run, text};

#[test]
fn a_file_of_cases_may_have_as_many_settings_as_it_likes() {
    let mut yaml = String::from("cases:\n");
    for number in 0..80 {
        write!(
            yaml,
            "  - name: {number}\n    settings: setting {number}\n    request: GET /version\n    expect: allow\n"
        )
        .unwrap();
    }
    let done = Cases::new(&yaml).test(&guests::rust("talk"), &[]);
    assert!(done.code == Some(0) && done.stdout.ends_with("\n80 passed\n"), "{}", done.stdout);
}

#[test]
fn junit_tells_of_a_policy_that_does_not_load() {
    let cases = Cases::new("cases:\n  - name: a case\n    request: GET /info\n    expect: allow\n");
    let (path, junit) = (cases.path(), cases.folder.path().join("junit.xml"));
    let policy = cases.folder.path().join("<policy>.wasm");
    std::fs::write(&policy, "no policy").unwrap();
    let done = run(&["policy", "test", text(&policy), text(&path), "--junit", text(&junit)], &[]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""));
    let xml = std::fs::read_to_string(&junit).unwrap();
    let xml = roxmltree::Document::parse(&xml).unwrap();
    let suite = xml.descendants().find(|node| node.has_tag_name("testsuite")).unwrap();
    assert_eq!(["tests", "failures", "errors"].map(|name| suite.attribute(name)), ["1", "0", "1"].map(Some));
    let error = suite.descendants().find(|node| node.has_tag_name("error")).unwrap();
    let message = error.attribute("message").unwrap();
    assert_eq!(done.stderr, format!("sockgate: {message}\n"));
    assert!(
        message.contains("<policy>.wasm cannot be tested: it is not a WebAssembly component"),
        "{message}"
    );
}

#[test]
fn a_folder_for_compiled_code_that_cannot_be_made_is_told_of_once() {
    let cases = Cases::new("cases:\n  - name: a\n    request: GET /version\n    expect: allow\n");
    let (path, talk) = (cases.path(), guests::rust("talk"));
    let cache = format!("{}/cache", text(&path)); // below a file
    let environment = [("POLICY_CACHE", cache.as_str()), ("POLICY", text(&talk))];
    let bench = ["policy", "bench", text(&talk), "--request", "GET /version", "--seconds", "1"];
    for arguments in [
        &["policy", "test", text(&talk), text(&path)][..],
        &bench,
        &["explain", "GET", "/version"],
        &["check"],
    ] {
        let done = run(arguments, &environment);
        assert_eq!(done.code, Some(0), "{arguments:?}: {}", done.stderr);
        let warned = done.stderr.lines().collect::<Vec<_>>();
        assert_eq!(warned.len(), 1, "{arguments:?}: {}", done.stderr);
        let start =
            format!("sockgate: policies are compiled at every start: the folder {cache} cannot be used (");
        assert!(warned[0].starts_with(&start), "{arguments:?}: {}", done.stderr);
        assert!(warned[0].contains("set POLICY_CACHE to "), "{arguments:?}: {}", done.stderr);
    }
}
