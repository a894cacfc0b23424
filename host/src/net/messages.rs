//! A client's connection, message by message: the HTTP library gets the bytes of one request at a time.
//!
//! What is gained by it:
//! - The bytes of a query that many clients send raw, and the HTTP library refuses, are percent-encoded on the way to it.
//!   This happens in request lines alone, so it is known of each byte whether it belongs to one. The framing of a body
//!   is what the HTTP library made of its head.
//! - A head that begins behind another request waits here, and is timed from when it is its turn.
//! - A client that ends its side of the connection still gets its answer, unless that would never end.
//! - What the HTTP library refuses without asking us is answered in our own words.
//!
//! Nothing is judged here. A connection of which it is not known where its messages begin is passed through as it is.

use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::messages::chunks::ChunkScan;
use crate::net::messages::head::HeadScan;
use crate::net::timeouts::{self, ConnectionTimer, RequestFraming};

mod chunks;
mod head;

/// How much of a head is kept for the case that the HTTP library refuses it, in bytes.
const KEPT_START: usize = 600;

/// Answers in place of the HTTP library.
pub(crate) trait RefuseHead {
    /// The whole answer to a head that the HTTP library refuses with `status`, and that starts with `start`.
    fn refuse_head(&self, status: u16, start: &[u8]) -> Bytes;
}

/// A client's connection, of which the HTTP library gets one request at a time.
pub(crate) struct Messages<S, R> {
    stream: S,
    timer: ConnectionTimer,
    refuse: R,
    place: Place,
    /// Bytes of the present message that are handed over next.
    ready: BytesMut,
    /// Bytes behind the present message.
    later: BytesMut,
    /// The start of the present head, as it came.
    start: Vec<u8>,
    /// Who has the word on the way to the client.
    answer: Answer,
    /// Whether the client will send no more.
    input: Input,
    /// Whether a reader waits for something else than bytes.
    reader: Reader,
}

/// What the next byte from the client belongs to.
#[derive(Debug)]
enum Place {
    Head(HeadScan),
    /// The whole head was handed over, and its request has not been seen yet.
    BehindHead,
    Sized(u64),
    Chunked(ChunkScan),
    /// The request is complete. The next one's turn is when the answer has gone out.
    BehindRequest,
    /// Anything: a tunnel, or a client that the HTTP library reads in another way than this.
    Open,
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// No request is being answered: if the HTTP library writes now, it refuses a head.
    None,
    UnderWay,
    /// The answer to a head that the HTTP library has refused, as far as it has not gone out.
    Refusal(Bytes),
}

#[derive(Debug, PartialEq, Eq)]
enum Input {
    Open,
    Ended,
}

#[derive(Debug, PartialEq, Eq)]
enum Reader {
    Served,
    Parked,
}

impl<S: AsyncRead + AsyncWrite + AsFd + Unpin, R: RefuseHead> Messages<S, R> {
    /// Wraps `stream`; what it carries is noted in `timer`, and told by it.
    pub(crate) fn new(stream: S, timer: ConnectionTimer, refuse: R) -> Self {
        Self {
            stream,
            timer,
            refuse,
            place: Place::Head(HeadScan::Before),
            ready: BytesMut::new(),
            later: BytesMut::new(),
            start: Vec::new(),
            answer: Answer::None,
            input: Input::Open,
            reader: Reader::Served,
        }
    }

    /// Catches up with what the timer was told since the last call.
    fn catch_up(&mut self) {
        if let Some(framing) = self.timer.take_framing() {
            self.answer = Answer::UnderWay;
            self.place = match (&self.place, framing) {
                (Place::BehindHead, RequestFraming::Length(0)) => Place::BehindRequest,
                (Place::BehindHead, RequestFraming::Length(length)) => Place::Sized(length),
                (Place::BehindHead, RequestFraming::Chunked) => Place::Chunked(ChunkScan::START),
                (_, RequestFraming::Tunnel | RequestFraming::Length(_) | RequestFraming::Chunked) => {
                    Place::Open
                }
            };
        }
        if matches!(self.place, Place::BehindRequest) && self.answer == Answer::None {
            self.start.clear();
            self.place = Place::Head(HeadScan::Before);
        }
    }

    /// Reads what the stream has into `buf`, and returns where that begins.
    fn read_stream(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        let begin = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if buf.filled().len() == begin {
            self.input = Input::Ended;
        }
        Poll::Ready(Ok(begin))
    }

    /// Hands over bytes of the present message, and keeps those behind it.
    fn read_message(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.later.is_empty() {
            let later = std::mem::take(&mut self.later);
            let (taken, encoded) = self.pass(&later);
            let mut message = later;
            self.later.extend_from_slice(&message.split_off(taken));
            self.ready = encoded.map_or(message, |encoded| BytesMut::from(encoded.as_slice()));
            hand_over(&mut self.ready, buf);
            return Poll::Ready(Ok(()));
        }
        let begin = ready!(self.read_stream(cx, buf))?;
        let came = buf.filled().get(begin..).unwrap_or_default();
        let (taken, encoded) = self.pass(came);
        self.later.extend_from_slice(came.get(taken..).unwrap_or_default());
        match encoded {
            None => buf.set_filled(begin + taken),
            Some(encoded) => {
                buf.set_filled(begin);
                self.ready.extend_from_slice(&encoded);
                hand_over(&mut self.ready, buf);
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Goes on by the bytes that came. Returns how many belong to the present message, and what they become if they
    /// change.
    fn pass(&mut self, came: &[u8]) -> (usize, Option<Vec<u8>>) {
        match self.place {
            Place::Open => self.timer.any_bytes_arrived(),
            Place::Head(_) | Place::BehindHead | Place::BehindRequest => self.timer.head_arrived(),
            Place::Sized(_) | Place::Chunked(_) => self.timer.body_arrived(),
        }
        match &mut self.place {
            Place::Head(scan) => {
                let scanned = scan.scan(came);
                let room = KEPT_START.saturating_sub(self.start.len()).min(scanned.taken);
                self.start.extend_from_slice(came.get(..room).unwrap_or_default());
                if *scan == HeadScan::Ended {
                    self.place = Place::BehindHead;
                }
                (scanned.taken, scanned.encoded)
            }
            Place::Sized(left) => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(came.len());
                *left -= taken as u64;
                if *left == 0 {
                    self.place = Place::BehindRequest;
                }
                (taken, None)
            }
            Place::Chunked(scan) => {
                let taken = scan.scan(came);
                if *scan == ChunkScan::Ended {
                    self.place = Place::BehindRequest;
                } else if *scan == ChunkScan::Broken {
                    self.place = Place::Open;
                }
                (taken, None)
            }
            Place::BehindHead | Place::BehindRequest | Place::Open => (came.len(), None),
        }
    }

    /// Looks whether the client is still there while its request is answered. What it sends meanwhile is kept, and no
    /// more is read then.
    fn look_out(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.later.is_empty() && self.input == Input::Open {
            let begin = ready!(self.read_stream(cx, buf))?;
            self.later.extend_from_slice(buf.filled().get(begin..).unwrap_or_default());
            buf.set_filled(begin);
        }
        if self.later.is_empty() && (self.timer.ends_with_input() || timeouts::is_hung_up(&self.stream)) {
            return Poll::Ready(Ok(())); // the end of the stream
        }
        self.reader = Reader::Parked;
        Poll::Pending
    }

    /// Takes what the HTTP library writes while no request is being answered: its own refusal, which has no body.
    /// Returns whether it did.
    fn takes_refusal(&mut self, bytes: &[u8]) -> bool {
        self.catch_up();
        if self.answer == Answer::None {
            let status = bytes.get("HTTP/1.1 ".len()..).and_then(|rest| rest.get(..3));
            let status = status.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
            self.answer = Answer::Refusal(self.refuse.refuse_head(status.unwrap_or(400), &self.start));
        }
        matches!(self.answer, Answer::Refusal(_))
    }

    fn poll_refusal(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Answer::Refusal(rest) = &mut self.answer
            && !rest.is_empty()
        {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            rest.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    /// Notes that all that was written has gone out, and wakes a reader that waits for that.
    fn written(&mut self, cx: &Context<'_>) {
        self.catch_up();
        if self.answer == Answer::UnderWay && !self.timer.is_in_flight() {
            self.answer = Answer::None;
            self.catch_up();
        }
        let is_its_turn = match self.place {
            Place::BehindRequest => self.input == Input::Ended && self.timer.ends_with_input(),
            Place::Head(_) | Place::BehindHead | Place::Sized(_) | Place::Chunked(_) | Place::Open => true,
        };
        if self.reader == Reader::Parked && is_its_turn {
            self.reader = Reader::Served;
            cx.waker().wake_by_ref();
        }
    }
}

/// Hands over as many bytes as there is room for, and gives their memory back with the last one.
fn hand_over(bytes: &mut BytesMut, buf: &mut ReadBuf<'_>) {
    let now = bytes.len().min(buf.remaining());
    buf.put_slice(&bytes.split_to(now));
    if bytes.is_empty() {
        *bytes = BytesMut::new();
    }
}

impl<S: AsyncRead + AsyncWrite + AsFd + Unpin, R: RefuseHead + Unpin> AsyncRead for Messages<S, R> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.catch_up();
        if !this.ready.is_empty() {
            hand_over(&mut this.ready, buf);
            return Poll::Ready(Ok(()));
        }
        match this.place {
            Place::BehindRequest => this.look_out(cx, buf),
            Place::BehindHead => {
                this.place = Place::Open; // to the HTTP library, the head goes on
                this.read_message(cx, buf)
            }
            Place::Head(_) | Place::Sized(_) | Place::Chunked(_) | Place::Open => this.read_message(cx, buf),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + AsFd + Unpin, R: RefuseHead + Unpin> AsyncWrite for Messages<S, R> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.takes_refusal(buf) {
            return Poll::Ready(Ok(buf.len()));
        }
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.timer.bytes_left(&written);
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.takes_refusal(bufs.first().map_or(&[], |first| first)) {
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        }
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.timer.bytes_left(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_refusal(cx))?;
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        if flushed.is_ready() {
            this.written(cx);
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_refusal(cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}
