//! Just enough HTTP/1.1 to read what a peer sends, cheaply, so that neither the load generator nor the engine
//! is what a measurement measures.
//!
//! Nothing here is hardened: both ends of every connection belong to the benchmark. Malformed bytes end the run.

use anyhow::{Context, Result, bail};

/// How a message's body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// After this many bytes.
    Length(u64),
    /// With the last chunk.
    Chunked,
    /// With the connection.
    UntilClose,
}

/// What happens to the connection after a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// The next message may follow.
    Keep,
    /// It closes.
    Close,
}

/// The parts of a message's head that matter here.
#[derive(Debug)]
pub(crate) struct Head {
    /// Bytes up to and including the empty line.
    pub(crate) length: usize,
    /// `None` if the head names neither a length nor chunks.
    pub(crate) framing: Option<Framing>,
    /// What `Connection` says.
    pub(crate) afterwards: Afterwards,
}

/// Reads a head if `bytes` has all of it.
pub(crate) fn head(bytes: &[u8]) -> Result<Option<Head>> {
    let Some(end) = find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let mut head = Head { length: end + 4, framing: None, afterwards: Afterwards::Keep };
    for line in bytes[..end].split(|byte| *byte == b'\n').skip(1) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let value = line[colon + 1..].trim_ascii();
        match &line[..colon] {
            name if name.eq_ignore_ascii_case(b"content-length") => {
                head.framing = Some(Framing::Length(std::str::from_utf8(value)?.parse()?));
            }
            name if name.eq_ignore_ascii_case(b"transfer-encoding") => head.framing = Some(Framing::Chunked),
            name if name.eq_ignore_ascii_case(b"connection") && value.eq_ignore_ascii_case(b"close") => {
                head.afterwards = Afterwards::Close;
            }
            _other => {}
        }
    }
    Ok(Some(head))
}

/// The status code at the start of an answer.
pub(crate) fn status(head: &[u8]) -> Result<u16> {
    let digits = head.get(9..12).context("an answer without a status line")?;
    Ok(std::str::from_utf8(digits)?.parse()?)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// Where a body stands after some bytes were fed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The body goes on.
    More,
    /// The body ended; this many of the fed bytes belonged to it.
    Done(usize),
}

/// Follows a body to its end without keeping it.
#[derive(Debug)]
pub(crate) struct Body {
    state: State,
    /// Payload bytes so far, framing left out.
    pub(crate) payload: u64,
}

#[derive(Debug)]
enum State {
    Left(u64),
    Open,
    ChunkSize(u64),
    ChunkData(u64),
    ChunkEnd,
    LastLine(LineSoFar),
}

#[derive(Debug, PartialEq, Eq)]
enum LineSoFar {
    Empty,
    Text,
}

impl Body {
    /// A body that starts at the next byte.
    pub(crate) fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::Length(length) => State::Left(length),
            Framing::Chunked => State::ChunkSize(0),
            Framing::UntilClose => State::Open,
        };
        Self { state, payload: 0 }
    }

    /// Takes `bytes`, hands the payload in them to `sink`.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut sink: impl FnMut(&[u8])) -> Result<Progress> {
        let mut at = 0;
        loop {
            if matches!(self.state, State::Left(0)) {
                return Ok(Progress::Done(at));
            }
            let rest = &bytes[at..];
            let Some(first) = rest.first() else { return Ok(Progress::More) };
            match self.state {
                State::Left(left) => at += self.take(rest, left, State::Left, &mut sink),
                State::ChunkData(left) => at += self.take(rest, left, State::ChunkData, &mut sink),
                State::Open => at += self.take(rest, u64::MAX, |_left| State::Open, &mut sink),
                State::ChunkSize(_) | State::ChunkEnd | State::LastLine(_) => {
                    at += 1;
                    if self.framing_byte(*first)? == Ended::Yes {
                        return Ok(Progress::Done(at));
                    }
                }
            }
        }
    }

    fn take(
        &mut self,
        rest: &[u8],
        left: u64,
        next: fn(u64) -> State,
        sink: &mut impl FnMut(&[u8]),
    ) -> usize {
        let count = rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        sink(&rest[..count]);
        self.payload += count as u64;
        let left = left - count as u64;
        self.state =
            if matches!(self.state, State::ChunkData(_)) && left == 0 { State::ChunkEnd } else { next(left) };
        count
    }

    fn framing_byte(&mut self, byte: u8) -> Result<Ended> {
        match &mut self.state {
            State::ChunkSize(size) => match byte {
                b'\r' => {}
                b'\n' if *size == 0 => self.state = State::LastLine(LineSoFar::Empty),
                b'\n' => self.state = State::ChunkData(*size),
                digit => {
                    let Some(value) = char::from(digit).to_digit(16) else {
                        bail!("chunk size holds {digit:#x}")
                    };
                    *size = *size * 16 + u64::from(value);
                }
            },
            State::ChunkEnd if byte == b'\n' => self.state = State::ChunkSize(0),
            State::LastLine(LineSoFar::Empty) if byte == b'\n' => return Ok(Ended::Yes),
            State::LastLine(line) if byte == b'\n' => *line = LineSoFar::Empty,
            State::LastLine(line) if byte != b'\r' => *line = LineSoFar::Text,
            State::ChunkEnd | State::LastLine(_) | State::Left(_) | State::ChunkData(_) | State::Open => {}
        }
        Ok(Ended::No)
    }
}

#[derive(PartialEq, Eq)]
enum Ended {
    Yes,
    No,
}

#[cfg(test)]
mod tests {
    use super::{Afterwards, Body, Framing, Progress, head};

    #[test]
    fn a_body_ends_where_its_framing_says_however_it_is_cut() {
        for (framing, bytes, payload, length) in [
            (Framing::Length(5), "helloHTTP/1.1", "hello", 5),
            (Framing::Length(0), "HTTP/1.1", "", 0),
            (Framing::Chunked, "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\nHTTP", "hello!", 21),
            (Framing::Chunked, "A\r\n0123456789\r\n0\r\nx-sum: 1\r\n\r\nHTTP", "0123456789", 30),
        ] {
            for cut in 0..bytes.len() {
                let mut body = Body::new(framing);
                let mut seen = Vec::new();
                let mut end = None;
                for (offset, part) in [(0, &bytes[..cut]), (cut, &bytes[cut..])] {
                    if end.is_none() {
                        match body.feed(part.as_bytes(), |data| seen.extend_from_slice(data)).unwrap() {
                            Progress::More => {}
                            Progress::Done(used) => end = Some(offset + used),
                        }
                    }
                }
                assert_eq!(
                    (end, seen.as_slice()),
                    (Some(length), payload.as_bytes()),
                    "{bytes:?} cut at {cut}"
                );
                assert_eq!(body.payload, payload.len() as u64, "{bytes:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn a_head_tells_framing_and_persistence() {
        for (bytes, framing, afterwards) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", Some(Framing::Length(2)), Afterwards::Keep),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n",
                Some(Framing::Chunked),
                Afterwards::Close,
            ),
            ("GET / HTTP/1.1\r\nhost: x\r\n\r\n", None, Afterwards::Keep),
        ] {
            let head = head(bytes.as_bytes()).unwrap().unwrap();
            assert_eq!((head.framing, head.afterwards), (framing, afterwards), "{bytes:?}");
        }
        assert!(head(b"HTTP/1.1 200 OK\r\n").unwrap().is_none(), "half a head");
    }
}
