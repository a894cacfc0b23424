//! The env flags: one table of names, defaults and meanings, and the set of flags that are on.
//!
//! A flag has two values and no default for typos: anything else is an error, which the host reports together with
//! every other mistake before it refuses to start.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

macro_rules! flags {
    ($($variant:ident $name:literal $default:ident $meaning:literal;)*) => {
        /// One switch of the default policy.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[allow(missing_docs, reason = "the meaning is in the table")]
        pub enum Flag { $($variant,)* }

        impl Flag {
            /// Every flag, in the order of the reference.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The variable's name, such as `CONTAINERS`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What the flag lets through when it is on.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }

            const fn default_state(self) -> State {
                match self { $(Self::$variant => State::$default,)* }
            }
        }
    };
}

flags! {
    Ping          "PING"           On  "`/_ping`";
    Version       "VERSION"        On  "`/version`";
    Events        "EVENTS"         On  "`/events`: the endless event stream";
    Info          "INFO"           Off "`/info`";
    Auth          "AUTH"           Off "`/auth`: checking registry credentials";
    System        "SYSTEM"         Off "`/system`: disk usage";
    Containers    "CONTAINERS"     Off "`/containers`; with `POST=1` that is root on the host (mounts, privileged)";
    Exec          "EXEC"           Off "`/exec`, and creating an exec inside `/containers`";
    Commit        "COMMIT"         Off "`/commit`: an image from a container";
    Images        "IMAGES"         Off "`/images`";
    Build         "BUILD"          Off "`/build`";
    Session       "SESSION"        Off "`/session`: BuildKit's side channel";
    Grpc          "GRPC"           Off "`/grpc`: BuildKit";
    Distribution  "DISTRIBUTION"   Off "`/distribution`: manifests from registries";
    Networks      "NETWORKS"       Off "`/networks`";
    Volumes       "VOLUMES"        Off "`/volumes`";
    Plugins       "PLUGINS"        Off "`/plugins`; with `POST=1` that is root on the host";
    Swarm         "SWARM"          Off "`/swarm`";
    Nodes         "NODES"          Off "`/nodes`";
    Services      "SERVICES"       Off "`/services`; with `POST=1` that is root on the host (mounts)";
    Tasks         "TASKS"          Off "`/tasks`";
    Secrets       "SECRETS"        Off "`/secrets`";
    Configs       "CONFIGS"        Off "`/configs`";
    Post          "POST"           Off "the method POST, in every family that is on; also websockets that write stdin";
    Put           "PUT"            Off "the method PUT: writing files into containers, updating cluster volumes";
    Delete        "DELETE"         Off "the method DELETE";
    AllowStart    "ALLOW_START"    Off "starting containers; needs `CONTAINERS=1` and `POST=1`";
    AllowStop     "ALLOW_STOP"     Off "stopping containers; needs `CONTAINERS=1` and `POST=1`";
    AllowRestarts "ALLOW_RESTARTS" Off "restarting and killing containers; needs `CONTAINERS=1` and `POST=1`";
    AllowHostArgs "ALLOW_HOST_ARGS" Off "arguments that the engine uses as root on the host: any `ps_args` of `docker top`, folders of checkpoints; needs `CONTAINERS=1`";
}

#[derive(Clone, Copy)]
enum State {
    On,
    Off,
}

impl Flag {
    /// Whether the flag is on when nobody sets it.
    #[must_use]
    pub const fn is_on_by_default(self) -> bool {
        matches!(self.default_state(), State::On)
    }
}

/// The flags that are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u64);

/// A value that is not a switch. The text is meant for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}={value:?} is not a switch; use 1, true, yes or on, or 0, false, no or off")]
pub struct NotASwitch {
    /// The variable's name.
    pub name: String,
    /// The value that it was set to.
    pub value: String,
}

/// Words that do not set flags. The text is meant for the operator, and tells every mistake on one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct BadWords(Vec<String>);

impl Flags {
    /// Reads words such as `CONTAINERS=1 POST=1`. A flag that they do not name keeps its default.
    ///
    /// # Errors
    /// [`BadWords`] with all mistakes, not only the first.
    pub fn from_words(text: &str) -> Result<Self, BadWords> {
        let (mut values, mut mistakes) = (BTreeMap::new(), Vec::new());
        for word in text.split_whitespace() {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            if Flag::ALL.iter().all(|flag| flag.name() != name) {
                mistakes.push(format!("{name} is not a flag: write for example CONTAINERS=1 POST=1"));
            } else if value.is_empty() {
                mistakes.push(format!("{name} has no value: write for example CONTAINERS=1 POST=1"));
            } else if values.insert(name, value).is_some() {
                mistakes.push(format!("{name} is set twice"));
            }
        }
        let flags = Self::from_values(|flag| values.get(flag.name()).copied());
        mistakes.extend(flags.as_ref().err().into_iter().flatten().map(ToString::to_string));
        flags.ok().filter(|_| mistakes.is_empty()).ok_or(BadWords(mistakes))
    }

    /// Reads every flag through `value_of`; one that is unset or empty keeps its default.
    ///
    /// # Errors
    /// All values that are not a switch, not only the first.
    pub fn from_values<'v>(value_of: impl Fn(Flag) -> Option<&'v str>) -> Result<Self, Vec<NotASwitch>> {
        let mut flags = Self::default();
        let mut mistakes = Vec::new();
        for &flag in Flag::ALL {
            let value = value_of(flag).unwrap_or_default();
            match switch(value) {
                Some(State::On) => flags = flags.with(flag),
                Some(State::Off) => flags = flags.without(flag),
                None if value.is_empty() => {}
                None => mistakes.push(NotASwitch { name: flag.name().to_owned(), value: value.to_owned() }),
            }
        }
        if mistakes.is_empty() { Ok(flags) } else { Err(mistakes) }
    }

    /// Whether `flag` is on.
    #[must_use]
    pub const fn has(self, flag: Flag) -> bool {
        self.0 & Self::bit(flag) != 0
    }

    /// These flags, with `flag` on.
    #[must_use]
    pub const fn with(self, flag: Flag) -> Self {
        Self(self.0 | Self::bit(flag))
    }

    /// These flags, with `flag` off.
    #[must_use]
    pub const fn without(self, flag: Flag) -> Self {
        Self(self.0 & !Self::bit(flag))
    }

    const fn bit(flag: Flag) -> u64 {
        1 << flag as u8
    }
}

impl Default for Flags {
    fn default() -> Self {
        let on = Flag::ALL.iter().filter(|flag| flag.is_on_by_default());
        on.fold(Self(0), |flags, &flag| flags.with(flag))
    }
}

/// Reads a switch: `1 t true y yes on` or `0 f false n no off`, in upper or lower case.
fn switch(value: &str) -> Option<State> {
    let is_one_of = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(value));
    if is_one_of(&["1", "t", "true", "y", "yes", "on"]) {
        Some(State::On)
    } else if is_one_of(&["0", "f", "false", "n", "no", "off"]) {
        Some(State::Off)
    } else {
        None
    }
}
