//! The operation: what a request asks the engine to do. The value that is judged is the value that is forwarded.

use crate::{Access, BadTarget, Endpoint, Family, HostArgument, Method, Target, Transport};

#[cfg(test)]
mod tests;

/// A method and a canonical target, with what the catalogue knows about them. It does not change once it is parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    method: Method,
    target: Target,
    family: Option<Family>,
    endpoint: Option<Endpoint>,
    /// Where the subject is in the path: start and end, in bytes.
    subject: Option<(usize, usize)>,
}

/// Why a method and a target are not an operation. The text is meant for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRequestLine {
    /// The method is not one of the five that the Engine API uses.
    #[error("the Engine API has no method {0:?}")]
    UnknownMethod(String),
    /// The target is not canonical.
    #[error(transparent)]
    Target(#[from] BadTarget),
    /// The path has empty segments, and this is the target without them. A read is redirected there, as the engine does
    /// it; a write is not, as clients would repeat it as a read.
    #[error("{}; without it, it is {clean}", BadTarget::EmptySegment)]
    EmptySegment {
        /// The method of the request.
        method: Method,
        /// The target without empty segments.
        clean: Target,
    },
}

/// The logs that `follow` makes endless.
const FOLLOWABLE: [Endpoint; 3] = [Endpoint::ContainerLogs, Endpoint::ServiceLogs, Endpoint::TaskLogs];

/// The longest target that a refusal names, in bytes: what a client sent does not fill its answer and the log.
const MAX_NAMED: usize = 256;

impl BadRequestLine {
    /// The HTTP status of the refusal: 405, 414, 400, or 301 for a read that is redirected.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::UnknownMethod(_) => 405,
            Self::Target(BadTarget::TooLong) => 414,
            Self::EmptySegment { method: Method::Get | Method::Head, .. } => 301,
            Self::EmptySegment { method: Method::Post | Method::Put | Method::Delete, .. }
            | Self::Target(_) => 400,
        }
    }

    /// The target that a read is redirected to.
    #[must_use]
    pub const fn redirect(&self) -> Option<&Target> {
        match self {
            Self::EmptySegment { method: Method::Get | Method::Head, clean } => Some(clean),
            Self::EmptySegment { method: Method::Post | Method::Put | Method::Delete, .. }
            | Self::UnknownMethod(_)
            | Self::Target(_) => None,
        }
    }

    /// The refusal of a path that has empty segments.
    fn empty_segment(method: Method, target: &str) -> Self {
        let clean = Target::without_empty_segments(target);
        match clean.filter(|clean| clean.to_string().len() <= MAX_NAMED) {
            Some(clean) => Self::EmptySegment { method, clean },
            None => Self::Target(BadTarget::EmptySegment),
        }
    }
}

impl Operation {
    /// Reads a method and a target, such as `POST` and `/v1.41/containers/web/start`.
    ///
    /// ```
    /// use engine_api::Operation;
    ///
    /// let operation = Operation::parse("POST", "/v1.41/containers/web/start")?;
    /// assert_eq!((operation.id(), operation.subject()), ("ContainerStart", Some("web")));
    /// assert!(Operation::parse("GET", "/containers/../info").is_err());
    /// # Ok::<(), engine_api::BadRequestLine>(())
    /// ```
    ///
    /// # Errors
    /// [`BadRequestLine`]: a method that the API does not use, or a target that is not canonical.
    pub fn parse(method: &str, target: &str) -> Result<Self, BadRequestLine> {
        let unknown = || BadRequestLine::UnknownMethod(method.chars().take(32).collect());
        let method = Method::from_token(method).ok_or_else(unknown)?;
        match Target::parse(target) {
            // Only the list of networks ends with a slash. To the engine, DELETE deletes the network without a name there.
            Ok(parsed) if parsed.path() == "/networks/" && !matches!(method, Method::Get | Method::Head) => {
                Err(BadRequestLine::empty_segment(method, target))
            }
            Ok(parsed) => Ok(Self::new(method, parsed)),
            Err(BadTarget::EmptySegment) => Err(BadRequestLine::empty_segment(method, target)),
            Err(bad) => Err(bad.into()),
        }
    }

    /// Finds the family, endpoint and subject of a request.
    #[must_use]
    pub fn new(method: Method, target: Target) -> Self {
        let segment = target.path().split('/').nth(1).unwrap_or_default();
        let family = Family::from_segment(segment);
        let found = family.and_then(|family| Endpoint::find(method, family, target.path()));
        let subject = found.and_then(|found| found.subject).map(|subject| {
            let start = subject.as_ptr().addr() - target.path().as_ptr().addr(); // it is a part of the path
            (start, start + subject.len())
        });
        Self { method, family, endpoint: found.map(|found| found.endpoint), subject, target }
    }

    /// The operation that does `endpoint` to the object `subject`, without a version or a query; `None` if a path of
    /// that endpoint cannot name it.
    #[must_use]
    pub fn of(endpoint: Endpoint, subject: &str) -> Option<Self> {
        // A checkpoint's path names two things, and here is only one.
        let template = endpoint.templates().first().filter(|path| path.matches('{').count() == 1)?;
        let (before, rest) = template.split_once('{')?;
        let (_, after) = rest.split_once('}')?;
        let target = Target::from_decoded_path(&format!("{before}{subject}{after}")).ok()?;
        let operation = Self::new(endpoint.method(), target);
        operation.is(endpoint, subject).then_some(operation)
    }

    /// The request's method.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// The request's target, which is judged and then forwarded.
    #[must_use]
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// The family; `None` if the path is outside every family of the Engine API.
    #[must_use]
    pub const fn family(&self) -> Option<Family> {
        self.family
    }

    /// The catalogue's entry; `None` for a path that it does not list.
    #[must_use]
    pub const fn endpoint(&self) -> Option<Endpoint> {
        self.endpoint
    }

    /// The operationId, such as `ContainerCreate`; empty for a path that the catalogue does not list.
    #[must_use]
    pub fn id(&self) -> &'static str {
        self.endpoint.map_or("", Endpoint::operation_id)
    }

    /// How much the operation can change; if the catalogue does not list it, judged by its method.
    #[must_use]
    pub fn access(&self) -> Access {
        match (self.endpoint, self.method) {
            (Some(endpoint), _) => endpoint.access(),
            (None, Method::Get | Method::Head) => Access::Read,
            (None, Method::Post | Method::Put | Method::Delete) => Access::Write,
        }
    }

    /// An argument in the query that the engine would use on the host, in a form that is not known to be harmless.
    #[must_use]
    pub fn host_argument(&self) -> Option<HostArgument> {
        HostArgument::find(self.endpoint?, &self.target)
    }

    /// What becomes of the connection; nothing special if the catalogue does not list the operation.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.endpoint.map_or(Transport::Plain, Endpoint::transport)
    }

    /// Whether the engine ends its answer by itself. The others go on until the client goes: events, logs that are
    /// followed, statistics, waits, attached streams, sessions. They are what the engine itself gives up when a client
    /// ends its side of the connection.
    #[must_use]
    pub fn ends_by_itself(&self) -> bool {
        let is_on = |name| self.parameter(name).is_some_and(|value| is_true(&value));
        let Some(endpoint) = self.endpoint else { return true };
        match endpoint.transport() {
            Transport::Plain => true,
            Transport::Websocket | Transport::H2c => false,
            Transport::Hijack => endpoint != Endpoint::ContainerAttach,
            Transport::Stream if endpoint == Endpoint::SystemEvents => {
                self.parameter("until").is_some_and(|until| !until.is_empty())
            }
            Transport::Stream if endpoint == Endpoint::ContainerStats => {
                self.parameter("stream").is_some() && !is_on("stream")
            }
            Transport::Stream if FOLLOWABLE.contains(&endpoint) => !is_on("follow"),
            Transport::Stream => endpoint != Endpoint::ContainerWait,
        }
    }

    /// Whether it only reads, and goes on until its client goes: events, logs that are followed, statistics. What it sends
    /// can be asked for again, so a gateway that stops need not wait for it.
    #[must_use]
    pub fn follows(&self) -> bool {
        let is_without_end = self.endpoint == Some(Endpoint::SystemEvents) || !self.ends_by_itself();
        self.access() == Access::Read && self.transport() == Transport::Stream && is_without_end
    }

    /// The first value of a parameter of the query, decoded: the one that the engine reads.
    fn parameter(&self, name: &str) -> Option<String> {
        self.target.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    /// The container, image, volume … in the path, decoded, as the client wrote it.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        let (start, end) = self.subject?;
        self.target.path().get(start..end)
    }

    /// The first path segment, such as `containers`, even if the path is outside every family.
    #[must_use]
    pub fn family_segment(&self) -> &str {
        self.target.path().split('/').nth(1).unwrap_or_default()
    }

    /// The same operation on `id` instead of its subject; `None` if it has no subject, or if a path cannot name `id`.
    #[must_use]
    pub fn on(&self, id: &str) -> Option<Self> {
        let (start, end) = self.subject?;
        let pinned = Self::new(self.method, self.target.with_name(start..end, id)?);
        pinned.is(self.endpoint?, id).then_some(pinned)
    }

    /// Whether this is `endpoint` on `subject`: a name such as `a/../b` or `x/start` may have led elsewhere.
    fn is(&self, endpoint: Endpoint, subject: &str) -> bool {
        self.endpoint == Some(endpoint) && self.subject() == Some(subject)
    }
}

/// How the engine reads a switch in a query.
fn is_true(value: &str) -> bool {
    !matches!(value.trim().to_ascii_lowercase().as_str(), "" | "0" | "no" | "false" | "none")
}
