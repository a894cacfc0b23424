//! A body on its way to the client, with the request's record: when the body goes, the request is finished.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use engine_api::headers::elements;
use http::{Response, header};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::engine::pool::Lease;
use crate::engine::upstream::{EngineGone, Upstream};
use crate::http::body::coalesce::Coalesced;
use crate::record::{End, Record};

/// A body on its way to the client. It holds the request's record: when the body goes, the request is finished.
pub(crate) struct ResponseBody {
    source: Source,
    record: Option<Record>,
}

enum Source {
    /// The text of a refusal, or nothing.
    Own(Option<Bytes>),
    /// The body that the engine sends.
    Engine(Relay),
}

/// The engine's body, with the connection that it comes over. Dropping it before its end closes that connection.
pub(crate) struct Relay {
    inner: Coalesced,
    /// What is to be looked at when `inner` has ended: an engine that dies ends a connection like one that has sent all,
    /// so where nothing but that ends a body, the client is told that it is whole only if the engine is still there.
    look: Option<Look>,
    /// The connection, until the body has come to its end.
    lease: Option<Lease>,
}

type Look = Pin<Box<dyn Future<Output = Result<(), EngineGone>> + Send>>;

/// Why the engine's body broke off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BrokeOff {
    /// The connection ended too early, or what came is not HTTP.
    #[error(transparent)]
    Connection(#[from] hyper::Error),
    /// The engine is gone, and that was the end of the connection.
    #[error(transparent)]
    EngineGone(#[from] EngineGone),
}

impl ResponseBody {
    /// The empty body of an answer that starts a tunnel, which keeps the record.
    pub(crate) fn none() -> Self {
        Self { source: Source::Own(None), record: None }
    }

    /// The text of a refusal.
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
    /// A short chunked answer comes whole with its head: all of it is taken before the head is passed on, so that both
    /// go out in one write.
    pub(crate) async fn begin(
        response: Response<Incoming>,
        lease: Lease,
        engine: &Arc<Upstream>,
    ) -> Response<Self> {
        let (parts, inner) = response.into_parts();
        let is_chunked = elements(&parts.headers, &header::TRANSFER_ENCODING)
            .last()
            .is_some_and(|coding| coding.eq_ignore_ascii_case(b"chunked"));
        let tells_its_end = is_chunked || inner.size_hint().exact().is_some();
        let look = (!tells_its_end).then(|| look(Arc::clone(engine)));
        let mut inner = Coalesced::new(inner);
        inner.begin().await;
        Response::from_parts(parts, Self { inner, look, lease: Some(lease) })
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokeOff>>> {
        if let Some(frame) = ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
            return Poll::Ready(Some(frame.map_err(BrokeOff::from)));
        }
        let Some(look) = &mut self.look else { return Poll::Ready(None) };
        let looked = ready!(look.as_mut().poll(cx));
        self.look = None;
        Poll::Ready(looked.err().map(|gone| Err(gone.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.look.is_none() && self.inner.is_end_stream()
    }
}

/// Looks whether the engine is still there, in another turn: hyper throws away what it has buffered if an error comes in
/// the same poll as data.
fn look(engine: Arc<Upstream>) -> Look {
    Box::pin(async move {
        tokio::task::yield_now().await;
        engine.require_listener().await
    })
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BrokeOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokeOff>>> {
        let Self { source, record } = &mut *self;
        let frame = match source {
            Source::Own(text) => text.take().map(|text| Ok(Frame::data(text))),
            Source::Engine(relay) => ready!(relay.poll_frame(cx)),
        };
        if let Some(record) = record {
            match &frame {
                Some(Ok(frame)) => record.response_bytes += frame.data_ref().map_or(0, Bytes::len) as u64,
                Some(Err(error)) => record.engine_failed(broke_off(record.response_bytes, error)),
                None => record.complete(),
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Own(text) => text.is_none(),
            Source::Engine(relay) => relay.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Own(text) => SizeHint::with_exact(text.as_ref().map_or(0, Bytes::len) as u64),
            Source::Engine(relay) => relay.inner.size_hint(),
        }
    }
}

fn broke_off(received: u64, error: &BrokeOff) -> String {
    let error = engine_api::report(error);
    format!("the Docker engine broke off its answer after {received} bytes: {error}")
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
