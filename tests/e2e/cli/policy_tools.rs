//! The policy author's tools without a policy: what they say about files that are not policies, cases that make no
//! sense, and folders that are taken. The end-to-end tests run them with policies.

use std::path::{Path, PathBuf};

use e2e::binary::{Done, run};
use tempfile::TempDir;

/// A component that only imports the instance of that name.
fn component_importing(name: &str) -> Vec<u8> {
    let length = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap();
    let mut import = vec![1, 0, length(name.as_bytes())];
    import.extend_from_slice(name.as_bytes());
    import.extend_from_slice(&[5, 0]); // an instance, of the first type
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    component.extend_from_slice(&[7, 3, 1, 0x42, 0]); // one type: an instance without exports
    component.extend_from_slice(&[10, length(&import)]);
    component.extend_from_slice(&import);
    component
}

/// A temporary folder with files for the tools.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

#[test]
fn check_says_of_a_file_that_is_no_policy_what_it_is() {
    let folder = Folder::new();
    let whole = component_importing("wasi:random/random@0.2.0");
    for (name, content, verdict) in [
        (
            "text.wasm",
            b"(component)".to_vec(),
            "it is WebAssembly text; load the binary form (`wasm-tools parse`)",
        ),
        (
            "core.wasm",
            b"\0asm\x01\0\0\0".to_vec(),
            "it is a core module, not a component: build it for wasm32-wasip2",
        ),
        ("other.wasm", b"#!/bin/sh\n".to_vec(), "it is not a WebAssembly component"),
        ("empty.wasm", Vec::new(), "it is empty"),
        ("cut.wasm", whole[..whole.len() - 4].to_vec(), "it is not a valid component: "),
        ("none.wasm", whole, "it does not implement the world `policy` of sockgate:policy@0.1: "),
    ] {
        let file = folder.file(name, content);
        let done = run(&["policy", "check", &file], &[]);
        let want = format!("\nverdict   the gateway would not load it: {verdict}");
        assert!(done.stdout.starts_with(&format!("file      {file}\n")), "{name}: {}", done.stdout);
        assert!(done.stdout.contains(&want), "{name}: {}", done.stdout);
        assert_eq!((done.code, done.stderr.as_str()), (1, ""), "{name}");
    }
    for (path, verdict) in [
        (folder.0.path(), "it is not a regular file"),
        (Path::new("/nowhere"), "it cannot be read where the gateway runs"),
    ] {
        let done = run(&["policy", "check", path.to_str().unwrap()], &[]);
        assert!(done.code == 1 && done.stdout.contains(verdict), "{}", done.stdout);
    }
}

#[test]
fn check_lists_imports_one_by_one_and_says_what_is_wrong_with_those_that_are_refused() {
    let folder = Folder::new();
    for (import, line) in [
        ("wasi:random/random@0.2.6", "provided  wasi:random/random@0.2.6"),
        ("wasi:sockets/tcp@0.2.0", "REFUSED   wasi:sockets/tcp@0.2.0: a policy has no network; it may look"),
        ("wasi:filesystem/types@0.2.3", "REFUSED   wasi:filesystem/types@0.2.3: a policy has no files; pass"),
        (
            "sockgate:policy/call@0.2.0",
            "REFUSED   sockgate:policy/call@0.2.0: this gateway speaks version 0.1",
        ),
        (
            "acme:billing/invoice@1.0.0",
            "REFUSED   acme:billing/invoice@1.0.0: the gateway does not provide it",
        ),
    ] {
        let done = run(&["policy", "check", &folder.file("a.wasm", component_importing(import))], &[]);
        assert!(done.stdout.contains(&format!("imports   {line}")), "{import}: {}", done.stdout);
        assert_eq!(done.code, 1, "{import}");
    }
}

/// The compiler's messages quote names from the file.
#[test]
fn a_name_in_a_file_cannot_steer_the_terminal() {
    let folder = Folder::new();
    let wild = "a\u{1b}[31m\u{9b}\u{202e}\u{2028}b";
    let file = folder.file("wild.wasm", component_importing(wild));
    let settings = [("POLICY", file.as_str()), ("POLICY_CACHE", "off")];
    for (line, settings) in [
        (&["policy", "check", file.as_str()][..], &[][..]),
        (&["check"], &settings),
        (&["explain", "GET", "/info"], &settings),
    ] {
        let done = run(line, settings);
        let said = format!("{}{}", done.stdout, done.stderr);
        let is_wild = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{2028}".contains(c);
        assert!(done.code == 1 && said.contains("[31m") && !said.contains(is_wild), "{line:?}: {said:?}");
    }
}

#[test]
fn cases_that_make_no_sense_end_with_64_and_the_line() {
    let case = "cases:\n  - name: a\n    request: GET /info\n    expect: allow\n";
    for (cases, problem) in [
        ("cases: []\n".to_owned(), "has no cases"),
        (
            format!("{case}    expects: deny\n"),
            "line 5: the key `expects` is not known; known are name, request, operation, headers, body",
        ),
        (
            format!("flag: POST=1\n{case}"),
            "line 1: the key `flag` is not known; known are settings, flags, client",
        ),
        (case.replace("    expect: allow\n", ""), "line 3: the key `expect` is missing"),
        (
            case.replace("allow", "allowed"),
            "line 4: \"allowed\" cannot be expected: expect is one of allow, deny",
        ),
        (case.replace("allow", "{deny: {contain: x}}"), "line 4: below expect: unknown field `contain`"),
        (case.replace("allow", "{allow: because}"), "line 4: allow has no message"),
        (
            case.replace("allow", "{fault: {status: 403}}"),
            "line 4: only deny and refused have a status, not fault",
        ),
        (
            case.replace("allow", "{deny: {message: x, contains: x}}"),
            "line 4: expect has either message, the whole of it, or contains",
        ),
        (
            format!("{case}    flags: POST=1 CONTAINER=1\n"),
            "line 5: CONTAINER is not a flag: write for example",
        ),
        (
            format!("{case}    flags: POST\n"),
            "line 5: POST has no value: write for example CONTAINERS=1 POST=1",
        ),
        (format!("{case}    flags: POST=maybe\n"), "line 5: POST=\"maybe\" is not a switch"),
        (format!("{case}    body: 7\n"), "line 5: a text, \"@file\", or a mapping or list"),
        (format!("{case}    headers: {{\"a b\": x}}\n"), "line 2: \"a b\" is not a valid name of a header"),
        (
            format!("{case}    engine: {{box: {{a: not-found}}}}\n"),
            "line 5: \"box\" is not a kind of object; the kinds are",
        ),
        (
            format!("{case}    engine: {{container: {{a: gone}}}}\n"),
            "line 5: an answer of the engine is a mapping (the object)",
        ),
        (format!("{case}    body: \"@missing.json\"\n"), "missing.json cannot be read: No such file"),
        (format!("{case}{}", &case[7..].replace("name: a", "name: [")), "line "),
    ] {
        let folder = Folder::new();
        let file = folder.file("cases.yaml", &cases);
        let Done { code, stdout, stderr } = run(&["policy", "test", "/nowhere.wasm", &file], &[]);
        assert_eq!((code, stdout.as_str()), (64, ""), "{cases}\n{stderr}");
        assert!(stderr.starts_with("sockgate: ") && stderr.contains(problem), "{problem}\n{stderr}");
    }
}

#[test]
fn a_policy_that_cannot_be_loaded_fails_its_test_and_its_measurement() {
    let folder = Folder::new();
    let cases = folder.file("cases.yaml", "cases:\n  - {name: a, request: GET /info, expect: allow}\n");
    let policy = folder.file("p.wasm", "(component)");
    let done = run(&["policy", "test", &policy, &cases], &[("POLICY_CACHE", "off")]);
    assert_eq!((done.code, done.stdout.as_str()), (1, ""));
    assert!(done.stderr.contains("p.wasm cannot be tested: it is WebAssembly text"), "{}", done.stderr);
    let done = run(&["policy", "bench", &policy], &[("POLICY_CACHE", "off")]);
    assert_eq!((done.code, done.stdout.as_str()), (1, ""));
    assert!(done.stderr.contains("p.wasm cannot be measured: it is WebAssembly text"), "{}", done.stderr);
}

#[test]
fn a_command_line_of_the_tools_that_makes_no_sense_ends_with_64() {
    for line in [
        &["policy"][..],
        &["policy", "check"],
        &["policy", "check", "/a.wasm", "--settings", "@/nowhere"],
        &["policy", "test", "/a.wasm"],
        &["policy", "test", "/a.wasm", "/nowhere.yaml"],
        &["policy", "bench", "/a.wasm", "--request", "FETCH /info"],
        &["policy", "bench", "/a.wasm", "--request", "GET /../info"],
        &["policy", "bench", "/a.wasm", "--body", "/nowhere"],
        &["policy", "bench", "/a.wasm", "--seconds", "0"],
        &["policy", "new", "a"],
        &["policy", "new", "--lang", "cobol", "a"],
    ] {
        let done = run(line, &[("POLICY_CACHE", "off")]);
        assert_eq!(done.code, 64, "{line:?}: {}", done.stderr);
    }
}

#[test]
fn a_new_policy_goes_into_a_folder_of_its_own_and_has_its_name() {
    let folder = Folder::new();
    for (language, sources) in [
        ("rust", &["Cargo.toml", "Cargo.lock", "src/lib.rs"][..]),
        ("js", &["package.json", "package-lock.json", "policy.js"]),
        ("python", &["requirements.txt", "policy.py"]),
    ] {
        let path = folder.path(&format!("{language}-rules"));
        let made = run(&["policy", "new", "--lang", language, path.to_str().unwrap()], &[]);
        assert_eq!(made.code, 0, "{}", made.stderr);
        for file in sources.iter().chain(&["README.md", "cases.yaml", "wit/policy.wit", ".gitignore"]) {
            let text = std::fs::read_to_string(path.join(file)).unwrap();
            assert!(!text.contains("my-policy") && !text.contains("my_policy"), "{language} {file}");
            assert!(made.stdout.contains(path.join(file).to_str().unwrap()), "{}", made.stdout);
        }
        let readme = std::fs::read_to_string(path.join("README.md")).unwrap();
        assert!(readme.starts_with(&format!("# {language}-rules\n")), "{readme}");
    }
}

#[test]
fn a_new_policy_overwrites_nothing() {
    let folder = Folder::new();
    let full = folder.path("full");
    std::fs::create_dir(&full).unwrap();
    std::fs::write(full.join("mine"), "precious").unwrap();
    let file = folder.file("file", "precious");
    for path in [full.to_str().unwrap(), &file] {
        let refused = run(&["policy", "new", "--lang", "rust", path], &[]);
        assert_eq!(refused.code, 64);
        assert!(refused.stderr.contains("exists already, and is not an empty folder"), "{}", refused.stderr);
    }
    assert_eq!(std::fs::read_dir(&full).unwrap().count(), 1);
    for name in ["Rules", "1rules", "my_rules", "r\u{fc}les", ".."] {
        let refused = run(&["policy", "new", "--lang", "js", folder.path(name).to_str().unwrap()], &[]);
        assert_eq!(refused.code, 64, "{name}");
        assert!(refused.stderr.contains("cannot be a policy's name"), "{}", refused.stderr);
    }
    let empty = folder.path("empty");
    std::fs::create_dir(&empty).unwrap();
    assert_eq!(run(&["policy", "new", "--lang", "js", empty.to_str().unwrap()], &[]).code, 0);
}
