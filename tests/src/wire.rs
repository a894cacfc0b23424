//! One end of a connection, byte by byte: the code that the client and the stand-in engine share.
//!
//! Heads and bodies are read by their own framing and nothing is repaired. A body is decoded as it comes, so a case
//! can read a chunk, let the other side send the next, and see how it ends.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};

use crate::fake_engine::Tap;
use crate::head::{Framing, Head};
use crate::socket::Socket;
use crate::within;

mod body;

pub use body::{Body, BodyEnd};

/// A connection, with the bytes that came and nobody has read yet, and the position inside a body.
#[derive(Debug)]
pub struct Wire {
    socket: Socket,
    inbox: Vec<u8>,
    body: Place,
    trailers: Vec<(String, String)>,
    tap: Option<Tap>,
}

/// How the other side ended its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With an end of stream.
    Closed,
    /// With an error, such as ECONNRESET.
    Reset,
}

/// The stream ended where something else was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How it ended.
    pub ending: Ending,
    /// The bytes that had come by then.
    pub leftover: Vec<u8>,
}

/// The position of the next byte inside a body.
#[derive(Clone, Copy, Debug)]
enum Place {
    End,
    Length(u64),
    ChunkSize,
    Chunk(u64),
    UntilClose,
}

impl Wire {
    pub(crate) const fn new(socket: Socket, tap: Option<Tap>) -> Self {
        Self { socket, inbox: Vec::new(), body: Place::End, trailers: Vec::new(), tap }
    }

    /// Writes `bytes` as they are.
    ///
    /// # Panics
    /// When the other side is gone.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).await.expect("the other side takes the bytes");
    }

    /// Writes `bytes` as they are, or returns the error.
    ///
    /// # Errors
    /// When the other side is gone.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        within("the other side to take bytes", self.socket.write_all(bytes.as_ref())).await
    }

    /// Writes one chunk of a chunked body.
    pub async fn send_chunk(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
        chunk.extend_from_slice(bytes);
        chunk.extend_from_slice(b"\r\n");
        self.send(chunk).await;
    }

    /// Ends a chunked body.
    pub async fn end_chunks(&mut self) {
        self.send("0\r\n\r\n").await;
    }

    /// Shuts the write side: the other side sees the end of the stream and may go on sending.
    pub async fn half_close(&mut self) {
        self.socket.shutdown().await.expect("the write side can be shut");
    }

    /// Closes the connection with a reset, if the kind of socket has one.
    pub fn leave_rudely(self) {
        self.socket.leave_rudely();
    }

    /// Reads a head and notes how its body is delimited.
    ///
    /// # Panics
    /// When the stream ends before the head does.
    pub async fn read_head(&mut self) -> Head {
        match self.try_read_head().await {
            Ok(head) => head,
            Err(ended) => panic!("no head: {ended:?} ({})", String::from_utf8_lossy(&ended.leftover)),
        }
    }

    /// Reads a head and notes how its body is delimited.
    ///
    /// # Errors
    /// When the stream ends before the head does.
    pub async fn try_read_head(&mut self) -> Result<Head, Ended> {
        let end = within("a head", self.find(b"\r\n\r\n")).await;
        let end = end.map_err(|ending| self.ended(ending))?;
        let head = Head::parse(&self.inbox[..end]);
        self.inbox.drain(..end + 4);
        self.trailers.clear();
        self.body = match head.framing() {
            Framing::NoBody | Framing::Length(0) => Place::End,
            Framing::Length(length) => Place::Length(length),
            Framing::Chunked => Place::ChunkSize,
            Framing::UntilClose => Place::UntilClose,
        };
        Ok(head)
    }

    /// Notes that no body follows the head just read, because it answers a HEAD.
    pub const fn expect_no_body(&mut self) {
        self.body = Place::End;
    }

    /// Reads `count` raw bytes, after a 101 or where framing does not matter.
    ///
    /// # Panics
    /// When the stream ends before that.
    pub async fn read_exactly(&mut self, count: usize) -> Vec<u8> {
        while self.inbox.len() < count {
            if let Err(ending) = within("raw bytes", self.fill()).await {
                panic!("{ending:?} after {} of {count} bytes", self.inbox.len());
            }
        }
        self.inbox.drain(..count).collect()
    }

    /// Reads raw bytes and compares them.
    pub async fn expect(&mut self, want: impl AsRef<[u8]>) {
        let want = want.as_ref();
        let got = self.read_exactly(want.len()).await;
        assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(want));
    }

    /// Reads raw bytes until the other side ends its stream.
    pub async fn read_to_end(&mut self) -> Ended {
        loop {
            if let Err(ending) = within("the end of the stream", self.fill()).await {
                return self.ended(ending);
            }
        }
    }

    /// Reads to the end, then writes until that fails, which shows that the other side has not only shut its write side
    /// but is gone. Returns what it still sent.
    pub async fn until_gone(&mut self) -> Vec<u8> {
        let ended = self.read_to_end().await;
        let refused = async {
            while self.socket.write_all(b"\n").await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        within("the other side to be gone, not only its write side shut", refused).await;
        ended.leftover
    }

    /// Writes `outgoing` and reads `count` raw bytes at the same time, as neither may wait for the other.
    ///
    /// # Panics
    /// When the other side leaves before both are done.
    pub async fn send_while_reading(&mut self, outgoing: &[u8], count: usize) -> Vec<u8> {
        let mut incoming = std::mem::take(&mut self.inbox);
        let already = incoming.len();
        assert!(already <= count, "{already} bytes are here already, more than {count}");
        incoming.resize(count, 0);
        let (mut reader, mut writer) = tokio::io::split(&mut self.socket);
        let both =
            async { tokio::join!(reader.read_exact(&mut incoming[already..]), writer.write_all(outgoing)) };
        let (read, written) = within("bytes both ways", both).await;
        read.expect("the other side sends it all");
        written.expect("the other side takes it all");
        if let Some(tap) = &self.tap {
            tap.heard(&incoming[already..]);
        }
        incoming
    }

    /// Waits until bytes or the end of the stream are there, without reading any.
    pub async fn until_readable(&self) {
        let readable = async {
            match &self.socket {
                Socket::Tcp(stream) => stream.readable().await,
                Socket::Unix(stream) => stream.readable().await,
            }
        };
        within("something to read", readable).await.expect("a live socket");
    }

    /// Waits until the other side is gone, reading and writing nothing: a read would let it write on.
    pub async fn until_hung_up(&self) {
        let hung_up = async {
            loop {
                let ready = match &self.socket {
                    Socket::Tcp(stream) => stream.ready(Interest::READABLE).await,
                    Socket::Unix(stream) => stream.ready(Interest::READABLE).await,
                };
                if ready.expect("a live socket").is_read_closed() {
                    return;
                }
                self.forget_readiness();
            }
        };
        within("the other side to be gone", hung_up).await;
    }

    /// Clears the readiness, so that the next `ready` waits for an event.
    fn forget_readiness(&self) {
        let blocked = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
        let _ = match &self.socket {
            Socket::Tcp(stream) => stream.try_io(Interest::READABLE, blocked),
            Socket::Unix(stream) => stream.try_io(Interest::READABLE, blocked),
        };
    }

    /// Reads the next request's head, however long it takes; `None` once the stream has ended. For the engine, which
    /// waits on idle connections without a bound.
    pub(crate) async fn next_request(&mut self) -> Option<Head> {
        self.find(b"\r\n\r\n").await.ok()?;
        let head = self.try_read_head().await.ok()?;
        if let Some(tap) = &self.tap {
            tap.note(&head);
        }
        Some(head)
    }

    /// Sends back what comes until the other side shuts its write side, then shuts this one.
    pub(crate) async fn echo(&mut self) {
        loop {
            let heard = std::mem::take(&mut self.inbox);
            if self.socket.write_all(&heard).await.is_err() {
                return;
            }
            if self.fill().await.is_err() {
                let _ = self.socket.shutdown().await; // gone altogether: nothing left to shut
                return;
            }
        }
    }

    /// Waits, however long it takes, until the other side sends more or ends its stream.
    pub(crate) async fn until_more_or_end(&mut self) {
        let _ = self.fill().await;
    }

    async fn find(&mut self, mark: &[u8]) -> Result<usize, Ending> {
        loop {
            if let Some(at) = self.inbox.windows(mark.len()).position(|window| window == mark) {
                return Ok(at);
            }
            self.fill().await?;
        }
    }

    /// Reads at least one more byte.
    async fn fill(&mut self) -> Result<(), Ending> {
        let already = self.inbox.len();
        self.inbox.reserve(64 << 10);
        match self.socket.read_buf(&mut self.inbox).await {
            Ok(0) => return Err(Ending::Closed),
            Ok(_) => {}
            Err(_) => return Err(Ending::Reset),
        }
        if let Some(tap) = &self.tap {
            tap.heard(&self.inbox[already..]);
        }
        Ok(())
    }

    fn ended(&mut self, ending: Ending) -> Ended {
        Ended { ending, leftover: std::mem::take(&mut self.inbox) }
    }
}
