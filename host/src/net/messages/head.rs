//! Where a request's head ends, and the bytes of its query that must be percent-encoded before the HTTP library sees
//! them.
//!
//! This judges nothing: the HTTP library parses what comes out of here, and refuses what is not HTTP. It looks for no
//! more than the spaces and the `?` of the request line, the ends of lines, and the first line that is empty.

use engine_api::encoded_in_query;
use memchr::{memchr, memchr2, memchr3};

#[cfg(test)]
mod tests;

/// The place in a head that the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadScan {
    /// In front of the request line, where empty lines are skipped.
    Before,
    Method,
    Path,
    Query,
    /// Behind the target.
    Version,
    /// The first byte of a line behind the request line.
    LineStart,
    /// Behind a carriage return that was the first of its line.
    EmptyLine,
    Field,
    /// The head is complete.
    Ended,
}

/// What was found in the bytes that came.
#[derive(Debug)]
pub(super) struct Scanned {
    /// How many of the bytes belong to the head.
    pub taken: usize,
    /// These bytes as the HTTP library is to see them, if they must change.
    pub encoded: Option<Vec<u8>>,
}

impl HeadScan {
    /// Goes on with the bytes that came, until they or the head are at their end.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Scanned {
        let mut rest = bytes;
        let mut encoded: Option<Vec<u8>> = None;
        while *self != Self::Ended && !rest.is_empty() {
            let (passed, escape) = self.step(rest);
            let (now, later) = rest.split_at_checked(passed).unwrap_or((rest, &[]));
            match (escape, &mut encoded) {
                (None, None) => {}
                (None, Some(encoded)) => encoded.extend_from_slice(now),
                (Some(escape), encoded) => {
                    let before = bytes.get(..bytes.len() - rest.len()).unwrap_or_default();
                    let encoded = encoded.get_or_insert_with(|| before.to_vec());
                    encoded.extend_from_slice(escape.as_bytes());
                }
            }
            rest = later;
        }
        Scanned { taken: bytes.len() - rest.len(), encoded }
    }

    /// How many bytes are passed at once, and what takes the place of a single byte.
    fn step(&mut self, rest: &[u8]) -> (usize, Option<&'static str>) {
        let (found, next) = match self {
            Self::Before => {
                let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
                if blank < rest.len() {
                    *self = Self::Method;
                }
                return (blank, None);
            }
            Self::Method => (memchr2(b' ', b'\n', rest), Self::Path),
            Self::Path => (memchr3(b' ', b'?', b'\n', rest), Self::Version),
            Self::Query => return self.step_in_query(rest),
            Self::Version | Self::Field => (memchr(b'\n', rest), Self::LineStart),
            Self::LineStart | Self::EmptyLine => {
                *self = match (rest.first(), *self) {
                    (Some(b'\n'), _) => Self::Ended,
                    (Some(b'\r'), Self::LineStart) => Self::EmptyLine,
                    (_, _) => Self::Field,
                };
                return (1, None);
            }
            Self::Ended => return (0, None),
        };
        let Some(at) = found else { return (rest.len(), None) };
        *self = match rest.get(at) {
            Some(b'\n') => Self::LineStart,
            Some(b'?') => Self::Query,
            _ => next,
        };
        (at + 1, None)
    }

    fn step_in_query(&mut self, rest: &[u8]) -> (usize, Option<&'static str>) {
        let ends_or_changes = |byte: &u8| matches!(byte, b' ' | b'\n') || encoded_in_query(*byte).is_some();
        match rest.iter().position(ends_or_changes) {
            None => (rest.len(), None),
            Some(0) => {
                let byte = rest.first().copied().unwrap_or_default();
                match byte {
                    b'\n' => *self = Self::LineStart,
                    b' ' => *self = Self::Version,
                    _ => {}
                }
                (1, encoded_in_query(byte))
            }
            Some(at) => (at, None),
        }
    }
}
