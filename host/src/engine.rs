//! The engine's side: its socket, the connections that are kept to it, and what is sent over them.

mod absence;
pub(crate) mod inspect;
pub(crate) mod pool;
pub(crate) mod socket;
pub(crate) mod upstream;
