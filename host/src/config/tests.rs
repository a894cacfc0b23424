use std::time::Duration;

use policy::Flag;

use super::{Config, ConfigError, LogFormat};

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
        (config.shutdown_grace, config.patience.head),
        (Duration::from_secs(10), Duration::from_secs(10))
    );
    assert_eq!((config.log_format, config.patience.idle), (LogFormat::Text, Duration::from_secs(300)));
    assert!(config.hints.is_empty());
}

#[test]
fn the_prefixed_name_wins_and_an_empty_value_is_unset() {
    assert!(read("POST=0 SOCKGATE_POST=1").unwrap().flags.has(Flag::Post));
    assert!(read("POST=1 SOCKGATE_POST=").unwrap().flags.has(Flag::Post));
    assert!(read("PING=").unwrap().flags.has(Flag::Ping));
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
        "EXEC=\"2\" is not a switch; use 1, true, yes or on, or 0, false, no or off",
        "POST=\"maybe\" is not a switch; use 1, true, yes or on, or 0, false, no or off",
        "LISTEN_ADDR: \"nowhere\" is not an address; write 127.0.0.1:2375, :2375 or unix:///run/sockgate.sock",
        "LISTEN_ADDR: \":99999\" is not an address; write 127.0.0.1:2375, :2375 or unix:///run/sockgate.sock",
        "LISTEN_SOCKET_MODE: \"9\" is no octal mode such as 0660",
        "DOCKER_SOCKET: \"tcp://h\" is not the path of a unix socket, such as /var/run/docker.sock",
        "HEADER_TIMEOUT: \"0\" is no duration such as 10s or 500ms",
        "IDLE_TIMEOUT: \"-1s\" is no duration such as 10s or 500ms",
        "MAX_CONNECTIONS: \"0\" is no number from 1 to 1000000",
        "SHUTDOWN_GRACE: \"1y\" is no duration such as 10s or 500ms",
        "LOG_FORMAT: \"xml\" is neither text nor json",
        "LOG_LEVEL: \"loud\" is none of error, warn, info, debug and trace",
    ];
    assert_eq!(error.0, want);
}

#[test]
fn a_near_miss_is_hinted_at_and_other_programs_variables_are_not() {
    let hints = read("CONTAINER=1 EXCE=1 PORT=1 HOST=x HOME=/x PATH=/bin PWD=/ LANG=C HOSTNAME=a TERM=x SOCKET_PATH=/x post=1")
        .unwrap()
        .hints;
    let want = [
        "CONTAINER is set, which sockgate does not read: did you mean CONTAINERS?",
        "EXCE is set, which sockgate does not read: did you mean EXEC?",
        "SOCKET_PATH is set, which sockgate does not read: use DOCKER_SOCKET",
        "post is set, which sockgate does not read: did you mean POST?",
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
        "ALLOWED_HOSTS: \"*\" is no host name without a port, such as docker.example.org",
        "ALLOWED_HOSTS: \"x.org:1\" is no host name without a port, such as docker.example.org",
        "ALLOWED_ORIGINS: \"*\" is no web origin, such as https://ui.example.org:8443",
        "ALLOWED_ORIGINS: \"https://a.org/\" is no web origin, such as https://ui.example.org:8443",
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
