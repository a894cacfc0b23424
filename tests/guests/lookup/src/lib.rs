//! A policy that looks up what its settings say, and denies with the answers.
//!
//! Settings are lines: `container web` looks up a container, `container *` the one that the request is about, and
//! `then allow` or `then defer` lets the request go on instead of denying it. Of an answer that was found the denial has
//! the length and the first part.

mod bindings;

use std::cell::RefCell;

use bindings::{Decision, Denial, Guest, Kind, LookupError, Manifest, Request, inspect};

/// Of an answer that was found, in characters.
const SHOWN: usize = 300;

thread_local! {
    static SETTINGS: RefCell<Settings> = RefCell::default();
}

#[derive(Default)]
struct Settings {
    objects: Vec<(String, Kind, String)>,
    then: Then,
}

#[derive(Clone, Copy, Default)]
enum Then {
    #[default]
    Deny,
    Allow,
    Defer,
}

struct Lookup;

impl Guest for Lookup {
    fn configure(settings: String) -> Result<Manifest, String> {
        SETTINGS.set(read(&settings)?);
        let (name, version) = (env!("CARGO_PKG_NAME").into(), env!("CARGO_PKG_VERSION").into());
        Ok(Manifest { name, version, inspect: Vec::new(), attributes: Vec::new() })
    }

    fn decide(request: Request) -> Decision {
        SETTINGS.with_borrow(|Settings { objects, then }| {
            let subject = request.subject.as_deref().unwrap_or_default();
            let answers = objects.iter().map(|(word, kind, reference)| {
                let reference = if reference == "*" { subject } else { reference };
                format!("{word}: {}", shown(inspect(*kind, reference)))
            });
            let message = answers.collect::<Vec<_>>().join("; ");
            match then {
                Then::Deny => Decision::Deny(Denial { message, status: None }),
                Then::Allow => Decision::Allow,
                Then::Defer => Decision::Defer,
            }
        })
    }
}

fn read(text: &str) -> Result<Settings, String> {
    let mut settings = Settings::default();
    for line in text.lines() {
        let (word, rest) = line.split_once(' ').ok_or_else(|| format!("{line}: a word is missing"))?;
        match (word, rest) {
            ("then", "allow") => settings.then = Then::Allow,
            ("then", "defer") => settings.then = Then::Defer,
            _ => settings.objects.push((word.to_owned(), kind(word)?, rest.to_owned())),
        }
    }
    Ok(settings)
}

fn kind(word: &str) -> Result<Kind, String> {
    Ok(match word {
        "container" => Kind::Container,
        "image" => Kind::Image,
        "network" => Kind::Network,
        "volume" => Kind::Volume,
        "exec" => Kind::Exec,
        "service" => Kind::Service,
        "task" => Kind::Task,
        "node" => Kind::Node,
        "secret" => Kind::Secret,
        "config" => Kind::Config,
        "plugin" => Kind::Plugin,
        _ => return Err(format!("{word}: no such kind")),
    })
}

fn shown(answer: Result<String, LookupError>) -> String {
    match answer {
        Ok(json) => format!("found {} bytes {}", json.len(), json.chars().take(SHOWN).collect::<String>()),
        Err(LookupError::NotFound) => "not found".to_owned(),
        Err(LookupError::Refused(why)) => format!("refused: {why}"),
        Err(LookupError::Unavailable(why)) => format!("unavailable: {why}"),
    }
}
