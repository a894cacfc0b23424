//! The endpoint catalogue: every operation of the Engine API under its operationId.
//!
//! One table (`endpoint/table.rs`) drives matching, flags, the generated reference and the tests. A path in a known
//! family that the table does not list is not an endpoint; what happens to it is decided in `decide`.

use crate::{Family, Method};

mod table;
#[cfg(test)]
mod tests;

pub use table::Endpoint;

/// How much an operation can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The operation changes nothing in the engine.
    Read,
    /// The operation changes the engine, its containers or its images.
    Write,
    /// The operation writes to the stdin of a running process.
    Interactive,
}

impl Access {
    /// The word for it in logs and references.
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
    /// One request, one response, of which one may be large or endless.
    Stream,
    /// A raw two-way byte stream, after `Upgrade: tcp`.
    Hijack,
    /// A websocket, after `Upgrade: websocket`.
    Websocket,
    /// An HTTP/2 connection, after `Upgrade: h2c`.
    H2c,
}

impl Transport {
    /// The word for it in references.
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

    /// The protocol that a client may ask for with `Upgrade`; `None` if it may ask for none.
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
    /// The container, image, volume … that the path names, decoded, as the client wrote it.
    pub subject: Option<&'p str>,
}

impl Endpoint {
    /// The family of its path; each operation of the catalogue has one.
    #[must_use]
    pub fn family(self) -> Option<Family> {
        let path = self.templates().first()?.strip_prefix('/')?;
        Family::from_segment(path.split_once('/').map_or(path, |(segment, _)| segment))
    }

    /// Finds the operation of a canonical path without a version. A HEAD is its GET, unless it has an entry of its own.
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

/// What is left of a template once the family is taken off. `{}` stands for the name below.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pattern<'p> {
    /// A literal, such as `json`, or nothing.
    Whole(&'p str),
    /// A name alone: `{}`.
    Name,
    /// A name and two words, `{}/parent/last`, or a name and one word, `{}/last`, with an empty parent.
    Tail(&'p str, &'p str),
    /// A name, a word and an id: `{}/parent/{id}`.
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

/// Every template of the table, taken apart at compile time: an instance of the default policy lives for one decision,
/// and has no time to build an index.
static ROUTES: [Route; COUNT] = take_apart();

const COUNT: usize = {
    let (mut count, mut rest) = (0, Endpoint::ALL);
    while let [endpoint, others @ ..] = rest {
        count += endpoint.templates().len();
        rest = others;
    }
    count
};

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler, which would report it")]
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

/// The endpoint of the route that has this pattern and accepts this name, which is never empty.
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

/// Takes a template apart, which is `/family`, `/family/word`, `/family/{name}[/word[/word]]` or
/// `/family/{name}/word/{id}`. A `{name...}` may span slashes.
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

/// The text before the first slash, and the text behind it.
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
