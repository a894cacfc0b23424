use std::fs;

use engine_api::report;

use super::*;

/// A case without a mistake.
const FINE: &str = "  - name: fine\n    request: GET /info\n    expect: allow\n";

/// What comes of a file with this text: the file's cases, or what is wrong.
fn read(yaml: &str) -> Result<Vec<Case>, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cases.yaml");
    fs::write(&path, yaml).unwrap();
    fs::write(folder.path().join("body.json"), "{}").unwrap();
    let cases = CaseFile::read(&path).map(|file| file.cases);
    cases.map_err(|error| report(&error).replace(&format!("{}/", folder.path().display()), ""))
}

#[test]
fn every_mistake_is_told_with_its_line() {
    let of_case = |more: &str| format!("cases:\n{FINE}  - name: second\n    request: GET /info\n{more}");
    let of_file = |more: &str| format!("# a comment\n{more}cases:\n{FINE}");
    for (yaml, mistake) in [
        (
            of_file("clinet: {}\n"),
            "line 2: the key `clinet` is not known; known are settings, flags, client, engine, cases",
        ),
        (of_file("client: [a]\n"), "line 2: a mapping is expected here"),
        (of_file("client:\n  listener: 1\n  peer.uid: [c]\n"), "line 4: a text is expected here"),
        (
            of_file("client:\n  lisener: unix:///run/a.sock\n"),
            "line 3: \"lisener\" is not a fact that is known of a client; known are listener, peer.address, peer.uid, peer.gid",
        ),
        (
            of_case("    expect: allow\n    client: { uid: 1 }\n"),
            "line 8: \"uid\" is not a fact that is known of a client; known are listener, peer.address, peer.uid, peer.gid",
        ),
        (
            of_case("    expect: allow\n    operation: ContainerCraete\n"),
            "line 8: \"ContainerCraete\" is no operation: an operation has its name in the Engine API (ContainerCreate), or is `unlisted`",
        ),
        (of_file("client:\n  a: 1\n  a: 2\n"), "line 4: the key `a` is there twice"),
        (
            of_file("settings:\nflags: POST=1\n"),
            "line 2: a text, \"@file\", or a mapping or list that becomes JSON is expected here; put other values in quotes",
        ),
        (
            of_file("engine:\n  image: {}\n  contaner: {}\n"),
            "line 4: \"contaner\" is not a kind of object; the kinds are container, image, network, volume, exec, service, task, node, secret, config, plugin",
        ),
        (
            of_file("engine:\n  image:\n    a: lost\n"),
            "line 4: an answer of the engine is a mapping (the object), \"@file.json\", not-found, \"unavailable: why\" or \"refused: why\"",
        ),
        (of_file("settings: @body.json\n"), "line 2: unexpected character: `@'"),
        (of_file("settings: 'a\n"), "line 2: unclosed quote"),
        (
            of_case("    expcet: allow\n"),
            "line 7: the key `expcet` is not known; known are name, request, operation, headers, body, client, flags, settings, engine, expect",
        ),
        (
            of_case("    expect: alow\n"),
            "line 7: \"alow\" cannot be expected: expect is one of allow, deny, defer, fault, refused and invalid-settings, or a mapping of one of them to its message",
        ),
        (of_case("    expect: { allow: yes }\n"), "line 7: allow has no message"),
        (
            of_case("    expect: { fault: { status: 403 } }\n"),
            "line 7: only deny and refused have a status, not fault",
        ),
        (
            of_case("    expect: { deny: 403 }\n"),
            "line 7: below expect: invalid type: integer `403`, expected a message, or a mapping with the keys message, contains and status",
        ),
        (
            of_case("    expect: { deny: { contians: a } }\n"),
            "line 7: below expect: unknown field `contians`, expected one of `message`, `contains`, `status`",
        ),
        (
            of_case("    expect: allow\n    body:\n"),
            "line 8: a text, \"@file\", or a mapping or list that becomes JSON is expected here; put other values in quotes",
        ),
        (
            of_case("    expect: allow\n    body: { a: { b: 1, b: 2 } }\n"),
            "line 8: the key `b` is there twice",
        ),
        (of_case("    expect: allow\n    flags: CONTAINRS=1\n"), "line 8: "),
        (
            of_case("    expect: allow\n    headers:\n      a: { b: c }\n"),
            "line 9: a text or a list of texts is expected here; put numbers in quotes",
        ),
        // What is found out about a case as a whole has the line on which the case begins.
        (
            of_case("    expect: allow\n    headers: { a b: c }\n"),
            "line 5: \"a b\" is not a valid name of a header",
        ),
        (
            of_case("    expect: allow\n    headers: { a: \"b\\nc\" }\n"),
            "line 5: the header a cannot have this value",
        ),
        // A key that is missing has the line of the last one that is there.
        (of_case(&format!("\n{FINE}")), "line 6: the key `expect` is missing"),
        (
            of_case("    expect: &e { deny: a }\n    headers: *e\n    flags: *e\n"),
            "line 9: a text is expected here (the alias stands for a value on line 7)",
        ),
        ("settings: a\n".to_owned(), "line 1: the key `cases` is missing"),
        ("cases:\n".to_owned(), "line 1: a list is expected here"),
        ("- a\n".to_owned(), "line 1: a mapping is expected here"),
        (String::new(), "line 1: the file is empty"),
    ] {
        let problem = read(&yaml).err().unwrap_or_default();
        let start = format!("cases.yaml makes no sense: {mistake}");
        let is_told = if mistake.ends_with(' ') { problem.starts_with(&start) } else { problem == start };
        assert!(is_told, "{yaml}\n  {problem}\n  {start}");
    }
}

#[test]
fn files_that_cannot_be_read_are_named_and_a_file_without_cases_tests_nothing() {
    let none = "No such file or directory (os error 2)";
    for yaml in [
        format!("settings: \"@none\"\ncases:\n{FINE}"),
        format!("cases:\n{FINE}    body: \"@none\"\n"),
        format!("engine: {{ image: {{ a: \"@none\" }} }}\ncases:\n{FINE}"),
    ] {
        assert_eq!(read(&yaml).err().unwrap(), format!("none cannot be read: {none}"), "{yaml}");
    }
    assert_eq!(read("cases: []\n").err().unwrap(), "cases.yaml has no cases");
}

#[test]
fn a_case_has_the_line_on_which_it_begins_also_where_an_alias_stands_for_it() {
    let yaml = format!(
        "# a comment\ncases:\n\n{FINE}\n  - &c\n    name: second\n    request: GET /info\n    expect: deny\n  - *c\n  - <<: *c\n    name: fourth\n    body: '@body.json'\n"
    );
    let cases = read(&yaml).unwrap();
    let found: Vec<_> =
        cases.iter().map(|case| (case.line, case.name.as_str(), case.body.as_deref())).collect();
    assert_eq!(
        found,
        [(4, "fine", None), (9, "second", None), (12, "second", None), (13, "fourth", Some(&b"{}"[..]))]
    );
}
