//! What a case expects, what it came to, and both in words.

use std::fmt;

use engine_api::Endpoint;
use pdp::PolicyDenial;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::request::requested;

/// What a case came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Actual {
    /// The policy allows the request.
    Allow,
    /// The policy leaves the request to the next policy and to the flags.
    Defer,
    /// The policy denies the request.
    Deny(PolicyDenial),
    /// The policy failed, which denies the request.
    Fault(String),
    /// The gateway refuses the request before it asks a policy.
    Refused { status: u16, message: String },
    /// The policy refuses its settings.
    InvalidSettings(String),
    /// The request is another operation than the case is about, so that what the policy makes of it shows nothing.
    OtherOperation(String),
}

/// Which operation a case is about. It is not said of a request that the gateway refuses before it asks a policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ExpectedOperation {
    /// It does not say. Any operation of the catalogue will do, but a path with a mistake is none.
    #[default]
    Listed,
    /// This one.
    Is(Endpoint),
    /// None of the catalogue: `unlisted`.
    Unlisted,
}

impl ExpectedOperation {
    /// What a case comes to whose request is another operation, or none.
    pub(super) fn contradicted_by(self, request: &str) -> Option<Actual> {
        let found = requested(request).ok().map(|operation| operation.endpoint());
        let id = |endpoint: Endpoint| endpoint.operation_id();
        let what = match (self, found.flatten()) {
            (Self::Listed, Some(_)) | (Self::Unlisted, None) => return None,
            (Self::Is(wanted), Some(found)) if wanted == found => return None,
            (Self::Is(wanted), Some(found)) => format!("the request is {}, not {}", id(found), id(wanted)),
            (Self::Unlisted, Some(found)) => format!("the request is {}, which is listed", id(found)),
            (Self::Is(wanted), None) => {
                format!("the request is no operation that is known, not {}", id(wanted))
            }
            (Self::Listed, None) => {
                "the request is no operation that is known; if that is meant, say `operation: unlisted`"
                    .to_owned()
            }
        };
        Some(Actual::OtherOperation(what))
    }
}

impl<'de> Deserialize<'de> for ExpectedOperation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let found = Endpoint::ALL.iter().find(|endpoint| endpoint.operation_id() == word);
        match (word.as_str(), found) {
            ("unlisted", _) => Ok(Self::Unlisted),
            (_, Some(endpoint)) => Ok(Self::Is(*endpoint)),
            (_, None) => Err(D::Error::custom(format!(
                "{word:?} is no operation: an operation has its name in the Engine API (ContainerCreate), or is `unlisted`"
            ))),
        }
    }
}

/// What a case expects: `allow`, `deny`, `{deny: the message}`,
/// `{deny: {contains: a part of it, status: 409}}`, and likewise `refused` and, without a status, `fault`
/// and `invalid-settings`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Allow,
    Defer,
    Deny { message: ExpectedText, status: Option<u16> },
    Fault(ExpectedText),
    Refused { message: ExpectedText, status: Option<u16> },
    InvalidSettings(ExpectedText),
}

/// What a message is expected to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ExpectedText {
    Any,
    Exactly(String),
    Containing(String),
}

/// What a case may say below the word that it expects.
#[derive(Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a message, or a mapping with the keys message, contains and status"
)]
struct Terms {
    message: Option<String>,
    contains: Option<String>,
    status: Option<u16>,
}

impl Expected {
    /// Whether a case came to what it expects.
    pub(super) fn is_met_by(&self, actual: &Actual) -> bool {
        match (self, actual) {
            (Self::Allow, Actual::Allow) | (Self::Defer, Actual::Defer) => true,
            (Self::Deny { message, status }, Actual::Deny(denial)) => {
                message.is_met_by(&denial.message) && status.is_none_or(|status| status == denial.status)
            }
            (Self::Refused { message, status }, Actual::Refused { status: actual, message: text }) => {
                message.is_met_by(text) && status.is_none_or(|status| status == *actual)
            }
            (Self::Fault(wording), Actual::Fault(text))
            | (Self::InvalidSettings(wording), Actual::InvalidSettings(text)) => wording.is_met_by(text),
            (
                Self::Allow
                | Self::Defer
                | Self::Deny { .. }
                | Self::Fault(_)
                | Self::Refused { .. }
                | Self::InvalidSettings(_),
                _,
            ) => false,
        }
    }
}

impl ExpectedText {
    fn is_met_by(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(wanted) => wanted == text,
            Self::Containing(part) => text.contains(part.as_str()),
        }
    }
}

impl fmt::Display for Actual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allow => f.write_str("allow"),
            Self::Defer => f.write_str("defer"),
            Self::Deny(denial) => write!(f, "deny {}: {}", denial.status, denial.message),
            Self::Fault(text) => write!(f, "fault: {text}"),
            Self::Refused { status, message } => write!(f, "refused {status}: {message}"),
            Self::InvalidSettings(text) => write!(f, "invalid-settings: {text}"),
            Self::OtherOperation(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allow => f.write_str("allow"),
            Self::Defer => f.write_str("defer"),
            Self::Deny { message, status: Some(status) } => write!(f, "deny {status}{message}"),
            Self::Deny { message, status: None } => write!(f, "deny{message}"),
            Self::Fault(wording) => write!(f, "fault{wording}"),
            Self::Refused { message, status: Some(status) } => write!(f, "refused {status}{message}"),
            Self::Refused { message, status: None } => write!(f, "refused{message}"),
            Self::InvalidSettings(wording) => write!(f, "invalid-settings{wording}"),
        }
    }
}

/// What follows the word that is expected.
impl fmt::Display for ExpectedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => Ok(()),
            Self::Exactly(text) => write!(f, ": {text}"),
            Self::Containing(part) => write!(f, ": … {part} …"),
        }
    }
}

impl<'de> Deserialize<'de> for Expected {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (word, terms) = match Value::deserialize(deserializer)? {
            Value::String(word) => (word, Terms::default()),
            Value::Object(map) if map.len() == 1 => {
                let only = map.into_iter().next();
                let (word, value) = only.ok_or_else(|| D::Error::custom(EXPECTATIONS))?;
                (word, terms(value).map_err(D::Error::custom)?)
            }
            Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
                return Err(D::Error::custom(EXPECTATIONS));
            }
        };
        expected(&word, terms).map_err(D::Error::custom)
    }
}

const EXPECTATIONS: &str = "expect is one of allow, deny, defer, fault, refused and invalid-settings, or a mapping of one of them to its message";

fn terms(value: Value) -> Result<Terms, String> {
    match value {
        Value::String(message) => Ok(Terms { message: Some(message), ..Terms::default() }),
        Value::Null => Ok(Terms::default()),
        Value::Object(_) | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            serde_json::from_value(value).map_err(|error| format!("below expect: {error}"))
        }
    }
}

fn expected(word: &str, Terms { message, contains, status }: Terms) -> Result<Expected, String> {
    let wording = match (message, contains) {
        (None, None) => ExpectedText::Any,
        (Some(message), None) => ExpectedText::Exactly(message),
        (None, Some(part)) => ExpectedText::Containing(part),
        (Some(_), Some(_)) => {
            return Err(
                "expect has either message, the whole of it, or contains, a part of it; not both".to_owned()
            );
        }
    };
    match (word, status) {
        ("deny", status) => Ok(Expected::Deny { message: wording, status }),
        ("refused", status) => Ok(Expected::Refused { message: wording, status }),
        (word, Some(_)) => Err(format!("only deny and refused have a status, not {word}")),
        ("allow" | "defer", None) if wording != ExpectedText::Any => Err(format!("{word} has no message")),
        ("allow", None) => Ok(Expected::Allow),
        ("defer", None) => Ok(Expected::Defer),
        ("fault", None) => Ok(Expected::Fault(wording)),
        ("invalid-settings", None) => Ok(Expected::InvalidSettings(wording)),
        (word, None) => Err(format!("{word:?} cannot be expected: {EXPECTATIONS}")),
    }
}
