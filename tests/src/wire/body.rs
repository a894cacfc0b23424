//! Bodies, which are decoded as they come.

use super::{Ending, Place, Wire};
use crate::head::parse_line;
use crate::within;

/// A decoded body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The bytes that came.
    pub bytes: Vec<u8>,
    /// The trailer lines of a chunked body.
    pub trailers: Vec<(String, String)>,
    /// How the body ended.
    pub end: BodyEnd,
}

/// How a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEnd {
    /// It ended as its framing says; a body without a length ends with the stream.
    Complete,
    /// It ended before its framing says.
    Truncated(Ending),
}

impl Body {
    /// The bytes of a body that is complete.
    ///
    /// # Panics
    /// When it is not complete.
    #[must_use]
    pub fn whole(&self) -> &[u8] {
        assert_eq!(self.end, BodyEnd::Complete, "after {} bytes", self.bytes.len());
        &self.bytes
    }
}

impl Wire {
    /// Reads the rest of the body.
    pub async fn read_body(&mut self) -> Body {
        let mut bytes = Vec::new();
        let end = loop {
            match within("more of a body, or its end", self.next_piece(usize::MAX)).await {
                Ok(Some(piece)) => bytes.extend(piece),
                Ok(None) => break BodyEnd::Complete,
                Err(ending) => break BodyEnd::Truncated(ending),
            }
        };
        Body { bytes, trailers: std::mem::take(&mut self.trailers), end }
    }

    /// Reads as many bytes of the body as `want` has, in whatever chunks they come, and compares them.
    ///
    /// # Panics
    /// When they differ, or the body ends before that.
    pub async fn expect_body(&mut self, want: impl AsRef<[u8]>) {
        let want = want.as_ref();
        let mut got = Vec::new();
        while got.len() < want.len() {
            match within("more of a body", self.next_piece(want.len() - got.len())).await {
                Ok(Some(piece)) => got.extend(piece),
                end => panic!("the body ended ({end:?}) after {:?}", String::from_utf8_lossy(&got)),
            }
        }
        assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(want));
    }

    /// Reads the rest of the body, however long it takes, and keeps none of it.
    pub(crate) async fn skip_body(&mut self) -> BodyEnd {
        loop {
            match self.next_piece(usize::MAX).await {
                Ok(Some(_)) => {}
                Ok(None) => return BodyEnd::Complete,
                Err(ending) => return BodyEnd::Truncated(ending),
            }
        }
    }

    /// The next bytes of the body, at most `limit`; `None` at its end.
    async fn next_piece(&mut self, limit: usize) -> Result<Option<Vec<u8>>, Ending> {
        loop {
            match self.body {
                Place::End => return Ok(None),
                Place::Length(left) => {
                    let piece = self.take(left, limit).await?;
                    let left = left - piece.len() as u64;
                    self.body = if left == 0 { Place::End } else { Place::Length(left) };
                    return Ok(Some(piece));
                }
                Place::Chunk(0) => {
                    assert_eq!(self.read_line().await?, "", "a chunk ends with an empty line");
                    self.body = Place::ChunkSize;
                }
                Place::Chunk(left) => {
                    let piece = self.take(left, limit).await?;
                    self.body = Place::Chunk(left - piece.len() as u64);
                    return Ok(Some(piece));
                }
                Place::ChunkSize => self.start_chunk().await?,
                Place::UntilClose => match self.take(u64::MAX, limit).await {
                    Ok(piece) => return Ok(Some(piece)),
                    Err(Ending::Closed) => self.body = Place::End,
                    Err(Ending::Reset) => return Err(Ending::Reset),
                },
            }
        }
    }

    async fn start_chunk(&mut self) -> Result<(), Ending> {
        let line = self.read_line().await?;
        let size = line.split(';').next().unwrap_or_default();
        match u64::from_str_radix(size, 16).unwrap_or_else(|_| panic!("no chunk size: {line:?}")) {
            0 => {
                loop {
                    let line = self.read_line().await?;
                    if line.is_empty() {
                        break;
                    }
                    self.trailers.push(parse_line(&line));
                }
                self.body = Place::End;
            }
            size => self.body = Place::Chunk(size),
        }
        Ok(())
    }

    async fn take(&mut self, left: u64, limit: usize) -> Result<Vec<u8>, Ending> {
        if self.inbox.is_empty() {
            self.fill().await?;
        }
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let count = self.inbox.len().min(left).min(limit);
        Ok(self.inbox.drain(..count).collect())
    }

    async fn read_line(&mut self) -> Result<String, Ending> {
        let end = self.find(b"\r\n").await?;
        let line = String::from_utf8_lossy(&self.inbox[..end]).into_owned();
        self.inbox.drain(..end + 2);
        Ok(line)
    }
}
