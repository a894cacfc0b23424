//! A client's body on its way to the engine: it is counted, and read to its end if the engine does not take all of it.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::http::body::room::{NoRoom, Part};

/// A client's body on its way to the engine.
///
/// A body that is dropped before its end (after a refusal, or if the engine answers early) is read to its end and
/// thrown away: if the connection were closed with bytes unread, the client would see a broken pipe instead of the
/// answer.
#[derive(Debug)]
pub(crate) struct RequestBody(Option<Upload>);

#[derive(Debug)]
struct Upload {
    /// The bytes that were taken for inspection before the body is sent.
    taken: Option<Bytes>,
    inner: Option<Incoming>,
    /// Whether reading has begun, and with it the client was told to send.
    is_begun: bool,
    sent: Arc<AtomicU64>,
    /// The tasks that read dropped bodies to their end.
    tasks: TaskTracker,
    /// The runtime of those tasks.
    runtime: Handle,
}

/// Bytes of a body with its part of the room for inspected bodies, which they hold for as long as anybody has them: a
/// policy, or the connection to an engine that is slow to take them.
#[derive(Debug)]
struct Taken {
    bytes: Vec<u8>,
    _room: Part,
}

impl AsRef<[u8]> for Taken {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Why a body cannot be taken whole.
#[derive(Debug)]
pub(crate) enum NotWhole {
    /// It is larger than it may be.
    TooLarge,
    /// There is no room for more of it.
    NoRoom,
    /// It broke off.
    Broken(hyper::Error),
}

impl RequestBody {
    /// No body.
    pub(crate) fn empty() -> Self {
        Self(None)
    }

    /// A client's body. The bytes that the engine takes are counted in `sent`; a task of `tasks` reads the others.
    pub(crate) fn counted(inner: Incoming, sent: Arc<AtomicU64>, tasks: &TaskTracker) -> Self {
        if inner.is_end_stream() {
            return Self::empty();
        }
        let inner = Some(inner);
        let (tasks, runtime) = (tasks.clone(), Handle::current());
        Self(Some(Upload { taken: None, inner, is_begun: false, sent, tasks, runtime }))
    }

    /// Drops the body of a client that waits for `100 Continue`: unread, unless reading has begun and it was told to
    /// send.
    pub(crate) fn leave_unread(mut self) {
        if let Some(upload) = self.0.as_mut().filter(|upload| !upload.is_begun) {
            upload.inner = None;
        }
    }

    /// Reads the whole body, of at most `most` bytes. Whatever the result is, the bytes that were read will still be
    /// sent; trailers will not.
    ///
    /// # Errors
    /// [`NotWhole`]
    pub(crate) async fn take_whole(&mut self, most: usize, room: Part) -> Result<Bytes, NotWhole> {
        let Some(upload) = &mut self.0 else { return Ok(Bytes::new()) };
        upload.is_begun = true;
        let mut collected = Collected { taken: &mut upload.taken, bytes: Vec::new(), most, room: Some(room) };
        while let Some(inner) = &mut upload.inner {
            match poll_fn(|cx| Pin::new(&mut *inner).poll_frame(cx)).await {
                None => upload.inner = None,
                Some(Err(error)) => {
                    upload.inner = None;
                    return Err(NotWhole::Broken(error));
                }
                Some(Ok(frame)) => collected.add(frame.data_ref().map_or(&[], |data| data))?,
            }
        }
        drop(collected);
        Ok(upload.taken.clone().unwrap_or_default())
    }
}

/// The bytes that are being collected of a body. They go back to the body when this is dropped, even in the middle.
struct Collected<'u> {
    taken: &'u mut Option<Bytes>,
    bytes: Vec<u8>,
    most: usize,
    room: Option<Part>,
}

impl Collected<'_> {
    /// Adds what has come, and takes the room for it. What there is no room for is kept all the same, and is the last.
    fn add(&mut self, data: &[u8]) -> Result<(), NotWhole> {
        let length = self.bytes.len().saturating_add(data.len());
        let fits = if length > self.most { Err(NotWhole::TooLarge) } else { self.reserve(length) };
        if fits.is_err() {
            self.bytes.reserve_exact(data.len());
        }
        self.bytes.extend_from_slice(data);
        fits
    }

    /// Makes room for `length` bytes. It doubles each time, so that few bytes are moved, but never beyond the end.
    fn reserve(&mut self, length: usize) -> Result<(), NotWhole> {
        let capacity = self.bytes.capacity();
        if length <= capacity {
            return Ok(());
        }
        let capacity = capacity.saturating_mul(2).min(self.most).max(length);
        let grown = self.room.as_mut().map_or(Ok(()), |room| room.grow(capacity));
        grown.map_err(|NoRoom| NotWhole::NoRoom)?;
        self.bytes.reserve_exact(capacity - self.bytes.len());
        Ok(())
    }
}

impl Drop for Collected<'_> {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        *self.taken = self.room.take().map(|room| Bytes::from_owner(Taken { bytes, _room: room }));
    }
}

/// A client that sends nothing for this long is not in the middle of an upload.
const SILENCE: Duration = Duration::from_secs(2);

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.take().filter(|inner| !inner.is_end_stream()) {
            // `net/timeouts.rs` closes the connection if this goes on for longer than a head may take.
            self.tasks.spawn_on(throw_away(inner), &self.runtime);
        }
    }
}

/// Reads a body until its end, or until the client has stopped sending: it has read the answer by then.
async fn throw_away(mut body: Incoming) {
    while let Ok(Some(Ok(_))) = timeout(SILENCE, poll_fn(|cx| Pin::new(&mut body).poll_frame(cx))).await {}
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let Some(upload) = &mut self.0 else { return Poll::Ready(None) };
        let frame = match (upload.taken.take(), &mut upload.inner) {
            (Some(taken), _) => Some(Ok(Frame::data(taken))),
            (None, Some(inner)) => {
                let frame = ready!(Pin::new(inner).poll_frame(cx));
                if !matches!(frame, Some(Ok(_))) {
                    upload.inner = None;
                }
                frame
            }
            (None, None) => None,
        };
        if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
            upload.sent.fetch_add(data.len() as u64, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    /// A body that was taken and found empty is not at its end: one that came chunked goes out chunked.
    fn is_end_stream(&self) -> bool {
        let is_at_end =
            |upload: &Upload| upload.taken.is_none() && upload.inner.as_ref().is_none_or(Body::is_end_stream);
        self.0.as_ref().is_none_or(is_at_end)
    }

    fn size_hint(&self) -> SizeHint {
        let Some(Upload { taken, inner, .. }) = &self.0 else { return SizeHint::with_exact(0) };
        let taken = taken.as_ref().map_or(0, |taken| taken.len() as u64);
        let rest = inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint);
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(taken));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(taken));
        }
        hint
    }
}
