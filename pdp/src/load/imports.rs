//! The interfaces that a policy may import, and hints about those that it may not.

use std::fmt;

use engine_api::untrusted;
use wasmtime::Engine;
use wasmtime::component::Component;

/// How much of an import's name is shown, in bytes.
const MAX_NAME: usize = 100;

/// Every interface that is provided, with the beginning of its version.
const PROVIDED: [(&str, &str); 18] = [
    ("sockgate:policy/types", "0.1."),
    ("sockgate:policy/call", "0.1."),
    ("sockgate:policy/engine", "0.1."),
    ("sockgate:policy/log", "0.1."),
    ("wasi:io/error", "0.2."),
    ("wasi:io/poll", "0.2."),
    ("wasi:io/streams", "0.2."),
    ("wasi:clocks/monotonic-clock", "0.2."),
    ("wasi:clocks/wall-clock", "0.2."),
    ("wasi:random/random", "0.2."),
    ("wasi:random/insecure", "0.2."),
    ("wasi:random/insecure-seed", "0.2."),
    ("wasi:cli/stdin", "0.2."),
    ("wasi:cli/stdout", "0.2."),
    ("wasi:cli/stderr", "0.2."),
    ("wasi:cli/environment", "0.2."),
    ("wasi:cli/exit", "0.2."),
    ("wasi:cli/terminal-", "0.2."), // five of them
];

/// An import that is not provided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadImport {
    /// The import's name in the component, fit to be shown.
    pub name: String,
    /// Why it is not provided, or what to do instead.
    pub hint: &'static str,
}

impl fmt::Display for BadImport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.hint)
    }
}

/// Refuses a component that imports what is not provided.
///
/// # Errors
/// All imports that are not provided.
pub(crate) fn require_provided(component: &Component, engine: &Engine) -> Result<(), Vec<BadImport>> {
    let bad: Vec<_> = of(component, engine).into_iter().filter_map(Result::err).collect();
    if bad.is_empty() { Ok(()) } else { Err(bad) }
}

/// The imports of a component: the name of each that is provided, and an error for each that is not.
pub(crate) fn of(component: &Component, engine: &Engine) -> Vec<Result<String, BadImport>> {
    let names = component.component_type();
    let names = names.imports(engine).map(|(name, _)| name.to_owned());
    names
        .map(
            |name| {
                if is_provided(&name) { Ok(untrusted::fit(&name, MAX_NAME)) } else { Err(bad_import(&name)) }
            },
        )
        .collect()
}

fn is_provided(import: &str) -> bool {
    let (interface, version) = import.split_once('@').unwrap_or((import, ""));
    PROVIDED.iter().any(|(name, versions)| {
        let is_named = if name.ends_with('-') { interface.starts_with(name) } else { interface == *name };
        is_named && version.starts_with(versions)
    })
}

fn bad_import(name: &str) -> BadImport {
    let hint = match name {
        name if name.starts_with("sockgate:policy/") => "this gateway speaks version 0.1 of sockgate:policy",
        name if name.starts_with("wasi:filesystem/") => {
            "a policy has no files; pass what it needs as POLICY_SETTINGS, and build Python with --stub-wasi"
        }
        name if name.starts_with("wasi:sockets/") || name.starts_with("wasi:http/") => {
            "a policy has no network; it may look objects up with sockgate:policy/engine"
        }
        name if name.starts_with("wasi:") => "this part of WASI is not given to policies",
        _ => "the gateway does not provide it",
    };
    BadImport { name: untrusted::fit(name, MAX_NAME), hint }
}

/// The first few imports, and how many more there are.
pub(crate) fn listed(imports: &[BadImport]) -> String {
    let mut text = imports.iter().take(5).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if imports.len() > 5 {
        text.push_str(&format!(" and {} more", imports.len() - 5));
    }
    text
}
