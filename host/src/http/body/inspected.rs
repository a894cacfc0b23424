//! Bodies that a policy reads: they are taken whole before anything is decided, and refused if two parsers could read
//! them in two ways.
//!
//! A policy is never shown a part of a body, and the body that it was shown is sent byte for byte, with the framing
//! that it came with, but without trailers, which nobody has judged. What clients can make the gateway hold is bounded:
//! each body by `POLICY_BODY_LIMIT`, all bodies together by [`ROOM`], and the time to wait for either by
//! `HEADER_TIMEOUT`, since a body that must come before anything happens is, for its client, a part of the head.
//!
//! Where policies only observe, a body that cannot be shown to them is sent on all the same, and the log says why.

use std::sync::Arc;
use std::time::Duration;

use engine_api::body::BodyShape;
use engine_api::headers::{self, Framing};
use http::header::{self, HeaderMap};
use pdp::InspectedBody;
use pdp::admit;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::http::body::request::RequestBody;
use crate::http::head::Outbound;
use crate::net::timeouts::Timeouts;

/// How many bytes all inspected bodies may take together until they are sent. There is always room for one body.
const ROOM: usize = 64 * 1024 * 1024;

/// Why no policy can be shown a body. The text is meant for the client.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTaken {
    /// No policy can be shown the body as it is: it is too large, encoded or ambiguous.
    #[error(transparent)]
    Whole(#[from] admit::BadBody),
    /// A chunk is malformed, or the client left.
    #[error("the request's body is broken")]
    Broken(#[source] hyper::Error),
    /// The body did not come in time.
    #[error("the body did not arrive within {} s (HEADER_TIMEOUT)", .0.as_secs_f64())]
    Slow(Duration),
    /// There was no room for the body.
    #[error("too many bodies are waiting to be read by a policy; try again later")]
    Busy,
}

impl NotTaken {
    /// Whether the body cannot even be sent on.
    pub(crate) fn is_fatal(&self) -> bool {
        match self {
            Self::Broken(_) => true,
            Self::Whole(_) | Self::Slow(_) | Self::Busy => false,
        }
    }
}

/// Takes bodies to be shown to policies.
#[derive(Debug)]
pub(crate) struct BodyInspector {
    limit: usize,
    patience: Duration,
    room: Arc<Semaphore>,
}

impl BodyInspector {
    /// An inspector of bodies up to `limit` bytes.
    pub(crate) fn new(limit: usize, timeouts: Timeouts) -> Self {
        Self { limit, patience: timeouts.head, room: Arc::new(Semaphore::new(ROOM.max(limit))) }
    }

    /// Takes a body and judges it. Whatever the result is, `body` still has every byte.
    ///
    /// # Errors
    /// [`NotTaken`]; `refusal` maps it to a status.
    pub(crate) async fn take(
        &self,
        body: &mut RequestBody,
        outbound: &Outbound,
        shape: BodyShape,
    ) -> Result<InspectedBody, NotTaken> {
        let most = match outbound.framing {
            Framing::Empty => return Ok(InspectedBody::Empty),
            Framing::Length => self.declared(&outbound.headers)?,
            Framing::Chunked => self.limit,
        };
        if headers::has_content_coding(&outbound.headers) {
            return Err(admit::BadBody::Encoded.into());
        }
        let room = timeout(self.patience, self.room_for(most)).await;
        let room = room.ok().flatten().ok_or(NotTaken::Busy)?;
        let bytes = timeout(self.patience, body.take_whole(self.limit, room)).await;
        match bytes.map_err(|_elapsed| NotTaken::Slow(self.patience))? {
            Ok(Some(bytes)) => Ok(admit::inspect_body(bytes, self.limit, &outbound.headers, shape)?),
            Ok(None) => Err(admit::BadBody::TooLarge(self.limit).into()),
            Err(error) => Err(NotTaken::Broken(error)),
        }
    }

    /// The length that the client declares, if it is within the limit. hyper has made sure that it is a number, and
    /// that no more bytes come.
    fn declared(&self, headers: &HeaderMap) -> Result<usize, NotTaken> {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        let length = length.and_then(|length| length.trim().parse().ok());
        let length = length.filter(|length| *length <= self.limit);
        Ok(length.ok_or(admit::BadBody::TooLarge(self.limit))?)
    }

    async fn room_for(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes).ok()?;
        Arc::clone(&self.room).acquire_many_owned(bytes).await.ok()
    }
}
