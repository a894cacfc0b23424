//! The keys of an object, and when the engine takes two of them for one.
//!
//! The engine reads JSON with Go's `encoding/json`: a key that is not exactly a field's name matches a field whose name
//! equals it under Unicode simple folding. All field names are ASCII, and the only characters outside ASCII that fold
//! into ASCII are `ſ` (to `s`) and the Kelvin sign (to `k`), in every version of Go. So only those two and the case of
//! ASCII letters are folded here. How Go folds `É` and `é` does not matter: no field of the engine has them.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::str::Chars;

/// A key as it stands between its quotes: a JSON string whose escapes are known to be valid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key<'b>(pub(super) &'b str);

impl<'b> Key<'b> {
    /// The characters of the key, with its escapes undone.
    pub(super) fn chars(self) -> Unescaped<'b> {
        Unescaped(self.0.chars())
    }

    /// The folded form of the key, which is the same for all keys that the engine cannot tell apart.
    pub(super) fn folded(self) -> impl Iterator<Item = char> + 'b {
        self.chars().map(fold)
    }

    /// Whether the key is exactly `name`.
    pub(super) fn is(self, name: &str) -> bool {
        self.0 == name || self.chars().eq(name.chars())
    }

    /// The folded form of the key, if that could be a field's name.
    pub(super) fn folded_name(self) -> Option<FoldedName> {
        let mut name = FoldedName { bytes: [0; MAX_NAME], length: 0 };
        for c in self.folded() {
            *name.bytes.get_mut(name.length)? = u8::try_from(c).ok().filter(u8::is_ascii)?;
            name.length += 1;
        }
        Some(name)
    }
}

/// No field name is longer than this, in bytes.
pub(super) const MAX_NAME: usize = 32;

/// A short key in lower-case ASCII letters.
#[derive(Clone, Copy, Debug)]
pub(super) struct FoldedName {
    bytes: [u8; MAX_NAME],
    length: usize,
}

impl FoldedName {
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// Folds a character as the engine does when it compares a key with a field's name.
pub(super) fn fold(c: char) -> char {
    match c {
        'ſ' => 's',
        '\u{212a}' => 'k', // the Kelvin sign
        _ => c.to_ascii_lowercase(),
    }
}

/// Undoes the escapes of a JSON string.
#[derive(Clone, Debug)]
pub(super) struct Unescaped<'b>(Chars<'b>);

impl Iterator for Unescaped<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        match self.0.next()? {
            '\\' => self.escape(),
            c => Some(c),
        }
    }
}

impl Unescaped<'_> {
    fn escape(&mut self) -> Option<char> {
        match self.0.next()? {
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'u' => match self.unit()? {
                high @ 0xd800..0xdc00 => {
                    let low = self.0.nth(1).and_then(|_u| self.unit())?;
                    char::from_u32(0x10000 + ((high - 0xd800) << 10) + low.checked_sub(0xdc00)?)
                }
                unit => char::from_u32(unit),
            },
            c => Some(c),
        }
    }

    /// The four digits behind `\u`.
    fn unit(&mut self) -> Option<u32> {
        (0..4).try_fold(0, |unit, _| Some(unit << 4 | self.0.next()?.to_digit(16)?))
    }
}

/// When two keys count as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sameness {
    /// Two keys count as one if they are equal. This is the rule for a map.
    Exact,
    /// Two keys count as one if the engine would take them for the same field. This is the rule for a struct.
    Folded,
}

/// The keys of all open objects, those of the innermost object last.
#[derive(Debug)]
pub(super) struct OpenKeys<'b> {
    keys: Vec<Hashed<'b>>,
    /// The hash function. Its own keys are secret, so that no client can send many keys with the same hash.
    hashing: RandomState,
}

#[derive(Debug)]
struct Hashed<'b> {
    hash: u64,
    key: Key<'b>,
}

impl<'b> OpenKeys<'b> {
    pub(super) fn new() -> Self {
        Self { keys: Vec::new(), hashing: RandomState::new() }
    }

    /// The index at which the keys of an object that is opened now will begin.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Adds a key of the innermost object, which is a map.
    pub(super) fn push_exact(&mut self, key: Key<'b>) {
        let mut hasher = self.hashing.build_hasher();
        key.chars().for_each(|c| hasher.write_u32(c.into()));
        self.keys.push(Hashed { hash: hasher.finish(), key });
    }

    /// Adds a key of the innermost object, which is a struct. `name` is the folded form of the key if that is short;
    /// keys with the same folded form are hashed in the same way.
    pub(super) fn push_folded(&mut self, key: Key<'b>, name: Option<&FoldedName>) {
        let mut hasher = self.hashing.build_hasher();
        match name {
            Some(name) => hasher.write(name.as_bytes()),
            None => key.folded().for_each(|c| hasher.write_u32(c.into())),
        }
        self.keys.push(Hashed { hash: hasher.finish(), key });
    }

    /// Closes the innermost object, whose keys begin at `from`, and returns two of its keys that count as one, if any
    /// do.
    ///
    /// Keys are compared only if their hashes are equal, which no client can bring about for keys that differ. So each
    /// key is compared once or twice, however many there are.
    pub(super) fn close(&mut self, from: usize, sameness: Sameness) -> Option<(Key<'b>, Key<'b>)> {
        let keys = self.keys.get_mut(from..).unwrap_or_default();
        keys.sort_unstable_by_key(|hashed| (hashed.hash, hashed.key.0.as_ptr()));
        let alike = keys.chunk_by(|a, b| a.hash == b.hash).filter_map(|alike| twins(alike, sameness));
        let first = alike.min_by_key(|(_, second)| second.0.as_ptr());
        self.keys.truncate(from);
        first
    }
}

fn twins<'b>(alike: &[Hashed<'b>], sameness: Sameness) -> Option<(Key<'b>, Key<'b>)> {
    let (first, rest) = alike.split_first()?;
    let is_twin = |other: &&Hashed<'b>| match sameness {
        Sameness::Exact => first.key.chars().eq(other.key.chars()),
        Sameness::Folded => first.key.folded().eq(other.key.folded()),
    };
    rest.iter().find(is_twin).map(|other| (first.key, other.key)).or_else(|| twins(rest, sameness))
}
