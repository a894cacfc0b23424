//! `ALLOW_OPERATIONS` and `DENY_OPERATIONS`: operations by name.
//!
//! A word names one operation, or with a `*` at its end all whose names begin so. A word that names none is a mistake, and
//! so is an operation that both lists name. An empty word in `DENY_OPERATIONS` is a mistake as well: otherwise
//! `DENY_OPERATIONS=$A,$B` without an `A` would take nothing away in silence.

use engine_api::{Endpoint, Flags, OperationList, OperationSet, Rights, untrusted};

use super::problems::Problems;
use super::settings::{Settings, list};

/// How many words of a list that name no operation are told, and how many operations that both lists name.
const MAX_TOLD: usize = 5;

/// How much of a word is told, in bytes. No operation has a longer name.
const MAX_WORD: usize = 64;

/// The end of a sentence about a word that names no operation.
const LISTED: &str = "docs/ENDPOINTS.md lists the operations";

/// Reads both lists.
pub(super) fn read(flags: Flags, settings: &Settings, problems: &mut Problems) -> Rights {
    let deny = settings.deny_operations.as_deref();
    if deny.is_some_and(|value| value.split(',').any(|word| word.trim().is_empty())) {
        problems.about(
            OperationList::Deny.setting(),
            "a word is empty: name an operation before and after each comma",
        );
    }
    let rights = Rights {
        flags,
        allowed: operations(OperationList::Allow, settings.allow_operations.as_deref(), problems),
        denied: operations(OperationList::Deny, deny, problems),
    };
    let both: Vec<_> = rights.allowed.operations().filter(|&endpoint| rights.denied.has(endpoint)).collect();
    if !both.is_empty() {
        let told: Vec<_> = both.iter().take(MAX_TOLD).map(|endpoint| endpoint.operation_id()).collect();
        let more = match both.len() - told.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let [allow, deny] = [OperationList::Allow, OperationList::Deny]
            .map(|list| problems.set_as(list.setting()).to_owned());
        let told = told.join(", ");
        problems.add(format!("{allow} and {deny} both name {told}{more}: take each out of one of the two"));
    }
    rights
}

/// The operations that the words of a list name.
fn operations(of: OperationList, value: Option<&str>, problems: &mut Problems) -> OperationSet {
    let words = list(value);
    if value.is_some() && words.is_empty() && of == OperationList::Allow {
        problems.about(of.setting(), "there is no operation in it");
    }
    let (mut named, mut unknown) = (OperationSet::default(), Vec::new());
    for word in &words {
        match OperationSet::named_by(word) {
            Some(operations) => named = operations.operations().fold(named, OperationSet::with),
            None => unknown.push(word.as_str()),
        }
    }
    for word in unknown.iter().take(MAX_TOLD) {
        problems.about(of.setting(), mistake(word));
    }
    if let Some(more @ 1..) = unknown.len().checked_sub(MAX_TOLD) {
        problems.about(of.setting(), format_args!("{more} more words name no operation; {LISTED}"));
    }
    named
}

/// What is wrong with a word that names no operation.
fn mistake(word: &str) -> String {
    let told = untrusted::fit(word, MAX_WORD);
    if word.contains(char::is_whitespace) {
        return format!("{told:?} is not an operation: put a comma between two; {LISTED}");
    }
    let meant = closest(word).map_or_else(String::new, |name| format!("; did you mean {name}?"));
    match word.find('*') {
        Some(star) if star + 1 == word.len() => format!("{told:?} matches no operation{meant}; {LISTED}"),
        Some(_) => format!(
            "{told:?} is not an operation: a * stands at the end of a word, as in Container*; {LISTED}"
        ),
        None => format!("{told:?} is not an operation{meant}; {LISTED}"),
    }
}

/// The name, or the beginning of names with a `*`, that is a few typing mistakes away at most, whatever its case.
fn closest(word: &str) -> Option<String> {
    let star = if word.ends_with('*') { "*" } else { "" };
    let written = word.strip_suffix('*').unwrap_or(word);
    if written.is_empty() || written.len() > MAX_WORD {
        return None;
    }
    let written = written.to_lowercase();
    let candidates = Endpoint::ALL.iter().flat_map(|endpoint| match star {
        "" => vec![endpoint.operation_id()],
        _ => beginnings(endpoint.operation_id()),
    });
    let distance = |name: &str| strsim::osa_distance(&name.to_lowercase(), &written);
    let (distance, name) =
        candidates.map(|name| (distance(name), name)).min_by_key(|(distance, _)| *distance)?;
    (distance <= written.len() / 4).then(|| format!("{name}{star}"))
}

/// The beginnings of a name that end with one of its words: `Container`, `ContainerArchive`.
fn beginnings(name: &str) -> Vec<&str> {
    let ends = name.char_indices().skip(1).filter(|(_, c)| c.is_uppercase()).map(|(at, _)| at);
    ends.chain([name.len()]).filter_map(|end| name.get(..end)).collect()
}
