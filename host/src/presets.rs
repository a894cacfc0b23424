//! Presets: the smallest settings with which an application works through the gateway, each with its reason.
//!
//! An application is one block of data in the files below. A block names the operations that the application was seen to
//! call in its source, and grants these and nothing else; what a wish beside that would need is in `left_out`. The exception
//! is the ping, by which the gateway's own health check knows that the engine is there: every block has it. To add an
//! application, read its source, add a block, and add it to [`ALL`].

use engine_api::{Endpoint, Flag};

mod builders;
mod compose;
mod dashboards;
mod environment;
mod monitors;
mod proxies;
mod settings;
mod updaters;

#[cfg(test)]
mod tests;

/// Every preset.
pub const ALL: [&Preset; 21] = [
    &proxies::TRAEFIK,
    &proxies::DOCKER_GEN,
    &dashboards::PORTAINER_LOOK,
    &dashboards::PORTAINER_MANAGE,
    &dashboards::HOMEPAGE,
    &dashboards::DOZZLE,
    &monitors::PROMETHEUS,
    &monitors::CADVISOR,
    &monitors::ZABBIX,
    &monitors::NETDATA,
    &monitors::GLANCES,
    &monitors::CROWDSEC,
    &updaters::DIUN,
    &updaters::WATCHTOWER,
    &updaters::AUTOHEAL,
    &updaters::SWARM_CRONJOB,
    &builders::COMPOSE_DEPLOY,
    &builders::BUILDX,
    &builders::TESTCONTAINERS,
    &builders::GITLAB_RUNNER,
    &builders::GITEA_ACT_RUNNER,
];

/// What one application needs of the engine.
#[derive(Debug)]
pub struct Preset {
    /// The name by which it is asked for: lower case, with dashes.
    pub name: &'static str,
    /// What the application is, as a clause without a full stop.
    pub about: &'static str,
    /// Where its calls were read: an address of its source, or of its documentation.
    pub sources: &'static [&'static str],
    /// What it calls, in the catalogue's order.
    pub calls: &'static [Call],
    /// What it can do elsewhere and not with these settings.
    pub left_out: &'static [LeftOut],
    /// How these settings make a client root on the engine's host, if they do.
    pub root: Option<Root>,
    /// Its service in a compose file.
    pub service: Service,
}

/// An operation that an application calls, and what for. [`Endpoint::SystemPing`] stands for HEAD as well.
#[derive(Clone, Copy, Debug)]
pub struct Call(pub Endpoint, pub &'static str);

/// What does not work, and the operations that would have to be allowed for it. There may be none, where something else
/// is in the way.
#[derive(Clone, Copy, Debug)]
pub struct LeftOut(pub &'static str, pub &'static [Endpoint]);

/// That a client becomes root on the engine's host.
#[derive(Clone, Copy, Debug)]
pub struct Root {
    /// How it does that, as a clause.
    pub how: &'static str,
    /// What can be done about it, as a sentence.
    pub advice: &'static str,
}

/// An application's service in a compose file.
#[derive(Debug)]
pub struct Service {
    /// How it reaches the gateway.
    pub reach: Reach,
    /// What its service consists of, as YAML, but for what connects it with the gateway.
    pub yaml: &'static str,
    /// The volumes that `yaml` mounts by name.
    pub volumes: &'static [&'static str],
    /// The file by which it is configured, if it needs one.
    pub file: Option<File>,
}

/// How an application reaches the gateway in a compose file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// As `tcp://sockgate:2375`, in a network that is theirs.
    Tcp,
    /// As `unix:///run/sockgate/docker.sock`, in the volume `gate`.
    Unix,
}

/// A file in an application's container.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// Its path there.
    pub path: &'static str,
    /// What is in it.
    pub content: &'static str,
}

impl Preset {
    /// Finds a preset.
    ///
    /// # Errors
    /// The names that may have been meant.
    pub fn find(name: &str) -> Result<&'static Self, Vec<&'static str>> {
        ALL.into_iter().find(|preset| preset.name == name).ok_or_else(|| near(name))
    }

    /// Whether these settings let an operation through.
    #[must_use]
    pub fn allows(&self, endpoint: Endpoint) -> bool {
        // One flag governs both.
        let called = if endpoint == Endpoint::SystemPingHead { Endpoint::SystemPing } else { endpoint };
        self.calls.iter().any(|call| call.0 == called)
    }

    /// The settings in the form of an environment file, for `docker run --env-file`, systemd and shells.
    #[must_use]
    pub fn environment(&self) -> String {
        environment::text(self)
    }

    /// The settings in a compose file, with the application's service.
    #[must_use]
    pub fn compose(&self) -> String {
        compose::text(self)
    }
}

/// The flags that are on by default, each with what stands for it among an application's calls. All that an application
/// needs besides is allowed by name.
const ON_BY_DEFAULT: [(Flag, Endpoint); 3] = [
    (Flag::Ping, Endpoint::SystemPing),
    (Flag::Version, Endpoint::SystemVersion),
    (Flag::Events, Endpoint::SystemEvents),
];

/// The names that are a typing mistake away, or that have this one as a part, or are a part of it.
fn near(name: &str) -> Vec<&'static str> {
    let name = name.to_ascii_lowercase();
    let is_part = |known: &str| name.len() > 2 && (known.contains(&name) || name.contains(known));
    let names = ALL.into_iter().map(|preset| preset.name);
    names.filter(|known| is_part(known) || strsim::osa_distance(known, &name) <= 2).collect()
}
