//! What the engine and its clients send each other arrives as it was sent: engine-api "Transports", case by case.

mod connections;
mod framing;
mod headers;
mod redirects;
mod streams;
mod tunnels;
mod upgrades;
