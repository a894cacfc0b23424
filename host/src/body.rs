//! Bodies on their way through: counted, never ended well when they broke, and collected only where a policy reads them.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::gather::Gathered;
use crate::record::{End, Record};
use crate::upstream::Lease;

/// A client's body on its way to the engine.
///
/// One that is dropped before its end (a refusal, an engine that answers early) is read on and thrown away: were the
/// connection closed with bytes unread, the client would see a broken pipe instead of the answer.
#[derive(Debug)]
pub(crate) struct RequestBody(Option<Upload>);

#[derive(Debug)]
struct Upload {
    /// What was taken of it before it was to be sent.
    taken: Option<Taken>,
    inner: Option<Incoming>,
    /// Whether the client was told to send it.
    is_begun: bool,
    sent: Arc<AtomicU64>,
    /// Where to read on.
    tasks: TaskTracker,
    runtime: Handle,
}

/// The start of a body, or all of it, and its part of what inspected bodies may take together.
#[derive(Debug)]
struct Taken {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl RequestBody {
    /// None.
    pub(crate) fn empty() -> Self {
        Self(None)
    }

    /// Counts what the engine takes into `sent`; `tasks` reads on if it does not take all.
    pub(crate) fn counted(inner: Incoming, sent: Arc<AtomicU64>, tasks: &TaskTracker) -> Self {
        if inner.is_end_stream() {
            return Self::empty();
        }
        let inner = Some(inner);
        let (tasks, runtime) = (tasks.clone(), Handle::current());
        Self(Some(Upload { taken: None, inner, is_begun: false, sent, tasks, runtime }))
    }

    /// Of a client that waits for `100 Continue` before it sends: dropping it unread is the answer.
    pub(crate) fn leave_unread(mut self) {
        if let Some(upload) = self.0.as_mut().filter(|upload| !upload.is_begun) {
            upload.inner = None;
        }
    }

    /// Reads all of it, if that is no more than `limit` bytes. However that ends, what was read will still be sent; trailers
    /// will not.
    ///
    /// # Errors
    /// What broke the body.
    pub(crate) async fn take_whole(
        &mut self,
        limit: usize,
        room: OwnedSemaphorePermit,
    ) -> hyper::Result<Option<Bytes>> {
        let Some(upload) = &mut self.0 else { return Ok(Some(Bytes::new())) };
        let taken = upload.taken.insert(Taken { bytes: Bytes::new(), _room: room });
        upload.is_begun = true;
        let mut collected = Collected { taken, bytes: BytesMut::new() };
        while let Some(inner) = &mut upload.inner {
            match poll_fn(|cx| Pin::new(&mut *inner).poll_frame(cx)).await {
                None => upload.inner = None,
                Some(Err(error)) => {
                    upload.inner = None;
                    return Err(error);
                }
                Some(Ok(frame)) => {
                    collected.bytes.extend_from_slice(frame.data_ref().map_or(&[], |data| data))
                }
            }
            if collected.bytes.len() > limit {
                return Ok(None);
            }
        }
        drop(collected);
        Ok(upload.taken.as_ref().map(|taken| taken.bytes.clone()))
    }
}

/// What is being collected of a body. It is put back if whoever waits for it has had enough.
struct Collected<'u> {
    taken: &'u mut Taken,
    bytes: BytesMut,
}

impl Drop for Collected<'_> {
    fn drop(&mut self) {
        self.taken.bytes = std::mem::take(&mut self.bytes).freeze();
    }
}

/// A client that sends nothing for so long is not in the middle of an upload.
const SILENCE: Duration = Duration::from_secs(2);

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.take().filter(|inner| !inner.is_end_stream()) {
            // `pace` closes the connection if this goes on for longer than a head may take.
            self.tasks.spawn_on(throw_away(inner), &self.runtime);
        }
    }
}

/// Until the end, or until the client has stopped sending: it has read the answer by then.
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
            (Some(taken), _) => Some(Ok(Frame::data(taken.bytes))),
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

    /// Nothing taken of a chunked body is still a chunked body.
    fn is_end_stream(&self) -> bool {
        let is_at_end =
            |upload: &Upload| upload.taken.is_none() && upload.inner.as_ref().is_none_or(Body::is_end_stream);
        self.0.as_ref().is_none_or(is_at_end)
    }

    fn size_hint(&self) -> SizeHint {
        let Some(Upload { taken, inner, .. }) = &self.0 else { return SizeHint::with_exact(0) };
        let taken = taken.as_ref().map_or(0, |taken| taken.bytes.len() as u64);
        let rest = inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint);
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(taken));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(taken));
        }
        hint
    }
}

/// A body on its way to the client. It holds the request's record: when the body goes, the request is finished.
#[derive(Debug)]
pub(crate) struct ResponseBody {
    source: Source,
    record: Option<Record>,
}

#[derive(Debug)]
enum Source {
    /// Our own words, or none.
    Own(Option<Bytes>),
    /// What the engine sends.
    Engine(Relay),
}

/// The engine's body, with the connection that it comes over. Dropping it before its end closes that connection.
#[derive(Debug)]
pub(crate) struct Relay {
    inner: Gathered,
    /// Until the body has come to its end.
    lease: Option<Lease>,
}

impl ResponseBody {
    /// None, of an answer whose record goes on in a tunnel.
    pub(crate) fn none() -> Self {
        Self { source: Source::Own(None), record: None }
    }

    /// A refusal's text.
    pub(crate) fn own(text: Bytes, mut record: Record) -> Self {
        record.complete(); // hyper does not ask for the body of an answer to HEAD
        Self { source: Source::Own(Some(text)), record: Some(record) }
    }

    /// The engine's body.
    pub(crate) fn relayed(relay: Relay, record: Record) -> Self {
        Self { source: Source::Engine(relay), record: Some(record) }
    }
}

impl Relay {
    /// Starts to relay a body.
    ///
    /// A short chunked answer has come whole with its head: all of it is taken before the head is answered, so that
    /// both go out in one write.
    pub(crate) async fn begin(inner: Incoming, lease: Lease) -> Self {
        let mut inner = Gathered::new(inner);
        inner.begin().await;
        Self { inner, lease: Some(lease) }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let Self { source, record } = &mut *self;
        let frame = match source {
            Source::Own(text) => text.take().map(|text| Ok(Frame::data(text))),
            Source::Engine(relay) => ready!(Pin::new(&mut relay.inner).poll_frame(cx)),
        };
        if let Some(record) = record {
            match &frame {
                Some(Ok(frame)) => record.response_bytes += frame.data_ref().map_or(0, Bytes::len) as u64,
                Some(Err(_)) => record.end = End::EngineFailed,
                None => record.complete(),
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Own(text) => text.is_none(),
            Source::Engine(relay) => relay.inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Own(text) => SizeHint::with_exact(text.as_ref().map_or(0, Bytes::len) as u64),
            Source::Engine(relay) => relay.inner.size_hint(),
        }
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        let ended = self.is_end_stream();
        let Some(record) = &mut self.record else { return };
        // hyper does not ask for the end of a body whose length it has counted down.
        if ended {
            record.complete();
        }
        if record.end == End::Complete
            && let Source::Engine(relay) = &mut self.source
            && let Some(lease) = relay.lease.take()
        {
            lease.release(record.response_bytes);
        }
    }
}
