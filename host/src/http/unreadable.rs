//! Heads that the HTTP library refuses before anybody is asked: what is wrong with them, in words, for the client and the
//! log.
//!
//! The library says no more than a status. The words are read from the start of the head, and decide nothing.

use engine_api::{BadRequestLine, Operation};

#[cfg(test)]
mod tests;

/// Why a head could not be read. The text is meant for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    /// A TLS handshake.
    #[error("this listener speaks plain HTTP and not TLS; use http:// or tcp:// without TLS")]
    Tls,
    /// The method or the target is refused, as it would be in a head that can be read.
    #[error(transparent)]
    RequestLine(#[from] BadRequestLine),
    /// The version is missing, or is none of these.
    #[error("the request line does not end in HTTP/1.1 or HTTP/1.0")]
    Version,
    /// A header field is malformed, or the fields do not agree on the framing of the body.
    #[error("the request is not valid HTTP/1.1: its target or a header field is malformed")]
    Malformed,
    /// The target is too long.
    #[error("the request target is longer than 65534 bytes once it is percent-encoded")]
    TargetTooLong,
    /// There are too many fields, or they are too long.
    #[error("the request has too many header fields, or they are too long")]
    TooLarge,
}

/// A head that could not be read: why, and what its request line says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnreadHead {
    /// Why it could not be read.
    pub why: Unreadable,
    /// The method, if it is one.
    pub method: String,
    /// The path without the query, if it is one.
    pub path: String,
}

impl UnreadHead {
    /// The head that begins with `start`, and that the HTTP library refuses with `status`.
    pub(crate) fn new(status: u16, start: &[u8]) -> Self {
        let line = RequestLine::read(start);
        let why = match status {
            414 => Unreadable::TargetTooLong,
            431 => Unreadable::TooLarge,
            _ => line.fault(start),
        };
        let path = line.target.split(['?', '#']).next().unwrap_or_default();
        Self { why, method: line.method.to_owned(), path: path.to_owned() }
    }
}

/// The request line, as far as it is one: a head that is refused may have any bytes.
#[derive(Debug, PartialEq, Eq)]
struct RequestLine<'h> {
    method: &'h str,
    target: &'h str,
    version: &'h str,
    extent: Extent,
}

#[derive(Debug, PartialEq, Eq)]
enum Extent {
    Whole,
    Beginning,
}

impl<'h> RequestLine<'h> {
    fn read(start: &'h [u8]) -> Self {
        let start = start.trim_ascii_start();
        let (line, extent) = match start.iter().position(|byte| *byte == b'\n') {
            Some(end) => (start.get(..end).unwrap_or_default(), Extent::Whole),
            None => (start, Extent::Beginning),
        };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (method, rest) = cut(line);
        let (target, version) = cut(rest);
        Self { method: text(method), target: text(target), version: text(version), extent }
    }

    fn fault(&self, start: &[u8]) -> Unreadable {
        if start.starts_with(b"\x16\x03") {
            return Unreadable::Tls;
        }
        if self.extent == Extent::Beginning {
            return Unreadable::Malformed;
        }
        if !matches!(self.version, "HTTP/1.1" | "HTTP/1.0") {
            return Unreadable::Version;
        }
        match Operation::parse(self.method, self.target) {
            Ok(_) => Unreadable::Malformed,
            Err(bad) => bad.into(),
        }
    }
}

/// The bytes in front of the first space, and those behind it.
fn cut(line: &[u8]) -> (&[u8], &[u8]) {
    let at = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    let (before, behind) = line.split_at_checked(at).unwrap_or((line, &[]));
    (before, behind.get(1..).unwrap_or_default())
}

/// The bytes as text, up to the first that is none.
fn text(bytes: &[u8]) -> &str {
    bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid())
}
