//! The file of cases that `sockgate policy test` reads: requests, and what a policy should make of them.
//!
//! Everything in it is checked before the first case runs. A key that is not known is a mistake, with its line: a
//! misspelt `expect` must not pass for a case that expects nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use engine_api::Flags;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::expected::Expected;
use super::fixtures::{FixtureEngine, Fixtures};
use super::yaml::{BadYaml, Node};

/// Why a file of cases cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadCases {
    /// It, or a file that it names, cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: std::io::Error,
    },
    /// It makes no sense.
    #[error("{} makes no sense: {source}", path.display())]
    Yaml {
        /// The file of cases.
        path: PathBuf,
        /// What is wrong, and where.
        source: BadYaml,
    },
    /// One case does not.
    #[error("{} makes no sense: line {line}: {what}", file.display())]
    Case {
        /// The file of cases.
        file: PathBuf,
        /// Where the case begins.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// A file without a case tests nothing.
    #[error("{} has no cases", .0.display())]
    None(PathBuf),
}

/// A file of cases, ready to be run.
pub struct CaseFile {
    /// Where it stands.
    pub path: PathBuf,
    /// In its order.
    pub cases: Vec<Case>,
}

/// One case.
pub struct Case {
    /// What it shows.
    pub name: String,
    /// Where it begins in its file.
    pub line: usize,
    /// Method and target, as they stand there.
    pub request: String,
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
    settings: Option<Content>,
    flags: Option<FlagWords>,
    #[serde(default)]
    client: BTreeMap<String, String>,
    #[serde(default)]
    engine: Fixtures,
    cases: Vec<Written>,
}

/// A case as it is written. What it does not say, the file says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    request: String,
    #[serde(default)]
    headers: BTreeMap<String, OneOrMore>,
    body: Option<Content>,
    #[serde(default)]
    client: BTreeMap<String, String>,
    flags: Option<FlagWords>,
    settings: Option<Content>,
    #[serde(default)]
    engine: Fixtures,
    expect: Expected,
}

/// A text: as it stands, from a file (`"@create.json"`), or a mapping or list that becomes JSON.
enum Content {
    Text(String),
    File(String),
}

/// `CONTAINERS=1 POST=1`.
#[derive(Clone, Copy)]
struct FlagWords(Flags);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl CaseFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`BadCases`].
    pub fn read(path: &Path) -> Result<Self, BadCases> {
        let text = read(path.to_owned())?;
        let yaml = Node::read(&text).and_then(|root| Ok((root.to::<Document>()?, root)));
        let (document, root) = yaml.map_err(|source| BadCases::Yaml { path: path.to_owned(), source })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let shared = Shared { folder, document: &document };
        let cases = document.cases.iter().zip(root.items_of("cases")).map(|(written, node)| {
            shared.case(written, node.line).map_err(|problem| match problem {
                Problem::Here(what) => BadCases::Case { file: path.to_owned(), line: node.line, what },
                Problem::Elsewhere(error) => error,
            })
        });
        let cases = cases.collect::<Result<Vec<_>, _>>()?;
        if cases.is_empty() {
            return Err(BadCases::None(path.to_owned()));
        }
        Ok(Self { path: path.to_owned(), cases })
    }
}

/// What is wrong with a case, or with a file that it names.
enum Problem {
    Here(String),
    Elsewhere(BadCases),
}

impl From<BadCases> for Problem {
    fn from(error: BadCases) -> Self {
        Self::Elsewhere(error)
    }
}

/// What a case is completed from.
struct Shared<'f> {
    folder: &'f Path,
    document: &'f Document,
}

impl Shared<'_> {
    fn case(&self, written: &Written, line: usize) -> Result<Case, Problem> {
        let of_all = self.document;
        let body = written.body.as_ref().map(|body| body.read(self.folder)).transpose()?.map(Bytes::from);
        let mut headers = headers(&written.headers).map_err(Problem::Here)?;
        if body.is_some() && !headers.contains_key(header::CONTENT_TYPE) {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let settings = written.settings.as_ref().or(of_all.settings.as_ref());
        let mut attributes = of_all.client.clone();
        attributes.extend(written.client.clone());
        Ok(Case {
            name: written.name.clone(),
            line,
            request: written.request.clone(),
            settings: settings.map(|settings| settings.read(self.folder)).transpose()?,
            flags: written.flags.or(of_all.flags).map_or_else(Flags::default, |FlagWords(flags)| flags),
            headers,
            body,
            attributes: attributes.into_iter().collect(),
            engine: Arc::new(FixtureEngine::new([&of_all.engine, &written.engine], self.folder)?),
            expected: written.expect.clone(),
        })
    }
}

impl Content {
    fn read(&self, folder: &Path) -> Result<String, BadCases> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::File(name) => read(folder.join(name)),
        }
    }
}

/// A file that is a text.
///
/// # Errors
/// [`BadCases`].
pub(super) fn read(path: PathBuf) -> Result<String, BadCases> {
    std::fs::read_to_string(&path).map_err(|source| BadCases::File { path, source })
}

fn headers(written: &BTreeMap<String, OneOrMore>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, values) in written {
        let field = HeaderName::try_from(name.as_str())
            .map_err(|_what| format!("{name:?} is no name of a header"))?;
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

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(match text.strip_prefix('@') {
                Some(file) => Self::File(file.to_owned()),
                None => Self::Text(text),
            }),
            json @ (Value::Object(_) | Value::Array(_)) => Ok(Self::Text(json.to_string())),
            Value::Null | Value::Bool(_) | Value::Number(_) => Err(D::Error::custom(
                "expected a text, \"@file\", or a mapping or list that becomes JSON; put other values in quotes",
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
