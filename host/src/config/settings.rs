//! The settings other than flags: one table of names, defaults and meanings, and how each value is read.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use tracing::level_filters::LevelFilter;

use super::problems::Problems;
use crate::net::listen_addr::{ListenAddr, MAX_UNIX_PATH};

/// A variable that is not a flag.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The name, which may also carry the prefix `SOCKGATE_`.
    pub name: &'static str,
    /// Another name of the same setting.
    pub alias: Option<&'static str>,
    /// The value that holds when it is unset.
    pub default: &'static str,
    /// What the setting does, in Markdown.
    pub meaning: &'static str,
}

macro_rules! settings {
    ($($field:ident $name:literal $(alias $alias_field:ident $alias:literal)? $default:literal $meaning:literal;)*) => {
        /// Every setting, in the order of the reference.
        pub const SETTINGS: &[Setting] = &[$(Setting {
            name: $name,
            alias: settings!(@alias $($alias)?),
            default: $default,
            meaning: $meaning,
        },)*];

        /// The values as they are in the environment.
        #[derive(Debug, Default, Deserialize)]
        #[serde(default)]
        pub(super) struct Settings { $(pub $field: Option<String>, $(pub $alias_field: Option<String>,)?)* }
    };
    (@alias) => { None };
    (@alias $alias:literal) => { Some($alias) };
}

settings! {
    listen_addr "LISTEN_ADDR" alias docker_socket_addr "DOCKER_SOCKET_ADDR" "127.0.0.1:2375"
        "where clients connect, comma-separated: `127.0.0.1:2375`, `:2375`, `unix:///run/sockgate.sock`";
    listen_socket_mode "LISTEN_SOCKET_MODE" "0660" "permissions of the unix sockets in `LISTEN_ADDR`, in octal";
    docker_socket "DOCKER_SOCKET" "/var/run/docker.sock" "the engine's socket: a path or `unix://…`";
    allowed_hosts "ALLOWED_HOSTS" ""
        "host names with dots that TCP clients may use, comma-separated; IP literals, `localhost` and single labels always may";
    allowed_origins "ALLOWED_ORIGINS" ""
        "web origins whose pages may speak to a TCP listener, comma-separated: `https://ui.example.org`";
    header_timeout "HEADER_TIMEOUT" "10s" "how long a client may take over a request's head, and over a body that a policy reads";
    idle_timeout "IDLE_TIMEOUT" "5m" "how long a connection may stay open without a request; streams have no limit";
    max_connections "MAX_CONNECTIONS" "1000"
        "connections at a time, or as many as the limit of open files has room for, at three to a connection; each further one is answered 503";
    shutdown_grace "SHUTDOWN_GRACE" "7s"
        "how long a stop waits for requests in flight before it cuts them; less than `docker stop` waits (10 s)";
    allow_operations "ALLOW_OPERATIONS" ""
        "operations that are allowed whatever the flags say, comma-separated, by the names in docs/ENDPOINTS.md: `ContainerList,ContainerRestart`, or `ContainerArchive*` for all that begin so";
    deny_operations "DENY_OPERATIONS" ""
        "operations that are denied whatever flags and policies say, likewise";
    policy "POLICY" ""
        "WebAssembly components that are asked before the flags, in this order, comma-separated: `/etc/sockgate/rules.wasm`";
    policy_mode "POLICY_MODE" "decide"
        "what a policy's verdict is worth: `decide`, `narrow` (it can only deny) or `observe` (it is only logged)";
    policy_settings "POLICY_SETTINGS" "" "text for the policy to configure itself by, or `@file`";
    policy_sha256 "POLICY_SHA256" "" "what the SHA-256 of the policy's file must be";
    policy_timeout "POLICY_TIMEOUT" "100ms" "how long a decision may take, look-ups in the engine included";
    policy_memory "POLICY_MEMORY" "64MiB" "how much memory a decision may take";
    policy_body_limit "POLICY_BODY_LIMIT" "1MiB" "the largest body that a policy is shown; a larger one is answered 413";
    policy_concurrency "POLICY_CONCURRENCY" "32"
        "decisions at a time, a quarter of them for one client; one more waits, and is answered 503 in the end";
    policy_cache "POLICY_CACHE" "/var/cache/sockgate"
        "folder for compiled policies, which only the gateway's user may write to; or `off`";
    log_format "LOG_FORMAT" "text" "`text` or `json`";
    log_level "LOG_LEVEL" "info" "`error`, `warn`, `info` (a line for each request), `debug` or `trace`";
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people.
    Text,
    /// One JSON object on each line.
    Json,
}

impl Settings {
    pub(super) fn listen(&self, problems: &mut Problems) -> Vec<ListenAddr> {
        // The alias wins: an image may set LISTEN_ADDR, but the alias is only set by somebody who means it.
        let alias = self.docker_socket_addr.as_deref().map(|value| ("DOCKER_SOCKET_ADDR", value));
        let value = self.listen_addr.as_deref().unwrap_or(default_of("LISTEN_ADDR"));
        let (name, value) = alias.unwrap_or(("LISTEN_ADDR", value));
        let entries = list(Some(value));
        if entries.is_empty() {
            problems.about(name, "there is no address in it");
        }
        let parsed =
            entries.iter().filter_map(|entry| problems.keep(name, ListenAddr::parse(entry).map(Some), None));
        parsed.collect()
    }

    pub(super) fn socket_mode(&self, problems: &mut Problems) -> u32 {
        let value = self.listen_socket_mode.as_deref().unwrap_or(default_of("LISTEN_SOCKET_MODE"));
        let mode = digits(value).and_then(|digits| u32::from_str_radix(digits, 8).ok());
        let mode = mode.filter(|mode| *mode <= 0o777);
        problems.keep(
            "LISTEN_SOCKET_MODE",
            mode.ok_or_else(|| format!("{value:?} is not an octal mode (for example 0660)")),
            0,
        )
    }

    pub(super) fn docker_socket(&self, problems: &mut Problems) -> PathBuf {
        let value = self.docker_socket.as_deref().unwrap_or(default_of("DOCKER_SOCKET"));
        let path = value.strip_prefix("unix://").unwrap_or(value);
        let checked = match path {
            path if !path.starts_with('/') => {
                Err(format!("{value:?} is not the path of a unix socket (for example /var/run/docker.sock)"))
            }
            path if path.len() > MAX_UNIX_PATH => {
                Err(format!("{value:?} is too long: a unix socket's path has at most {MAX_UNIX_PATH} bytes"))
            }
            path => Ok(PathBuf::from(path)),
        };
        problems.keep("DOCKER_SOCKET", checked, PathBuf::new())
    }

    pub(super) fn allowed_hosts(&self, problems: &mut Problems) -> Vec<String> {
        let names = list(self.allowed_hosts.as_deref());
        for name in names.iter().filter(|name| !engine_api::is_host_name(name)) {
            let mistake =
                format!("{name:?} is not a host name without a port (for example docker.example.org)");
            problems.about("ALLOWED_HOSTS", mistake);
        }
        names
    }

    pub(super) fn allowed_origins(&self, problems: &mut Problems) -> Vec<String> {
        let origins = list(self.allowed_origins.as_deref());
        for origin in origins.iter().filter(|origin| !engine_api::is_web_origin(origin)) {
            let mistake = format!("{origin:?} is not a web origin (for example https://ui.example.org:8443)");
            problems.about("ALLOWED_ORIGINS", mistake);
        }
        origins
    }

    pub(super) fn max_connections(&self, problems: &mut Problems) -> usize {
        let value = self.max_connections.as_deref().unwrap_or(default_of("MAX_CONNECTIONS"));
        let count = digits(value).and_then(|digits| digits.parse().ok());
        let count = count.filter(|count| (1..=1_000_000).contains(count));
        problems.keep(
            "MAX_CONNECTIONS",
            count.ok_or_else(|| format!("{value:?} is not a number from 1 to 1000000")),
            1,
        )
    }

    pub(super) fn log_format(&self, problems: &mut Problems) -> LogFormat {
        let value = self.log_format.as_deref().unwrap_or(default_of("LOG_FORMAT"));
        let format = match value.to_ascii_lowercase().as_str() {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err(format!("{value:?} is neither text nor json")),
        };
        problems.keep("LOG_FORMAT", format, LogFormat::Text)
    }

    /// Reads `LOG_LEVEL`. The level names of HAProxy-based proxies are taken as well.
    pub(super) fn log_level(&self, problems: &mut Problems) -> LevelFilter {
        let value = self.log_level.as_deref().unwrap_or(default_of("LOG_LEVEL"));
        let level = match value.to_ascii_lowercase().as_str() {
            "error" | "err" | "crit" | "alert" | "emerg" => Ok(LevelFilter::ERROR),
            "warn" | "warning" => Ok(LevelFilter::WARN),
            "info" | "notice" => Ok(LevelFilter::INFO),
            "debug" => Ok(LevelFilter::DEBUG),
            "trace" => Ok(LevelFilter::TRACE),
            _ => Err(format!("{value:?} is not one of error, warn, info, debug and trace")),
        };
        problems.keep("LOG_LEVEL", level, LevelFilter::INFO)
    }
}

/// The entries of a comma-separated list.
pub(super) fn list(value: Option<&str>) -> Vec<String> {
    let entries = value.unwrap_or_default().split(',').map(str::trim);
    entries.filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
}

/// The value, if it is nothing but digits: a number has no sign.
pub(super) fn digits(value: &str) -> Option<&str> {
    value.bytes().all(|byte| byte.is_ascii_digit()).then_some(value)
}

/// Reads `10s`, `500ms`, `5m`, `1h`, or seconds without a unit. Zero is a mistake, since nothing could be done in no
/// time; only a grace period may be zero, which means that connections are cut at once.
pub(super) fn duration(name: &'static str, value: Option<&str>, problems: &mut Problems) -> Duration {
    let value = value.unwrap_or(default_of(name));
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = value.split_at(digits);
    let unit = match unit {
        "ms" => Some(1),
        "" | "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let millis = number.parse::<u32>().ok().zip(unit).map(|(number, unit)| u64::from(number) * unit);
    let duration = millis.filter(|millis| *millis > 0 || name == "SHUTDOWN_GRACE").map(Duration::from_millis);
    problems.keep(
        name,
        duration.ok_or_else(|| format!("{value:?} is not a duration (for example 10s or 500ms)")),
        Duration::MAX,
    )
}

/// The default of the setting of that name.
pub(super) fn default_of(name: &str) -> &'static str {
    SETTINGS.iter().find(|setting| setting.name == name).map_or("", |setting| setting.default)
}
