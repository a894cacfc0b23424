use super::{Flag, Flags};

fn read(value: &str) -> Result<bool, String> {
    let flags = Flags::from_values(|flag| (flag == Flag::Post).then_some(value));
    flags.map(|flags| flags.has(Flag::Post)).map_err(|mistakes| mistakes[0].to_string())
}

#[test]
fn a_switch_has_twelve_spellings_in_any_case() {
    for on in ["1", "t", "true", "y", "yes", "on", "TRUE", "Yes", "oN"] {
        assert_eq!(read(on), Ok(true), "{on}");
    }
    for off in ["0", "f", "false", "n", "no", "off", "FALSE", "No", "oFF", ""] {
        assert_eq!(read(off), Ok(false), "{off}");
    }
}

#[test]
fn anything_else_is_a_mistake_that_names_the_variable() {
    for typo in ["2", "tru", " 1", "1 ", "enabled", "-1", "ıes"] {
        let message = read(typo).unwrap_err();
        assert!(message.starts_with(&format!("POST={typo:?} is not a switch")), "{message}");
    }
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let mistakes =
        Flags::from_values(|flag| matches!(flag, Flag::Post | Flag::Exec).then_some("maybe")).unwrap_err();
    assert_eq!(mistakes.iter().map(|mistake| mistake.name.as_str()).collect::<Vec<_>>(), ["EXEC", "POST"]);
}

#[test]
fn only_ping_version_and_events_are_on_by_default() {
    let on: Vec<_> =
        Flag::ALL.iter().filter(|&&flag| Flags::default().has(flag)).map(|flag| flag.name()).collect();
    assert_eq!(on, ["PING", "VERSION", "EVENTS"]);
}

#[test]
fn a_default_can_be_switched_off() {
    let flags = Flags::from_values(|flag| (flag == Flag::Ping).then_some("0")).unwrap();
    assert!(!flags.has(Flag::Ping) && flags.has(Flag::Version));
}

#[test]
fn words_set_flags_and_every_word_that_does_not_is_named() {
    let flags = Flags::from_words(" CONTAINERS=1  POST=yes\nPING=0").unwrap();
    assert_eq!(flags, Flags::default().with(Flag::Containers).with(Flag::Post).without(Flag::Ping));
    assert_eq!(Flags::from_words("").unwrap(), Flags::default());
    for (words, want) in [
        ("CONTAINER=1", "CONTAINER is not a flag: write for example CONTAINERS=1 POST=1"),
        ("containers=1", "containers is not a flag: write for example CONTAINERS=1 POST=1"),
        ("POST", "POST has no value: write for example CONTAINERS=1 POST=1"),
        ("POST=", "POST has no value: write for example CONTAINERS=1 POST=1"),
        ("POST=1 POST=0", "POST is set twice"),
        ("POST=1=1", "POST=\"1=1\" is not a switch; use 1, true, yes or on, or 0, false, no or off"),
        (
            "X POST=maybe",
            "X is not a flag: write for example CONTAINERS=1 POST=1; POST=\"maybe\" is not a switch; use 1, true, yes \
             or on, or 0, false, no or off",
        ),
    ] {
        assert_eq!(Flags::from_words(words).unwrap_err().to_string(), want, "{words}");
    }
}
