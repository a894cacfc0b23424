//! Tunnels: what a connection becomes after `101`. Bytes go both ways, without a time limit.
//!
//! Each direction ends by itself: one side's end of stream is passed on as a half-close (stdin EOF), and the other
//! direction goes on. Output is never lost: an engine that takes no more input may still have output to send, and if a
//! client's socket were closed with input unread, the kernel would throw that output away. So input that nobody takes
//! is read and dropped. Only a broken client ends both directions at once.
//!
//! An engine that dies ends its side like one that has said all. What tells them apart is whether anybody still listens on
//! the engine's socket when the client has its end of stream.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::engine::pool::Lease;
use crate::engine::upstream::Upstream;
use crate::net::timeouts;
use crate::record::{End, Record};

/// The size of each direction's buffer, in bytes.
const BUFFER: usize = 32 * 1024;

/// How long an engine that has ended its own side may take nothing before we conclude that it takes no more. (The
/// engine ends an exec like that: it half-closes and leaves what is still sent to it unread.)
const PATIENCE: Duration = Duration::from_secs(1);

/// An upgrade that is about to happen.
pub(crate) struct Upgrade {
    /// The upgrade of the client's connection.
    pub downstream: OnUpgrade,
    /// The upgrade of the engine's connection.
    pub upstream: OnUpgrade,
    /// The lease of the engine's connection, held until that is part of the tunnel.
    pub lease: Lease,
    /// The engine, to see whether it is still there when it has ended its side.
    pub engine: Arc<Upstream>,
}

type Reader = ReadHalf<TokioIo<Upgraded>>;
type Writer = WriteHalf<TokioIo<Upgraded>>;

/// The client's connection broke.
struct ClientBroke;

impl Upgrade {
    /// Copies both ways until both sides have ended, the client breaks, or the shutdown cuts.
    pub(crate) async fn run(self, mut record: Record, cut: CancellationToken) {
        let Self { downstream, upstream, lease, engine } = self;
        let (downstream, upstream) = match tokio::try_join!(downstream, upstream) {
            Ok(both) => both,
            Err(error) => {
                let error = engine_api::report(&error);
                tracing::debug!(error, "an upgrade was not completed");
                record.end = End::TunnelBroken;
                return;
            }
        };
        let _counts = lease.hand_over();
        let (mut input, mut to_client) = tokio::io::split(TokioIo::new(downstream));
        let (mut output, mut to_engine) = tokio::io::split(TokioIo::new(upstream));
        let (sent, received) = (Arc::clone(&record.request_bytes), AtomicU64::new(0));
        let client = record.client();
        let delivered = CancellationToken::new();
        let listens = OnceCell::new();
        let look = || listens.get_or_init(|| engine.require_listener());
        let input = async {
            carry_input(&mut input, &mut to_engine, &sent, &delivered).await?;
            // A client that has half-closed waits for output. One that has left looks the same until its kernel says
            // so.
            // One that leaves when it has got everything has not broken anything, and both may be there at once.
            tokio::select! {
                biased;
                () = delivered.cancelled() => Ok(()),
                () = timeouts::until_hung_up(&client.socket) => Err(ClientBroke),
            }
        };
        let output = async {
            carry_output(&mut output, &mut to_client, &received, &delivered).await?;
            look().await;
            Ok(())
        };
        let both = async { tokio::try_join!(input, output) };
        record.end = tokio::select! {
            carried = both => carried.map_or(End::TunnelBroken, |_| End::TunnelClosed),
            () = cut.cancelled() => End::Cut,
        };
        if record.end == End::Cut {
            // Inside a protocol that is not ours, a clean end of stream is all that we can send.
            let _ = tokio::join!(to_client.shutdown(), to_engine.shutdown());
        } else if delivered.is_cancelled()
            && let Err(gone) = look().await
        {
            record.engine_failed(format!("the Docker engine ended the tunnel, and {gone}"));
        }
        record.response_bytes = received.into_inner();
    }
}

/// Carries the client's bytes to the engine until the client has ended. What the engine no longer takes is dropped,
/// however long the client goes on: if we closed the connection while it sends, it would lose the output that it has
/// not read yet.
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

/// Carries the engine's bytes to the client until the engine has ended. A reset is an end too: an engine that leaves
/// input unread ends like that.
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

/// Why the copying in one direction ended.
enum Copied {
    Whole,
    ReadFailed,
    WriteFailed,
}

/// Copies until an end or an error. A write that is not complete when `given_up` is counts as failed.
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
