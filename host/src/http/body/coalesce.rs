//! A body whose small pieces are coalesced: they are handed on together, so that one write sends many of them.
//!
//! hyper's connection to the engine hands over one piece a turn: a chunk, or the bytes of one read. To send each on its
//! own would cost a system call and often wake a peer on another core, which is several times the cost of the piece. So
//! after a piece the connection gets another turn to add the next one, until it has none at hand or there is enough.
//! This never waits: a turn is over as soon as every task that is ready has run once.

use std::cell::Cell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

/// How many bytes are enough for one write. More gains nothing, and each stream may hold as many.
const ENOUGH: usize = 128 * 1024;

/// How many pieces are handed on together at most: as many as hyper queues before it writes.
const MAX_PIECES: usize = 15;

thread_local! {
    /// The number of turns that [`counting_turns`] has counted on this thread.
    static TURN: Cell<u64> = const { Cell::new(0) };
}

/// Counts the turns of a task, because hyper may poll a body several times in one turn. The box keeps the future from
/// being held twice, as an argument and as a pinned local.
pub(crate) fn counting_turns<F: Future>(task: F) -> impl Future<Output = F::Output> {
    let mut task = Box::pin(task);
    poll_fn(move |cx| {
        TURN.set(TURN.get().wrapping_add(1));
        task.as_mut().poll(cx)
    })
}

/// A body whose small pieces are handed on together. It must be polled in a task that is wrapped in [`counting_turns`].
#[derive(Debug)]
pub(crate) struct Coalesced {
    inner: Incoming,
    /// The turn in which another piece was asked for.
    asked: Option<u64>,
    pieces: VecDeque<Frame<Bytes>>,
    bytes: usize,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// More pieces may be added.
    Collecting,
    /// The pieces that are there are handed over before more are asked for.
    Handing,
    /// The pieces that are there are the last ones.
    Ending,
    /// The pieces that are there are followed by an error, which is held back for one more turn: hyper throws away what
    /// it has buffered if an error comes in the same poll as data.
    Failing(hyper::Error),
    /// The next turn reports the error.
    Failed(hyper::Error),
    /// The end or the error was reported.
    Over,
}

impl Coalesced {
    /// A body that has not been polled yet.
    pub(crate) fn new(inner: Incoming) -> Self {
        Self { inner, asked: None, pieces: VecDeque::new(), bytes: 0, phase: Phase::Collecting }
    }

    /// Collects the pieces that are there already, such as all of a short body that came with its head.
    pub(crate) async fn begin(&mut self) {
        poll_fn(|cx| match self.collect(cx) {
            Turn::Again => Poll::Pending,
            Turn::Over => Poll::Ready(()),
        })
        .await;
    }

    /// Takes the next piece, and asks for another turn if there may be more.
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

/// Whether the task needs another turn before pieces are handed over.
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
