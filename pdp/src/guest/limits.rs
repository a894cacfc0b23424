//! Limits on the size of a guest and of what it hands over: the numbers that more than one file uses.

/// How much data one call between guest and host may hand over, in bytes.
pub(crate) const MAX_HOSTCALL: usize = 1024 * 1024;

/// How many core instances, memories and tables one component may have. A small Rust component has 2 tables, QuickJS
/// has 3 memories, and CPython some 40 instances.
pub(crate) const MAX_CORE_INSTANCES: u32 = 100;
pub(crate) const MAX_MEMORIES: u32 = 4;
pub(crate) const MAX_TABLES: u32 = 40;

/// How many elements a table may have.
pub(crate) const MAX_TABLE_ELEMENTS: usize = 20_000;
