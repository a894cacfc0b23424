//! The engine of a test: it answers look-ups with what the file of cases says, and records those that the file does not list.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use engine_api::untrusted;
use pdp::{Inspector, LookupAnswer, LookupError, ObjectKind};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::text_file::{self, ReadError};

/// The kinds of objects that can be looked up, by their words in `wit/policy.wit`.
const KINDS: [(&str, ObjectKind); 11] = [
    ("container", ObjectKind::Container),
    ("image", ObjectKind::Image),
    ("network", ObjectKind::Network),
    ("volume", ObjectKind::Volume),
    ("exec", ObjectKind::Exec),
    ("service", ObjectKind::Service),
    ("task", ObjectKind::Task),
    ("node", ObjectKind::Node),
    ("secret", ObjectKind::Secret),
    ("config", ObjectKind::Config),
    ("plugin", ObjectKind::Plugin),
];

/// What stands below `engine:` in a file of cases: an answer for each kind and reference.
pub(super) type Fixtures = BTreeMap<KindWord, BTreeMap<String, Fixture>>;

/// A kind of object, as its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KindWord(&'static str);

/// One answer of the engine: a mapping is the object, and `"@file.json"` the file that holds it. `not-found`,
/// `unavailable: why` and `refused: why` are the errors that the engine may answer with.
#[derive(Clone, Debug)]
pub(super) enum Fixture {
    Object(Map<String, Value>),
    File(String),
    Error(LookupError),
}

/// An engine that answers from fixtures.
#[derive(Debug)]
pub(super) struct FixtureEngine {
    answers: BTreeMap<(&'static str, String), LookupAnswer>,
    unlisted: Mutex<Vec<UnlistedLookup>>,
}

/// A look-up that no fixture answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnlistedLookup {
    kind: &'static str,
    reference: String,
}

impl fmt::Display for UnlistedLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reference = untrusted::escaped(&self.reference);
        write!(
            f,
            "{} {reference}: it is not listed below `engine:`, so the answer was unavailable",
            self.kind
        )
    }
}

impl FixtureEngine {
    /// Makes an engine of the fixtures of the file and of the case; those of the case come first. `folder` is where the
    /// files are that they name.
    ///
    /// # Errors
    /// [`ReadError`].
    pub(super) fn new(all: [&Fixtures; 2], folder: &Path) -> Result<Self, ReadError> {
        let mut answers = BTreeMap::new();
        for (kind, objects) in all.into_iter().flatten() {
            for (reference, fixture) in objects {
                answers.insert((kind.0, reference.clone()), fixture.answer(*kind, folder)?);
            }
        }
        Ok(Self { answers, unlisted: Mutex::default() })
    }

    /// The look-ups so far that no fixture answers.
    pub(super) fn unlisted(&self) -> Vec<UnlistedLookup> {
        self.unlisted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Inspector for FixtureEngine {
    fn inspect(
        &self,
        kind: ObjectKind,
        reference: &str,
    ) -> Pin<Box<dyn Future<Output = LookupAnswer> + Send>> {
        let word = KINDS.iter().find(|(_, listed)| *listed == kind).map_or("", |(word, _)| word);
        let key = (word, reference.to_owned());
        let answer = self.answers.get(&key).cloned().unwrap_or_else(|| {
            let (kind, reference) = key;
            self.unlisted
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(UnlistedLookup { kind, reference });
            Err(LookupError::Unavailable("the test does not list this object".to_owned()))
        });
        Box::pin(std::future::ready(answer))
    }
}

impl Fixture {
    fn answer(&self, kind: KindWord, folder: &Path) -> Result<LookupAnswer, ReadError> {
        match self {
            Self::Object(object) => Ok(Ok(Arc::from(with_id(object, kind).to_string()))),
            Self::Error(error) => Ok(Err(error.clone())),
            Self::File(name) => Ok(Ok(Arc::from(text_file::read(folder.join(name))?))),
        }
    }
}

/// A request is forwarded with the id of the object that it is about, so the gateway does not take an object without one.
/// Few cases care which id it is, so one that is missing is added.
fn with_id(object: &Map<String, Value>, kind: KindWord) -> Value {
    let mut object = object.clone();
    let name = match kind.0 {
        "container" => "Id",
        "exec" => "ID",
        _ => return Value::Object(object),
    };
    object.entry(name).or_insert_with(|| Value::String("0".repeat(64)));
    Value::Object(object)
}

impl<'de> Deserialize<'de> for KindWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let known = KINDS.iter().find(|(known, _)| *known == word);
        known.map(|(known, _)| Self(known)).ok_or_else(|| {
            let words: Vec<_> = KINDS.iter().map(|(word, _)| *word).collect();
            D::Error::custom(format!("{word:?} is not a kind of object; the kinds are {}", words.join(", ")))
        })
    }
}

impl<'de> Deserialize<'de> for Fixture {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let text = match value {
            Value::Object(object) => return Ok(Self::Object(object)),
            Value::String(text) => text,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
                return Err(D::Error::custom(FIXTURES));
            }
        };
        if let Some(file) = text.strip_prefix('@') {
            return Ok(Self::File(file.to_owned()));
        }
        let (word, why) = text.split_once(':').unwrap_or((&text, ""));
        let why = why.trim().to_owned();
        match word {
            "not-found" if why.is_empty() => Ok(Self::Error(LookupError::NotFound)),
            "unavailable" => Ok(Self::Error(LookupError::Unavailable(why))),
            "refused" => Ok(Self::Error(LookupError::Refused(why))),
            _ => Err(D::Error::custom(FIXTURES)),
        }
    }
}

const FIXTURES: &str = "an answer of the engine is a mapping (the object), \"@file.json\", not-found, \"unavailable: why\" or \"refused: why\"";
