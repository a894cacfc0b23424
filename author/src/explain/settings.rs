//! What `explain` prints of an operation, and of what the operator's settings say of it: the lists of operations and the env
//! flags.

use std::fmt::Write as _;

use engine_api::{Access, Decision, Flag, Operation, OperationList, Rights};

/// What `explain` prints of an operation, whoever judges it.
pub(crate) fn explain_operation(operation: &Operation) -> String {
    let mut text = match operation.endpoint() {
        Some(endpoint) => format!(
            "operation  {} ({}, {})\n",
            operation.id(),
            access(operation),
            endpoint.transport().as_str()
        ),
        None => format!("operation  not in the catalogue ({}, by its method)\n", access(operation)),
    };
    let _ = writeln!(text, "judged as  {} {}", operation.method(), operation.target());
    if let Some(subject) = operation.subject() {
        let _ = writeln!(text, "subject    {subject}");
    }
    text
}

/// What `explain` prints of an operation that the settings judge.
pub(crate) fn explain_settings(rights: Rights, operation: &Operation) -> String {
    let decision = engine_api::decide(rights, operation);
    let verdict = match &decision {
        Decision::Allow => "verdict    allowed\n".to_owned(),
        Decision::Deny(denial) => format!("verdict    denied: {denial}\n"),
    };
    verdict + &decided_by(rights, operation, &decision) + &to_deny(rights, operation, &decision)
}

/// What the settings would do, where a policy has decided.
pub(crate) fn settings_say(rights: Rights, operation: &Operation, decision: &Decision) -> String {
    match (decision, decision.settled_by(rights, operation)) {
        (Decision::Allow, None) => "flags      would allow it\n".to_owned(),
        (Decision::Allow, Some(list)) => format!("settings   would allow it ({})\n", list.setting()),
        (Decision::Deny(denial), _) => format!("flags      would deny it: {denial}\n"),
    }
}

/// The list that decides, or all flags that the operation needs, and which of them are on.
fn decided_by(rights: Rights, operation: &Operation, decision: &Decision) -> String {
    let in_words = |flag: Flag| {
        let state = if rights.flags.has(flag) { "on" } else { "off" };
        format!("{} ({state})", flag.name())
    };
    let list = |list: OperationList| list.setting().to_owned();
    let needed: Vec<_> = if decision.settled_by(rights, operation) == Some(OperationList::Deny) {
        vec![list(OperationList::Deny)]
    } else if rights.allow_by_name(operation) {
        let argument = operation.host_argument().map(|_| in_words(Flag::AllowHostArgs));
        [list(OperationList::Allow)].into_iter().chain(argument).collect()
    } else {
        engine_api::needed_flags(operation).map(in_words).collect()
    };
    if needed.is_empty() { String::new() } else { format!("decided by {}\n", needed.join(", ")) }
}

/// What would deny an operation that is allowed: the finest setting first.
fn to_deny(rights: Rights, operation: &Operation, decision: &Decision) -> String {
    let by_name = operation.endpoint().map(|_| format!("DENY_OPERATIONS={}", operation.id()));
    let steps: Vec<_> = match (decision, decision.settled_by(rights, operation)) {
        (Decision::Deny(_), _) => return String::new(),
        (Decision::Allow, Some(list)) => {
            by_name.map(|by_name| format!("{by_name}, and not in {}", list.setting())).into_iter().collect()
        }
        (Decision::Allow, None) => {
            let flag = engine_api::needed_flags(operation).last().map(|flag| format!("{}=0", flag.name()));
            by_name.into_iter().chain(flag).collect()
        }
    };
    if steps.is_empty() { String::new() } else { format!("to deny it {}\n", steps.join(", or ")) }
}

fn access(operation: &Operation) -> &'static str {
    match operation.access() {
        Access::Read => "read",
        Access::Write => "write",
        Access::Interactive => "interactive: writes stdin",
    }
}
