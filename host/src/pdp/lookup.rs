//! Look-ups: what a policy may ask the engine while it decides.
//!
//! Each object is asked for at most once for a request, whichever policy asks, and a request has a budget of them. The
//! container or exec that the request is about is pinned to the id that was inspected.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use policy::{Family, Operation};

use super::bindings::{Kind, LookupError};

/// How many different objects one request's policies may look up.
const MAX_LOOKUPS: usize = 16;

/// What an engine says of an object: its inspect answer, as JSON.
pub type Answer = Result<Arc<str>, LookupError>;

/// Who answers look-ups: the engine, or in an author's tests a file.
pub trait Inspector: Send + Sync {
    /// Asks for one object. The future need not give up by itself: a decision's deadline drops it.
    fn inspect(&self, kind: Kind, reference: &str) -> Pin<Box<dyn Future<Output = Answer> + Send>>;
}

/// No engine at all: every look-up is unavailable.
#[derive(Clone, Copy, Debug)]
pub struct NoEngine;

impl Inspector for NoEngine {
    fn inspect(&self, _kind: Kind, _reference: &str) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
        Box::pin(std::future::ready(Err(LookupError::Unavailable("there is no engine here".to_owned()))))
    }
}

/// The look-ups of one request.
pub(crate) struct Lookups {
    inspector: Arc<dyn Inspector>,
    answers: Mutex<HashMap<(Kind, String), Answer>>,
    /// The kind and the name of what the request is about, if that can be pinned.
    subject: Option<(Kind, String)>,
    pinned: OnceLock<String>,
}

impl Lookups {
    /// For the policies that judge `operation`.
    pub(crate) fn new(inspector: Arc<dyn Inspector>, operation: &Operation) -> Self {
        Self { inspector, answers: Mutex::default(), subject: pinnable(operation), pinned: OnceLock::new() }
    }

    /// The answer to a look-up, from the engine or from before.
    pub(super) async fn inspect(&self, kind: Kind, reference: String) -> Answer {
        let key = (kind, reference);
        {
            let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(answer) = answers.get(&key) {
                return answer.clone();
            }
            if answers.len() >= MAX_LOOKUPS {
                return Err(LookupError::Refused(format!("a request may look up {MAX_LOOKUPS} objects")));
            }
        }
        let answer = self.inspector.inspect(kind, &key.1).await;
        if self.subject.as_ref() == Some(&key)
            && let Ok(json) = &answer
            && let Some(id) = id_of(json)
        {
            // Only ever one answer for one key, so it is never set twice.
            let _ = self.pinned.set(id);
        }
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.entry(key).or_insert(answer).clone()
    }

    /// The id that the request is to be forwarded to, if what it is about was looked up.
    pub(super) fn pinned(&self) -> Option<&str> {
        self.pinned.get().map(String::as_str)
    }
}

/// A container and an exec are the same thing by their id; an image or a volume means something else by it.
fn pinnable(operation: &Operation) -> Option<(Kind, String)> {
    let kinds = [(Family::Containers, Kind::Container), (Family::Exec, Kind::Exec)];
    let (_, kind) = kinds.into_iter().find(|(family, _)| operation.family() == Some(*family))?;
    Some((kind, operation.subject()?.to_owned()))
}

/// The id in an inspect answer.
fn id_of(json: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Inspected {
        #[serde(rename = "Id", alias = "ID")]
        id: String,
    }
    serde_json::from_str::<Inspected>(json).ok().map(|inspected| inspected.id)
}

impl fmt::Debug for Lookups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookups")
            .field("subject", &self.subject)
            .field("pinned", &self.pinned)
            .finish_non_exhaustive()
    }
}
