//! What `explain` prints of an operation, and of what the env flags say of it.

use std::fmt::Write as _;

use engine_api::{Access, Decision, Flags, Operation};

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

/// What `explain` prints of an operation that the flags judge.
pub(crate) fn explain_flags(flags: Flags, operation: &Operation) -> String {
    let decision = engine_api::decide(flags, operation);
    let mut text = match &decision {
        Decision::Allow => "verdict    allowed\n".to_owned(),
        Decision::Deny(denial) => format!("verdict    denied: {denial}\n"),
    };
    let needed: Vec<_> = engine_api::needed_flags(operation).map(|flag| (flag, flags.has(flag))).collect();
    let listed: Vec<_> = needed
        .iter()
        .map(|(flag, on)| format!("{} ({})", flag.name(), if *on { "on" } else { "off" }))
        .collect();
    if !listed.is_empty() {
        let _ = writeln!(text, "decided by {}", listed.join(", "));
    }
    if let (Decision::Allow, Some((last, _))) = (decision, needed.last()) {
        let _ = writeln!(text, "to deny it {}=0", last.name());
    }
    text
}

fn access(operation: &Operation) -> &'static str {
    match operation.access() {
        Access::Read => "read",
        Access::Write => "write",
        Access::Interactive => "interactive: writes stdin",
    }
}
