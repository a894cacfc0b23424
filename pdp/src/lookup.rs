//! Look-ups: what a policy may ask the engine while it decides.
//!
//! The policies that decide look up each object at most once for a request, whichever of them asks, and their look-ups
//! are limited. A policy that looks up the container or the exec that the request is about pins it: the request that is
//! forwarded names the id that was inspected.
//!
//! A policy that only observes reads what those that decide were answered. Whatever else it looks up is its own: it
//! counts for the observer alone, pins nothing, and nobody else is answered with it. So what decides has the same
//! look-ups, and answers as fresh, with an observer before it as without.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use engine_api::{Family, Operation};

use crate::bindings::{LookupError, ObjectKind};
use crate::events::{self, GUEST_TARGET};

/// How many different objects the policies that decide on one request may look up, and each that observes.
const MAX_LOOKUPS: usize = 16;

/// The largest size of their answers together, in bytes. They are kept until the request is judged.
const MAX_LOOKED_UP: usize = 4 * 1024 * 1024;

/// The longest name that is looked up, in bytes; the engine's own names are shorter. No longer one is kept, either: a
/// guest may hand over a mebibyte.
const MAX_REFERENCE: usize = 1024;

/// How much of a reference is logged, in bytes.
const MAX_LOGGED: usize = 256;

/// The engine's inspect answer for an object, as JSON.
pub type LookupAnswer = Result<Arc<str>, LookupError>;

/// The source of answers to look-ups: the engine, or in an author's tests a file.
pub trait Inspector: Send + Sync {
    /// Looks up one object. The future needs no time limit of its own: it is dropped at the deadline of the decision.
    fn inspect(
        &self,
        kind: ObjectKind,
        reference: &str,
    ) -> Pin<Box<dyn Future<Output = LookupAnswer> + Send>>;
}

/// An inspector without an engine, to which every look-up is unavailable.
#[derive(Clone, Copy, Debug)]
pub struct NoEngine;

impl Inspector for NoEngine {
    fn inspect(
        &self,
        _kind: ObjectKind,
        _reference: &str,
    ) -> Pin<Box<dyn Future<Output = LookupAnswer> + Send>> {
        Box::pin(std::future::ready(Err(LookupError::Unavailable("there is no engine here".to_owned()))))
    }
}

/// The look-ups of one request: for the policies that decide in turn, or for one that observes.
pub struct Lookups {
    /// The request's number in the log.
    id: u64,
    inspector: Arc<dyn Inspector>,
    answers: Arc<Mutex<Answers>>,
    /// If these are an observer's look-ups: what the policies that decide were answered.
    overheard: Option<Arc<Mutex<Answers>>>,
    /// What the request asks for.
    operation: Arc<Operation>,
    /// The same operation on the id of the object that was looked up.
    pinned: OnceLock<Arc<Operation>>,
}

#[derive(Default)]
struct Answers {
    by_object: HashMap<(ObjectKind, String), LookupAnswer>,
    bytes: usize,
}

impl Lookups {
    /// The look-ups of the policies that judge request number `id`, which asks for `operation`.
    #[must_use]
    pub fn new(id: u64, inspector: Arc<dyn Inspector>, operation: &Arc<Operation>) -> Self {
        Self {
            id,
            inspector,
            answers: Arc::default(),
            overheard: None,
            operation: Arc::clone(operation),
            pinned: OnceLock::new(),
        }
    }

    /// The look-ups of a policy that only observes: with an allowance of their own, and pinning nothing.
    pub(crate) fn aside(&self) -> Self {
        Self {
            id: self.id,
            inspector: Arc::clone(&self.inspector),
            answers: Arc::default(),
            overheard: Some(Arc::clone(&self.answers)),
            operation: Arc::clone(&self.operation),
            pinned: self.pinned.clone(),
        }
    }

    /// The answer to a look-up, from the engine or from before.
    pub(crate) async fn inspect(&self, kind: ObjectKind, reference: String) -> LookupAnswer {
        let json = self.answer(kind, &reference).await?;
        if is_subject(&self.operation, kind, &reference) {
            self.pin(&json)?;
        }
        Ok(json)
    }

    async fn answer(&self, kind: ObjectKind, reference: &str) -> LookupAnswer {
        if reference.len() > MAX_REFERENCE {
            return Err(no_name());
        }
        let key = (kind, reference.to_owned());
        if let Some(overheard) =
            self.overheard.as_deref().and_then(|overheard| locked(overheard).overheard(&key))
        {
            return overheard;
        }
        {
            let answers = locked(&self.answers);
            if let Some(answer) = answers.by_object.get(&key) {
                return answer.clone();
            }
            if answers.by_object.len() >= MAX_LOOKUPS {
                return Err(LookupError::Refused(format!("a request may look up {MAX_LOOKUPS} objects")));
            }
        }
        let mut asking =
            Asking { id: self.id, kind, reference, since: Instant::now(), outcome: "given up".into() };
        let answer = self.inspector.inspect(kind, reference).await;
        asking.outcome = match &answer {
            Ok(_) => "found".into(),
            Err(LookupError::NotFound) => "not found".into(),
            Err(LookupError::Refused(reason) | LookupError::Unavailable(reason)) => reason.clone().into(),
        };
        drop(asking);
        locked(&self.answers).keep(key, answer)
    }

    /// Pins the request to the object that `json` describes.
    fn pin(&self, json: &str) -> Result<(), LookupError> {
        if self.pinned.get().is_some() {
            return Ok(()); // by the same answer: there is one for one object
        }
        let pinned = id_of(json).and_then(|id| self.operation.on(&id));
        let pinned =
            pinned.ok_or_else(|| LookupError::Refused("the engine's answer has no id".to_owned()))?;
        let _ = self.pinned.set(Arc::new(pinned));
        Ok(())
    }

    /// The operation that is forwarded if it is allowed: on the id of the object that a policy looked up, if one did.
    pub(crate) fn pinned(&self) -> Arc<Operation> {
        Arc::clone(self.pinned.get().unwrap_or(&self.operation))
    }
}

/// The answer to a look-up of what can be no object's name.
#[must_use]
pub fn no_name() -> LookupError {
    LookupError::Refused("no object can have that name".to_owned())
}

fn locked(answers: &Mutex<Answers>) -> MutexGuard<'_, Answers> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A look-up that has begun. Its end is logged, even if the decision's time is over before that.
struct Asking<'r> {
    id: u64,
    kind: ObjectKind,
    reference: &'r str,
    since: Instant,
    outcome: Cow<'static, str>,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        tracing::debug!(
            target: GUEST_TARGET,
            id = events::request(self.id),
            kind = ?self.kind,
            reference = self.reference.get(..self.reference.floor_char_boundary(MAX_LOGGED)),
            outcome = self.outcome.as_ref(),
            duration_us = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX),
            "a policy looked up an object",
        );
    }
}

impl Answers {
    /// What the engine said of an object. What it did not say, for lack of an allowance or of an engine, is not passed on.
    fn overheard(&self, object: &(ObjectKind, String)) -> Option<LookupAnswer> {
        match self.by_object.get(object)? {
            answer @ (Ok(_) | Err(LookupError::NotFound)) => Some(answer.clone()),
            Err(LookupError::Refused(_) | LookupError::Unavailable(_)) => None,
        }
    }

    /// Keeps an answer, if there is room for it.
    fn keep(&mut self, object: (ObjectKind, String), answer: LookupAnswer) -> LookupAnswer {
        let answer = answer.and_then(|json| {
            let bytes = self.bytes + json.len();
            if bytes > MAX_LOOKED_UP {
                let most = MAX_LOOKED_UP / (1024 * 1024);
                return Err(LookupError::Refused(format!("a request may look up {most} MiB")));
            }
            self.bytes = bytes;
            Ok(json)
        });
        self.by_object.entry(object).or_insert(answer).clone()
    }
}

/// Whether the request is about this object, and the object can be pinned. A container or an exec can be named by its
/// id instead of its name, with the same effect; for an image or a volume that would mean something else.
fn is_subject(operation: &Operation, kind: ObjectKind, reference: &str) -> bool {
    let kinds = [(Family::Containers, ObjectKind::Container), (Family::Exec, ObjectKind::Exec)];
    kinds.into_iter().any(|(family, of)| operation.family() == Some(family) && kind == of)
        && operation.subject() == Some(reference)
}

/// The id in an inspect answer, if it has exactly one, and that has the form of an id.
fn id_of(json: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Inspected {
        #[serde(rename = "Id", alias = "ID")] // a container's, an exec's
        id: String,
    }
    let Inspected { id } = serde_json::from_str(json).ok()?;
    let is_id = id.len() == 64 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_id.then_some(id)
}

impl fmt::Debug for Lookups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookups")
            .field("operation", &self.operation)
            .field("pinned", &self.pinned)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use engine_api::{Method, Operation, Target};

    use super::{LookupError, Lookups, MAX_REFERENCE, NoEngine, ObjectKind, locked};

    /// A guest may hand over a mebibyte at a time, in each of many decisions.
    #[tokio::test]
    async fn a_reference_that_no_object_can_have_is_not_kept() {
        let operation = Arc::new(Operation::new(Method::Get, Target::parse("/_ping").unwrap()));
        let lookups = Lookups::new(1, Arc::new(NoEngine), &operation);
        for beginning in 0..20 {
            let answer = lookups.inspect(ObjectKind::Image, format!("{beginning:0MAX_REFERENCE$}x")).await;
            assert!(matches!(answer, Err(LookupError::Refused(_))), "{answer:?}");
        }
        assert_eq!(locked(&lookups.answers).by_object.len(), 0);
        let longest = lookups.inspect(ObjectKind::Image, "x".repeat(MAX_REFERENCE)).await;
        assert!(matches!(longest, Err(LookupError::Unavailable(_))), "{longest:?}");
        assert_eq!(locked(&lookups.answers).by_object.len(), 1);
    }
}
