use std::time::Duration;

use engine_api::Flag;
use pdp::{Digest, Mode, PolicySettings};

use super::{Config, ConfigError, LogFormat};

mod operations;

const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fn read(environment: &str) -> Result<Config, ConfigError> {
    let pairs = environment.split_whitespace().filter_map(|pair| pair.split_once('='));
    Config::from_vars(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

#[test]
fn an_empty_environment_gives_the_defaults() {
    let config = read("").unwrap();
    assert_eq!(config.listen.iter().map(ToString::to_string).collect::<Vec<_>>(), ["127.0.0.1:2375"]);
    assert_eq!(config.docker_socket.to_str(), Some("/var/run/docker.sock"));
    assert_eq!((config.socket_mode, config.max_connections), (0o660, 1000));
    assert_eq!(
        (config.shutdown_grace, config.timeouts.head),
        (Duration::from_secs(7), Duration::from_secs(10))
    );
    assert_eq!((config.log_format, config.timeouts.idle), (LogFormat::Text, Duration::from_secs(300)));
    assert!(config.hints.is_empty());
}

#[test]
fn the_prefixed_name_wins_and_an_empty_value_is_unset() {
    assert!(read("POST=0 SOCKGATE_POST=1").unwrap().rights.flags.has(Flag::Post));
    assert!(read("POST=1 SOCKGATE_POST=").unwrap().rights.flags.has(Flag::Post));
    assert!(read("PING=").unwrap().rights.flags.has(Flag::Ping));
    assert_eq!(read("LISTEN_ADDR= LOG_FORMAT=").unwrap().listen.len(), 1);
}

#[test]
fn listeners_may_be_several_of_each_kind() {
    let config = read("LISTEN_ADDR=tcp://127.0.0.1:1,:2375,unix:///run/a.sock,/run/b.sock,[::1]:3").unwrap();
    let listed: Vec<_> = config.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listed, ["127.0.0.1:1", ":2375", "unix:///run/a.sock", "unix:///run/b.sock", "[::1]:3"]);
    assert_eq!(read("DOCKER_SOCKET_ADDR=:1").unwrap().listen[0].to_string(), ":1");
}

#[test]
fn all_mistakes_are_reported_together() {
    let error = read(
        "POST=maybe EXEC=2 LISTEN_ADDR=nowhere,:99999 LISTEN_SOCKET_MODE=9 DOCKER_SOCKET=tcp://h HEADER_TIMEOUT=0 \
         MAX_CONNECTIONS=0 LOG_FORMAT=xml LOG_LEVEL=loud SHUTDOWN_GRACE=1y SOCKGATE_CONTAINER=1 IDLE_TIMEOUT=-1s",
    )
    .unwrap_err();
    let want = [
        "SOCKGATE_CONTAINER is not a setting; did you mean SOCKGATE_CONTAINERS?",
        "EXEC=\"2\" is not a switch; use 1, true, yes or on, or 0, false, no or off; if EXEC is another program's, set \
         SOCKGATE_EXEC, which wins",
        "POST=\"maybe\" is not a switch; use 1, true, yes or on, or 0, false, no or off",
        "LISTEN_ADDR: \"nowhere\" is not an address; write 127.0.0.1:2375, :2375 or unix:///run/sockgate.sock",
        "LISTEN_ADDR: \":99999\" is not an address; write 127.0.0.1:2375, :2375 or unix:///run/sockgate.sock",
        "LISTEN_SOCKET_MODE: \"9\" is not an octal mode (for example 0660)",
        "DOCKER_SOCKET: \"tcp://h\" is not the path of a unix socket (for example /var/run/docker.sock)",
        "HEADER_TIMEOUT: \"0\" is not a duration (for example 10s or 500ms)",
        "IDLE_TIMEOUT: \"-1s\" is not a duration (for example 10s or 500ms)",
        "MAX_CONNECTIONS: \"0\" is not a number from 1 to 1000000",
        "SHUTDOWN_GRACE: \"1y\" is not a duration (for example 10s or 500ms)",
        "LOG_FORMAT: \"xml\" is neither text nor json",
        "LOG_LEVEL: \"loud\" is not one of error, warn, info, debug and trace",
    ];
    assert_eq!(error.0, want);
}

#[test]
fn a_mistake_names_the_variable_as_it_is_set_and_what_cannot_be_seen_in_its_value() {
    let mistakes = |name: &str, value: &str| {
        let mistakes = Config::from_vars([(name.to_owned(), value.to_owned())]).unwrap_err().0;
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        mistakes.concat()
    };
    let switch = "is not a switch; use 1, true, yes or on, or 0, false, no or off";
    for (name, value, want) in [
        ("VERSION", "1.2.3", format!("VERSION=\"1.2.3\" {switch}; if VERSION is another program's, set SOCKGATE_VERSION, which wins")),
        ("SOCKGATE_VERSION", "0.1.0", format!("SOCKGATE_VERSION=\"0.1.0\" {switch}")),
        ("POST", "\"1\"", format!("POST=\"\\\"1\\\"\" {switch}; the quotes are part of the value: leave them out")),
        (
            "POST",
            "1\r",
            format!("POST=\"1\\r\" {switch}; the carriage return (\\r) is part of the value: save its file with the line ends of unix"),
        ),
        ("POST", " 1", format!("POST=\" 1\" {switch}; the white space around it is part of the value: leave it out")),
        (
            "SOCKGATE_LOG_LEVEL",
            "'info'",
            "SOCKGATE_LOG_LEVEL: \"'info'\" is not one of error, warn, info, debug and trace; the quotes are part of the value: \
             leave them out"
                .to_owned(),
        ),
        (
            "DOCKER_SOCKET_ADDR",
            "*:2375",
            "DOCKER_SOCKET_ADDR: \"*:2375\" is not an address; write :2375 for every address of the machine".to_owned(),
        ),
        (
            "LISTEN_ADDR",
            ":::2375",
            "LISTEN_ADDR: \":::2375\" is not an address: an IPv6 address stands in brackets, as in [::1]:2375; write :2375 for \
             every address of the machine"
                .to_owned(),
        ),
        (
            "LISTEN_ADDR",
            "127.0.0.1:+5",
            "LISTEN_ADDR: \"127.0.0.1:+5\" is not an address; write 127.0.0.1:2375, :2375 or unix:///run/sockgate.sock".to_owned(),
        ),
    ] {
        assert_eq!(mistakes(name, value), want, "{name}={value:?}");
    }
    assert!(read("VERSION=1.2.3 SOCKGATE_VERSION=1").is_ok());
}

#[test]
fn a_near_miss_is_hinted_at_and_other_programs_variables_are_not() {
    let hints = read("CONTAINER=1 EXCE=1 PORT=1 HOST=x HOME=/x PATH=/bin PWD=/ LANG=C HOSTNAME=a TERM=x SOCKET_PATH=/x post=1 BIND_CONFIG=:::2375 DOCKER_HOST=tcp://x LIBPOD_PING=1")
        .unwrap()
        .hints;
    let want = [
        "CONTAINER is set, which sockgate does not read: did you mean CONTAINERS?",
        "EXCE is set, which sockgate does not read: did you mean EXEC?",
        "SOCKET_PATH is set, which sockgate does not read: use DOCKER_SOCKET",
        "post is set, which sockgate does not read: did you mean POST?",
        "BIND_CONFIG is set, which sockgate does not read: name the addresses in LISTEN_ADDR",
        "DOCKER_HOST is set, which sockgate does not read: name the engine's socket in DOCKER_SOCKET, and where clients connect \
         in LISTEN_ADDR",
        "LIBPOD_PING is set, which sockgate does not read: Podman's own API is never forwarded",
    ];
    assert_eq!(hints, want);
}

#[test]
fn what_kubernetes_sets_for_a_service_of_that_name_is_no_mistake() {
    assert!(
        read("SOCKGATE_PORT=tcp://10.0.0.1:2375 SOCKGATE_SERVICE_HOST=10.0.0.1 SOCKGATE_PORT_2375_TCP=x")
            .is_ok()
    );
}

#[test]
fn an_entry_that_could_never_match_is_a_mistake() {
    let environment =
        "ALLOWED_HOSTS=*,x.org:1,docker.example.org ALLOWED_ORIGINS=*,https://a.org/,https://a.org:8443";
    let want = [
        "ALLOWED_HOSTS: \"*\" is not a host name without a port (for example docker.example.org)",
        "ALLOWED_HOSTS: \"x.org:1\" is not a host name without a port (for example docker.example.org)",
        "ALLOWED_ORIGINS: \"*\" is not a web origin (for example https://ui.example.org:8443)",
        "ALLOWED_ORIGINS: \"https://a.org/\" is not a web origin (for example https://ui.example.org:8443)",
    ];
    assert_eq!(read(environment).unwrap_err().0, want);
}

#[test]
fn the_alias_wins_over_what_an_image_sets() {
    assert_eq!(read("LISTEN_ADDR=:1 DOCKER_SOCKET_ADDR=:2").unwrap().listen[0].to_string(), ":2");
}

#[test]
fn a_stop_may_cut_at_once() {
    assert_eq!(read("SHUTDOWN_GRACE=0").unwrap().shutdown_grace, Duration::ZERO);
}

#[test]
fn without_a_policy_there_is_nothing_to_load() {
    let policies = read("POLICY= POLICY_TIMEOUT=1s POLICY_CACHE=off").unwrap().policies;
    assert!(policies.chain.is_empty());
    assert_eq!((policies.limits.timeout, policies.cache), (Duration::from_secs(1), None));
}

#[test]
fn an_empty_pin_or_mode_is_a_mistake_and_an_empty_policy_is_hinted_at() {
    let pin =
        "is set and empty: set it to the SHA-256 of the policy's file, or do not set it, which pins nothing";
    let mode = "is set and empty: set it to decide, narrow or observe, or do not set it, which means decide";
    for (environment, name, mistake) in [
        ("POLICY=a.wasm POLICY_SHA256=", "POLICY_SHA256", pin),
        ("POLICY=a.wasm POLICY_SHA256_A=", "POLICY_SHA256_A", pin),
        ("POLICY=a.wasm SOCKGATE_POLICY_SHA256=", "SOCKGATE_POLICY_SHA256", pin),
        ("POLICY=a.wasm POLICY_MODE=", "POLICY_MODE", mode),
        ("POLICY=a.wasm POLICY_MODE=narrow POLICY_MODE_A=", "POLICY_MODE_A", mode),
        ("POLICY=a.wasm POLICY_MODE=narrow SOCKGATE_POLICY_MODE_A=", "SOCKGATE_POLICY_MODE_A", mode),
    ] {
        assert_eq!(read(environment).unwrap_err().0, [format!("{name} {mistake}")], "{environment}");
    }
    let hint = "is set and empty: no policy is asked; name a file in it, or do not set it";
    for name in ["POLICY", "SOCKGATE_POLICY"] {
        let config = read(&format!("{name}=")).unwrap();
        assert!(config.policies.chain.is_empty());
        assert_eq!(config.hints, [format!("{name} {hint}")]);
    }
    assert!(read("POLICY=a.wasm POLICY_SETTINGS= POLICY_TIMEOUT=").unwrap().hints.is_empty());
}

#[test]
fn a_policy_alone_has_the_defaults() {
    let policies = read("POLICY=/etc/rules.wasm").unwrap().policies;
    let only = &policies.chain[0];
    assert_eq!((only.path.to_str(), only.mode, only.sha256), (Some("/etc/rules.wasm"), Mode::Decide, None));
    assert_eq!(only.settings, PolicySettings::Text(String::new()));
    let limits = (policies.limits.timeout, policies.limits.memory);
    assert_eq!(limits, (Duration::from_millis(100), 64 << 20));
    assert_eq!((policies.body_limit, policies.concurrency), (1 << 20, 32));
    assert_eq!(policies.cache.unwrap().to_str(), Some("/var/cache/sockgate"));
}

#[test]
fn a_setting_for_one_policy_wins_over_the_setting_for_all() {
    let environment = "POLICY=/p/restrict-create.wasm,audit.v2.wasm POLICY_MODE=narrow POLICY_SETTINGS=all \
                       POLICY_MODE_AUDIT_V2=OBSERVE SOCKGATE_POLICY_SETTINGS_RESTRICT_CREATE=@/p/team.json \
                       POLICY_SHA256_AUDIT_V2=sha256:";
    let chain = read(&format!("{environment}{ZEROS}")).unwrap().policies.chain;
    let rows: Vec<_> = chain.iter().map(|policy| (policy.mode, &policy.settings, policy.sha256)).collect();
    let (all, file) = (PolicySettings::Text("all".into()), PolicySettings::File("/p/team.json".into()));
    assert_eq!(rows, [(Mode::Narrow, &file, None), (Mode::Observe, &all, Digest::parse(ZEROS))]);
}

#[test]
fn sizes_are_read_with_and_without_units() {
    for (text, memory) in
        [("64M", 64 << 20), ("64MiB", 64 << 20), ("67108864", 64 << 20), ("1g", 1 << 30), ("2048KB", 2 << 20)]
    {
        assert_eq!(read(&format!("POLICY_MEMORY={text}")).unwrap().policies.limits.memory, memory, "{text}");
    }
    for (text, limit) in [("1", 1), ("2k", 2048), ("64MiB", 64 << 20)] {
        assert_eq!(read(&format!("POLICY_BODY_LIMIT={text}")).unwrap().policies.body_limit, limit, "{text}");
    }
}

#[test]
fn what_cannot_be_meant_for_a_policy_is_a_mistake() {
    let no_policy = "POLICY is not set, but settings for it are: name the policy's file in POLICY";
    let empty = "POLICY: an entry is empty: name a file before and after each comma";
    let memory = "is not a size from 1MiB to 4GiB (for example 64MiB)";
    let rows: &[(&str, &[&str])] = &[
        ("POLICY_MODE=observe", &[no_policy]),
        ("POLICY_SETTINGS=x", &[no_policy]),
        ("POLICY=, POLICY_MODE=observe", &[empty]),
        ("POLICY=a.wasm,,b.wasm", &[empty]),
        (
            "POLICY=a.wasm POLICY_MODE=allow",
            &["POLICY_MODE: \"allow\" is not one of decide, narrow and observe"],
        ),
        ("POLICY=a.wasm POLICY_MODE_A=x", &["POLICY_MODE_A: \"x\" is not one of decide, narrow and observe"]),
        ("POLICY=a.wasm POLICY_SETTINGS=@", &["POLICY_SETTINGS: there is no file name after the @"]),
        (
            "POLICY=a.wasm POLICY_SHA256=12",
            &["POLICY_SHA256: \"12\" is not a SHA-256; `sha256sum FILE` prints one"],
        ),
        (
            "POLICY=/x/my-rule.wasm,/y/my_rule.wasm",
            &[
                "POLICY: two files share the name MY_RULE: rename one, so that each can have settings of its own",
            ],
        ),
        (
            "POLICY=a.wasm,b.wasm POLICY_MODE_C=decide",
            &["POLICY_MODE_C is for a policy that POLICY does not name; the names of its policies: A, B"],
        ),
        (
            "POLICY_MODE_A=decide",
            &["POLICY_MODE_A is for a policy that POLICY does not name; the names of its policies: none"],
        ),
        ("POLICY_TIMEOUT=0", &["POLICY_TIMEOUT: \"0\" is not a duration (for example 10s or 500ms)"]),
        ("POLICY_MEMORY=1023KiB", &[&format!("POLICY_MEMORY: \"1023KiB\" {memory}")]),
        ("POLICY_MEMORY=5G", &[&format!("POLICY_MEMORY: \"5G\" {memory}")]),
        ("POLICY_MEMORY=64MB/s", &[&format!("POLICY_MEMORY: \"64MB/s\" {memory}")]),
        (
            "POLICY_BODY_LIMIT=0",
            &["POLICY_BODY_LIMIT: \"0\" is not a size from 1 bytes to 64MiB (for example 1MiB)"],
        ),
        ("POLICY_CONCURRENCY=0", &["POLICY_CONCURRENCY: \"0\" is not a number from 1 to 1000"]),
        (
            "POLICY_CACHE=cache",
            &["POLICY_CACHE: \"cache\" is neither the absolute path of a folder nor `off`"],
        ),
        (
            "SOCKGATE_POLICIES=a",
            &["SOCKGATE_POLICIES is not a setting: name the files in POLICY, comma-separated"],
        ),
    ];
    for (environment, mistakes) in rows {
        assert_eq!(read(environment).unwrap_err().0, *mistakes, "{environment}");
    }
    let two = format!("POLICY=a.wasm,b.wasm POLICY_SHA256={ZEROS}");
    let mistake = "POLICY_SHA256 pins one file, and POLICY names 2: pin each by its name, for example in POLICY_SHA256_A";
    assert_eq!(read(&two).unwrap_err().0, [mistake]);
}

#[test]
fn a_near_miss_about_policies_is_hinted_at() {
    let unread = "is set, which sockgate does not read";
    for (environment, advice) in [
        ("POLICIES=a.wasm", "POLICIES {}: name the files in POLICY, comma-separated"),
        ("POLICY_FILE=a.wasm", "POLICY_FILE {}: name the file in POLICY"),
        ("POLICY_CONFIG=x", "POLICY_CONFIG {}: use POLICY_SETTINGS"),
        ("POLCY=a.wasm", "POLCY {}: did you mean POLICY?"),
        ("POLICY_SETTING=x", "POLICY_SETTING {}: did you mean POLICY_SETTINGS?"),
        (
            "POLICY=a.wasm POLICY_TIMEOUT_A=1s",
            "POLICY_TIMEOUT_A {}: POLICY_TIMEOUT is for all policies and cannot be set for one of them",
        ),
    ] {
        assert_eq!(read(environment).unwrap().hints, [advice.replace("{}", unread)], "{environment}");
    }
}

#[test]
fn a_number_has_no_sign() {
    for (name, value) in [
        ("MAX_CONNECTIONS", "+5"),
        ("MAX_CONNECTIONS", "-5"),
        ("POLICY_CONCURRENCY", "+5"),
        ("LISTEN_SOCKET_MODE", "+660"),
        ("LISTEN_ADDR", ":+2375"),
        ("HEADER_TIMEOUT", "+5s"),
        ("POLICY_TIMEOUT", "+5ms"),
        ("POLICY_MEMORY", "+64MiB"),
        ("POLICY_BODY_LIMIT", "+1"),
        ("POLICY_SHA256", &format!("+1{}", "0".repeat(62))),
        ("POLICY_SHA256", &format!("{}+1", "0".repeat(62))),
    ] {
        let vars =
            [("POLICY", "a.wasm"), (name, value)].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mistakes = Config::from_vars(vars).unwrap_err().0;
        assert!(mistakes.len() == 1 && mistakes[0].contains(name), "{name}={value}: {mistakes:?}");
    }
}
