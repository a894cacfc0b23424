//! Which operations are allowed, and by what: in words.

use std::fmt::Write as _;

use engine_api::{Endpoint, Family, Flag, OperationList, Rights, flags_of};

/// What `check` prints of all operations: those that the flags allow, those that are allowed by name alone, and those that
/// are denied by name, each by family.
pub(super) fn grouped(rights: Rights) -> String {
    let is_allowed = |endpoint: &Endpoint| rights.permit(*endpoint);
    let (by_flags, by_name): (Vec<_>, Vec<_>) = Endpoint::ALL
        .iter()
        .filter(|endpoint| is_allowed(endpoint))
        .partition(|&&it| rights.have_flags_of(it));
    let denied: Vec<_> = rights.denied.operations().collect();
    let mut text = String::new();
    for (group, operations) in [
        ("allowed by flags".to_owned(), by_flags),
        (format!("allowed by {} alone", OperationList::Allow.setting()), by_name),
        (format!("denied  by {}", OperationList::Deny.setting()), denied),
    ] {
        if !operations.is_empty() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{group}: {} of {} operations", operations.len(), Endpoint::ALL.len());
            text.push_str(&by_family(&operations));
        }
    }
    text
}

/// The operations, those of one family on a line.
fn by_family(operations: &[Endpoint]) -> String {
    let mut text = String::new();
    for &family in Family::ALL {
        let of_family: Vec<_> = operations.iter().copied().filter(|it| it.family() == Some(family)).collect();
        if !of_family.is_empty() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  /{family}: {}", in_words(of_family));
        }
    }
    text
}

/// The operations, on one line.
pub(super) fn in_words(operations: impl IntoIterator<Item = Endpoint>) -> String {
    operations.into_iter().map(Endpoint::operation_id).collect::<Vec<_>>().join(" ")
}

/// The settings by which these operations, which are allowed, are allowed: the flags first, as the beginning of a sentence.
pub(super) fn permitted_by(rights: Rights, operations: &[Endpoint]) -> String {
    let (by_flags, by_name): (Vec<_>, Vec<_>) = operations.iter().partition(|&&it| rights.have_flags_of(it));
    let is_needed = |flag: &&Flag| by_flags.iter().any(|&endpoint| flags_of(endpoint).any(|it| it == **flag));
    let mut settings: Vec<_> =
        Flag::ALL.iter().filter(is_needed).map(|flag| format!("{}=1", flag.name())).collect();
    if !by_name.is_empty() {
        let names: Vec<_> = by_name.into_iter().map(Endpoint::operation_id).collect();
        settings.push(format!("{}={}", OperationList::Allow.setting(), names.join(",")));
    }
    match settings.split_first() {
        Some((first, [])) => first.clone(),
        Some((first, others)) => format!("{first} with {}", others.join(" and ")),
        None => String::new(),
    }
}
