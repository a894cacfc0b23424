//! The room for inspected bodies: how much memory they hold together, and those of each client.
//!
//! Room is taken as bytes come, so that a body which is only announced holds none. A body that cannot grow is refused
//! at once and gives back what it holds: bodies never wait for one another's room, so they cannot all wait.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::net::client::Owner;

/// One client may hold one part in so many of the room.
const SHARES: usize = 4;

/// The room for inspected bodies.
#[derive(Debug)]
pub(crate) struct Room {
    /// How many bytes all bodies may hold.
    most: usize,
    /// How many bytes the bodies of one client may hold.
    share: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    by_owner: HashMap<Owner, usize>,
}

/// A body's part of the room, which is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Part {
    room: Arc<Room>,
    owner: Owner,
    bytes: usize,
}

/// There is no room for a body to grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

impl Room {
    /// A room of `bytes`, in which there is always room for one body of `largest` bytes.
    pub(crate) fn new(bytes: usize, largest: usize) -> Arc<Self> {
        let most = bytes.max(largest);
        Arc::new(Self { most, share: (most / SHARES).max(largest), held: Mutex::default() })
    }

    /// An empty part for a body of this client.
    pub(crate) fn part(self: &Arc<Self>, owner: Owner) -> Part {
        Part { room: Arc::clone(self), owner, bytes: 0 }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part {
    /// Grows to `bytes`, or stays as it is.
    ///
    /// # Errors
    /// [`NoRoom`] if all bodies or those of this client would hold too much.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let Some(more) = bytes.checked_sub(self.bytes).filter(|more| *more > 0) else { return Ok(()) };
        let mut held = self.room.held();
        let all = held.all.saturating_add(more);
        let own = held.by_owner.get(&self.owner).copied().unwrap_or(0).saturating_add(more);
        if all > self.room.most || own > self.room.share {
            return Err(NoRoom);
        }
        held.all = all;
        held.by_owner.insert(self.owner, own);
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut held = self.room.held();
        held.all -= self.bytes;
        if let Entry::Occupied(mut own) = held.by_owner.entry(self.owner) {
            *own.get_mut() -= self.bytes;
            if *own.get() == 0 {
                own.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{NoRoom, Part, Room};
    use crate::net::client::Owner;

    const ONE: Owner = Owner::Uid(Some(1));
    const TWO: Owner = Owner::Uid(Some(2));

    fn held(room: &Room) -> (usize, usize) {
        let held = room.held();
        (held.all, held.by_owner.len())
    }

    #[test]
    fn a_part_grows_within_its_clients_share_and_the_room() {
        let room = Room::new(16, 2);
        let mut parts: Vec<Part> = Vec::new();
        for (owner, to, want) in [
            (ONE, 3, Ok(())),
            (ONE, 2, Err(NoRoom)), // its share is 4
            (ONE, 1, Ok(())),
            (TWO, 4, Ok(())),
            (Owner::Uid(None), 5, Err(NoRoom)),
            (Owner::Uid(None), 4, Ok(())),
            (Owner::Address([127, 0, 0, 1].into()), 4, Ok(())),
            (Owner::Address([127, 0, 0, 2].into()), 1, Err(NoRoom)), // the room is full
        ] {
            let mut part = room.part(owner);
            assert_eq!(part.grow(to), want, "{owner:?} to {to}");
            parts.push(part);
        }
        assert_eq!(held(&room), (16, 4));
        parts.clear();
        assert_eq!(held(&room), (0, 0), "nothing is kept of clients that hold nothing");
    }

    #[test]
    fn a_part_that_cannot_grow_keeps_what_it_has() {
        let room = Room::new(8, 2);
        let mut part = room.part(ONE);
        assert_eq!(
            (part.grow(1), part.grow(2), part.grow(1), part.grow(3)),
            (Ok(()), Ok(()), Ok(()), Err(NoRoom))
        );
        assert_eq!(held(&room), (2, 1));
        drop(part);
        assert_eq!(held(&room), (0, 0));
    }

    #[test]
    fn there_is_always_room_for_one_body() {
        let room = Room::new(16, 40);
        assert_eq!(room.part(ONE).grow(40), Ok(()));
        assert_eq!(room.part(ONE).grow(41), Err(NoRoom));
    }
}
