//! The configuration: read once from the environment, checked whole, then typed.
//!
//! `SOCKGATE_X` wins over `X`, and an empty value counts as unset, except where that would lift a restriction. An
//! unknown value, or an unknown `SOCKGATE_` name, stops the start-up, with all the mistakes listed together. A name
//! that is almost one of ours is only hinted at: the environment is not ours alone.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use engine_api::{Flag, Flags, HostRule, NotASwitch, OriginRule, Rights};
use pdp::Policies;

use crate::http::head::AllowedClients;
use crate::net::listen_addr::ListenAddr;
use crate::net::timeouts::Timeouts;

mod names;
mod operations;
mod policies;
mod problems;
mod settings;
#[cfg(test)]
mod tests;

use names::PREFIX;
pub use problems::ConfigError;
use problems::Problems;
use settings::Settings;
pub use settings::{LogFormat, SETTINGS, Setting};

/// The whole configuration of `serve`.
#[derive(Clone, Debug)]
pub struct Config {
    /// The addresses that clients connect to: `LISTEN_ADDR`.
    pub listen: Vec<ListenAddr>,
    /// The permissions of unix sockets: `LISTEN_SOCKET_MODE`.
    pub socket_mode: u32,
    /// The engine's socket: `DOCKER_SOCKET`.
    pub docker_socket: PathBuf,
    /// The hosts and origins that TCP clients may use: `ALLOWED_HOSTS` and `ALLOWED_ORIGINS`.
    pub(crate) allowed_clients: AllowedClients,
    /// The flags, and `ALLOW_OPERATIONS` and `DENY_OPERATIONS`: they judge what no policy decides.
    pub rights: Rights,
    /// The policies, which are asked before the flags.
    pub policies: Policies,
    /// The time limits of connections: `HEADER_TIMEOUT` and `IDLE_TIMEOUT`.
    pub(crate) timeouts: Timeouts,
    /// The largest number of connections at a time: `MAX_CONNECTIONS`.
    pub max_connections: usize,
    /// How long a stop waits for requests in flight: `SHUTDOWN_GRACE`.
    pub shutdown_grace: Duration,
    /// The form of log lines: `LOG_FORMAT`.
    pub log_format: LogFormat,
    /// The least important level that is logged: `LOG_LEVEL`.
    pub log_level: tracing::level_filters::LevelFilter,
    /// Sentences about what looks like a mistake but does not stop the start-up.
    pub hints: Vec<String>,
}

impl Config {
    /// Reads the configuration from all the variables of an environment; those of other programs are ignored.
    ///
    /// ```
    /// use sockgate::Config;
    ///
    /// let environment = |vars: [(&str, &str); 2]| vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
    /// let config = Config::from_vars(environment([("CONTAINERS", "1"), ("HOME", "/root")]))?;
    /// assert_eq!(config.listen.len(), 1);
    ///
    /// let mistakes = Config::from_vars(environment([("POST", "maybe"), ("SOCKGATE_CONTAINER", "1")])).unwrap_err();
    /// assert_eq!(mistakes.0.len(), 2);
    /// # Ok::<(), sockgate::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] with every mistake.
    pub fn from_vars(vars: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut problems = Problems::default();
        let names::Sorted { ours, hints } = names::sort(vars, &mut problems);
        problems.know(ours.clone());
        let ours: BTreeMap<_, _> = ours.into_iter().map(|(name, variable)| (name, variable.value)).collect();
        let flags = read_flags(&ours, &mut problems);
        let (overrides, ours) = ours.into_iter().partition(|(name, _)| policies::is_override(name));
        let settings = match envy::from_iter::<_, Settings>(ours) {
            Ok(settings) => settings,
            Err(error) => {
                problems.add(engine_api::report(&error));
                Settings::default()
            }
        };
        let config = Self {
            listen: settings.listen(&mut problems),
            socket_mode: settings.socket_mode(&mut problems),
            docker_socket: settings.docker_socket(&mut problems),
            allowed_clients: AllowedClients {
                hosts: HostRule { allowed: settings.allowed_hosts(&mut problems) },
                origins: OriginRule { allowed: settings.allowed_origins(&mut problems) },
            },
            rights: operations::read(flags, &settings, &mut problems),
            policies: policies::read(&settings, &overrides, &mut problems),
            timeouts: Timeouts {
                head: settings::duration("HEADER_TIMEOUT", settings.header_timeout.as_deref(), &mut problems),
                idle: settings::duration("IDLE_TIMEOUT", settings.idle_timeout.as_deref(), &mut problems),
            },
            max_connections: settings.max_connections(&mut problems),
            shutdown_grace: settings::duration(
                "SHUTDOWN_GRACE",
                settings.shutdown_grace.as_deref(),
                &mut problems,
            ),
            log_format: settings.log_format(&mut problems),
            log_level: settings.log_level(&mut problems),
            hints,
        };
        problems.into_result().map(|()| config)
    }
}

fn read_flags(ours: &BTreeMap<String, String>, problems: &mut Problems) -> Flags {
    let flags = Flags::from_values(|flag: Flag| ours.get(flag.name()).map(String::as_str));
    flags.unwrap_or_else(|mistakes| {
        mistakes.into_iter().for_each(|mistake| problems.add(about_flag(mistake, problems)));
        Flags::default()
    })
}

/// The sentence about a flag's value. The names of flags are short, and other programs may use them as well: a value that
/// is no word (`VERSION=1.2.3`, `BUILD=4711`) is probably theirs.
fn about_flag(mut mistake: NotASwitch, problems: &Problems) -> String {
    let (flag, hidden) = (mistake.name.clone(), problems.hidden_part(&mistake.name));
    mistake.name = problems.set_as(&flag).to_owned();
    let mut text = format!("{}{hidden}", engine_api::report(&mistake));
    let is_word = mistake.value.chars().all(char::is_alphabetic);
    if mistake.name == flag && hidden.is_empty() && !is_word {
        // Writing to a string cannot fail.
        let _ = write!(text, "; if {flag} is another program's, set {PREFIX}{flag}, which wins");
    }
    text
}
