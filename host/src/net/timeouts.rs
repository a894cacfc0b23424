//! When a client's connection is closed on it: a head that does not end, nothing asked for long, nobody left to answer.
//!
//! While a request is in flight there is no limit at all, since half of the Engine API is endless streams; and it is in
//! flight until the client has taken the answer's last byte. The clock is
//! read where bytes arrive and looked at every now and then, so that a request costs no timer. A limit may therefore be
//! overrun by half of `HEADER_TIMEOUT`.

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

/// `HEADER_TIMEOUT` and `IDLE_TIMEOUT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// For a whole head, from its first byte (of the first one: from the connection's start).
    pub head: Duration,
    /// For a connection on which nothing is asked.
    pub idle: Duration,
}

/// What a connection is waiting for. Cloned into everything that changes it.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionTimer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    start: Instant,
    /// Milliseconds since `start`, shifted left by two; the low bits are one of the states below.
    since: AtomicU64,
}

/// How often a connection is looked at, at the least.
const LOOK: Duration = Duration::from_secs(2);

const STATE: u64 = 0b11;
const IN_FLIGHT: u64 = 0;
const IDLE: u64 = 1;
const IN_HEAD: u64 = 2;
/// A response has left us and the client is slow to take it: still in flight.
const UNDELIVERED: u64 = 3;

/// Why a connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// A head that did not end.
    Head,
    /// Nothing asked for a long time.
    Idle,
    /// A request in flight whose client is gone.
    Gone,
}

impl ConnectionTimer {
    /// Of a new connection: its first head is awaited.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner { start: Instant::now(), since: AtomicU64::new(IN_HEAD) }))
    }

    /// A request's head is complete.
    pub(crate) fn request_started(&self) {
        self.0.since.store(IN_FLIGHT, Ordering::Relaxed);
    }

    /// A response is complete, or given up.
    pub(crate) fn request_ended(&self) {
        self.set(IDLE);
    }

    fn bytes_arrived(&self) {
        if self.state() == IDLE {
            self.set(IN_HEAD);
        }
    }

    /// The client takes what we write, or its buffers are full.
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
    /// hyper notices a client that leaves by reading, and it does not read while it holds bytes that it has no use for
    /// yet (a second request behind a stream, an upload that the engine does not take). So the kernel is asked as well.
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

/// Whether the other side will send no more, whatever of it is still unread.
fn will_send_no_more(socket: &OwnedFd) -> bool {
    has_any_of(socket, PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR)
}

/// Waits until the other side will not even take what we send. Over TCP the kernel learns that from an answer to what
/// we sent, or to its keep-alive probes.
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

/// A connection whose arriving bytes are noticed.
pub(crate) struct Timed<S> {
    stream: S,
    timer: ConnectionTimer,
}

impl<S> Timed<S> {
    /// Watches `stream` for `timer`.
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
