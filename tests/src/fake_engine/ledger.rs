//! The record of what reached the engine, and of its connections.

use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use crate::head::Head;

/// How many bytes of each connection are kept. A case that uploads more compares the body, not the record.
const KEPT: usize = 1 << 20;

/// The numbers of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many were ever accepted.
    pub opened: usize,
    /// How many are open now. A connection that the engine reads counts until the engine has read its end.
    pub open: usize,
}

/// A request head that arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The connection that it arrived on, counted from 0.
    pub connection: usize,
    /// The head itself.
    pub head: Head,
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    bytes: Mutex<Vec<Vec<u8>>>,
    requests: Mutex<Vec<Seen>>,
    counts: watch::Sender<Counts>,
}

/// The place where one connection records its bytes. Dropping it counts the connection as closed.
#[derive(Debug)]
pub(crate) struct Tap {
    ledger: Arc<Ledger>,
    connection: usize,
}

impl Ledger {
    pub(super) fn tap(self: &Arc<Self>) -> Tap {
        let mut bytes = self.bytes.lock().expect("no holder panics");
        bytes.push(Vec::new());
        self.counts.send_modify(|counts| {
            counts.opened += 1;
            counts.open += 1;
        });
        Tap { ledger: Arc::clone(self), connection: bytes.len() - 1 }
    }

    pub(super) fn record(&self) -> Vec<Vec<u8>> {
        self.bytes.lock().expect("no holder panics").clone()
    }

    pub(super) fn requests(&self) -> Vec<Seen> {
        self.requests.lock().expect("no holder panics").clone()
    }

    pub(super) fn counts(&self) -> Counts {
        *self.counts.borrow()
    }

    pub(super) async fn until(&self, wanted: impl FnMut(&Counts) -> bool) {
        self.counts.subscribe().wait_for(wanted).await.expect("the ledger holds the sender");
    }
}

impl Tap {
    pub(crate) fn heard(&self, heard: &[u8]) {
        let mut bytes = self.ledger.bytes.lock().expect("no holder panics");
        let kept = &mut bytes[self.connection];
        let room = KEPT.saturating_sub(kept.len());
        kept.extend_from_slice(&heard[..heard.len().min(room)]);
    }

    pub(crate) fn note(&self, head: &Head) {
        let seen = Seen { connection: self.connection, head: head.clone() };
        self.ledger.requests.lock().expect("no holder panics").push(seen);
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.ledger.counts.send_modify(|counts| counts.open -= 1);
    }
}
