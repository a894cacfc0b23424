//! Clients' connections: where they are accepted, who is on the other end, how many there may be, and for how long.

pub(crate) mod client;
pub(crate) mod connection_limit;
pub(crate) mod listen_addr;
pub(crate) mod listener;
pub(crate) mod messages;
pub(crate) mod socket_file;
pub(crate) mod timeouts;
