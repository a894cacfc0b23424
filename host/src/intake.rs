//! Bodies that a policy reads: taken whole before anything is decided, and refused if two parsers could read them in two
//! ways.
//!
//! A policy is never shown a part of a body, and what it was shown is, byte for byte, what is sent: with the framing that it
//! came with, but without trailers, which nobody has judged. What clients can make the gateway hold is bounded: each body by
//! `POLICY_BODY_LIMIT`, all together by [`ROOM`], and the time for both by `HEADER_TIMEOUT`, since a body that is waited for
//! before anything happens is, for its client, a part of the head.
//!
//! Where policies only observe, a body that none can be shown is sent on all the same, and the log says why.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap};
use policy::body::BodyShape;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::body::RequestBody;
use crate::head::{Framing, Outbound};
use crate::headers;
use crate::pace::Patience;
use crate::pdp::Body;

/// What all inspected bodies may take together, in bytes, until they are sent. One always fits.
const ROOM: usize = 64 * 1024 * 1024;

/// A body that no policy can be shown. The text is meant for the client.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadBody {
    /// Never shown in part.
    #[error(
        "the body is larger than {0} bytes, and a policy must read all of it; POLICY_BODY_LIMIT allows more"
    )]
    TooLarge(usize),
    /// The engine would not undo it, and a policy could not.
    #[error("the body of this operation is read by a policy: send it without Content-Encoding")]
    Encoded,
    /// Two parsers could read it in two ways.
    #[error(transparent)]
    Ambiguous(#[from] policy::body::BadBody),
    /// A bad chunk, or the client left.
    #[error("the request's body is broken ({0})")]
    Broken(#[source] hyper::Error),
    /// It was waited for.
    #[error("the body did not arrive within {} s (HEADER_TIMEOUT)", .0.as_secs_f64())]
    Slow(Duration),
    /// There was no room for it.
    #[error("too many bodies are waiting to be read by a policy; try again later")]
    Busy,
}

impl BadBody {
    /// Whether it cannot even be sent on.
    pub(crate) fn is_fatal(&self) -> bool {
        match self {
            Self::Broken(_) => true,
            Self::TooLarge(_) | Self::Encoded | Self::Ambiguous(_) | Self::Slow(_) | Self::Busy => false,
        }
    }
}

/// Takes bodies to be shown to policies.
#[derive(Debug)]
pub(crate) struct Intake {
    limit: usize,
    patience: Duration,
    room: Arc<Semaphore>,
}

impl Intake {
    /// Of bodies up to `limit` bytes.
    pub(crate) fn new(limit: usize, patience: Patience) -> Self {
        Self { limit, patience: patience.head, room: Arc::new(Semaphore::new(ROOM.max(limit))) }
    }

    /// Takes a body and judges it. Whatever comes of that, `body` still has every byte.
    ///
    /// # Errors
    /// [`BadBody`]; `response` maps it to a status.
    pub(crate) async fn take(
        &self,
        body: &mut RequestBody,
        outbound: &Outbound,
        shape: BodyShape,
    ) -> Result<Body, BadBody> {
        let most = match outbound.framing {
            Framing::Empty => return Ok(Body::Empty),
            Framing::Length => self.declared(&outbound.headers)?,
            Framing::Chunked => self.limit,
        };
        require_no_encoding(&outbound.headers)?;
        let room = timeout(self.patience, self.room_for(most)).await;
        let room = room.ok().flatten().ok_or(BadBody::Busy)?;
        let bytes = timeout(self.patience, body.take_whole(self.limit, room)).await;
        match bytes.map_err(|_elapsed| BadBody::Slow(self.patience))? {
            Ok(Some(bytes)) => judge(bytes, shape),
            Ok(None) => Err(BadBody::TooLarge(self.limit)),
            Err(error) => Err(BadBody::Broken(error)),
        }
    }

    /// What a client says that it will send. hyper has made sure that it is a number, and that no more comes.
    fn declared(&self, headers: &HeaderMap) -> Result<usize, BadBody> {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        let length = length.and_then(|length| length.trim().parse().ok());
        length.filter(|length| *length <= self.limit).ok_or(BadBody::TooLarge(self.limit))
    }

    async fn room_for(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes).ok()?;
        Arc::clone(&self.room).acquire_many_owned(bytes).await.ok()
    }
}

/// Judges a body that is there already, as [`Intake::take`] judges one that comes.
///
/// # Errors
/// [`BadBody`].
pub(crate) fn judge_whole(
    bytes: Bytes,
    limit: usize,
    headers: &HeaderMap,
    shape: BodyShape,
) -> Result<Body, BadBody> {
    if bytes.is_empty() {
        return Ok(Body::Empty);
    }
    if bytes.len() > limit {
        return Err(BadBody::TooLarge(limit));
    }
    require_no_encoding(headers)?;
    judge(bytes, shape)
}

fn judge(bytes: Bytes, shape: BodyShape) -> Result<Body, BadBody> {
    if bytes.is_empty() {
        return Ok(Body::Empty);
    }
    shape.judge(&bytes)?;
    Ok(Body::Complete(bytes))
}

/// `identity` is no encoding (RFC 9110 §8.4.1).
fn require_no_encoding(headers: &HeaderMap) -> Result<(), BadBody> {
    let mut encodings = headers::elements(headers, &header::CONTENT_ENCODING);
    let is_none = |encoding: &[u8]| encoding.is_empty() || encoding.eq_ignore_ascii_case(b"identity");
    if encodings.all(is_none) { Ok(()) } else { Err(BadBody::Encoded) }
}
