//! The reference documents that are generated from the code: the tables of flags, settings and presets in `README.md`,
//! and all of `docs/ENDPOINTS.md`.
//!
//! `cargo run -p e2e --bin reference` writes them anew; `e2e/docs.rs` fails while one is stale.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use engine_api::{Endpoint, Family, Flag, Operation, Target};
use sockgate::config::SETTINGS;
use sockgate::presets;

/// The command that writes every document anew.
pub const RENEW: &str = "cargo run -p e2e --bin reference";

/// A file of the repository that is generated from the code, wholly or between markers.
#[derive(Clone, Copy, Debug)]
pub struct Document {
    /// The path from the repository's root.
    pub path: &'static str,
    renewed: fn(&str) -> Result<String>,
}

/// Every such file.
pub const DOCUMENTS: [Document; 2] = [
    Document { path: "README.md", renewed: readme },
    Document { path: "docs/ENDPOINTS.md", renewed: |_| endpoints() },
];

impl Document {
    /// The content in the repository, which is empty if there is no file yet.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    pub fn committed(&self) -> Result<String> {
        let file = root().join(self.path);
        match file.exists() {
            true => std::fs::read_to_string(&file).with_context(|| self.path),
            false => Ok(String::new()),
        }
    }

    /// The content that the file should have.
    ///
    /// # Errors
    /// If `committed` has lost a marker.
    pub fn renewed(&self, committed: &str) -> Result<String> {
        (self.renewed)(committed).with_context(|| self.path)
    }
}

/// The repository's root.
#[must_use]
pub fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn readme(committed: &str) -> Result<String> {
    let with_flags = between_markers(committed, "flags", &flags())?;
    let with_settings = between_markers(&with_flags, "settings", &settings())?;
    between_markers(&with_settings, "presets", &presets())
}

/// Replaces what stands between `<!-- name: … -->` and `<!-- end of name -->`.
fn between_markers(text: &str, name: &str, content: &str) -> Result<String> {
    let (start, end) =
        (format!("<!-- {name}: written by `{RENEW}` -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = text.split_once(&start).with_context(|| format!("there is no {start:?}"))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("there is no {end:?}"))?;
    Ok(format!("{before}{start}\n{content}\n{end}{after}"))
}

fn flags() -> String {
    let rows = Flag::ALL.iter().map(|flag| {
        [code(flag.name()), code(if flag.is_on_by_default() { "1" } else { "0" }), flag.meaning().to_owned()]
    });
    table(["Flag", "Default", "Lets through"], rows)
}

fn settings() -> String {
    let rows = SETTINGS.iter().map(|setting| {
        let alias = setting.alias.map_or_else(String::new, |alias| format!(" or {}", code(alias)));
        let default = if setting.default.is_empty() { "none".to_owned() } else { code(setting.default) };
        [code(setting.name) + &alias, default, setting.meaning.to_owned()]
    });
    table(["Setting", "Default", "Meaning"], rows)
}

fn presets() -> String {
    let rows = presets::ALL.into_iter().map(|preset| {
        let is_root = if preset.root.is_some() { "yes" } else { "no" };
        [code(preset.name), preset.about.to_owned(), is_root.to_owned()]
    });
    table(["Preset", "For", "Root on the host"], rows)
}

const ABOUT_ENDPOINTS: &str = "\
An operation is allowed when every flag in its row is on, or when `ALLOW_OPERATIONS` names it. What `DENY_OPERATIONS` names
is denied, whatever else is set: 403. A flag that is off answers 405 if it is the method's (`POST`, `PUT`, `DELETE`), else
403. HEAD goes where GET goes, but for the two operations that HEAD has of its own (SystemPingHead, ContainerArchiveInfo).

Both lists take the names of the first column, with a `*` at the end for all that begin so: `ContainerArchive*`.

- **Request**: without the version prefix, which every path may have. `{name...}` may hold slashes.
- **Access**: `read` changes nothing in the engine, `write` changes it, `interactive` writes into a running process.
- **Transport**: `plain` is one request and one answer, `stream` an answer or upload that may be endless, `hijack` becomes
  a raw stream (`Upgrade: tcp`), `websocket` and `h2c` become what they say. No other request may be upgraded.

An argument that the engine would use on the host, as root, needs `ALLOW_HOST_ARGS` besides, also of an operation that is
allowed by name: `ps_args` of ContainerTop other than harmless ones, `dir` of CheckpointList and CheckpointDelete, `checkpoint-dir` of ContainerStart. What other parameters of
reads do is in [THREAT-MODEL.md](THREAT-MODEL.md#what-the-query-of-a-read-can-do).

A path that is in a family and in no row here is judged by its method's flag and its family's, so that an operation of
a newer engine works. It has no name, so that no list allows or denies it. A path outside every family is refused.
";

fn endpoints() -> Result<String> {
    let mut text = format!(
        "# Endpoints\n\nEvery operation of the Engine API that sockgate knows, by family, under its operationId in the \
         API's own reference.\n\n{ABOUT_ENDPOINTS}\nThis file is written from the catalogue \
         (`engine-api/src/endpoint/table.rs`) by `{RENEW}`.\n"
    );
    for &family in Family::ALL {
        let rows = Endpoint::ALL.iter().map(|&endpoint| operation(endpoint).map(|found| (endpoint, found)));
        let rows = rows.filter(|row| row.as_ref().map_or(true, |(_, found)| found.family() == Some(family)));
        let rows = rows.collect::<Result<Vec<_>>>()?;
        let flag = match family.flag() {
            Some(flag) => format!("Governed by {}.", code(flag.name())),
            None => "Always refused: no flag opens it.".to_owned(),
        };
        write!(text, "\n## {family}\n\n{flag}\n")?;
        if !rows.is_empty() {
            let rows = rows.iter().map(|(endpoint, operation)| row(*endpoint, operation));
            let head = ["Operation", "Request", "Access", "Transport", "Flags"];
            write!(text, "\n{}", table(head, rows))?;
        }
    }
    Ok(text)
}

/// The operation of an endpoint. Its path is the template itself, which is a valid path with odd names.
fn operation(endpoint: Endpoint) -> Result<Operation> {
    let template = endpoint.templates().first().context("an endpoint without a path")?;
    Ok(Operation::new(endpoint.method(), Target::parse(template)?))
}

fn row(endpoint: Endpoint, operation: &Operation) -> [String; 5] {
    let paths: Vec<_> = endpoint.templates().iter().map(|path| code(path)).collect();
    let flags: Vec<_> = engine_api::needed_flags(operation).map(|flag| code(flag.name())).collect();
    [
        endpoint.operation_id().to_owned(),
        format!("{} {}", endpoint.method(), paths.join(" or ")),
        endpoint.access().as_str().to_owned(),
        endpoint.transport().as_str().to_owned(),
        flags.join(" "),
    ]
}

fn table<const COLUMNS: usize>(
    head: [&str; COLUMNS],
    rows: impl Iterator<Item = [String; COLUMNS]>,
) -> String {
    let line = |cells: [String; COLUMNS]| {
        format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
    };
    let rule = line(["---"; COLUMNS].map(str::to_owned));
    let rows: String = rows.map(line).collect();
    line(head.map(str::to_owned)) + &rule + &rows
}

fn code(text: &str) -> String {
    format!("`{text}`")
}
