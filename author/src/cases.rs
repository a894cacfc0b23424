//! The file of cases that `sockgate policy test` reads: requests, and what the policy is expected to make of them.
//!
//! Everything in the file is checked before the first case runs. A key that is not known is a mistake: a misspelt `expect`
//! must not pass for a case that expects nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use engine_api::Flags;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_saphyr::Spanned;
use yaml::Mistake;

use super::expected::{Expected, ExpectedOperation};
use super::fixtures::{FixtureEngine, Fixtures};
use super::request::unknown_fact;
use super::text_file::{self, ReadError};

#[cfg(test)]
mod tests;

/// Why a file of cases cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CaseFileError {
    /// The file, or one that it names, cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The file has a mistake.
    #[error("{} makes no sense", path.display())]
    Nonsense {
        /// The file of cases.
        path: PathBuf,
        /// The first mistake.
        source: Mistake,
    },
    /// The file has no case, so it would test nothing.
    #[error("{} has no cases", .0.display())]
    Empty(PathBuf),
}

/// A file of cases, ready to be run.
pub struct CaseFile {
    /// The path of the file.
    pub path: PathBuf,
    /// The cases, in the order of the file.
    pub cases: Vec<Case>,
}

/// One case, completed with what the file says for all cases.
pub struct Case {
    /// What the case shows, in the words of its author.
    pub name: String,
    /// The line on which the case begins.
    pub line: u64,
    /// The method and the target, as the file has them.
    pub request: String,
    pub(super) operation: ExpectedOperation,
    pub(super) settings: Option<String>,
    pub(super) flags: Flags,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) engine: Arc<FixtureEngine>,
    pub(super) expected: Expected,
}

/// The file as it is written: what holds for all cases, and the cases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default, deserialize_with = "not_null")]
    settings: Option<TextOrFile>,
    #[serde(default, deserialize_with = "not_null")]
    flags: Option<FlagWords>,
    #[serde(default, deserialize_with = "facts")]
    client: BTreeMap<String, String>,
    #[serde(default)]
    engine: Fixtures,
    cases: Vec<Spanned<CaseEntry>>,
}

/// A case as it is written. What it does not say, the [`Document`] says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseEntry {
    name: String,
    request: String,
    #[serde(default, deserialize_with = "not_null")]
    operation: Option<ExpectedOperation>,
    #[serde(default)]
    headers: BTreeMap<String, OneOrMore>,
    #[serde(default, deserialize_with = "not_null")]
    body: Option<TextOrFile>,
    #[serde(default, deserialize_with = "facts")]
    client: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "not_null")]
    flags: Option<FlagWords>,
    #[serde(default, deserialize_with = "not_null")]
    settings: Option<TextOrFile>,
    #[serde(default)]
    engine: Fixtures,
    expect: Expected,
}

/// A text, or the name of the file that holds it (`"@create.json"`). A mapping or a list becomes JSON text.
enum TextOrFile {
    Text(String),
    File(String),
}

/// `CONTAINERS=1 POST=1`.
#[derive(Clone, Copy)]
struct FlagWords(Flags);

#[derive(Deserialize)]
#[serde(untagged, expecting = "a text or a list of texts is expected here; put numbers in quotes")]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl CaseFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`CaseFileError`].
    pub fn read(path: &Path) -> Result<Self, CaseFileError> {
        let text = text_file::read(path.to_owned())?;
        let nonsense = |source| CaseFileError::Nonsense { path: path.to_owned(), source };
        let document = yaml::read::<Document>(&text).map_err(nonsense)?;
        let defaults = Defaults { folder: path.parent().unwrap_or(Path::new("")), document: &document };
        let cases = document.cases.iter().map(|entry| {
            let line = entry.referenced.line();
            defaults.complete(&entry.value, line).map_err(|problem| match problem {
                Problem::Case(what) => nonsense(Mistake { line, what }),
                Problem::File(error) => error.into(),
            })
        });
        let cases = cases.collect::<Result<Vec<_>, _>>()?;
        if cases.is_empty() {
            return Err(CaseFileError::Empty(path.to_owned()));
        }
        Ok(Self { path: path.to_owned(), cases })
    }
}

/// What is wrong with a case, or with a file that it names.
enum Problem {
    Case(String),
    File(ReadError),
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        Self::File(error)
    }
}

/// What completes a case: that which the file says for all of them, and the folder of the files that they name.
struct Defaults<'f> {
    folder: &'f Path,
    document: &'f Document,
}

impl Defaults<'_> {
    fn complete(&self, entry: &CaseEntry, line: u64) -> Result<Case, Problem> {
        let of_all = self.document;
        let body = entry.body.as_ref().map(|body| body.read(self.folder)).transpose()?.map(Bytes::from);
        let mut headers = headers(&entry.headers).map_err(Problem::Case)?;
        if body.is_some() && !headers.contains_key(header::CONTENT_TYPE) {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let settings = entry.settings.as_ref().or(of_all.settings.as_ref());
        let mut attributes = of_all.client.clone();
        attributes.extend(entry.client.clone());
        Ok(Case {
            name: entry.name.clone(),
            line,
            request: entry.request.clone(),
            operation: entry.operation.unwrap_or_default(),
            settings: settings.map(|settings| settings.read(self.folder)).transpose()?,
            flags: entry.flags.or(of_all.flags).map_or_else(Flags::default, |FlagWords(flags)| flags),
            headers,
            body,
            attributes: attributes.into_iter().collect(),
            engine: Arc::new(FixtureEngine::new([&of_all.engine, &entry.engine], self.folder)?),
            expected: entry.expect.clone(),
        })
    }
}

impl TextOrFile {
    fn read(&self, folder: &Path) -> Result<String, ReadError> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::File(name) => text_file::read(folder.join(name)),
        }
    }
}

fn headers(written: &BTreeMap<String, OneOrMore>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, values) in written {
        let field = HeaderName::try_from(name.as_str())
            .map_err(|_what| format!("{name:?} is not a valid name of a header"))?;
        let values = match values {
            OneOrMore::One(value) => std::slice::from_ref(value),
            OneOrMore::More(values) => values,
        };
        for value in values {
            let value = HeaderValue::try_from(value.as_str());
            headers.append(
                field.clone(),
                value.map_err(|_what| format!("the header {name} cannot have this value"))?,
            );
        }
    }
    Ok(headers)
}

/// Facts about the client, of which each is one that a gateway tells: a misspelt one would go to a policy that ignores it.
fn facts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let facts = BTreeMap::<String, String>::deserialize(deserializer)?;
    match facts.keys().find_map(|name| unknown_fact(name)) {
        Some(mistake) => Err(D::Error::custom(mistake)),
        None => Ok(facts),
    }
}

/// A key that is there has a value: `body:` with nothing behind it is a mistake, and not a case without a body.
fn not_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl<'de> Deserialize<'de> for TextOrFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(match text.strip_prefix('@') {
                Some(file) => Self::File(file.to_owned()),
                None => Self::Text(text),
            }),
            json @ (Value::Object(_) | Value::Array(_)) => Ok(Self::Text(json.to_string())),
            Value::Null | Value::Bool(_) | Value::Number(_) => Err(D::Error::custom(
                "a text, \"@file\", or a mapping or list that becomes JSON is expected here; put other values in quotes",
            )),
        }
    }
}

impl<'de> Deserialize<'de> for FlagWords {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Flags::from_words(&text).map(Self).map_err(D::Error::custom)
    }
}
