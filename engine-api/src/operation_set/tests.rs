use super::*;

/// The operations that a word names, by name.
fn named(word: &str) -> Vec<&'static str> {
    OperationSet::named_by(word).unwrap_or_default().operations().map(Endpoint::operation_id).collect()
}

#[test]
fn a_name_names_its_operation_and_no_other() {
    for &endpoint in Endpoint::ALL {
        assert_eq!(named(endpoint.operation_id()), [endpoint.operation_id()]);
    }
}

#[test]
fn a_star_at_the_end_names_each_operation_that_begins_so() {
    for (pattern, want) in [
        ("ContainerArchive*", &["ContainerArchiveInfo", "ContainerArchive"][..]),
        ("ContainerRestart*", &["ContainerRestart"]),
        ("Exec*", &["ExecStart", "ExecResize", "ExecInspect"]),
        ("Grpc*", &["Grpc"]),
    ] {
        assert_eq!(named(pattern), want, "{pattern}");
    }
    let all: Vec<_> = Endpoint::ALL.iter().map(|endpoint| endpoint.operation_id()).collect();
    assert_eq!(named("*"), all);
    assert_eq!(
        named("Container*"),
        all.iter().copied().filter(|id| id.starts_with("Container")).collect::<Vec<_>>()
    );
}

#[test]
fn what_is_no_name_and_no_pattern_names_nothing() {
    let huge = "Container".repeat(10_000);
    for word in [
        "",
        "**",
        "*Create",
        "C*r",
        "C*r*",
        "containerlist",
        "CONTAINERLIST",
        "Container",
        "ContainerLists",
        "container*",
        "ContainerList ",
        "ContainerList*x",
        "Контейнер*",
        "ContainerLіst",
        "\u{202e}*",
        "?",
        "Container?",
        "[C]*",
        "Debug",
        "Libpod*",
        "/containers/json",
        "1",
        &huge,
    ] {
        assert_eq!(OperationSet::named_by(word), None, "{word:.40}");
    }
}

#[test]
fn an_operation_is_in_a_set_from_when_it_is_added_until_it_is_taken_out() {
    let (mut set, all) = (OperationSet::default(), OperationSet::named_by("*").unwrap());
    assert!(set.is_empty() && !all.is_empty());
    for &endpoint in Endpoint::ALL {
        assert!(!set.has(endpoint) && all.has(endpoint), "{endpoint:?}");
        set = set.with(endpoint);
        assert!(set.has(endpoint), "{endpoint:?}");
        assert!(!all.without(endpoint).has(endpoint), "{endpoint:?}");
        assert_eq!(all.without(endpoint).operations().count(), Endpoint::ALL.len() - 1);
        assert_eq!(all.without(endpoint).with(endpoint), all);
    }
    assert_eq!(set, all);
}
