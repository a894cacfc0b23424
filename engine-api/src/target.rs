//! The request target (RFC 9112 §3.2) in the one form that is both judged and forwarded.
//!
//! A path is decoded once, as the engine does it, and must then be canonical; one that is not is refused, never
//! repaired. The target that is forwarded is printed from the decoded value, so two readings of the same bytes cannot
//! exist. The query is kept byte for byte, and refused only if the engine cannot read it; only the three bytes that
//! clients send raw though no URI may have them are percent-encoded ([`encoded_in_query`]). Absolute form is taken apart
//! by the host, which hands over the path; authority form and `*` never get here.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

#[cfg(test)]
mod tests;

/// The longest target that is sent to the engine, in bytes: the HTTP library can hold no longer one.
const MAX_LENGTH: usize = u16::MAX as usize - 1;

/// A canonical target: an optional API version, a decoded path, a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The decoded path, version prefix included.
    path: String,
    /// How many bytes of `path` the version prefix (`/v1.41`) takes; 0 if there is none.
    version_len: usize,
    query: Option<String>,
}

/// Why a target is refused with 400. The text is meant for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    /// The target is not in origin form.
    #[error("the request target must be a path that starts with a slash")]
    NotAPath,
    /// A `%` does not have two hexadecimal digits behind it.
    #[error("the request target has a % that is not followed by two hexadecimal digits")]
    BadEscape,
    /// The path has `//`, or a slash at the end.
    #[error("the path has an empty segment (a double slash, or a slash at its end)")]
    EmptySegment,
    /// The path has a segment `.` or `..`, encoded or not.
    #[error("the path has a dot segment")]
    DotSegment,
    /// The path has a `%` that is still there after decoding: `%25`.
    #[error("the path has a % after decoding")]
    Percent,
    /// The path has a character that no name in the Engine API has, and that parsers disagree on.
    #[error("the path has a semicolon, a backslash or a control character")]
    ForbiddenByte,
    /// The target is not valid UTF-8 after decoding.
    #[error("the request target is not valid UTF-8 after decoding")]
    NotUtf8,
    /// The query has a `;`, which is an error to the engine.
    #[error("the query has a semicolon")]
    QuerySemicolon,
    /// The target has a character that only its percent-encoding can stand for.
    #[error("the request target has a {0:?} that is not percent-encoded")]
    Unencoded(char),
    /// The target is too long in the form in which it would be sent.
    #[error("the request target is longer than {MAX_LENGTH} bytes once it is percent-encoded")]
    TooLong,
}

/// How a byte is written that clients send raw in a query (`?filters={"label":["a"]}`), and that the engine takes, but
/// no URI may have (RFC 3986 §2); `None` for any other byte.
#[must_use]
pub const fn encoded_in_query(byte: u8) -> Option<&'static str> {
    match byte {
        b'"' => Some("%22"),
        b'<' => Some("%3C"),
        b'>' => Some("%3E"),
        _ => None,
    }
}

impl Target {
    /// Parses origin form: a path and, after the first `?`, a query. A fragment is not part of a target and is dropped.
    ///
    /// # Errors
    /// [`BadTarget`] if the target is not canonical.
    pub fn parse(origin_form: &str) -> Result<Self, BadTarget> {
        let origin_form = origin_form.split_once('#').map_or(origin_form, |(target, _fragment)| target);
        let (raw_path, query) = match origin_form.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (origin_form, None),
        };
        if !raw_path.starts_with('/') {
            return Err(BadTarget::NotAPath); // an encoded slash does not make it one
        }
        require_encoded(raw_path, &[' ', '<', '>', '`'])?;
        let path = decode(raw_path)?.into_owned();
        require_canonical(&path)?;
        if let Some(query) = query {
            require_encoded(query, &[' '])?;
            require_readable(query)?;
        }
        let version_len = version_prefix(&path);
        Self { path, version_len, query: query.map(encode_query) }.if_it_fits()
    }

    /// Takes a path as [`path`](Self::path) returns it: decoded, without version and query. Policies get the path in
    /// this form, and parsing it anew would read a `?` in a name as the start of a query, and a first segment `v1.41`
    /// as a version.
    ///
    /// # Errors
    /// [`BadTarget`] if the path is not canonical.
    pub fn from_decoded_path(path: &str) -> Result<Self, BadTarget> {
        if !path.starts_with('/') {
            return Err(BadTarget::NotAPath);
        }
        require_canonical(path)?;
        Self { path: path.to_owned(), version_len: 0, query: None }.if_it_fits()
    }

    /// This target, if it can be sent.
    fn if_it_fits(self) -> Result<Self, BadTarget> {
        // No byte of the path is printed as more than three, so most targets need not be printed to know.
        let most =
            self.path.len() * "%00".len() + self.query.as_ref().map_or(0, |query| "?".len() + query.len());
        match most <= MAX_LENGTH || self.to_string().len() <= MAX_LENGTH {
            true => Ok(self),
            false => Err(BadTarget::TooLong),
        }
    }

    /// Takes a path and the names and values of a query as policies get them: decoded, without version.
    ///
    /// # Errors
    /// [`BadTarget`] if the path is not canonical.
    pub fn from_decoded(path: &str, query: &[(String, String)]) -> Result<Self, BadTarget> {
        let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let pairs: Vec<_> = query.iter().map(|(name, value)| encoded(name) + "=" + &encoded(value)).collect();
        let target = Self::from_decoded_path(path)?;
        Ok(Self { query: (!pairs.is_empty()).then(|| pairs.join("&")), ..target })
    }

    /// The decoded path without the version prefix, such as `/containers/json`.
    #[must_use]
    pub fn path(&self) -> &str {
        self.path.get(self.version_len..).unwrap_or_default()
    }

    /// The API version that the client asked for, without the `v`: `1.41`.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.path.get(..self.version_len)?.strip_prefix("/v")
    }

    /// The query as it is sent, without the `?`: as the client wrote it, but for what had to be encoded.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// The names and values of the query, decoded as the engine does it (Go's `url.ParseQuery`), in order, repeats
    /// kept.
    pub fn query_pairs(&self) -> impl Iterator<Item = (String, String)> {
        let pieces = self.query().unwrap_or_default().split('&').filter(|piece| !piece.is_empty());
        pieces.map(|piece| {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            (decode_query(name), decode_query(value))
        })
    }

    /// The target that is meant where a path has empty segments (`/containers//web/json`, `/info/`): the engine's router
    /// answers the former with a redirect. A path that begins with two slashes is none: to some parsers what follows is
    /// a host.
    #[must_use]
    pub fn without_empty_segments(origin_form: &str) -> Option<Self> {
        let (path, query) = origin_form.split_once('?').unwrap_or((origin_form, ""));
        let path = decode(path).ok()?;
        if !path.starts_with('/') || path.starts_with("//") {
            return None;
        }
        let segments: Vec<_> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let clean = Self::from_decoded_path(&format!("/{}", segments.join("/"))).ok()?;
        require_readable(query).ok()?;
        let version_len = version_prefix(&clean.path);
        Some(Self { version_len, query: (!query.is_empty()).then(|| query.to_owned()), ..clean })
    }

    /// The same target with another name at this place of the path.
    pub(crate) fn with_name(&self, place: Range<usize>, name: &str) -> Option<Self> {
        let (before, after) = (self.path().get(..place.start)?, self.path().get(place.end..)?);
        let path = format!("{}{before}{name}{after}", self.path.get(..self.version_len)?);
        require_canonical(&path).ok()?;
        Self { path, version_len: self.version_len, query: self.query.clone() }.if_it_fits().ok()
    }
}

/// Prints origin form, which parses back to the same value. Every byte that may not stand for itself in a path (RFC
/// 3986 §3.3) is percent-encoded.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.path.as_str();
        while let Some(at) = rest.bytes().position(|byte| !stands_for_itself(byte)) {
            let (plain, tail) = rest.split_at(at);
            f.write_str(plain)?;
            let mut chars = tail.chars();
            if let Some(encoded) = chars.next() {
                for byte in encoded.encode_utf8(&mut [0; 4]).bytes() {
                    write!(f, "%{byte:02X}")?;
                }
            }
            rest = chars.as_str();
        }
        f.write_str(rest)?;
        match &self.query {
            Some(query) => write!(f, "?{query}"),
            None => Ok(()),
        }
    }
}

/// Whether a byte of the path is printed as it is: unreserved characters, sub-delims other than `;`, `:`, `@`, and the
/// slash between segments.
const fn stands_for_itself(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b'='
                | b':'
                | b'@'
                | b'/'
        )
}

fn require_encoded(raw: &str, characters: &[char]) -> Result<(), BadTarget> {
    raw.chars().find(|c| characters.contains(c)).map_or(Ok(()), |c| Err(BadTarget::Unencoded(c)))
}

fn encode_query(query: &str) -> String {
    if !query.bytes().any(|byte| encoded_in_query(byte).is_some()) {
        return query.to_owned();
    }
    let mut encoded = String::with_capacity(query.len() + 64);
    for c in query.chars() {
        match u8::try_from(c).ok().and_then(encoded_in_query) {
            Some(escape) => encoded.push_str(escape),
            None => encoded.push(c),
        }
    }
    encoded
}

fn decode(raw: &str) -> Result<Cow<'_, str>, BadTarget> {
    if !raw.contains('%') {
        return Ok(Cow::Borrowed(raw));
    }
    let mut decoded = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = bytes.next().and_then(hex_value).ok_or(BadTarget::BadEscape)?;
            let low = bytes.next().and_then(hex_value).ok_or(BadTarget::BadEscape)?;
            decoded.push(high << 4 | low);
        } else {
            decoded.push(byte);
        }
    }
    match String::from_utf8(decoded) {
        Ok(decoded) => Ok(Cow::Owned(decoded)),
        Err(_) => Err(BadTarget::NotUtf8),
    }
}

/// Decodes a piece of a query that is known to be readable. A plus is a space there.
fn decode_query(piece: &str) -> String {
    let spaced = piece.replace('+', " ");
    decode(&spaced).map(Cow::into_owned).unwrap_or_default()
}

fn hex_value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn require_canonical(path: &str) -> Result<(), BadTarget> {
    if path.contains('%') {
        return Err(BadTarget::Percent);
    }
    if path.chars().any(|c| matches!(c, ';' | '\\') || c.is_control()) {
        return Err(BadTarget::ForbiddenByte);
    }
    if is_root_or_network_list(path) {
        return Ok(());
    }
    for segment in path.split('/').skip(1) {
        match segment {
            "" => return Err(BadTarget::EmptySegment),
            "." | ".." => return Err(BadTarget::DotSegment),
            _ => {}
        }
    }
    Ok(())
}

/// `/` has no segment at all, and `/networks/` is the one route of the engine that ends with a slash (old clients
/// list networks with it).
fn is_root_or_network_list(path: &str) -> bool {
    path == "/"
        || path.strip_suffix("/networks/").is_some_and(|version| version_prefix(path) == version.len())
}

/// Refuses a query that the engine's parser (Go's `url.ParseQuery`) cannot read, or that is not UTF-8, which policies
/// get.
fn require_readable(query: &str) -> Result<(), BadTarget> {
    if query.contains(';') {
        return Err(BadTarget::QuerySemicolon);
    }
    if query.chars().any(char::is_control) {
        return Err(BadTarget::ForbiddenByte);
    }
    decode(query).map(drop)
}

/// The length of a leading `/v` with digits and dots that another segment follows; 0 if there is none. The engine's
/// router reads versions in the same way: to it, `/v1.41` alone is an unknown path.
fn version_prefix(path: &str) -> usize {
    let Some(rest) = path.strip_prefix("/v") else { return 0 };
    let Some((version, _)) = rest.split_once('/') else { return 0 };
    let numbers =
        version.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    if numbers { "/v".len() + version.len() } else { 0 }
}
