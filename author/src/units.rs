//! Sizes, as people read them.

/// A size, rounded for people and in bytes.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB ({bytes} bytes)", bytes.div_ceil(1024)),
        _ => format!("{} ({bytes} bytes)", mebibytes(bytes)),
    }
}

/// A size in MiB, with a digit after the point unless that is 0.
pub(crate) fn mebibytes(bytes: u64) -> String {
    let tenths = (bytes * 10).div_ceil(1024 * 1024);
    match tenths % 10 {
        0 => format!("{} MiB", tenths / 10),
        tenth => format!("{}.{tenth} MiB", tenths / 10),
    }
}
