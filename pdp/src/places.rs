//! Places: how many decisions run at a time, and how many of them about one client's requests.
//!
//! A decision has its place for as long as its instance is there, whatever the instance does: it computes, sleeps, or
//! waits for a look-up in an engine that hangs. Whoever can make decisions last can so hold places. A client gets no
//! more than its share of them, a quarter, so that the requests of others are still decided; what it asks beyond that
//! waits behind its own requests, and for nobody else's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::guest::fault::Fault;

/// The part of all places that one client may have: one of so many.
const SHARES: usize = 4;

/// So many clients are remembered before those that have no decision running are forgotten.
const REMEMBERED: usize = 64;

/// Who sent a request, as far as anybody can tell: clients with the same attributes are one client.
type Client = Arc<[(String, String)]>;

/// The places of decisions that run at a time.
#[derive(Debug)]
pub(crate) struct Places {
    most: usize,
    share: usize,
    all: Arc<Semaphore>,
    of_clients: Mutex<HashMap<Client, Arc<Semaphore>>>,
}

/// The place of one decision. Dropping it gives the place to the next.
#[derive(Debug)]
pub(crate) struct Place {
    _of_client: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Places {
    /// So many places.
    pub(crate) fn new(most: usize) -> Self {
        let share = most.div_ceil(SHARES);
        Self { most, share, all: Arc::new(Semaphore::new(most)), of_clients: Mutex::default() }
    }

    /// A place for a decision about a request of `client`, which may wait for it so long.
    ///
    /// # Errors
    /// [`Fault::ShareTaken`] or [`Fault::Busy`] if there is none in time.
    pub(crate) async fn take(&self, client: &Client, patience: Duration) -> Result<Place, Fault> {
        let deadline = Instant::now() + patience;
        // The share comes first: who waits for one must not hold, or wait in line for, what others could have.
        let of_client = take(self.share_of(client), deadline).await.ok_or(Fault::ShareTaken(self.share))?;
        let of_all = take(Arc::clone(&self.all), deadline).await.ok_or(Fault::Busy(self.most))?;
        Ok(Place { _of_client: of_client, _of_all: of_all })
    }

    fn share_of(&self, client: &Client) -> Arc<Semaphore> {
        let mut of_clients = self.of_clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = of_clients.get(client) {
            return Arc::clone(share);
        }
        if of_clients.len() >= REMEMBERED {
            // Whoever has a place or waits for one holds on to its share.
            of_clients.retain(|_, share| Arc::strong_count(share) > 1);
        }
        let share = Arc::new(Semaphore::new(self.share));
        of_clients.insert(Arc::clone(client), Arc::clone(&share));
        share
    }
}

async fn take(places: Arc<Semaphore>, deadline: Instant) -> Option<OwnedSemaphorePermit> {
    match Arc::clone(&places).try_acquire_owned() {
        Ok(place) => Some(place),
        Err(_taken) => timeout_at(deadline, places.acquire_owned()).await.ok()?.ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::{Client, Fault, Places, REMEMBERED};

    fn client(name: &str) -> Client {
        Arc::from([("peer.address".to_owned(), name.to_owned())])
    }

    /// What each of these clients in turn is given, while all before keep their places.
    async fn given(most: usize, clients: &[&str]) -> Vec<Result<(), Fault>> {
        let places = Places::new(most);
        let mut kept = Vec::new();
        for name in clients {
            kept.push(places.take(&client(name), Duration::ZERO).await);
        }
        kept.into_iter().map(|place| place.map(drop)).collect()
    }

    #[tokio::test]
    async fn a_client_has_a_quarter_of_the_places_and_all_clients_have_all() {
        let (ok, share, busy) = (Ok(()), |most| Err(Fault::ShareTaken(most)), |most| Err(Fault::Busy(most)));
        for (most, clients, want) in [
            (1, &["a", "a", "b"][..], vec![ok.clone(), share(1), busy(1)]),
            (2, &["a", "a", "b", "c"], vec![ok.clone(), share(1), ok.clone(), busy(2)]),
            (
                8,
                &["a", "a", "a", "b", "b", "b"],
                vec![ok.clone(), ok.clone(), share(2), ok.clone(), ok.clone(), share(2)],
            ),
        ] {
            assert_eq!(given(most, clients).await, want, "{most}: {clients:?}");
        }
    }

    #[tokio::test]
    async fn a_place_that_is_given_back_is_the_next_ones_and_clients_without_places_are_forgotten() {
        let places = Places::new(4);
        let kept = places.take(&client("kept"), Duration::ZERO).await.unwrap();
        for number in 0..10 * REMEMBERED {
            let place = places.take(&client(&number.to_string()), Duration::ZERO).await;
            assert!(place.is_ok(), "{number}: {place:?}");
        }
        assert!(places.of_clients.lock().unwrap().len() <= REMEMBERED + 1);
        let again = places.take(&client("kept"), Duration::ZERO).await;
        assert_eq!(again.map(drop), Err(Fault::ShareTaken(1)), "who has a place is remembered");
        drop(kept);
        assert!(places.take(&client("kept"), Duration::ZERO).await.is_ok());
    }
}
