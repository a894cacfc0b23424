//! The log events about policies: their targets, which are not shown but tell whom a line is from, and the requests that
//! they are about.

/// What the gateway says of policies: that one is loaded, replaced, or stays as it was.
pub(crate) const POLICY_TARGET: &str = "sockgate::policy";

/// What a policy makes the gateway say: its own words, and its look-ups. It can cause as many such lines as it likes, so
/// the log has less room for them than for what the gateway says of its own accord.
pub const GUEST_TARGET: &str = "sockgate::guest";

/// The number of the ping that a policy is tried out with when it is loaded. Requests are numbered from 1.
pub(crate) const TRIAL: u64 = 0;

/// The field `id` of an event that is about the question with that number: there is none if it is no request's.
pub(crate) fn request(number: u64) -> Option<u64> {
    (number != TRIAL).then_some(number)
}
