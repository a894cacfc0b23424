//! `ALLOW_OPERATIONS` and `DENY_OPERATIONS`: what is read, and what stops the start.

use engine_api::{Endpoint, OperationSet, Rights};

use super::{Config, ConfigError};

fn read(allow: &str, deny: &str) -> Result<Rights, Vec<String>> {
    let variables = [("ALLOW_OPERATIONS", allow), ("DENY_OPERATIONS", deny)];
    let variables = variables.into_iter().filter(|(_, value)| !value.is_empty());
    let config = Config::from_vars(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    config.map(|config| config.rights).map_err(|ConfigError(mistakes)| mistakes)
}

fn names(operations: OperationSet) -> Vec<&'static str> {
    operations.operations().map(Endpoint::operation_id).collect()
}

#[test]
fn both_lists_hold_what_their_words_name() {
    let rights = read("ContainerList , ContainerRestart,\n ContainerList,", " Exec*,ImageList").unwrap();
    assert_eq!(names(rights.allowed), ["ContainerList", "ContainerRestart"]);
    assert_eq!(names(rights.denied), ["ExecStart", "ExecResize", "ExecInspect", "ImageList"]);
    let all = read("*", "").unwrap().allowed;
    assert_eq!(all.operations().count(), Endpoint::ALL.len());
    assert_eq!(read("", "").unwrap(), Rights::default());
}

#[test]
fn a_word_that_names_no_operation_is_a_mistake_with_a_near_miss() {
    let listed = "docs/ENDPOINTS.md lists the operations";
    for (word, want) in [
        ("containerlist", "\"containerlist\" is not an operation; did you mean ContainerList?; "),
        ("ContainerLst", "\"ContainerLst\" is not an operation; did you mean ContainerList?; "),
        ("CONTAINER_RESTART", "\"CONTAINER_RESTART\" is not an operation; did you mean ContainerRestart?; "),
        ("Contaner*", "\"Contaner*\" matches no operation; did you mean Container*?; "),
        ("containers*", "\"containers*\" matches no operation; did you mean Container*?; "),
        ("Libpod*", "\"Libpod*\" matches no operation; "),
        ("Debug", "\"Debug\" is not an operation; "),
        ("/containers/json", "\"/containers/json\" is not an operation; "),
        ("*Create", "\"*Create\" is not an operation: a * stands at the end of a word, as in Container*; "),
        ("C*r", "\"C*r\" is not an operation: a * stands at the end of a word, as in Container*; "),
        ("**", "\"**\" is not an operation: a * stands at the end of a word, as in Container*; "),
        (
            "ContainerList ContainerLogs",
            "\"ContainerList ContainerLogs\" is not an operation: put a comma between two; ",
        ),
        ("Контейнер*", "\"Контейнер*\" matches no operation; "),
        ("a\u{202e}b", "\"a b\" is not an operation; "),
    ] {
        assert_eq!(read(word, "").unwrap_err(), [format!("ALLOW_OPERATIONS: {want}{listed}")]);
        assert_eq!(read("", word).unwrap_err(), [format!("DENY_OPERATIONS: {want}{listed}")]);
        assert_eq!(read(&format!("ContainerList,{word}"), "").unwrap_err().len(), 1, "{word}");
    }
}

#[test]
fn what_both_lists_name_is_a_mistake() {
    for (allow, deny, told) in [
        ("ContainerList,ImageList", "ContainerList", "ContainerList"),
        (
            "ContainerArchive*",
            "ContainerArchive,ContainerArchiveInfo",
            "ContainerArchiveInfo, ContainerArchive",
        ),
        ("*", "*", "SystemPing, SystemPingHead, SystemVersion, SystemEvents, SystemInfo and 108 more"),
    ] {
        let want =
            format!("ALLOW_OPERATIONS and DENY_OPERATIONS both name {told}: take each out of one of the two");
        assert_eq!(read(allow, deny).unwrap_err(), [want]);
    }
}

#[test]
fn an_empty_list_of_what_is_denied_is_a_mistake_for_it_was_meant_to_restrict() {
    for deny in ["", " "] {
        let set =
            |name: &str| Config::from_vars([(name.to_owned(), deny.to_owned())]).unwrap_err().0.concat();
        assert!(set("DENY_OPERATIONS").starts_with("DENY_OPERATIONS"), "{deny:?}");
        assert!(set("SOCKGATE_DENY_OPERATIONS").starts_with("SOCKGATE_DENY_OPERATIONS"), "{deny:?}");
    }
    for deny in ["ContainerList,,ImageList", "ContainerList,", ","] {
        let mistakes = read("", deny).unwrap_err();
        assert_eq!(
            mistakes,
            ["DENY_OPERATIONS: a word is empty: name an operation before and after each comma"]
        );
    }
    assert_eq!(
        read(" , ", "").unwrap_err()[0].split(';').next(),
        Some("ALLOW_OPERATIONS: there is no operation in it")
    );
}

#[test]
fn any_number_of_words_of_any_length_is_read_or_told_in_few_words() {
    let known = vec!["ContainerList"; 100_000].join(",");
    assert_eq!(names(read(&known, "").unwrap().allowed), ["ContainerList"]);
    let unknown: Vec<_> = (0..100_000).map(|number| format!("Operation{number}")).collect();
    let mistakes = read(&unknown.join(","), "").unwrap_err();
    assert_eq!(mistakes.len(), 6);
    assert!(mistakes[5].contains("99995 more words name no operation"), "{mistakes:?}");
    for huge in ["a".repeat(1 << 20), format!("{}*", "Container".repeat(100_000)), "é".repeat(1 << 20)] {
        let told = read(&huge, "").unwrap_err().concat();
        assert!(told.len() < 250, "{told}");
    }
}

/// Of a restriction nothing may be lost in silence.
#[test]
fn two_different_lists_of_denied_operations_under_both_names_are_a_mistake() {
    let both = |one: &str, other: &str| {
        let variables = [("DENY_OPERATIONS", one), ("SOCKGATE_DENY_OPERATIONS", other)];
        let config = Config::from_vars(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
        config.map(|config| names(config.rights.denied)).map_err(|ConfigError(mistakes)| mistakes)
    };
    assert_eq!(both("ContainerLogs", "ContainerLogs").unwrap(), ["ContainerLogs"]);
    assert_eq!(
        both("ContainerLogs", "ContainerExport").unwrap_err(),
        ["DENY_OPERATIONS and SOCKGATE_DENY_OPERATIONS are both set, and differ: put all into one of them"]
    );
}
