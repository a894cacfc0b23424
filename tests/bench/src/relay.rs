//! The floor: a relay that parses nothing, as cheap as a proxy of one thread over the same two sockets can be.
//!
//! What a gateway costs beyond it is what it does for its work; what both cost is the price of standing in between.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::Result;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::{LocalSet, spawn_local};

/// What all connections read into, one after the other.
type Block = Rc<RefCell<Vec<u8>>>;

const BLOCK: usize = 32 << 10;

/// Connects each client of `gate` with the engine at `socket`, until the process is killed.
pub(crate) async fn serve(gate: SocketAddr, socket: &Path) -> Result<()> {
    let listener = TcpListener::bind(gate).await?;
    let block = Rc::new(RefCell::new(vec![0; BLOCK]));
    let accept = async {
        loop {
            let (client, _peer) = listener.accept().await?;
            let (engine, block) = (UnixStream::connect(socket).await?, Rc::clone(&block));
            // A client that leaves mid-answer is part of several workloads: its error ends its connection only.
            spawn_local(async move { relay(client, engine, &block).await.ok() });
        }
    };
    LocalSet::new().run_until(accept).await
}

async fn relay(client: TcpStream, engine: UnixStream, block: &Block) -> Result<()> {
    client.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_engine, to_engine) = engine.into_split();
    tokio::try_join!(copy(from_client, to_engine, block), copy(from_engine, to_client, block))?;
    Ok(())
}

/// Copies until `from` ends, and ends `to` with it.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    block: &Block,
) -> Result<()> {
    loop {
        let step = |context: &mut Context<'_>| {
            copy_once(Pin::new(&mut from), Pin::new(&mut to), &mut block.borrow_mut(), context)
        };
        match poll_fn(step).await? {
            Copied::All => {}
            Copied::AllBut(rest) => to.write_all(&rest).await?,
            Copied::End => return to.shutdown().await,
        }
    }
}

enum Copied {
    All,
    /// These bytes had no room in the socket.
    AllBut(Vec<u8>),
    End,
}

/// One read and one write. Others use the block afterwards, so what could not be written moves out of it.
fn copy_once(
    from: Pin<&mut impl AsyncRead>,
    to: Pin<&mut impl AsyncWrite>,
    block: &mut [u8],
    context: &mut Context<'_>,
) -> Poll<Result<Copied>> {
    let mut read = ReadBuf::new(block);
    ready!(from.poll_read(context, &mut read))?;
    let bytes = read.filled();
    if bytes.is_empty() {
        return Poll::Ready(Ok(Copied::End));
    }
    let written = match to.poll_write(context, bytes) {
        Poll::Ready(written) => written?,
        Poll::Pending => 0,
    };
    let rest = &bytes[written..];
    Poll::Ready(Ok(if rest.is_empty() { Copied::All } else { Copied::AllBut(rest.to_vec()) }))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::copy;

    #[tokio::test]
    async fn every_byte_and_the_end_pass_however_little_room_the_socket_has() {
        let sent: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        for room in [1, 1000, 1 << 20] {
            let (mut client, from) = tokio::io::duplex(1 << 20);
            let (to, mut engine) = tokio::io::duplex(room);
            let block = Rc::new(RefCell::new(vec![0; 4096]));
            let mut received = Vec::new();
            client.write_all(&sent).await.unwrap();
            drop(client);
            let (copied, read) = tokio::join!(copy(from, to, &block), engine.read_to_end(&mut received));
            copied.unwrap();
            read.unwrap();
            assert!(received == sent, "room for {room}");
        }
    }
}
