//! Policies outside the gateway: what the author's tools and the tests load and ask.
//!
//! The same loading and the same instances as in the gateway; only the request and the engine's answers are made up.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ::policy::{Endpoint, Flags, Operation};
use bytes::Bytes;
use http::HeaderMap;

use super::cache::{CodeCache, Origin};
use super::load::{self, Loaded, Source};
use super::lookup::{Inspector, Lookups};
use super::policy::Verdict;
use super::question::{Body, Question, flags_verdict};
use super::sandbox::{Sandbox, SandboxError};
use super::{Digest, Fault, Limits, LoadError};

/// Where policies are loaded to be looked at.
#[derive(Debug)]
pub struct Workbench {
    sandbox: Sandbox,
    cache: CodeCache,
    limits: Limits,
}

/// A policy on the workbench.
#[derive(Debug)]
pub struct Candidate(Loaded);

/// What a candidate is asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What the request asks for.
    pub operation: Operation,
    /// What the env flags are.
    pub flags: Flags,
    /// Of the request.
    pub headers: HeaderMap,
    /// Of the request, if it has one; handed over if the policy inspects the operation.
    pub body: Option<Bytes>,
    /// About the client.
    pub attributes: Vec<(String, String)>,
}

impl Workbench {
    /// For policies that may take `limits`. Compiled code is kept in `cache`, if there is one.
    ///
    /// # Errors
    /// [`SandboxError`], if this machine cannot run WebAssembly.
    pub fn new(limits: Limits, cache: Option<&Path>) -> Result<Self, SandboxError> {
        let sandbox = Sandbox::new(64, limits.memory)?;
        Ok(Self { sandbox, cache: cache.map_or_else(CodeCache::none, CodeCache::open), limits })
    }

    /// Loads a policy, as the gateway would.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn load(&self, path: &Path, settings: &str) -> Result<Candidate, LoadError> {
        let source = Source {
            path: path.to_owned(),
            settings: settings.to_owned(),
            sha256: None,
            limits: self.limits,
        };
        load::load(&self.sandbox, &self.cache, source).await.map(Candidate)
    }
}

impl Candidate {
    /// As it calls itself.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// As it calls itself.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// What else it says of itself.
    #[must_use]
    pub fn attributes(&self) -> &[(String, String)] {
        &self.0.attributes
    }

    /// The operations whose bodies it reads.
    #[must_use]
    pub fn inspect(&self) -> &[Endpoint] {
        &self.0.inspect
    }

    /// Of its file.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// Of its file, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.0.size
    }

    /// The interfaces that it imports.
    #[must_use]
    pub fn imports(&self) -> &[String] {
        &self.0.imports
    }

    /// How long it took to compile; `None` if its code was in the cache.
    #[must_use]
    pub fn compile_time(&self) -> Option<Duration> {
        match self.0.origin {
            Origin::Cached => None,
            Origin::Compiled => Some(self.0.compile_time),
        }
    }

    /// Asks it, in an instance of its own.
    ///
    /// # Errors
    /// [`Fault`], which the gateway takes for a denial.
    pub async fn decide(&self, asked: Asked, engine: Arc<dyn Inspector>) -> Result<Verdict, Fault> {
        let Asked { operation, flags, headers, body, attributes } = asked;
        let flags = flags_verdict(&::policy::decide(flags, &operation));
        let is_inspected = operation.endpoint().is_some_and(|endpoint| self.0.inspect.contains(&endpoint));
        let body = match body {
            None => Body::Empty,
            Some(bytes) if is_inspected => Body::Complete(bytes),
            Some(_) => Body::Unread,
        };
        let operation = Arc::new(operation);
        let question = Question {
            id: 0,
            lookups: Arc::new(Lookups::new(0, engine, &operation)),
            operation,
            headers: Arc::new(headers),
            body,
            attributes: attributes.into(),
        };
        let verdict = self.0.component.decide(question, flags).await;
        self.0.component.make_ready().await;
        verdict
    }
}
