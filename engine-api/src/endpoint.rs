//! The endpoint catalogue: every operation of the Engine API under its operationId.
//!
//! One table (`endpoint/table.rs`) drives matching, flags, the generated reference and the tests. A path in a family
//! that the table does not list is no endpoint; what happens to it is decided in `decide`.

use crate::{Family, Method};

mod table;
#[cfg(test)]
mod tests;

pub use table::Endpoint;

/// How much an operation can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Changes nothing in the engine.
    Read,
    /// Changes the engine, its containers or its images.
    Write,
    /// Writes into a running process: stdin.
    Interactive,
}

impl Access {
    /// The word that logs and references use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Interactive => "interactive",
        }
    }
}

/// What becomes of the connection once the engine has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// One request, one response.
    Plain,
    /// A response (or an upload) that may be large or endless.
    Stream,
    /// `Upgrade: tcp`: a raw two-way byte stream.
    Hijack,
    /// `Upgrade: websocket`.
    Websocket,
    /// `Upgrade: h2c`: HTTP/2 both ways.
    H2c,
}

impl Transport {
    /// The word that references use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Stream => "stream",
            Self::Hijack => "hijack",
            Self::Websocket => "websocket",
            Self::H2c => "h2c",
        }
    }

    /// The protocol that a client may ask for with `Upgrade` here; `None` where it may not.
    #[must_use]
    pub const fn upgrade_protocol(self) -> Option<&'static str> {
        match self {
            Self::Plain | Self::Stream => None,
            Self::Hijack => Some("tcp"),
            Self::Websocket => Some("websocket"),
            Self::H2c => Some("h2c"),
        }
    }
}

/// A catalogue entry that a path matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match<'p> {
    /// The operation.
    pub endpoint: Endpoint,
    /// The container, image, volume … that the path names, as the client wrote it (decoded).
    pub subject: Option<&'p str>,
}

impl Endpoint {
    /// Finds the operation of a canonical, versionless path. HEAD goes where GET goes unless it has an entry of its own.
    #[must_use]
    pub fn find(method: Method, family: Family, path: &str) -> Option<Match<'_>> {
        let found = Self::find_exactly(method, family, path);
        match method {
            Method::Head => found.or_else(|| Self::find_exactly(Method::Get, family, path)),
            Method::Get | Method::Post | Method::Put | Method::Delete => found,
        }
    }

    /// A name may hold slashes, so a path is read from its end: the longest literal tail that the catalogue has for the
    /// method and family wins, as more specific routes come first in the engine's router.
    fn find_exactly(method: Method, family: Family, path: &str) -> Option<Match<'_>> {
        let rest = path.get(1 + family.segment().len()..)?;
        let Some(rest) = rest.strip_prefix('/') else {
            return lookup(method, family, Pattern::Whole(""))
                .map(|endpoint| Match { endpoint, subject: None });
        };
        if let Some(endpoint) = lookup(method, family, Pattern::Whole(rest)) {
            return Some(Match { endpoint, subject: None });
        }
        if let Some((name, last)) = rest.rsplit_once('/') {
            if let Some((name, parent)) = name.rsplit_once('/') {
                let tails = [Pattern::Tail(parent, last), Pattern::TailAndId(parent)];
                if let Some(endpoint) =
                    tails.into_iter().find_map(|tail| accepting(method, family, tail, name))
                {
                    return Some(Match { endpoint, subject: Some(name) });
                }
            }
            if let Some(endpoint) = accepting(method, family, Pattern::Tail("", last), name) {
                return Some(Match { endpoint, subject: Some(name) });
            }
        }
        let endpoint = accepting(method, family, Pattern::Name, rest)?;
        Some(Match { endpoint, subject: Some(rest) })
    }
}

/// What is left of a template once the family is taken off. `{}` stands for the name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pattern<'p> {
    /// A literal: ``, `json`.
    Whole(&'p str),
    /// `{}`.
    Name,
    /// `{}/parent/last`, or `{}/last` with an empty parent.
    Tail(&'p str, &'p str),
    /// `{}/parent/{id}`.
    TailAndId(&'p str),
}

#[derive(Clone, Copy)]
struct Route {
    endpoint: Endpoint,
    /// The first segment.
    family: &'static str,
    pattern: Pattern<'static>,
    name: NameSpan,
}

#[derive(Clone, Copy)]
enum NameSpan {
    OneSegment,
    ManySegments,
}

/// Every template of the table, taken apart by the compiler: a policy's instance, which lives for one decision, has no
/// time to build an index.
static ROUTES: [Route; COUNT] = take_apart();

const COUNT: usize = {
    let (mut count, mut rest) = (0, Endpoint::ALL);
    while let [endpoint, others @ ..] = rest {
        count += endpoint.templates().len();
        rest = others;
    }
    count
};

#[allow(clippy::indexing_slicing, reason = "the compiler does it, and would say so")]
const fn take_apart() -> [Route; COUNT] {
    let nothing = Route {
        endpoint: Endpoint::SystemPing,
        family: "",
        pattern: Pattern::Name,
        name: NameSpan::OneSegment,
    };
    let (mut routes, mut at, mut rest) = ([nothing; COUNT], 0, Endpoint::ALL);
    while let [endpoint, others @ ..] = rest {
        let mut templates = endpoint.templates();
        while let [template, others @ ..] = templates {
            routes[at] = parse_template(*endpoint, template);
            at += 1;
            templates = others;
        }
        rest = others;
    }
    routes
}

fn route(method: Method, family: Family, pattern: Pattern<'_>) -> Option<&'static Route> {
    let is_it = |route: &&Route| {
        route.pattern == pattern && route.endpoint.method() == method && route.family == family.segment()
    };
    ROUTES.iter().find(is_it)
}

fn lookup(method: Method, family: Family, pattern: Pattern<'_>) -> Option<Endpoint> {
    route(method, family, pattern).map(|route| route.endpoint)
}

/// The route, if it takes such a name: never an empty one.
fn accepting(method: Method, family: Family, pattern: Pattern<'_>, name: &str) -> Option<Endpoint> {
    if name.is_empty() {
        return None;
    }
    let route = route(method, family, pattern)?;
    match route.name {
        NameSpan::OneSegment if name.contains('/') => None,
        NameSpan::OneSegment | NameSpan::ManySegments => Some(route.endpoint),
    }
}

/// Takes `/family`, `/family/word`, `/family/{name}[/word[/word]]` or `/family/{name}/word/{id}` apart; `{name...}` may
/// span slashes.
const fn parse_template(endpoint: Endpoint, template: &'static str) -> Route {
    let (_, path) = cut(template); // the slash that it begins with
    let (family, rest) = cut(path);
    let (first, tail) = cut(rest);
    let (parent, last) = cut(tail);
    let name = if ends_in_dots(first) { NameSpan::ManySegments } else { NameSpan::OneSegment };
    let pattern = match (begins_with_brace(first), tail.is_empty(), last.is_empty()) {
        (false, ..) => Pattern::Whole(rest),
        (true, true, _) => Pattern::Name,
        (true, false, true) => Pattern::Tail("", tail),
        (true, false, false) if begins_with_brace(last) => Pattern::TailAndId(parent),
        (true, false, false) => Pattern::Tail(parent, last),
    };
    Route { endpoint, family, pattern, name }
}

/// What comes before the first slash, and what comes behind it.
const fn cut(text: &'static str) -> (&'static str, &'static str) {
    let (mut length, mut rest) = (0, text.as_bytes());
    while let [byte, others @ ..] = rest {
        if *byte == b'/' {
            let (before, _) = text.split_at(length);
            return (before, text.split_at(length + 1).1);
        }
        length += 1;
        rest = others;
    }
    (text, "")
}

const fn begins_with_brace(segment: &str) -> bool {
    matches!(segment.as_bytes(), [b'{', ..])
}

const fn ends_in_dots(segment: &str) -> bool {
    matches!(segment.as_bytes(), [.., b'.', b'.', b'.', b'}'])
}
