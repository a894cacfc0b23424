//! The loop that accepts connections and answers their requests.

use std::sync::Arc;

use tokio::net::UnixListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::{After, Call, Script, Scripted, canned};
use crate::head::Head;
use crate::socket::Socket;
use crate::wire::{BodyEnd, Wire};

/// Serves until `stop`, then closes all connections.
pub(super) async fn serve(listener: UnixListener, script: Arc<Script>, mut stop: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted.expect("the engine can accept").0,
            _ = &mut stop => break,
        };
        while connections.try_join_next().is_some() {}
        let wire = Wire::new(Socket::Unix(stream), Some(script.ledger.tap()));
        if let Some(wire) = offer_raw(&script, wire) {
            connections.spawn(converse(wire, Arc::clone(&script)));
        }
    }
    drop(listener);
    connections.shutdown().await;
}

/// Gives the connection to the case that asked for raw ones, if there is one.
fn offer_raw(script: &Script, wire: Wire) -> Option<Wire> {
    match script.raw.lock().expect("no holder panics").as_ref() {
        Some(taker) => taker.send(wire).err().map(|refused| refused.0),
        None => Some(wire),
    }
}

/// Answers the requests of a connection, one after the other.
async fn converse(mut wire: Wire, script: Arc<Script>) {
    while let Some(request) = wire.next_request().await {
        let after = match script.scripted(&request) {
            Some(Scripted::HandOver(taker)) => {
                let (call, given_back) = Call::new(request, wire);
                if taker.send(call).is_err() {
                    return; // the case is over
                }
                match given_back.await {
                    Ok(back) => wire = back,
                    Err(_) => return,
                }
                After::KeepAlive
            }
            Some(Scripted::Answer(bytes, after)) => fixed(&mut wire, &request, &bytes, after).await,
            None => canned::answer(&mut wire, &request).await,
        };
        match after {
            After::KeepAlive => {}
            After::Close => return,
        }
    }
}

async fn fixed(wire: &mut Wire, request: &Head, bytes: &[u8], after: After) -> After {
    if take_in(wire, request).await == BodyEnd::Complete && wire.try_send(bytes).await.is_ok() {
        after
    } else {
        After::Close
    }
}

/// Reads and drops the request's body, after sending the `100 Continue` that some clients wait for.
pub(super) async fn take_in(wire: &mut Wire, request: &Head) -> BodyEnd {
    if request.has("expect") && wire.try_send("HTTP/1.1 100 Continue\r\n\r\n").await.is_err() {
        return BodyEnd::Truncated(crate::Ending::Reset);
    }
    wire.skip_body().await
}
