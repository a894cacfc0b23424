//! When the gateway closes a client's connection: the head does not end, nothing was asked for a long time, or the
//! client is gone.
//!
//! While a request is in flight there is no limit at all, since half of the Engine API is endless streams. A request is
//! in flight until the client has taken the answer's last byte. The time is noted when bytes arrive and compared with
//! the limits every now and then, so that a request costs no timer. A limit may therefore be overrun by half of
//! `HEADER_TIMEOUT`.

use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// The time limits of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// The time for a whole head, from its first byte; for the first head, from the start of the connection
    /// (`HEADER_TIMEOUT`).
    pub head: Duration,
    /// The time that a connection may stay open without a request (`IDLE_TIMEOUT`).
    pub idle: Duration,
}

/// What a connection is waiting for, and since when. Everything that changes this holds a clone.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionTimer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    start: Instant,
    /// Milliseconds since `start`, shifted left by two; the low bits are one of the states below.
    since: AtomicU64,
}

/// The longest time between two looks at a connection.
const LOOK: Duration = Duration::from_secs(2);

const STATE: u64 = 0b11;
const IN_FLIGHT: u64 = 0;
const IDLE: u64 = 1;
const IN_HEAD: u64 = 2;
/// The response is complete on our side, but the client is slow to take it: the request is still in flight.
const UNDELIVERED: u64 = 3;

/// Why a connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// The head was not complete in time.
    Head,
    /// Nothing was asked for a long time.
    Idle,
    /// The client of a request in flight is gone.
    Gone,
}

impl ConnectionTimer {
    /// The timer of a new connection, which waits for its first head.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner { start: Instant::now(), since: AtomicU64::new(IN_HEAD) }))
    }

    /// Notes that a request's head is complete.
    pub(crate) fn request_started(&self) {
        self.0.since.store(IN_FLIGHT, Ordering::Relaxed);
    }

    /// Notes that a response is complete, or was given up.
    pub(crate) fn request_ended(&self) {
        self.set(IDLE);
    }

    fn bytes_arrived(&self) {
        if self.state() == IDLE {
            self.set(IN_HEAD);
        }
    }

    /// Notes whether the client takes what we write, or its buffers are full.
    fn bytes_left(&self, written: &Poll<io::Result<usize>>) {
        match (self.state(), written) {
            (IDLE, Poll::Pending) => self.set(UNDELIVERED),
            (IDLE | UNDELIVERED, Poll::Ready(_)) => self.set(IDLE),
            _ => {}
        }
    }

    fn state(&self) -> u64 {
        self.0.since.load(Ordering::Relaxed) & STATE
    }

    fn set(&self, state: u64) {
        let since = u64::try_from(self.0.start.elapsed().as_millis()).unwrap_or(u64::MAX >> 2);
        self.0.since.store(since << 2 | state, Ordering::Relaxed);
    }

    /// Waits until the client has overrun a limit, or has left with a request in flight.
    ///
    /// hyper only notices by reading that a client has left, and it does not read while it holds bytes that it cannot
    /// use yet (a second request behind a stream, an upload that the engine does not take). So the kernel is asked as
    /// well.
    pub(crate) async fn until_closing(&self, timeouts: Timeouts, socket: Option<&OwnedFd>) -> Closing {
        loop {
            let since = self.0.since.load(Ordering::Relaxed);
            let waited = self.0.start.elapsed().saturating_sub(Duration::from_millis(since >> 2));
            match since & STATE {
                IN_HEAD if waited >= timeouts.head => return Closing::Head,
                IDLE if waited >= timeouts.idle => return Closing::Idle,
                IN_FLIGHT | UNDELIVERED if socket.is_some_and(will_send_no_more) => return Closing::Gone,
                _ => tokio::time::sleep((timeouts.head.min(timeouts.idle) / 2).min(LOOK)).await,
            }
        }
    }
}

/// Whether the other side will send no more, even if some of what it sent is still unread.
fn will_send_no_more(socket: &OwnedFd) -> bool {
    has_any_of(socket, PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR)
}

/// Waits until the other side does not even take what we send. Over TCP the kernel learns that from the answer to data
/// that we send, or to its keep-alive probes.
pub(crate) async fn until_hung_up(socket: &OwnedFd) {
    while !has_any_of(socket, PollFlags::HUP | PollFlags::ERR) {
        tokio::time::sleep(LOOK).await;
    }
}

fn has_any_of(socket: &OwnedFd, flags: PollFlags) -> bool {
    let mut asked = [PollFd::new(socket, PollFlags::RDHUP)];
    rustix::event::poll(&mut asked, Some(&Timespec::default())).is_ok()
        && asked.iter().any(|socket| socket.revents().intersects(flags))
}

/// A connection that tells its timer when bytes arrive and when they leave.
pub(crate) struct Timed<S> {
    stream: S,
    timer: ConnectionTimer,
}

impl<S> Timed<S> {
    /// Wraps `stream`, whose bytes are noted in `timer`.
    pub(crate) fn new(stream: S, timer: ConnectionTimer) -> Self {
        Self { stream, timer }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let result = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        self.timer.bytes_arrived();
        Poll::Ready(result)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.timer.bytes_left(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.timer.bytes_left(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
