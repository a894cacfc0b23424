//! The effective policy, in words: for the log at the start, and for `check`.

use std::fmt::Write as _;

use engine_api::{Decision, Endpoint, Flag, Flags, Method, Operation, Target, WayToRoot, ways_to_root};
use pdp::{Chain, Mode, Policies};

use crate::config::Config;

mod gaps;

#[cfg(test)]
mod tests;

/// Logs what is about to be enforced, and what looks wrong about it.
pub fn announce(config: &Config) {
    let [on, off] = flags_in_words(config.flags);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "sockgate guards {}", config.docker_socket.display());
    tracing::info!("policy: env flags, {on}");
    tracing::info!("policy: env flags, {off}");
    for warning in warnings(config.flags, &config.policies) {
        tracing::warn!("{warning}");
    }
    for hint in &config.hints {
        tracing::warn!("{hint}");
    }
    for gap in gaps(config) {
        tracing::info!("{gap}");
    }
}

/// The flags that are on and those that are off, each as a line: `on: …` and `off: …`.
pub(crate) fn flags_in_words(flags: Flags) -> [String; 2] {
    let names = |on: bool| {
        let names: Vec<_> =
            Flag::ALL.iter().filter(|&&flag| flags.has(flag) == on).map(|flag| flag.name()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(" ") }
    };
    [format!("on: {}", names(true)), format!("off: {}", names(false))]
}

/// What an operator should know about this combination of flags and policies.
fn warnings(flags: Flags, policies: &Policies) -> Vec<String> {
    let mut warnings: Vec<_> = Flag::ALL.iter().filter_map(|&flag| idle_flag(flags, flag)).collect();
    if !flags.has(Flag::Ping) {
        warnings.push("PING=0 takes version negotiation away: newer clients may speak a version that the engine refuses".into());
    }
    if flags.has(Flag::Swarm) {
        warnings.push(
            "SWARM=1 shows the swarm's join tokens: whoever has one can add a node, or a manager".into(),
        );
    }
    if flags.has(Flag::AllowHostArgs) && flags.has(Flag::Containers) {
        warnings.push(
            "ALLOW_HOST_ARGS=1 lets clients read environments of all processes on this host, by way of docker top".into(),
        );
    }
    let modes: Vec<_> = policies.chain.iter().map(|policy| policy.mode).collect();
    if modes.contains(&Mode::Narrow) && !modes.contains(&Mode::Decide) && is_all_off(flags) {
        warnings.push(
            "POLICY_MODE=narrow can only deny what the flags allow, and only the default flags are on: switch on those \
             for what the policy is to judge, or use POLICY_MODE=decide"
                .into(),
        );
    }
    // With a policy that can refuse such requests, it is the policy's business what it lets through.
    if modes.iter().any(|mode| matches!(mode, Mode::Decide | Mode::Narrow)) {
        return warnings;
    }
    warnings.extend(ways_to_root(flags).map(|WayToRoot { flags: [first, second], how }| {
        format!("{}=1 with {}=1 gives clients root on this host: {how}", first.name(), second.name())
    }));
    warnings
}

/// What the flags leave out. A policy that decides may let it through all the same.
fn gaps(config: &Config) -> Vec<String> {
    let is_final = config.policies.chain.iter().any(|policy| policy.mode == Mode::Decide);
    if is_final { Vec::new() } else { gaps::gaps(config.flags) }
}

/// Whether no flag is on but those that are on by default.
fn is_all_off(flags: Flags) -> bool {
    Flag::ALL.iter().all(|&flag| !flags.has(flag) || flag.is_on_by_default())
}

/// A warning if the flag is on, but every catalogued operation would pass or fail the same without it.
fn idle_flag(flags: Flags, flag: Flag) -> Option<String> {
    if !flags.has(flag) {
        return None;
    }
    let missing = |operation: &Operation| {
        engine_api::unmet(flags, operation).filter_map(|reason| reason.flag()).collect()
    };
    let governed = operations().chain(reaching_the_host()).filter(|operation| {
        engine_api::unmet(flags.without(flag), operation).any(|reason| reason.flag() == Some(flag))
    });
    let nearest: Vec<Flag> = governed.map(|operation| missing(&operation)).min_by_key(Vec::len)?;
    if nearest.is_empty() {
        return None;
    }
    let needed: Vec<_> = nearest.iter().map(|flag| format!("{}=1", flag.name())).collect();
    let needed = if matches!(flag, Flag::Post | Flag::Put | Flag::Delete) {
        "a family that is on, such as CONTAINERS=1".to_owned()
    } else {
        needed.join(" and ")
    };
    Some(format!("{}=1 does nothing here: it needs {needed}", flag.name()))
}

/// One operation for each catalogue entry. Its path is the template itself, which is a valid path with odd names.
fn operations() -> impl Iterator<Item = Operation> {
    Endpoint::ALL.iter().filter_map(|endpoint| {
        let template = endpoint.templates().first()?;
        Some(Operation::new(endpoint.method(), Target::parse(template).ok()?))
    })
}

/// What only `ALLOW_HOST_ARGS` governs: an operation whose query reaches the host.
fn reaching_the_host() -> Option<Operation> {
    let template = Endpoint::ContainerTop.templates().first()?;
    Some(Operation::new(Method::Get, Target::parse(&format!("{template}?ps_args=e")).ok()?))
}

/// What `check` prints; `chain` holds the policies that `serve` would load.
#[must_use]
pub fn check(config: &Config, chain: &Chain) -> String {
    let listen: Vec<_> = config.listen.iter().map(ToString::to_string).collect();
    let [on, off] = flags_in_words(config.flags);
    let allowed = operations()
        .filter(|operation| engine_api::decide(config.flags, operation) == Decision::Allow)
        .count();
    let mut text = format!("listen  {}\nengine  {}\n", listen.join(", "), config.docker_socket.display());
    // Writing to a string cannot fail.
    for (link, entry) in chain.links().iter().zip(&config.policies.chain) {
        let _ = writeln!(text, "policy  {} from {}", link.id, entry.path.display());
        let _ = writeln!(text, "  mode: {}, {}", link.mode.as_str(), worth(link.mode));
        let _ = writeln!(text, "  inspects: {}", link.inspects_in_words().unwrap_or("nothing".to_owned()));
    }
    let _ = writeln!(text, "policy  env flags: {allowed} of {} operations allowed", Endpoint::ALL.len());
    let _ = writeln!(text, "  {on}\n  {off}");
    for line in warnings(config.flags, &config.policies) {
        let _ = writeln!(text, "warning {line}");
    }
    for line in &config.hints {
        let _ = writeln!(text, "hint    {line}");
    }
    for line in gaps(config) {
        let _ = writeln!(text, "note    {line}");
    }
    text
}

/// What a verdict of a policy in this mode is worth.
const fn worth(mode: Mode) -> &'static str {
    match mode {
        Mode::Decide => "its allow and its deny are final",
        Mode::Narrow => "its deny is final; what it allows, the env flags judge",
        Mode::Observe => "what it would do is logged; the env flags judge",
    }
}
