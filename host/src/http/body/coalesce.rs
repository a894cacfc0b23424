//! A body whose small pieces are handed on together.
//!
//! hyper's other end hands over one piece a turn: a chunk, or what one read brought. Each would cost a system call and
//! often the waking of a peer on another core, which is several times the cost of the piece. So after a piece the other
//! end gets a turn to add the next one, until it has none at hand or there is enough. Nothing is waited for: a turn is
//! over as soon as every task that is ready has run once.

use std::cell::Cell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

/// Enough for one write: more gains nothing, and each stream may hold it.
const ENOUGH: usize = 128 * 1024;

/// As many pieces as hyper queues before it writes.
const MAX_PIECES: usize = 15;

thread_local! {
    /// Counts what [`counting_turns`] sees.
    static TURN: Cell<u64> = const { Cell::new(0) };
}

/// A task whose turns are counted: hyper may poll a body several times in one of them. The box keeps the future from
/// being held twice, as an argument and as a pinned local.
pub(crate) fn counting_turns<F: Future>(task: F) -> impl Future<Output = F::Output> {
    let mut task = Box::pin(task);
    poll_fn(move |cx| {
        TURN.set(TURN.get().wrapping_add(1));
        task.as_mut().poll(cx)
    })
}

/// See the module. Must be polled in a task that is [`counting_turns`].
#[derive(Debug)]
pub(crate) struct Coalesced {
    inner: Incoming,
    /// The turn in which more was asked for.
    asked: Option<u64>,
    pieces: VecDeque<Frame<Bytes>>,
    bytes: usize,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// More may be added.
    Collecting,
    /// What is there is handed over before more is asked for.
    Handing,
    /// After what is there: the end.
    Ending,
    /// After what is there: an error, which waits a turn more. hyper throws away what it has buffered if an error comes
    /// in the same poll as data.
    Failing(hyper::Error),
    /// The turn that the error waits for.
    Failed(hyper::Error),
    /// All was said.
    Over,
}

impl Coalesced {
    pub(crate) fn new(inner: Incoming) -> Self {
        Self { inner, asked: None, pieces: VecDeque::new(), bytes: 0, phase: Phase::Collecting }
    }

    /// Collects what is there already: all of a short body that came with its head.
    pub(crate) async fn begin(&mut self) {
        poll_fn(|cx| match self.collect(cx) {
            Turn::Again => Poll::Pending,
            Turn::Over => Poll::Ready(()),
        })
        .await;
    }

    /// Takes pieces; a turn is asked for if there may be more.
    fn collect(&mut self, cx: &mut Context<'_>) -> Turn {
        if !matches!(self.phase, Phase::Collecting) {
            return Turn::Over;
        }
        if self.asked == Some(TURN.get()) {
            return Turn::Again;
        }
        self.asked = None;
        match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(piece))) => {
                self.bytes += piece.data_ref().map_or(0, Bytes::len);
                self.pieces.push_back(piece);
                if self.bytes < ENOUGH && self.pieces.len() < MAX_PIECES && !self.inner.is_end_stream() {
                    self.asked = Some(TURN.get());
                    cx.waker().wake_by_ref();
                    return Turn::Again;
                }
                self.phase = Phase::Handing;
            }
            Poll::Ready(Some(Err(error))) => self.phase = Phase::Failing(error),
            Poll::Ready(None) => self.phase = Phase::Ending,
            Poll::Pending if self.pieces.is_empty() => {}
            Poll::Pending => self.phase = Phase::Handing,
        }
        Turn::Over
    }
}

enum Turn {
    Again,
    Over,
}

impl Body for Coalesced {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        if matches!(self.collect(cx), Turn::Again) {
            return Poll::Pending;
        }
        if let Some(piece) = self.pieces.pop_front() {
            self.bytes -= piece.data_ref().map_or(0, Bytes::len);
            if self.pieces.is_empty() && matches!(self.phase, Phase::Handing) {
                self.phase = Phase::Collecting;
            }
            return Poll::Ready(Some(Ok(piece)));
        }
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Collecting | Phase::Handing => {
                self.phase = Phase::Collecting;
                Poll::Pending
            }
            Phase::Failing(error) => {
                self.phase = Phase::Failed(error);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Phase::Failed(error) => Poll::Ready(Some(Err(error))),
            Phase::Ending | Phase::Over => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
            && match self.phase {
                Phase::Collecting | Phase::Handing => self.inner.is_end_stream(),
                Phase::Ending | Phase::Over => true,
                Phase::Failing(_) | Phase::Failed(_) => false,
            }
    }

    fn size_hint(&self) -> SizeHint {
        match self.inner.size_hint().exact() {
            Some(rest) => SizeHint::with_exact(rest + self.bytes as u64),
            None => SizeHint::default(),
        }
    }
}
