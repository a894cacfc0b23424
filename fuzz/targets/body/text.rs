//! Bodies made of what real ones are made of, so that chance finds structs in structs, and keys that are almost right.

use engine_api::body::{BodyShape, Struct, ValueKind};

/// Writes a body for `shape` as `choices` say; once they are used up, it comes to an end.
pub(crate) fn body(shape: BodyShape, choices: &[u8]) -> Vec<u8> {
    let mut writer = Writer { choices: choices.iter(), text: Vec::new() };
    let splice = writer.choice();
    match shape {
        BodyShape::Object(of) => writer.object(ValueKind::Struct(of), 0),
        BodyShape::List(of) => writer.list(ValueKind::Struct(of), 0),
        BodyShape::Strings => writer.list(ValueKind::Leaf, 0),
    }
    let mut text = writer.text;
    if splice >= 0xf0 {
        let at = (usize::from(splice) * 31) % (text.len() + 1);
        text.splice(at..at, JUNK[usize::from(splice & 0xf)].iter().copied());
    }
    text
}

/// What does not belong where it is put.
const JUNK: [&[u8]; 16] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"\\",
    b"\xff",
    b"\0",
    b"\xef\xbb\xbf",
    b"//",
    b" ",
    b"\\u0000",
    b"0",
    b"null",
];

/// Values without structure.
const SCALARS: [&str; 24] = [
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "-1",
    "0.0",
    "1e3",
    "1e308",
    "1e309",
    "9007199254740993",
    "18446744073709551616",
    "\"\"",
    "\"a\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "\"\\u212a\"",
    "\"\u{17f}\"",
    "01",
    "{}",
    "[]",
    "\"/:/host\"",
];

struct Writer<'c> {
    choices: std::slice::Iter<'c, u8>,
    text: Vec<u8>,
}

impl Writer<'_> {
    fn choice(&mut self) -> u8 {
        self.choices.next().copied().unwrap_or_default()
    }

    fn put(&mut self, text: &str) {
        self.text.extend(text.bytes());
    }

    fn value(&mut self, kind: ValueKind, depth: usize) {
        match (kind, self.choice() % 8) {
            _ if depth > 70 => self.put("1"),
            (ValueKind::Struct(_) | ValueKind::Map(_), 1..=4) | (ValueKind::Leaf, 1) => {
                self.object(kind, depth)
            }
            (_, 5) => self.list(kind, depth),
            _ => {
                let scalar = SCALARS[usize::from(self.choice()) % SCALARS.len()];
                self.put(scalar);
            }
        }
    }

    fn list(&mut self, kind: ValueKind, depth: usize) {
        self.put("[");
        for at in 0..self.choice() % 4 {
            self.put(if at == 0 { "" } else { "," });
            self.value(kind, depth + 1);
        }
        self.put("]");
    }

    fn object(&mut self, kind: ValueKind, depth: usize) {
        self.put("{");
        for at in 0..self.choice() % 8 {
            self.put(if at == 0 { "" } else { ", " });
            let inner = self.key(kind);
            self.put(":");
            self.value(inner, depth + 1);
        }
        self.put("}");
    }

    /// Writes a key and says what its value is read into.
    fn key(&mut self, kind: ValueKind) -> ValueKind {
        let (name, inner) = match kind {
            ValueKind::Struct(of) => self.field(of),
            ValueKind::Map(values) => (["a", "A", "b", "Labels"][usize::from(self.choice()) % 4], *values),
            ValueKind::Leaf => {
                (["a", "A", "Privileged", "s", "\u{17f}"][usize::from(self.choice()) % 5], ValueKind::Leaf)
            }
        };
        let how = self.choice();
        let spelled: String = match how {
            0xe0.. => spelled(name, how),
            _ => name.to_owned(),
        };
        self.put("\"");
        self.put(&spelled);
        self.put("\"");
        inner
    }

    fn field(&mut self, of: Struct) -> (&'static str, ValueKind) {
        let fields: Vec<_> = of.fields().collect();
        let at = usize::from(self.choice());
        match fields.get(at) {
            Some(field) => (field.also.filter(|_| at % 2 == 1).unwrap_or(field.name), field.kind),
            None => (["Next", "next", "Ne\u{17f}t", "Nest"][at % 4], ValueKind::Leaf),
        }
    }
}

/// The same name in another spelling.
fn spelled(name: &str, how: u8) -> String {
    let at = usize::from(how) % name.len().max(1);
    let other = |(index, c): (usize, char)| match how % 6 {
        0 => c.to_ascii_lowercase().to_string(),
        1 => c.to_ascii_uppercase().to_string(),
        2 if c.eq_ignore_ascii_case(&'s') => '\u{17f}'.to_string(),
        3 if c.eq_ignore_ascii_case(&'k') => "\\u212A".to_owned(),
        4 if index == at => format!("\\u{:04x}", u32::from(c)),
        5 if index == at => c.to_ascii_uppercase().to_string(),
        _ => c.to_string(),
    };
    name.char_indices().map(other).collect()
}
