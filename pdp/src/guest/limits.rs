//! How much a guest may be made of, and how much it may hand over: the numbers that more than one file keeps to.

/// The most that one call between guest and host may hand over, in bytes.
pub(crate) const MAX_HOSTCALL: usize = 1024 * 1024;

/// What one component may be made of. A small Rust component has 2 tables, QuickJS 3 memories, CPython some 40 instances.
pub(crate) const MAX_CORE_INSTANCES: u32 = 100;
pub(crate) const MAX_MEMORIES: u32 = 4;
pub(crate) const MAX_TABLES: u32 = 40;

/// How many elements a table may have.
pub(crate) const MAX_TABLE_ELEMENTS: usize = 20_000;
