//! sockgate
fn main() {}
