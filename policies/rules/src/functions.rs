//! What expressions may call besides CEL's own: what is known of Docker, and look-ups.
//!
//! The functions of a CEL environment are plain functions, so what they ask about is laid down here before a decision, and
//! taken away after it.

use std::cell::RefCell;
use std::fmt::{self, Display};
use std::net::IpAddr;
use std::sync::Arc;

use cel::common::types::{CelBool, CelString, DYN_TYPE, MAP_TYPE, STRING_TYPE};
use cel::common::value::{CowVal, Val};
use cel::{DeclarationError, Env, ExecutionError, extensions};
use docker_facts::{Image, Judge, folders};
use serde_json::{Value, json};

use crate::address::Network;
use crate::bindings::{Kind, LookupError};
use crate::value::{to_json, val};

/// Stands for the function in an error that tells of an object that the engine does not have.
pub(crate) const NOT_FOUND: &str = "not found";

/// The options of `escapes`.
pub(crate) const OPTIONS: [&str; 2] = ["capabilities", "folders"];

/// How the engine is asked.
pub(crate) type Ask = fn(Kind, &str) -> std::result::Result<String, LookupError>;

/// The request that functions speak of.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) operation: String,
    pub(crate) query: Vec<(String, String)>,
    /// Null if there is none.
    pub(crate) body: Value,
    pub(crate) ask: Ask,
}

thread_local! {
    static QUESTION: RefCell<Option<Arc<Question>>> = const { RefCell::new(None) };
}

/// Lays down what the functions speak of until the next request.
pub(crate) fn speak_of(question: Arc<Question>) {
    QUESTION.set(Some(question));
}

type Result<T> = std::result::Result<T, ExecutionError>;
type Given<'b, 'v> = Vec<CowVal<'b, 'v>>;
type Gives<'b, 'v> = Result<CowVal<'b, 'v>>;

/// CEL's own functions, its library of texts, and those of this policy.
pub(crate) fn environment() -> std::result::Result<Arc<Env>, DeclarationError> {
    let mut env = Env::stdlib();
    env.add_extension(extensions::strings)?;
    let text = || vec![STRING_TYPE];
    env.add_overload("escapes", "escapes_body", vec![DYN_TYPE], escapes)?;
    env.add_overload("escapes", "escapes_body_options", vec![DYN_TYPE, MAP_TYPE], escapes)?;
    env.add_overload("mounts", "mounts_body", vec![DYN_TYPE], mounts)?;
    env.add_overload("labels", "labels_body", vec![DYN_TYPE], labels)?;
    env.add_overload("image", "image_text", text(), image)?;
    env.add_overload("cidr", "cidr_text_text", vec![STRING_TYPE, STRING_TYPE], cidr)?;
    env.add_overload("container", "container_text", text(), |given| {
        look_up_first("container", Kind::Container, &given)
    })?;
    env.add_overload("network", "network_text", text(), |given| {
        look_up_first("network", Kind::Network, &given)
    })?;
    env.add_overload("volume", "volume_text", text(), |given| look_up_first("volume", Kind::Volume, &given))?;
    env.add_overload("image_info", "image_info_text", text(), |given| {
        look_up_first("image", Kind::Image, &given)
    })?;
    env.add_overload("own_labels", "own_labels_text", text(), own_labels)?;
    env.add_overload("matches", "matches_text_text", vec![STRING_TYPE, STRING_TYPE], matches)?;
    env.add_member_overload("matches", "text_matches_text", STRING_TYPE, text(), matches)?;
    Ok(Arc::new(env))
}

fn failed(function: &str, why: impl ToString) -> ExecutionError {
    ExecutionError::function_error(function, why)
}

fn question(function: &str) -> Result<Arc<Question>> {
    QUESTION
        .with_borrow(|question| question.clone())
        .ok_or_else(|| failed(function, "nothing is being decided"))
}

fn text<'g>(function: &str, given: &'g [CowVal<'_, '_>], at: usize) -> Result<&'g str> {
    let value = given.get(at).map(|value| value.as_ref() as &dyn Val);
    let text = value.and_then(|value| value.downcast_ref::<CelString<'_>>()).map(CelString::inner);
    text.ok_or_else(|| failed(function, "expected a text"))
}

/// What is let through, and the engine.
struct Options<'q> {
    question: &'q Question,
    folders: Vec<String>,
    capabilities: Vec<String>,
}

impl<'q> Options<'q> {
    fn read(question: &'q Question, options: &Value) -> std::result::Result<Self, String> {
        let mut read = Self { question, folders: Vec::new(), capabilities: Vec::new() };
        for (name, list) in options.as_object().into_iter().flatten() {
            let texts = list.as_array().map(|list| list.iter().map(|text| text.as_str().map(str::to_owned)));
            let texts = texts.and_then(Iterator::collect::<Option<Vec<_>>>);
            let texts = texts.ok_or_else(|| format!("{name}: expected a list of texts"))?;
            match name.as_str() {
                "folders" => read.folders = texts,
                "capabilities" => read.capabilities = texts,
                other => {
                    return Err(format!("there is no option {other}; there are {}", OPTIONS.join(" and ")));
                }
            }
        }
        folders::judge(&read.folders).map(|()| read)
    }
}

impl Judge for Options<'_> {
    fn image(&self, text: &str) -> std::result::Result<(), String> {
        // Where it comes from is another rule's; without one, a container starts from what is copied into it.
        if text.is_empty() { Err("an image has to be named".to_owned()) } else { Ok(()) }
    }

    fn driver_of(&self, network: &str) -> std::result::Result<String, String> {
        let answer = look_up(self.question.ask, "network", Kind::Network, network);
        let answer = answer.map_err(|failure| failure.to_string())?;
        Ok(answer.get("Driver").and_then(Value::as_str).unwrap_or_default().to_owned())
    }

    fn folders(&self) -> &[String] {
        &self.folders
    }

    fn capabilities(&self) -> &[String] {
        &self.capabilities
    }
}

/// The escapes of a request that no rule has spoken of.
pub(crate) fn escapes_of(question: &Question, options: &Value) -> std::result::Result<Vec<String>, String> {
    let options = Options::read(question, options)?;
    Ok(docker_facts::escapes(&question.operation, &question.query, &question.body, &options))
}

fn escapes<'b, 'v>(given: Given<'b, 'v>) -> Gives<'b, 'v> {
    let options = given.get(1).map_or(Ok(Value::Null), |options| to_json(options.as_ref()))?;
    let found = escapes_of(&*question("escapes")?, &options).map_err(|problem| failed("escapes", problem))?;
    Ok(CowVal::Owned(val(&json!(found))))
}

fn mounts<'b, 'v>(_: Given<'b, 'v>) -> Gives<'b, 'v> {
    let question = question("mounts")?;
    let mounts = docker_facts::mounts(&question.body).map_err(|problem| failed("mounts", problem))?;
    let mounts = mounts.into_iter().map(|mount| {
        json!({"type": mount.kind, "source": mount.source, "target": mount.target, "read_only": mount.read_only})
    });
    Ok(CowVal::Owned(val(&Value::Array(mounts.collect()))))
}

fn labels<'b, 'v>(_: Given<'b, 'v>) -> Gives<'b, 'v> {
    let question = question("labels")?;
    let labels = docker_facts::labels(&question.body).map_err(|problem| failed("labels", problem))?;
    Ok(CowVal::Owned(val(&Value::Object(labels))))
}

fn image<'b, 'v>(given: Given<'b, 'v>) -> Gives<'b, 'v> {
    let Image { registry, repository, tag, digest } =
        Image::parse(text("image", &given, 0)?).map_err(|_value| failed("image", NO_IMAGE))?;
    let parts = json!({"registry": registry, "repository": repository, "tag": tag, "digest": digest});
    Ok(CowVal::Owned(val(&parts)))
}

/// Values are not told: they can be anybody's.
const NO_IMAGE: &str =
    "what image() is given is an image's id, or no image's name; give its registry, path and tag";

fn cidr<'b, 'v>(given: Given<'b, 'v>) -> Gives<'b, 'v> {
    let address = text("cidr", &given, 0)?;
    let parsed: Option<IpAddr> = address.parse().ok();
    let parsed = parsed.ok_or_else(|| failed("cidr", "what cidr() is given first is no address"))?;
    let network = Network::parse(text("cidr", &given, 1)?);
    let network = network.map_err(|_value| failed("cidr", "what cidr() is given second is no network"))?;
    Ok(CowVal::owned(CelBool::from(network.contains(parsed))))
}

fn matches<'b, 'v>(given: Given<'b, 'v>) -> Gives<'b, 'v> {
    let pattern = pattern(text("matches", &given, 1)?);
    let pattern = pattern.map_err(|_value| failed("matches", "what matches() is given is no pattern"))?;
    Ok(CowVal::owned(CelBool::from(pattern.is_match(text("matches", &given, 0)?))))
}

/// A regular expression. What would unfold to a large program is refused, and the time to match is linear in the text.
pub(crate) fn pattern(text: &str) -> std::result::Result<regex_lite::Regex, String> {
    regex_lite::RegexBuilder::new(text)
        .size_limit(64 * 1024)
        .nest_limit(32)
        .build()
        .map_err(|error| format!("{text:?}: {error}"))
}

fn look_up_first<'b, 'v>(what: &'static str, kind: Kind, given: &[CowVal<'b, 'v>]) -> Gives<'b, 'v> {
    let answer = look_up(question(what)?.ask, what, kind, text(what, given, 0)?);
    answer.map(|answer| CowVal::Owned(val(&answer))).map_err(|failure| failure.of(what))
}

/// A container's labels without those that its image has as well: whoever made the image has put them there.
fn own_labels<'b, 'v>(given: Given<'b, 'v>) -> Gives<'b, 'v> {
    let question = question("own_labels")?;
    let container = look_up(question.ask, "container", Kind::Container, text("own_labels", &given, 0)?);
    let container = container.map_err(|failure| failure.of("own_labels"))?;
    let labels =
        |of: &Value| of.pointer("/Config/Labels").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut own = labels(&container);
    if !own.is_empty() {
        // By its id, which stays the same whatever its name means by now.
        let id = container.get("Image").and_then(Value::as_str).unwrap_or_default();
        let image = look_up(question.ask, "image", Kind::Image, id);
        let inherited =
            labels(&image.map_err(|_id| failed("own_labels", "the container's image cannot be looked up"))?);
        own.retain(|name, value| inherited.get(name) != Some(value));
    }
    Ok(CowVal::Owned(val(&Value::Object(own))))
}

/// Why there is no answer to a look-up.
enum Failure {
    /// The engine does not have the object.
    Missing(String),
    Other(String),
}

impl Failure {
    /// The error of the function that asked.
    fn of(self, function: &str) -> ExecutionError {
        match self {
            Self::Missing(_) => failed(NOT_FOUND, self),
            Self::Other(_) => failed(function, self),
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(text) | Self::Other(text) => f.write_str(text),
        }
    }
}

fn look_up(ask: Ask, what: &str, kind: Kind, reference: &str) -> std::result::Result<Value, Failure> {
    let answer = ask(kind, reference).map_err(|error| match error {
        LookupError::NotFound => Failure::Missing(format!("there is no {what} {reference}")),
        LookupError::Refused(why) | LookupError::Unavailable(why) => {
            Failure::Other(format!("{what} {reference} cannot be looked up: {why}"))
        }
    })?;
    serde_json::from_str(&answer).map_err(|error| Failure::Other(format!("{what} {reference}: {error}")))
}
