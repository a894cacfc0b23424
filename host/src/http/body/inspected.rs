//! Bodies that a policy reads: they are taken whole before anything is decided, and refused if two parsers could read
//! them in two ways.
//!
//! A policy is never shown a part of a body, and the body that it was shown is sent byte for byte, with the framing
//! that it came with, but without trailers, which nobody has judged. What clients can make the gateway hold is bounded:
//! each body by `POLICY_BODY_LIMIT`, the bodies of one client and all bodies together by the [`Room`], and the time that
//! one may take by `HEADER_TIMEOUT`, since a body that must come before anything happens is, for its client, a part of
//! the head. What is more than short is judged by another thread ([`HeavyWork`]).
//!
//! Where policies only observe, a body that cannot be shown to them is sent on all the same, and the log says why.

use std::sync::Arc;
use std::time::Duration;

use engine_api::body::BodyShape;
use engine_api::headers::Framing;
use http::header::{self, HeaderMap};
use pdp::InspectedBody;
use pdp::admit::{self, BadBody, SHORT_BODY};
use tokio::time::timeout;

use crate::heavy_work::HeavyWork;
use crate::http::body::request::{NotWhole, RequestBody};
use crate::http::body::room::Room;
use crate::http::head::Outbound;
use crate::net::client::Owner;
use crate::net::timeouts::Timeouts;

/// How many bytes all inspected bodies may hold together until they are sent, if there is memory for that.
const ROOM: usize = 64 * 1024 * 1024;

/// They hold at most one part in so many of the memory that the gateway may use: beside them are their copies in the
/// sandbox, the policies, and connections.
const PART_OF_MEMORY: u64 = 4;

/// Why no policy can be shown a body. The text is meant for the client.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTaken {
    /// No policy can be shown the body as it is: it is too large, encoded or ambiguous.
    #[error(transparent)]
    Whole(#[from] BadBody),
    /// A chunk is malformed, or the client left.
    #[error("the request's body is broken")]
    Broken(#[source] hyper::Error),
    /// The body did not come in time.
    #[error("the body did not arrive within {} s (HEADER_TIMEOUT)", .0.as_secs_f64())]
    Slow(Duration),
    /// There was no room for the body.
    #[error(
        "there is no room for more bodies that a policy reads, of this client or of all; try again later"
    )]
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
    room: Arc<Room>,
    judging: HeavyWork,
}

impl BodyInspector {
    /// An inspector of bodies up to `limit` bytes, in a process that may use so many bytes of memory; `None` if it may
    /// use all that there is.
    pub(crate) fn new(limit: usize, timeouts: Timeouts, memory: Option<u64>) -> Self {
        Self {
            limit,
            patience: timeouts.head,
            room: Room::new(room_in(memory), limit),
            judging: HeavyWork::above(SHORT_BODY),
        }
    }

    /// Takes a body of this client and judges it. Whatever the result is, `body` still has every byte.
    ///
    /// # Errors
    /// [`NotTaken`]; `refusal` maps it to a status.
    pub(crate) async fn take(
        &self,
        body: &mut RequestBody,
        outbound: &Outbound,
        shape: BodyShape,
        owner: Owner,
    ) -> Result<InspectedBody, NotTaken> {
        let most = match outbound.framing {
            Framing::Empty => return Ok(InspectedBody::Empty),
            Framing::Length => self.declared(&outbound.headers)?,
            Framing::Chunked => self.limit,
        };
        admit::require_plain(&outbound.headers)?;
        let taken = timeout(self.patience, body.take_whole(most, self.room.part(owner))).await;
        let bytes = taken.map_err(|_elapsed| NotTaken::Slow(self.patience))?.map_err(|not| match not {
            NotWhole::TooLarge => NotTaken::Whole(BadBody::TooLarge(self.limit)),
            NotWhole::NoRoom => NotTaken::Busy,
            NotWhole::Broken(error) => NotTaken::Broken(error),
        })?;
        Ok(self.judging.run(bytes.len(), move || admit::judge_body(bytes, shape)).await?)
    }

    /// The length that the client declares, if it is within the limit. hyper has made sure that it is a number, and
    /// that no more bytes come.
    fn declared(&self, headers: &HeaderMap) -> Result<usize, NotTaken> {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        let length = length.and_then(|length| length.trim().parse().ok());
        let length = length.filter(|length| *length <= self.limit);
        Ok(length.ok_or(BadBody::TooLarge(self.limit))?)
    }
}

/// How many bytes inspected bodies may hold together, in a process that may use so many bytes of memory.
fn room_in(memory: Option<u64>) -> usize {
    let part = memory.and_then(|memory| usize::try_from(memory / PART_OF_MEMORY).ok());
    part.map_or(ROOM, |part| part.min(ROOM))
}

#[cfg(test)]
mod tests {
    use super::room_in;

    #[test]
    fn bodies_hold_a_quarter_of_the_memory_or_64_mib() {
        for (memory, want) in [(None, 64), (Some(1 << 40), 64), (Some(256 << 20), 64), (Some(64 << 20), 16)] {
            assert_eq!(room_in(memory), want << 20, "{memory:?}");
        }
    }
}
