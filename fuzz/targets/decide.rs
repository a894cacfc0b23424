//! Any method, target and flags: what the default policy promises holds of the decision.
#![no_main]

use engine_api::{
    Access, Decision, DenyReason, Endpoint, Flag, Flags, Method, Operation, Rights, Target, decide, needed_flags,
    unmet,
};
use libfuzzer_sys::fuzz_target;

/// What paths are made of, so that chance finds operations.
const WORDS: [&str; 48] = [
    "containers",
    "exec",
    "images",
    "networks",
    "volumes",
    "session",
    "grpc",
    "_ping",
    "debug",
    "libpod",
    "v1.41",
    "v1.",
    "create",
    "prune",
    "json",
    "start",
    "stop",
    "restart",
    "kill",
    "attach",
    "ws",
    "checkpoints",
    "archive",
    "pull",
    "push",
    "update",
    "wait",
    "logs",
    "get",
    "x",
    "a b",
    "%73tart",
    "%2Fexec",
    "%61",
    "swarm",
    "services",
    "Containers",
    "exe",
    "c",
    "events",
    "top",
    "top?ps_args=",
    "&ps_args=",
    "aux",
    "-eo+",
    "pid",
    "args,pid",
    "+e",
];

fuzz_target!(|input: (u8, u64, &[u8])| {
    let (choice, switches, target) = input;
    let method = Method::ALL[usize::from(choice) % Method::ALL.len()];
    let target = match choice & 0x80 {
        0 => path_of_words(target),
        _ => String::from_utf8_lossy(target).into_owned(),
    };
    let Ok(target) = Target::parse(&target) else { return };
    let operation = Operation::new(method, target);
    let on = Flag::ALL.iter().enumerate().filter(|(at, _)| switches >> at & 1 == 1);
    let flags = on.fold(none(), |flags, (_, &flag)| flags.with(flag));

    a_flag_that_is_switched_on_denies_nothing(flags, &operation);
    what_is_in_the_way_is_named_and_nothing_else_is(flags, &operation);
    if decide(flags, &operation) == Decision::Allow {
        nothing_is_allowed_without(flags, &operation);
    }
    only_listed_routes_upgrade(&operation);
    a_closed_family_is_closed_first_of_all(flags, &operation);
    an_argument_that_reaches_the_host_needs_its_flag(flags, &operation);
    a_name_allows_all_but_such_an_argument_and_denies_finally(flags, &operation);
});

/// A word for each byte, with a slash before it unless the byte's highest bit is set.
fn path_of_words(choices: &[u8]) -> String {
    let piece = |&choice: &u8| {
        let slash = if choice & 0x80 == 0 { "/" } else { "" };
        [slash, WORDS[usize::from(choice & 0x7f) % WORDS.len()]].concat()
    };
    choices.iter().map(piece).collect()
}

fn none() -> Flags {
    Flag::ALL.iter().fold(Flags::default(), |flags, &flag| flags.without(flag))
}

fn all() -> Flags {
    Flag::ALL.iter().fold(Flags::default(), |flags, &flag| flags.with(flag))
}

fn a_closed_family_is_closed_first_of_all(flags: Flags, operation: &Operation) {
    let is_closed = ["debug", "libpod"].contains(&operation.family_segment());
    assert_eq!(is_closed, matches!(first_reason(flags, operation), Some(DenyReason::FamilyClosed(_))));
    assert!(!is_closed || decide(flags, operation).final_denial().is_some());
}

/// Whatever the flags say, no policy lifts a denial of which one reason is that an argument reaches the host.
fn an_argument_that_reaches_the_host_needs_its_flag(flags: Flags, operation: &Operation) {
    if operation.endpoint() != Some(Endpoint::ContainerTop) || flags.has(Flag::AllowHostArgs) {
        return;
    }
    let may_show_others = |(name, value): (String, String)| {
        let is_quiet = |byte: u8| byte.is_ascii_alphanumeric() || b" ,-=_%".contains(&byte);
        let shows_environments = value.split(' ').any(|word| !word.starts_with('-') && word.starts_with("e"));
        name == "ps_args" && (!value.bytes().all(is_quiet) || shows_environments || value.contains("args,pid"))
    };
    if operation.target().query_pairs().any(may_show_others) {
        assert!(decide(flags, operation).final_denial().is_some());
    }
}

fn a_name_allows_all_but_such_an_argument_and_denies_finally(flags: Flags, operation: &Operation) {
    let Some(endpoint) = operation.endpoint() else { return };
    let allowed = Rights::from(flags).with(endpoint);
    assert!(unmet(allowed, operation).all(|reason| reason.flag() == Some(Flag::AllowHostArgs)));
    let denied = Rights { denied: [endpoint].into_iter().collect(), ..Rights::from(flags) };
    assert!(decide(denied, operation).final_denial().is_some());
}

fn a_flag_that_is_switched_on_denies_nothing(flags: Flags, operation: &Operation) {
    for &flag in Flag::ALL {
        if decide(flags.without(flag), operation) == Decision::Allow {
            assert_eq!(decide(flags.with(flag), operation), Decision::Allow, "{flag:?}");
        }
    }
}

fn what_is_in_the_way_is_named_and_nothing_else_is(flags: Flags, operation: &Operation) {
    let reasons: Vec<_> = unmet(flags, operation).collect();
    assert_eq!(first_reason(flags, operation), reasons.first().copied());
    let named: Vec<_> = reasons.iter().filter_map(|reason| reason.flag()).collect();
    let helped = named.iter().fold(flags, |flags, &flag| flags.with(flag));
    match reasons.iter().find(|reason| reason.flag().is_none()) {
        None => assert_eq!(decide(helped, operation), Decision::Allow, "{named:?}"),
        Some(&hopeless) => assert_eq!(first_reason(all(), operation), Some(hopeless)),
    }
    for needed in needed_flags(operation) {
        assert!(unmet(all().without(needed), operation).any(|reason| reason.flag() == Some(needed)));
    }
}

fn first_reason(flags: Flags, operation: &Operation) -> Option<DenyReason> {
    match decide(flags, operation) {
        Decision::Allow => None,
        Decision::Deny(denial) => Some(denial.reason),
    }
}

/// Read off the path and method alone, with string comparisons that a reader can check against the API's reference.
fn nothing_is_allowed_without(flags: Flags, operation: &Operation) {
    let path = operation.target().path();
    let segments: Vec<_> = path.split('/').skip(1).collect();
    let family = segments[0].trim_start_matches('_').to_ascii_uppercase();
    let names_family =
        |flag: &&Flag| flag.name() == family && segments[0].to_ascii_lowercase() == segments[0];
    let family = Flag::ALL.iter().find(names_family).expect("only families that have a flag are forwarded");
    assert!(flags.has(*family), "{family:?}");
    assert_eq!(path.starts_with("/_"), *family == Flag::Ping);

    let by_method = match operation.method() {
        Method::Get | Method::Head => None,
        Method::Post => Some(Flag::Post),
        Method::Put => Some(Flag::Put),
        Method::Delete => Some(Flag::Delete),
    };
    assert!(by_method.is_none_or(|flag| flags.has(flag)));
    if !flags.has(Flag::Post) {
        assert_ne!(operation.access(), Access::Interactive);
        assert!(operation.access() == Access::Read || by_method.is_some());
    }

    let is_of_container = segments[0] == "containers" && segments.len() > 2;
    let is_write = operation.method() == Method::Post;
    for (last, flag) in [
        ("start", Flag::AllowStart),
        ("stop", Flag::AllowStop),
        ("restart", Flag::AllowRestarts),
        ("kill", Flag::AllowRestarts),
        ("exec", Flag::Exec),
    ] {
        let needs = is_of_container && is_write && segments.last() == Some(&last);
        assert!(!needs || flags.has(flag), "{last} without {flag:?}");
    }
    let writes_stdin_by_get =
        is_of_container && segments.len() > 3 && path.ends_with("/attach/ws") && by_method.is_none();
    assert!(!writes_stdin_by_get || flags.has(Flag::Post), "attach/ws without POST");
}

fn only_listed_routes_upgrade(operation: &Operation) {
    let path = operation.target().path();
    let below = |family: &str, tail: &str| {
        path.strip_prefix(family)
            .and_then(|rest| rest.strip_suffix(tail))
            .is_some_and(|name| !name.is_empty())
    };
    let protocol = match operation.method() {
        Method::Post if below("/containers/", "/attach") || below("/exec/", "/start") => Some("tcp"),
        Method::Get | Method::Head if below("/containers/", "/attach/ws") => Some("websocket"),
        Method::Post if path == "/session" || path == "/grpc" => Some("h2c"),
        Method::Get | Method::Head | Method::Post | Method::Put | Method::Delete => None,
    };
    assert_eq!(operation.transport().upgrade_protocol(), protocol);
    if matches!(unmet(all(), operation).next(), Some(DenyReason::UnknownFamily)) {
        assert_eq!((operation.endpoint(), operation.subject()), (None, None));
    }
}
