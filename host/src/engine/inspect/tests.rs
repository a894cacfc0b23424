use pdp::ObjectKind;

use super::{Inspection, message};

const KINDS: [ObjectKind; 11] = [
    ObjectKind::Container,
    ObjectKind::Image,
    ObjectKind::Network,
    ObjectKind::Volume,
    ObjectKind::Exec,
    ObjectKind::Service,
    ObjectKind::Task,
    ObjectKind::Node,
    ObjectKind::Secret,
    ObjectKind::Config,
    ObjectKind::Plugin,
];

fn line(kind: ObjectKind, reference: &str) -> Option<String> {
    let Inspection(operation) = Inspection::of(kind, reference)?;
    Some(format!("{} {}", operation.method(), operation.target()))
}

#[test]
fn each_kind_has_its_inspection() {
    let lines = KINDS.map(|kind| line(kind, "x").unwrap());
    assert_eq!(
        lines,
        [
            "GET /containers/x/json",
            "GET /images/x/json",
            "GET /networks/x",
            "GET /volumes/x",
            "GET /exec/x/json",
            "GET /services/x",
            "GET /tasks/x",
            "GET /nodes/x",
            "GET /secrets/x",
            "GET /configs/x",
            "GET /plugins/x/json",
        ]
    );
}

#[test]
fn a_hostile_reference_is_inspected_as_it_is_or_not_at_all() {
    let long = "a".repeat(1024);
    for reference in [
        "",
        ".",
        "..",
        "/",
        "//",
        "/web",
        "web/",
        "a/b",
        "../images/json",
        "../../info",
        "a/../b",
        "x?all=1",
        "x#y",
        "%2e%2e",
        "%2F",
        "%00",
        "a%",
        "a\nb",
        "a\r\nHost: x",
        "a\0b",
        "a\tb",
        "a;b",
        "a\\b",
        "json",
        "prune",
        "create",
        "privileges",
        "x/json",
        "x/logs",
        "x/start",
        "x/attach/ws",
        "containers",
        "v1.41",
        "v1.41/info",
        "a b",
        " HTTP/1.1",
        "é",
        "\u{202e}",
        "\u{feff}",
        "{name}",
        "*",
        long.as_str(),
    ] {
        for kind in KINDS {
            let Some(Inspection(operation)) = Inspection::of(kind, reference) else { continue };
            assert!(operation.id().ends_with("Inspect"), "{kind:?} {reference:?}: {}", operation.id());
            assert_eq!(operation.subject(), Some(reference), "{kind:?}");
            assert_eq!((operation.method(), operation.target().query()), (engine_api::Method::Get, None));
            let written = operation.target().to_string();
            assert!(written.bytes().all(|byte| byte.is_ascii_graphic()), "{written}");
            let read = engine_api::Target::parse(&written).unwrap();
            assert_eq!(&read, operation.target(), "{kind:?} {reference:?}");
        }
    }
    assert!(Inspection::of(ObjectKind::Container, &long).is_some());
}

#[test]
fn the_engines_words_are_short_and_on_one_line() {
    let long = format!(r#"{{"message":"{}"}}"#, "é".repeat(10_000));
    for (body, want) in [
        (r#"{"message":"No such container: web"}"#, "No such container: web"),
        (r#"{"message":"two\nlines\u001b[0m"}"#, "two lines [0m"),
        (r#"{"message":"left\u202eright\u2028\u009b"}"#, "left right  "),
        (r#"{"message":7}"#, "(it did not say why)"),
        ("", "(it did not say why)"),
        ("<html>", "(it did not say why)"),
        (&long, &"é".repeat(512)),
    ] {
        assert_eq!(message(body.as_bytes()), want, "{body}");
    }
}
