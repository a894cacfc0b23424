//! Bodies that a policy reads: JSON that means the same to every parser, the engine's parser included.
//!
//! The engine reads JSON with Go's `encoding/json`, which takes `privileged` and `Privileged` for one field, uses the
//! last value if a field comes twice, and merges objects that come twice; a policy reads with the parser of its
//! language. [`BodyShape::judge`] refuses every body that the two could read differently. It reads the bytes once,
//! builds no values, and keeps only the keys of the objects that are open, of which there may be 65,536.
//!
//! Which keys an object may have depends on what the engine reads it into, as `body/table.rs` lists it. In a struct, no
//! two keys may be the same when case is ignored, and no key may be a known field's name in another spelling; in a map,
//! no two keys may be the same. An object that the table does not know (a field of next year's API) is judged as a
//! struct, which is the stricter of the two.

use std::collections::HashMap;
use std::sync::LazyLock;

mod json;
mod key;
mod root;
mod table;
#[cfg(test)]
mod tests;

use json::Cursor;
use key::{Key, OpenKeys, Sameness};
use root::Root;
pub use table::{Field, Struct, ValueKind};

/// How many levels deep objects and lists may be nested.
const MAX_DEPTH: usize = 64;

/// How many keys the objects that are open may have together: what is kept of them is 24 bytes a key, so this bounds the
/// memory that a body of any size can make the judgement take.
const MAX_KEYS: usize = 1 << 16;

/// What the engine reads the body of an operation into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyShape {
    /// One object.
    Object(Struct),
    /// A list of objects.
    List(Struct),
    /// A list of strings.
    Strings,
}

/// Why a body is refused. The text is meant for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmbiguousBody {
    /// The body is not UTF-8. Some parsers replace such bytes, others refuse them.
    #[error("the body is not valid UTF-8 at byte {at}")]
    NotUtf8 {
        /// The offset in bytes.
        at: usize,
    },
    /// The body is not JSON by RFC 8259. Some parsers accept more (comments, `NaN`, a byte order mark), others do not.
    #[error("the body is not JSON at byte {at}")]
    NotJson {
        /// The offset in bytes.
        at: usize,
    },
    /// Something follows the JSON value. Some engines read the first value and ignore what follows.
    #[error("the body goes on after its JSON value, at byte {at}")]
    Trailing {
        /// The offset in bytes.
        at: usize,
    },
    /// Objects and lists are nested too deeply. Each parser has its own limit.
    #[error("the body nests objects and lists more than {MAX_DEPTH} levels deep")]
    TooDeep,
    /// An object, with those that it is in, has too many keys to be kept in memory.
    #[error("the body has more than {MAX_KEYS} keys in one object and those around it")]
    TooManyKeys,
    /// A string has half of a surrogate pair, which is no character.
    #[error("the body has a lone surrogate at byte {at}")]
    LoneSurrogate {
        /// The offset in bytes.
        at: usize,
    },
    /// A string has a NUL, which ends the string for some parsers.
    #[error("the body has \\u0000 at byte {at}")]
    Nul {
        /// The offset in bytes.
        at: usize,
    },
    /// A number is too large for a double. Some parsers read it as infinity, others refuse it.
    #[error("the body has a number at byte {at} that is too large for a double")]
    HugeNumber {
        /// The offset in bytes.
        at: usize,
    },
    /// The body is not of the JSON type that the operation reads.
    #[error("the body must be a JSON {0}")]
    OtherType(&'static str),
    /// A key comes twice. Parsers use the last value, the first, or both.
    #[error("the body has the key {0:?} twice in one object")]
    Twice(String),
    /// Two keys are one field for the engine, and two for everyone else.
    #[error("the body has the keys {0:?} and {1:?} in one object, which the engine may take for one")]
    Alike(String, String),
    /// A key is a field's name in another spelling. The engine ignores case, other parsers do not.
    #[error("the body has the key {key:?}, which the engine takes for {field}: spell it like that")]
    Misspelled {
        /// The key as the client spells it.
        key: String,
        /// The field's name, which is the spelling that is accepted.
        field: &'static str,
    },
    /// A field of `HostConfig` is beside it, where engines up to 26 read it too.
    #[error("the body has {0} beside HostConfig, where old engines read it too: put it into HostConfig")]
    BesideHostConfig(&'static str),
}

impl BodyShape {
    /// Refuses a body that two parsers could read in two ways.
    ///
    /// # Errors
    /// [`AmbiguousBody`] with the first reason found.
    pub fn judge(self, body: &[u8]) -> Result<(), AmbiguousBody> {
        let text =
            str::from_utf8(body).map_err(|error| AmbiguousBody::NotUtf8 { at: error.valid_up_to() })?;
        let mut reader = Reader { cursor: Cursor::new(text), keys: OpenKeys::new() };
        reader.top(self)?;
        match reader.cursor.peek() {
            None => Ok(()),
            Some(_) => Err(AmbiguousBody::Trailing { at: reader.cursor.at() }),
        }
    }
}

struct Reader<'b> {
    cursor: Cursor<'b>,
    keys: OpenKeys<'b>,
}

impl<'b> Reader<'b> {
    /// Reads the outermost value. `null` passes too: some clients send it for an object that they do not have.
    fn top(&mut self, shape: BodyShape) -> Result<(), AmbiguousBody> {
        let (kind, open, name) = match shape {
            BodyShape::Object(fields) => (ValueKind::Struct(fields), b'{', "object"),
            BodyShape::List(fields) => (ValueKind::Struct(fields), b'[', "list"),
            BodyShape::Strings => (ValueKind::Leaf, b'[', "list"),
        };
        let is_of_type = matches!(self.cursor.peek(), Some(first) if first == open || first == b'n');
        self.value(kind, MAX_DEPTH)?;
        if is_of_type { Ok(()) } else { Err(AmbiguousBody::OtherType(name)) }
    }

    fn value(&mut self, kind: ValueKind, depth: usize) -> Result<(), AmbiguousBody> {
        match self.cursor.peek() {
            Some(b'{' | b'[') if depth == 0 => Err(AmbiguousBody::TooDeep),
            Some(b'{') => self.object(kind, depth - 1),
            Some(b'[') => self.list(kind, depth - 1),
            Some(_) | None => self.cursor.scalar(),
        }
    }

    fn list(&mut self, kind: ValueKind, depth: usize) -> Result<(), AmbiguousBody> {
        self.cursor.expect(b'[')?;
        if self.cursor.takes(b']') {
            return Ok(());
        }
        loop {
            self.value(kind, depth)?;
            if !self.cursor.takes(b',') {
                return self.cursor.expect(b']');
            }
        }
    }

    fn object(&mut self, kind: ValueKind, depth: usize) -> Result<(), AmbiguousBody> {
        let mut root = Root::default();
        let members = Members::of(kind);
        let first_key = self.keys.len();
        self.cursor.expect(b'{')?;
        let mut is_open = !self.cursor.takes(b'}');
        while is_open {
            let key = self.cursor.string()?;
            let member = self.member(&members, key)?;
            self.cursor.expect(b':')?;
            self.cursor.peek();
            let start = self.cursor.at();
            self.value(member.map_or(members.others, |member| member.field.kind), depth)?;
            if let (ValueKind::Struct(Struct::CreateBody), Some(member)) = (kind, member) {
                root.has(member, self.cursor.since(start));
            }
            is_open = self.cursor.takes(b',');
            if !is_open {
                self.cursor.expect(b'}')?;
            }
        }
        match self.keys.close(first_key, members.sameness) {
            None => root.judge(),
            Some((a, b)) if a.chars().eq(b.chars()) => Err(AmbiguousBody::Twice(shortened(a))),
            Some((a, b)) => Err(AmbiguousBody::Alike(shortened(a), shortened(b))),
        }
    }

    /// Remembers a key, and finds the field that it names.
    fn member(&mut self, members: &Members, key: Key<'b>) -> Result<Option<Member>, AmbiguousBody> {
        if self.keys.len() == MAX_KEYS {
            return Err(AmbiguousBody::TooManyKeys);
        }
        let name = match members.sameness {
            Sameness::Exact => {
                self.keys.push_exact(key);
                return Ok(None);
            }
            Sameness::Folded => key.folded_name(),
        };
        self.keys.push_folded(key, name.as_ref());
        let found = name.and_then(|name| members.known?.get(name.as_bytes()));
        match found.map(|member| member.field) {
            Some(field) if !key.is(field.name) && !field.also.is_some_and(|also| key.is(also)) => {
                Err(AmbiguousBody::Misspelled { key: shortened(key), field: field.name })
            }
            Some(_) | None => Ok(found.copied()),
        }
    }
}

/// What is known about an object's members.
struct Members {
    /// The object's fields by their folded names.
    known: Option<&'static FieldsByName>,
    /// When two keys count as one.
    sameness: Sameness,
    /// What the values of keys that are not fields are read into.
    others: ValueKind,
}

impl Members {
    fn of(object: ValueKind) -> Self {
        match object {
            ValueKind::Struct(of) => {
                Self { known: FIELDS.get(&of), sameness: Sameness::Folded, others: ValueKind::Leaf }
            }
            ValueKind::Leaf => Self { known: None, sameness: Sameness::Folded, others: ValueKind::Leaf },
            ValueKind::Map(values) => Self { known: None, sameness: Sameness::Exact, others: *values },
        }
    }
}

/// A field and the struct that declares it.
#[derive(Clone, Copy, Debug)]
struct Member {
    of: Struct,
    field: &'static Field,
}

type FieldsByName = HashMap<Vec<u8>, Member>;

/// The fields of each struct by their folded names, built once from the table.
static FIELDS: LazyLock<HashMap<Struct, FieldsByName>> = LazyLock::new(|| {
    let by_name = |of: Struct| {
        let members =
            of.with_bases().into_iter().flat_map(|of| of.own_fields().iter().map(move |field| (of, field)));
        members
            .map(|(of, field)| (field.name.to_ascii_lowercase().into_bytes(), Member { of, field }))
            .collect()
    };
    Struct::ALL.iter().map(|&of| (of, by_name(of))).collect()
});

impl Struct {
    /// This struct and every struct whose fields it takes over.
    fn with_bases(self) -> Vec<Self> {
        let bases = self.bases().iter().flat_map(|base| base.with_bases());
        std::iter::once(self).chain(bases).collect()
    }

    /// All fields, including those of its bases.
    pub fn fields(self) -> impl Iterator<Item = &'static Field> {
        self.with_bases().into_iter().flat_map(Self::own_fields)
    }
}

/// The beginning of a key, for a message.
fn shortened(key: Key<'_>) -> String {
    key.chars().take(64).collect()
}
