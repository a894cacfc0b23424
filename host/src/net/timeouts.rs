//! When the gateway closes a client's connection: the head does not end, nothing was asked for a long time, or the
//! client is gone.
//!
//! While a request is in flight there is no limit at all, since half of the Engine API is endless streams. A request is
//! in flight until the client has taken the answer's last byte. The time is noted when bytes arrive and compared with
//! the limits every now and then, so that a request costs no timer. A limit may therefore be overrun by half of
//! `HEADER_TIMEOUT`.
//!
//! A client that ends its side of the connection may well wait for its answer (`nc`, `socat`, probes), and gets it. Only
//! an answer that would never end by itself is given up then, as nobody could tell such a client from one that has left.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
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
    /// Milliseconds since `start`, shifted left by [`STATE_BITS`]; the low bits are one of the states below.
    since: AtomicU64,
    /// The framing of a request that has just come, or [`NO_NEWS`]: what [`RequestFraming`] is, as a number.
    framing: AtomicU64,
    /// Whether the answer under way ends only when the client goes.
    is_endless: AtomicBool,
    /// Whether bytes that may be of the next head have come while a request was in flight.
    has_more: AtomicBool,
}

/// How the bytes behind a head belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestFraming {
    /// This many of them are the body.
    Length(u64),
    /// The body comes in chunks.
    Chunked,
    /// They are no HTTP any more.
    Tunnel,
}

const NO_NEWS: u64 = u64::MAX;
const CHUNKED: u64 = u64::MAX - 1;
const TUNNEL: u64 = u64::MAX - 2;

/// The longest time between two looks at a connection.
const LOOK: Duration = Duration::from_secs(2);

const STATE_BITS: u32 = 3;
const STATE: u64 = (1 << STATE_BITS) - 1;
const IN_FLIGHT: u64 = 0;
const IDLE: u64 = 1;
const IN_HEAD: u64 = 2;
/// The response is complete on our side, but the client is slow to take it: the request is still in flight.
const UNDELIVERED: u64 = 3;
/// The response is complete, and the rest of the request's body still comes.
const IN_REST: u64 = 4;

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
        Self(Arc::new(Inner {
            start: Instant::now(),
            since: AtomicU64::new(IN_HEAD),
            framing: AtomicU64::new(NO_NEWS),
            is_endless: AtomicBool::new(false),
            has_more: AtomicBool::new(false),
        }))
    }

    /// Notes that a request's head is complete, and how its body is framed; `None` if it comes in chunks.
    pub(crate) fn request_started(&self, length: Option<u64>) {
        self.0.since.store(IN_FLIGHT, Ordering::Relaxed);
        self.0.is_endless.store(false, Ordering::Relaxed);
        self.0.framing.store(length.map_or(CHUNKED, |length| length.min(TUNNEL - 1)), Ordering::Relaxed);
    }

    /// Notes that the answer to the request in flight will not end by itself.
    pub(crate) fn answer_is_endless(&self) {
        self.0.is_endless.store(true, Ordering::Relaxed);
    }

    /// Notes that the connection becomes a tunnel.
    pub(crate) fn tunnel_started(&self) {
        self.0.framing.store(TUNNEL, Ordering::Relaxed);
    }

    /// Notes that a response is complete, or was given up.
    pub(crate) fn request_ended(&self) {
        match self.0.has_more.swap(false, Ordering::Relaxed) {
            true => self.set(IN_HEAD),
            false => self.set(IDLE),
        }
    }

    /// The framing of a request that has come since the last call, if one has.
    pub(crate) fn take_framing(&self) -> Option<RequestFraming> {
        let framing = match self.0.framing.load(Ordering::Relaxed) {
            NO_NEWS => return None,
            CHUNKED => RequestFraming::Chunked,
            TUNNEL => RequestFraming::Tunnel,
            length => RequestFraming::Length(length),
        };
        self.0.framing.store(NO_NEWS, Ordering::Relaxed);
        Some(framing)
    }

    /// Whether a request is in flight, of which not all of the answer has been produced.
    pub(crate) fn is_in_flight(&self) -> bool {
        self.state() == IN_FLIGHT
    }

    /// Whether a client that sends no more counts as one that has left: it could only wait for ever.
    pub(crate) fn ends_with_input(&self) -> bool {
        self.0.is_endless.load(Ordering::Relaxed)
    }

    /// Whether nothing is waited for but a head, of which a part may have come.
    pub(crate) fn is_in_head(&self) -> bool {
        self.state() == IN_HEAD
    }

    /// Notes that bytes of a head arrived.
    pub(crate) fn head_arrived(&self) {
        if matches!(self.state(), IDLE | IN_REST) {
            self.set(IN_HEAD);
        }
    }

    /// Notes that bytes of a body arrived.
    pub(crate) fn body_arrived(&self) {
        if self.state() == IDLE {
            self.set(IN_REST);
        }
    }

    /// Notes that bytes arrived of which it is not known to which message they belong.
    pub(crate) fn any_bytes_arrived(&self) {
        self.0.has_more.store(self.is_in_flight(), Ordering::Relaxed);
        self.head_arrived();
    }

    /// Notes whether the client takes what we write, or its buffers are full.
    pub(crate) fn bytes_left(&self, written: &Poll<io::Result<usize>>) {
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
        let since = u64::try_from(self.0.start.elapsed().as_millis()).unwrap_or(u64::MAX >> STATE_BITS);
        self.0.since.store(since << STATE_BITS | state, Ordering::Relaxed);
    }

    /// Waits until the client has overrun a limit, or has left with a request in flight.
    ///
    /// hyper only notices by reading that a client has left, and it does not read while it holds bytes that it cannot
    /// use yet (a second request behind a stream, an upload that the engine does not take). So the kernel is asked as
    /// well.
    pub(crate) async fn until_closing(&self, timeouts: Timeouts, socket: &OwnedFd) -> Closing {
        loop {
            tokio::time::sleep((timeouts.head.min(timeouts.idle) / 2).min(LOOK)).await;
            let since = self.0.since.load(Ordering::Relaxed);
            let waited = self.0.start.elapsed().saturating_sub(Duration::from_millis(since >> STATE_BITS));
            match since & STATE {
                IN_HEAD | IN_REST if waited >= timeouts.head => return Closing::Head,
                IDLE if waited >= timeouts.idle => return Closing::Idle,
                IN_FLIGHT | UNDELIVERED if self.is_gone(socket) => return Closing::Gone,
                _ => {}
            }
        }
    }

    /// Whether the client is gone, even if some of what it sent is still unread.
    fn is_gone(&self, socket: &OwnedFd) -> bool {
        let has_ended = self.ends_with_input() && has_any_of(socket, PollFlags::RDHUP);
        has_ended || is_hung_up(socket)
    }
}

/// Whether the other side takes no more of what we send, as far as the kernel knows. Over TCP it learns that from the
/// answer to data that we send, or to its keep-alive probes.
pub(crate) fn is_hung_up(socket: &impl AsFd) -> bool {
    has_any_of(socket, PollFlags::HUP | PollFlags::ERR)
}

/// Waits until the other side does not even take what we send.
pub(crate) async fn until_hung_up(socket: &OwnedFd) {
    while !is_hung_up(socket) {
        tokio::time::sleep(LOOK).await;
    }
}

fn has_any_of(socket: &impl AsFd, flags: PollFlags) -> bool {
    let mut asked = [PollFd::new(socket, PollFlags::RDHUP)];
    rustix::event::poll(&mut asked, Some(&Timespec::default())).is_ok()
        && asked.iter().any(|socket| socket.revents().intersects(flags))
}
