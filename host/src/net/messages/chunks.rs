//! Where a chunked body ends (RFC 9112 §7.1), so that what stands behind it is not taken for a part of it, nor a part
//! of it for a head.
//!
//! This reads chunks as the HTTP library does, which takes them apart and refuses what is malformed. Where a byte is
//! not expected, no more is concluded about the connection.

#[cfg(test)]
mod tests;

/// The place in a chunked body that the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChunkScan {
    /// A chunk's size, of which this much has come.
    Size(u64),
    /// Blanks behind the size.
    Blank(u64),
    Extension(u64),
    /// The line feed behind a size.
    SizeEnd(u64),
    Data(u64),
    DataReturn,
    DataEnd,
    /// The start of a line behind the last chunk.
    LastStart,
    Trailer,
    TrailerEnd,
    LastEnd,
    /// The body is complete.
    Ended,
    /// The body is malformed.
    Broken,
}

impl ChunkScan {
    /// A body of which nothing has come.
    pub(super) const START: Self = Self::Size(0);

    /// Goes on with the bytes that came, until they or the body are at their end. Returns how many of them belong to
    /// the body.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while let Some(&byte) = bytes.get(taken) {
            if matches!(self, Self::Ended | Self::Broken) {
                break;
            }
            if let Self::Data(left) = *self {
                let now = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - taken);
                taken += now;
                let left = left.saturating_sub(now as u64);
                *self = if left == 0 { Self::DataReturn } else { Self::Data(left) };
            } else {
                taken += 1;
                *self = self.behind(byte);
            }
        }
        taken
    }

    /// The place behind a byte that is not data.
    fn behind(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Size(size) | Self::Blank(size) | Self::Extension(size), b'\r') => Self::SizeEnd(size),
            (Self::Size(size) | Self::Blank(size), b' ' | b'\t') => Self::Blank(size),
            (Self::Size(size) | Self::Blank(size), b';') => Self::Extension(size),
            (Self::Size(size), digit) => {
                let digit = char::from(digit).to_digit(16);
                let size = digit.and_then(|digit| size.checked_mul(16)?.checked_add(digit.into()));
                size.map_or(Self::Broken, Self::Size)
            }
            (Self::Extension(_), b'\n') => Self::Broken,
            (Self::Extension(size), _) => Self::Extension(size),
            (Self::SizeEnd(0), b'\n') => Self::LastStart,
            (Self::SizeEnd(size), b'\n') => Self::Data(size),
            (Self::DataReturn, b'\r') => Self::DataEnd,
            (Self::DataEnd, b'\n') => Self::START,
            (Self::LastStart, b'\r') => Self::LastEnd,
            (Self::LastEnd, b'\n') => Self::Ended,
            (Self::Trailer, b'\r') => Self::TrailerEnd,
            (Self::LastStart | Self::Trailer, _) => Self::Trailer,
            (Self::TrailerEnd, b'\n') => Self::LastStart,
            (
                Self::Blank(_)
                | Self::SizeEnd(_)
                | Self::DataReturn
                | Self::DataEnd
                | Self::LastEnd
                | Self::TrailerEnd
                | Self::Data(_)
                | Self::Ended
                | Self::Broken,
                _,
            ) => Self::Broken,
        }
    }
}
