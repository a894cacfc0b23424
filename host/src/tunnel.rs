//! Tunnels: what a connection becomes after `101`. Bytes both ways, and no limit on time.
//!
//! The two directions end each for itself: one side's end of stream is passed on as a half-close (stdin EOF) and the
//! other direction goes on. Output is never lost: an engine that takes no more input has still its last words to say,
//! and a client's socket that is closed with input unread would have the kernel throw them away. So input that nobody
//! takes is read and dropped. Only a broken client ends both directions at once.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio_util::sync::CancellationToken;

use crate::engine::pool::Lease;
use crate::net::timeouts;
use crate::record::{End, Record};

/// Each direction's buffer.
const BUFFER: usize = 32 * 1024;

/// An engine that has ended its own side and takes nothing for so long takes no more. (The engine ends an exec like that:
/// it half-closes and leaves what is still sent to it unread.)
const PATIENCE: Duration = Duration::from_secs(1);

/// Both halves of an upgrade, about to happen.
pub(crate) struct Upgrade {
    /// The client's connection.
    pub downstream: OnUpgrade,
    /// The engine's.
    pub upstream: OnUpgrade,
    /// Held until the engine's connection has become part of the tunnel.
    pub lease: Lease,
}

type Reader = ReadHalf<TokioIo<Upgraded>>;
type Writer = WriteHalf<TokioIo<Upgraded>>;

/// The client's connection broke.
struct ClientBroke;

impl Upgrade {
    /// Copies both ways until both sides have ended, the client breaks, or the shutdown cuts.
    pub(crate) async fn run(self, mut record: Record, cut: CancellationToken) {
        let Self { downstream, upstream, lease } = self;
        let (downstream, upstream) = match tokio::try_join!(downstream, upstream) {
            Ok(both) => both,
            Err(error) => {
                tracing::debug!(%error, "an upgrade did not come about");
                record.end = End::TunnelBroken;
                return;
            }
        };
        lease.hand_over();
        let (mut input, mut to_client) = tokio::io::split(TokioIo::new(downstream));
        let (mut output, mut to_engine) = tokio::io::split(TokioIo::new(upstream));
        let (sent, received) = (Arc::clone(&record.request_bytes), AtomicU64::new(0));
        let client = record.client();
        let delivered = CancellationToken::new();
        let input = async {
            carry_input(&mut input, &mut to_engine, &sent, &delivered).await?;
            // A client that has half-closed waits for output, and one that has left looks like it until its kernel says so.
            tokio::select! {
                () = delivered.cancelled() => Ok(()),
                () = until_hung_up(client.socket.as_ref()) => Err(ClientBroke),
            }
        };
        let both = async {
            tokio::try_join!(input, carry_output(&mut output, &mut to_client, &received, &delivered))
        };
        record.end = tokio::select! {
            carried = both => carried.map_or(End::TunnelBroken, |_| End::TunnelClosed),
            () = cut.cancelled() => End::Cut,
        };
        if record.end == End::Cut {
            // A clean end of stream is all that can be said inside a protocol that is not ours.
            let _ = tokio::join!(to_client.shutdown(), to_engine.shutdown());
        }
        record.response_bytes = received.into_inner();
    }
}

/// The client's bytes, until it has ended; what the engine no longer takes is dropped. However long that takes: closing
/// on a client that still sends would cost it what it has not read yet.
async fn carry_input(
    input: &mut Reader,
    to_engine: &mut Writer,
    sent: &AtomicU64,
    delivered: &CancellationToken,
) -> Result<(), ClientBroke> {
    let given_up = || async {
        delivered.cancelled().await;
        tokio::time::sleep(PATIENCE).await;
    };
    match copy(input, to_engine, sent, given_up).await {
        Copied::Whole => {
            // An engine that is gone already needs no end of stream.
            let _ = to_engine.shutdown().await;
            Ok(())
        }
        Copied::ReadFailed => Err(ClientBroke),
        Copied::WriteFailed => {
            let dropped = tokio::io::copy(input, &mut tokio::io::sink()).await;
            dropped.map(drop).map_err(|_gone| ClientBroke)
        }
    }
}

/// The engine's bytes, until it has ended; a reset is how an engine ends that leaves input unread.
async fn carry_output(
    output: &mut Reader,
    to_client: &mut Writer,
    received: &AtomicU64,
    delivered: &CancellationToken,
) -> Result<(), ClientBroke> {
    match copy(output, to_client, received, std::future::pending).await {
        Copied::Whole | Copied::ReadFailed => {
            let ended = to_client.shutdown().await;
            delivered.cancel();
            ended.map_err(|_gone| ClientBroke)
        }
        Copied::WriteFailed => Err(ClientBroke),
    }
}

async fn until_hung_up(socket: Option<&OwnedFd>) {
    match socket {
        Some(socket) => timeouts::until_hung_up(socket).await,
        None => std::future::pending().await,
    }
}

/// Why a direction's copy came to its end.
enum Copied {
    Whole,
    ReadFailed,
    WriteFailed,
}

/// Copies until an end or an error; a write that is not through when `given_up` is over has failed.
async fn copy<F: Future<Output = ()>>(
    from: &mut Reader,
    to: &mut Writer,
    count: &AtomicU64,
    given_up: impl Fn() -> F,
) -> Copied {
    let mut buffer = vec![0; BUFFER];
    loop {
        let Ok(length) = from.read(&mut buffer).await else { return Copied::ReadFailed };
        let Some(bytes) = buffer.get(..length).filter(|bytes| !bytes.is_empty()) else {
            return Copied::Whole;
        };
        let written = tokio::select! {
            biased;
            written = write(to, bytes) => written.is_ok(),
            () = given_up() => false,
        };
        if !written {
            return Copied::WriteFailed;
        }
        count.fetch_add(length as u64, Ordering::Relaxed);
    }
}

async fn write(to: &mut Writer, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes).await?;
    to.flush().await
}
