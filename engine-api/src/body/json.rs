//! Reads JSON token by token: RFC 8259 and nothing more, without what parsers read in different ways.
//!
//! No value is built. Of numbers and strings it refuses those that parsers disagree on: a number that overflows a
//! double, a lone surrogate, a NUL.

use super::AmbiguousBody;
use super::key::Key;

/// A position in a body.
#[derive(Debug)]
pub(super) struct Cursor<'b> {
    text: &'b str,
    at: usize,
}

impl<'b> Cursor<'b> {
    pub(super) fn new(text: &'b str) -> Self {
        Self { text, at: 0 }
    }

    /// The distance from the start, in bytes.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The text between `from` and the current position.
    pub(super) fn since(&self, from: usize) -> &'b str {
        self.text.get(from..self.at).unwrap_or_default()
    }

    /// The next byte that is not white space, without taking it.
    pub(super) fn peek(&mut self) -> Option<u8> {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.byte()
    }

    /// Takes `token` if it comes next.
    pub(super) fn takes(&mut self, token: u8) -> bool {
        let is_next = self.peek() == Some(token);
        self.at += usize::from(is_next);
        is_next
    }

    /// Takes `token`, which must come next.
    pub(super) fn expect(&mut self, token: u8) -> Result<(), AmbiguousBody> {
        if self.takes(token) { Ok(()) } else { Err(self.not_json()) }
    }

    /// Takes a string, a number or a word.
    pub(super) fn scalar(&mut self) -> Result<(), AmbiguousBody> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            Some(_) | None => Err(self.not_json()),
        }
    }

    /// Takes a string.
    pub(super) fn string(&mut self) -> Result<Key<'b>, AmbiguousBody> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            match self.byte() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(0..0x20) | None => return Err(self.not_json()),
                Some(_) => self.at += 1,
            }
        }
        let string = Key(self.since(start));
        self.at += 1;
        Ok(string)
    }

    /// Takes an escape, and refuses a lone surrogate and a NUL. A surrogate without its other half becomes U+FFFD in
    /// Go, stays as it is in JavaScript, and is an error elsewhere; a NUL ends the string for parsers in C.
    fn escape(&mut self) -> Result<(), AmbiguousBody> {
        let start = self.at;
        self.at += 1;
        match self.byte() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => match self.unit()? {
                0 => Err(AmbiguousBody::Nul { at: start }),
                0xd800..0xdc00 if !self.low_half()? => Err(AmbiguousBody::LoneSurrogate { at: start }),
                0xdc00..0xe000 => Err(AmbiguousBody::LoneSurrogate { at: start }),
                _ => Ok(()),
            },
            Some(_) | None => Err(self.not_json()),
        }
    }

    /// Takes a `\u` escape if one comes next, and says whether it is the second half of a surrogate pair.
    fn low_half(&mut self) -> Result<bool, AmbiguousBody> {
        if self.text.get(self.at..self.at + 2) != Some("\\u") {
            return Ok(false);
        }
        self.at += 1;
        Ok((0xdc00..0xe000).contains(&self.unit()?))
    }

    /// Takes a `u` and the four digits behind it.
    fn unit(&mut self) -> Result<u32, AmbiguousBody> {
        let digits = self.text.get(self.at + 1..self.at + 5);
        let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or_else(|| self.not_json())?;
        self.at += 5;
        Ok(unit)
    }

    /// Takes a number. Integers of any size pass: a language whose numbers are doubles rounds those beyond 2^53, and
    /// apart from that rounding a comparison with a limit gives the same result.
    fn number(&mut self) -> Result<(), AmbiguousBody> {
        let start = self.at;
        self.at += usize::from(self.byte() == Some(b'-'));
        match self.byte() {
            Some(b'0') => self.at += 1,
            Some(_) | None => self.digits()?,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        let mantissa = self.at;
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        let is_surely_finite = mantissa == self.at && mantissa - start < 300;
        let is_finite = || self.since(start).parse().is_ok_and(f64::is_finite);
        if is_surely_finite || is_finite() { Ok(()) } else { Err(AmbiguousBody::HugeNumber { at: start }) }
    }

    /// Takes digits, at least one.
    fn digits(&mut self) -> Result<(), AmbiguousBody> {
        let start = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.not_json()) } else { Ok(()) }
    }

    fn word(&mut self, word: &str) -> Result<(), AmbiguousBody> {
        let is_next = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word));
        self.at += if is_next { word.len() } else { 0 };
        if is_next { Ok(()) } else { Err(self.not_json()) }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The error for text at the current position that is not JSON.
    pub(super) fn not_json(&self) -> AmbiguousBody {
        AmbiguousBody::NotJson { at: self.at }
    }
}
