//! As much of Markdown as the documents use: fenced blocks, inline links, headings.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use e2e::reference::root;

/// Every Markdown file of the repository.
pub(crate) fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(&root().canonicalize().unwrap(), &mut found);
    assert!(found.iter().any(|file| file.ends_with("README.md")), "the README is gone");
    found
}

/// Not from what builds and package managers leave behind.
fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy();
        let is_ours = !name.starts_with('.') && !["target", "node_modules"].contains(&&*name);
        if path.is_dir() && is_ours && !path.is_symlink() {
            collect(&path, found);
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
}

/// The contents of the fenced blocks of a language.
pub(crate) fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            if info == language {
                blocks.push(block.join("\n"));
            }
        }
    }
    blocks
}

/// A command in a console block, and what stands below it.
pub(crate) struct Quote {
    /// Without the prompt.
    pub(crate) command: String,
    pub(crate) output: String,
}

/// Every command that a document quotes.
pub(crate) fn quotes(text: &str) -> Vec<Quote> {
    let mut quotes: Vec<Quote> = Vec::new();
    for block in blocks(text, "console") {
        for line in block.lines() {
            match (line.strip_prefix("$ "), quotes.last_mut()) {
                (Some(command), _) => {
                    quotes.push(Quote { command: command.to_owned(), output: String::new() });
                }
                (None, Some(quote)) => quote.output += &format!("{line}\n"),
                (None, None) => panic!("a console block starts without a command: {line}"),
            }
        }
    }
    quotes
}

/// The targets of inline links that stay in the repository.
pub(crate) fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    let targets = targets.map(|(target, _)| target.to_owned());
    targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:")).collect()
}

/// The anchors of the headings, as GitHub makes them.
pub(crate) fn anchors(text: &str) -> BTreeSet<String> {
    let prose = prose_lines(text);
    let headings = prose.iter().filter_map(|line| line.strip_prefix('#'));
    headings.map(|heading| anchor(heading.trim_start_matches('#').trim())).collect()
}

fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Without fenced blocks and inline code.
fn prose(text: &str) -> String {
    let lines = prose_lines(text).join("\n");
    lines.split('`').step_by(2).collect()
}

fn prose_lines(text: &str) -> Vec<&str> {
    let mut is_code = false;
    let prose = text.lines().filter(|line| {
        let is_fence = line.starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    prose.collect()
}
