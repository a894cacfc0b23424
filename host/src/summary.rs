//! The effective policy, in words: for the log at the start, and for `check`.

use std::fmt::Write as _;

use engine_api::{Endpoint, Flag, Flags, Method, Operation, OperationList, Rights, Target, ways_to_root};
use pdp::{Chain, Mode, Policies};

use crate::config::Config;

mod gaps;
mod operations;

#[cfg(test)]
mod tests;

/// Logs what is about to be enforced, and what looks wrong about it.
pub fn announce(config: &Config) {
    let [on, off] = flags_in_words(config.rights.flags);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "sockgate guards {}", config.docker_socket.display());
    tracing::info!("policy: env flags, {on}");
    tracing::info!("policy: env flags, {off}");
    let Rights { allowed, denied, .. } = config.rights;
    for (list, named) in [(OperationList::Allow, allowed), (OperationList::Deny, denied)] {
        if !named.is_empty() {
            tracing::info!("policy: {}, {}", list.setting(), operations::in_words(named.operations()));
        }
    }
    for warning in warnings(config.rights, &config.policies) {
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

/// What an operator should know about this combination of settings and policies.
fn warnings(rights: Rights, policies: &Policies) -> Vec<String> {
    let Rights { flags, allowed, denied } = rights;
    let mut warnings: Vec<_> = Flag::ALL.iter().filter_map(|&flag| idle_flag(rights, flag)).collect();
    if !allowed.is_empty() && allowed.operations().all(|endpoint| rights.have_flags_of(endpoint)) {
        warnings.push("ALLOW_OPERATIONS does nothing here: the flags allow all that it names".into());
    }
    let pings = [Endpoint::SystemPing, Endpoint::SystemPingHead];
    if !pings.into_iter().any(|ping| rights.permit(ping)) {
        let by = if pings.into_iter().any(|ping| denied.has(ping)) {
            "DENY_OPERATIONS=SystemPing*"
        } else {
            "PING=0"
        };
        warnings.push(format!(
            "{by} takes version negotiation away: newer clients may speak a version that the engine refuses"
        ));
    }
    if rights.permit(Endpoint::SwarmInspect) {
        warnings.push(format!(
            "{} shows the swarm's join tokens: whoever has one can add a node, or a manager",
            operations::permitted_by(rights, &[Endpoint::SwarmInspect])
        ));
    }
    if flags.has(Flag::AllowHostArgs) && rights.permit(Endpoint::ContainerTop) {
        warnings.push(
            "ALLOW_HOST_ARGS=1 lets clients read environments of all processes on this host, by way of docker top".into(),
        );
    }
    let modes: Vec<_> = policies.chain.iter().map(|policy| policy.mode).collect();
    if modes.contains(&Mode::Narrow) && !modes.contains(&Mode::Decide) && is_all_off(rights) {
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
    let gives_root = |operations: &[Endpoint], how| {
        format!("{} gives clients root on this host: {how}", operations::permitted_by(rights, operations))
    };
    let ways = ways_to_root(rights);
    let mut ways: Vec<_> =
        ways.map(|way| gives_root(&way.operations(rights).collect::<Vec<_>>(), way.how)).collect();
    // Who gets commands by flags gets more than these, which is told already.
    let commands = [Endpoint::ContainerExec, Endpoint::ExecStart];
    if ways.is_empty() && commands.into_iter().all(|endpoint| rights.permit(endpoint)) {
        ways.push(gives_root(&commands, "a client can run privileged commands in every container"));
    }
    warnings.append(&mut ways);
    warnings
}

/// What the settings leave out. A policy that decides may let it through all the same.
fn gaps(config: &Config) -> Vec<String> {
    let is_final = config.policies.chain.iter().any(|policy| policy.mode == Mode::Decide);
    if is_final { Vec::new() } else { gaps::gaps(config.rights) }
}

/// Whether no operation is allowed by name, and no flag is on but those that are on by default.
fn is_all_off(rights: Rights) -> bool {
    let is_off = |&flag: &Flag| !rights.flags.has(flag) || flag.is_on_by_default();
    rights.allowed.is_empty() && Flag::ALL.iter().all(is_off)
}

/// A warning if the flag is on, but every catalogued operation would pass or fail the same without it.
fn idle_flag(rights: Rights, flag: Flag) -> Option<String> {
    if !rights.flags.has(flag) {
        return None;
    }
    let missing = |operation: &Operation| {
        engine_api::unmet(rights, operation).filter_map(|reason| reason.flag()).collect()
    };
    let without = Rights { flags: rights.flags.without(flag), ..rights };
    let governed = operations().chain(reaching_the_host()).filter(|operation| {
        let is_denied = operation.endpoint().is_some_and(|endpoint| rights.denied.has(endpoint));
        !is_denied && engine_api::unmet(without, operation).any(|reason| reason.flag() == Some(flag))
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
    let [on, off] = flags_in_words(config.rights.flags);
    let mut text = format!("listen  {}\nengine  {}\n", listen.join(", "), config.docker_socket.display());
    // Writing to a string cannot fail.
    for (link, entry) in chain.links().iter().zip(&config.policies.chain) {
        let _ = writeln!(text, "policy  {} from {}", link.id, entry.path.display());
        let _ = writeln!(text, "  mode: {}, {}", link.mode.as_str(), worth(link.mode));
        let _ = writeln!(text, "  inspects: {}", link.inspects_in_words().unwrap_or("nothing".to_owned()));
    }
    let _ = writeln!(text, "policy  env flags\n  {on}\n  {off}");
    text.push_str(&operations::grouped(config.rights));
    for line in warnings(config.rights, &config.policies) {
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
        Mode::Narrow => "its deny is final; what it allows, ALLOW_OPERATIONS and the env flags judge",
        Mode::Observe => "what it would do is logged; ALLOW_OPERATIONS and the env flags judge",
    }
}
