//! The SHA-256 of a policy's file: its identity in the log, in `POLICY_SHA256` and in the cache.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// A SHA-256, printed as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The length of a digest, in bytes.
    pub const LENGTH: usize = 32;

    /// The digest of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of all parts, concatenated.
    pub(crate) fn of_all(parts: &[&[u8]]) -> Self {
        let sum = parts.iter().fold(Sha256::new(), |sum, part| sum.chain_update(part));
        Self(sum.finalize().into())
    }

    /// Reads 64 hexadecimal digits, with or without `sha256:` before them.
    ///
    /// ```
    /// use pdp::Digest;
    ///
    /// let digest = Digest::of(b"a policy");
    /// assert_eq!(Digest::parse(&format!("sha256:{digest}")), Some(digest));
    /// assert_eq!(Digest::parse("sha256:1234"), None);
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text).as_bytes();
        let mut bytes = [0; 32];
        if digits.len() != 2 * bytes.len() {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            let &[high, low] = pair else { return None };
            let digit = |byte| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            *byte = digit(high)? << 4 | digit(low)?; // not `from_str_radix`, which takes a sign
        }
        Some(Self(bytes))
    }

    /// The bytes of the digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The first twelve digits, for a line that has no room for all of them.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string().chars().take(12).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
