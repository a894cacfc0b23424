//! What a preset sets, in the order in which it is printed, and the comments that go before it.

use engine_api::Endpoint;

use super::{Call, LeftOut, ON_BY_DEFAULT, Preset, Reach, Root};

/// The longest line of a comment, where its words allow that.
const WIDTH: usize = 110;

/// A variable with its value and the reason for it.
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) value: String,
    /// Lines.
    pub(super) reason: Vec<String>,
}

/// Every variable that a preset sets.
pub(super) fn settings(preset: &Preset) -> Vec<Setting> {
    let mut settings = Vec::new();
    if preset.service.reach == Reach::Unix {
        settings.push(Setting {
            name: "LISTEN_ADDR",
            value: "unix:///run/sockgate/docker.sock".to_owned(),
            reason: vec!["a unix socket in a folder that the application shares".to_owned()],
        });
    }
    for (flag, endpoint) in ON_BY_DEFAULT {
        let path = endpoint.templates().concat();
        let (value, reason) = match preset.calls.iter().find(|call| call.0 == endpoint) {
            Some(call) => ("1", format!("{path}: {}", call.1)),
            None => ("0", format!("{path}: not called; on by default")),
        };
        settings.push(Setting { name: flag.name(), value: value.to_owned(), reason: vec![reason] });
    }
    let by_name: Vec<_> = preset.calls.iter().filter(|call| !is_on_by_default(call.0)).collect();
    settings.push(Setting {
        name: "ALLOW_OPERATIONS",
        value: list(by_name.iter().map(|call| call.0)),
        reason: by_name
            .iter()
            .map(|Call(endpoint, why)| format!("{}: {why}", endpoint.operation_id()))
            .collect(),
    });
    settings
}

/// What a preset's text begins with: lines without the mark of a comment.
pub(super) fn head(preset: &Preset, usage: &str) -> Vec<String> {
    let mut lines = wrapped(&format!("sockgate preset {}: {}.", preset.name, preset.about));
    if let Some(Root { how, advice }) = preset.root {
        lines.push(String::new());
        lines.extend(wrapped(&format!(
            "WARNING: with these settings clients are root on this host: {how}. {advice}"
        )));
    }
    lines.push(String::new());
    lines.extend(usage.lines().map(str::to_owned));
    lines.push(String::new());
    lines.push("What it calls was read in".to_owned());
    lines.extend(preset.sources.iter().map(|source| format!("  {source}")));
    if !preset.left_out.is_empty() {
        lines.push(String::new());
        lines.push("What does not work, and what to add to ALLOW_OPERATIONS for it:".to_owned());
        for LeftOut(what, operations) in preset.left_out {
            let needs = if operations.is_empty() {
                String::new()
            } else {
                format!(": add {}", list(operations.iter().copied()))
            };
            lines.extend(wrapped(&format!("- {what}{needs}")));
        }
    }
    lines
}

/// A line of a comment.
pub(super) fn comment(indent: &str, line: &str) -> String {
    format!("{indent}{}\n", format!("# {line}").trim_end())
}

fn is_on_by_default(endpoint: Endpoint) -> bool {
    ON_BY_DEFAULT.iter().any(|(_, governed)| *governed == endpoint)
}

fn list(operations: impl Iterator<Item = Endpoint>) -> String {
    operations.map(Endpoint::operation_id).collect::<Vec<_>>().join(",")
}

/// Breaks a text at its spaces.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
