//! The rules file as it is written, and how much of it there may be.
//!
//! Nothing is known here of what expressions mean. Everything has a limit, as the file is read anew for each instance.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Spanned;

/// How long a file may be.
const MAX_BYTES: usize = 1024 * 1024;

/// How many rules, clients or names under `let` there may be.
const MAX_ENTRIES: usize = 1000;

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    #[serde(default)]
    pub(crate) otherwise: Otherwise,
    #[serde(default)]
    pub(crate) clients: Vec<Spanned<BTreeMap<String, Value>>>,
    #[serde(default, rename = "let")]
    pub(crate) lets: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    pub(crate) rules: Vec<Spanned<RuleEntry>>,
}

/// What becomes of a request that no rule decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Otherwise {
    /// The next policy is asked, and the env flags after the last.
    #[default]
    Flags,
    Deny,
}

/// What `allow` says of escapes when it says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Escapes {
    Allowed,
    Denied,
}

/// A rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleEntry {
    pub(crate) name: Spanned<String>,
    pub(crate) operations: Vec<Spanned<String>>,
    #[serde(default)]
    pub(crate) allow: Option<Spanned<String>>,
    /// Whether escapes may pass where the rule does not search for them itself.
    #[serde(default)]
    pub(crate) escapes: Option<Escapes>,
    /// What a client is told whom `allow` does not let through.
    #[serde(default)]
    pub(crate) message: Option<String>,
    /// The status of that refusal.
    #[serde(default)]
    pub(crate) status: Option<Spanned<u16>>,
    #[serde(default)]
    pub(crate) deny: Vec<DenyEntry>,
}

/// A reason to refuse.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DenyEntry {
    #[serde(rename = "if")]
    pub(crate) condition: Spanned<String>,
    #[serde(default)]
    pub(crate) message: Option<Spanned<String>>,
    #[serde(default, rename = "messageExpression")]
    pub(crate) message_expression: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) status: Option<Spanned<u16>>,
}

impl Document {
    /// Reads a file. An empty one has no rules.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        if text.len() > MAX_BYTES {
            let head = text.as_bytes().get(..MAX_BYTES).unwrap_or_default();
            let line = 1 + head.iter().filter(|byte| **byte == b'\n').count();
            return Err(format!("line {line}: the rules are longer than 1 MiB, which ends here"));
        }
        if text.lines().all(|line| line.trim_start().starts_with('#') || line.trim().is_empty()) {
            return Ok(Self::default());
        }
        let document: Self = yaml::read(text).map_err(|mistake| mistake.to_string())?;
        let too_many = |line: u64, what: &str| Err(format!("line {line}: more than {MAX_ENTRIES} {what}"));
        if let Some(rule) = document.rules.get(MAX_ENTRIES) {
            return too_many(rule.referenced.line(), "rules");
        }
        if let Some(client) = document.clients.get(MAX_ENTRIES) {
            return too_many(client.referenced.line(), "clients");
        }
        let reasons = document.rules.iter().flat_map(|rule| &rule.value.deny);
        if let Some(reason) = reasons.clone().nth(MAX_ENTRIES) {
            return too_many(reason.condition.referenced.line(), "reasons to refuse");
        }
        if let Some(named) = document.lets.values().nth(MAX_ENTRIES) {
            return too_many(named.referenced.line(), "names under let");
        }
        Ok(document)
    }
}
