//! Tunnels: what a connection becomes after `101`. Bytes both ways, and no limit on time.
//!
//! One side's end of stream is passed on as a half-close (stdin EOF), and the other direction goes on. An error on
//! either side ends both. What was read ahead with a head is part of the stream.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_util::sync::CancellationToken;

use crate::record::{End, Record};
use crate::upstream::Lease;

/// Each direction's buffer.
const BUFFER: usize = 32 * 1024;

/// Both halves of an upgrade, about to happen.
pub(crate) struct Upgrade {
    /// The client's connection.
    pub downstream: OnUpgrade,
    /// The engine's.
    pub upstream: OnUpgrade,
    /// Held until the engine's connection has become part of the tunnel.
    pub lease: Lease,
}

impl Upgrade {
    /// Copies both ways until both sides have ended, one breaks, or the shutdown cuts.
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
        let received = Arc::new(AtomicU64::new(0));
        let mut downstream = Counted { inner: TokioIo::new(downstream), written: Arc::clone(&received) };
        let mut upstream =
            Counted { inner: TokioIo::new(upstream), written: Arc::clone(&record.request_bytes) };
        let copying =
            tokio::io::copy_bidirectional_with_sizes(&mut downstream, &mut upstream, BUFFER, BUFFER);
        let end = tokio::select! {
            copied = copying => if copied.is_ok() { End::TunnelClosed } else { End::TunnelBroken },
            () = cut.cancelled() => End::Cut,
        };
        if end == End::Cut {
            // A clean end of stream is all that can be said inside a protocol that is not ours.
            let _ = tokio::join!(downstream.shutdown(), upstream.shutdown());
        }
        record.response_bytes += received.load(Ordering::Relaxed);
        record.end = end;
    }
}

/// Counts what is written, also when the copy ends in an error.
struct Counted {
    inner: TokioIo<Upgraded>,
    written: Arc<AtomicU64>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, buf))?;
        self.written.fetch_add(written as u64, Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
