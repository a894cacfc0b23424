//! What was wrong once. Each case failed before its fix, and some go on to what the fix itself could have broken.

mod bounds;
mod departures;
mod heads;
mod messages;
mod tunnels;
mod uploads;

/// More than the kernel's and the gateway's buffers hold together.
const TOO_MUCH: usize = 32 << 20;
