//! A body on its way to the client, with the request's record: when the body goes, the request is finished.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::engine::pool::Lease;
use crate::http::body::coalesce::Coalesced;
use crate::record::{End, Record};

/// A body on its way to the client. It holds the request's record: when the body goes, the request is finished.
#[derive(Debug)]
pub(crate) struct ResponseBody {
    source: Source,
    record: Option<Record>,
}

#[derive(Debug)]
enum Source {
    /// The text of a refusal, or nothing.
    Own(Option<Bytes>),
    /// The body that the engine sends.
    Engine(Relay),
}

/// The engine's body, with the connection that it comes over. Dropping it before its end closes that connection.
#[derive(Debug)]
pub(crate) struct Relay {
    inner: Coalesced,
    /// The connection, until the body has come to its end.
    lease: Option<Lease>,
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
    pub(crate) async fn begin(inner: Incoming, lease: Lease) -> Self {
        let mut inner = Coalesced::new(inner);
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
                Some(Err(error)) => record.engine_failed(broke_off(record.response_bytes, error)),
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

fn broke_off(received: u64, error: &hyper::Error) -> String {
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
