//! YAML as the file of cases uses it: mappings, lists and scalars, each with the line on which it stands.
//!
//! `yaml/typed.rs` makes typed values of it, so that a mistake is told with its line. Keys are texts and come once. Anchors,
//! aliases and tags are refused: a case is read where it stands.

use std::borrow::Cow;

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput};

mod typed;

/// How deep lists and mappings may lie in each other.
const MAX_DEPTH: usize = 100;

/// A value and where it begins.
#[derive(Debug)]
pub(super) struct Node {
    /// From 1.
    pub line: usize,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// Without quotes: may be a number, `true`, `null`.
    Plain(String),
    /// A text, whatever it looks like.
    Quoted(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Debug)]
struct Key {
    line: usize,
    text: String,
}

/// What is wrong, and on which line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct BadYaml {
    line: usize,
    what: String,
}

impl Node {
    /// Reads a text that is one document.
    ///
    /// # Errors
    /// [`BadYaml`].
    pub(super) fn read(text: &str) -> Result<Self, BadYaml> {
        let mut reader = Reader { parser: Parser::new_from_str(text) };
        reader.expect_start()?;
        let (event, line) = reader.next()?;
        let node = reader.node(event, line, MAX_DEPTH)?;
        reader.next()?; // the end of the document
        match reader.next()? {
            (Event::StreamEnd, _) => Ok(node),
            (_, line) => Err(BadYaml { line, what: "a second document begins; there may be one".to_owned() }),
        }
    }

    /// The items of the list below a key; none if there is no such list.
    pub(super) fn items_of(&self, key: &str) -> &[Self] {
        let Content::Map(entries) = &self.content else { return &[] };
        match entries.iter().find(|(found, _)| found.text == key) {
            Some((_, Self { content: Content::List(items), .. })) => items,
            Some(_) | None => &[],
        }
    }
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, usize), BadYaml> {
        match self.parser.next_event() {
            Some(Ok((event, Span { start, .. }))) => Ok((event, start.line())),
            Some(Err(error)) => Err(BadYaml { line: error.marker().line(), what: error.info() }),
            None => Ok((Event::StreamEnd, 0)),
        }
    }

    fn expect_start(&mut self) -> Result<(), BadYaml> {
        loop {
            match self.next()? {
                (Event::DocumentStart(..), _) => return Ok(()),
                (Event::StreamEnd, _) => {
                    return Err(BadYaml { line: 1, what: "there is nothing in it".to_owned() });
                }
                _ => {}
            }
        }
    }

    #[allow(clippy::wildcard_enum_match_arm, reason = "another crate's events: what is not read is refused")]
    fn node(&mut self, event: Event<'t>, line: usize, depth: usize) -> Result<Node, BadYaml> {
        let refused = |what: &str| Err(BadYaml { line, what: what.to_owned() });
        if depth == 0 {
            return refused("lists and mappings lie too deep in each other");
        }
        let content = match event {
            Event::Scalar(text, ScalarStyle::Plain, 0, None) => Content::Plain(text.into_owned()),
            Event::Scalar(text, _, 0, None) => Content::Quoted(text.into_owned()),
            Event::SequenceStart(_, 0, None) => self.list(depth)?,
            Event::MappingStart(_, 0, None) => self.map(depth)?,
            Event::Alias(_) | Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..) => {
                return refused("anchors, aliases and tags are not read");
            }
            _ => return refused("a value is missing"),
        };
        Ok(Node { line, content })
    }

    fn list(&mut self, depth: usize) -> Result<Content, BadYaml> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Content::List(items)),
                (event, line) => items.push(self.node(event, line, depth - 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Content, BadYaml> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        loop {
            let (text, line) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Content::Map(entries)),
                (Event::Scalar(text, _, 0, None), line) => (Cow::into_owned(text), line),
                (_, line) => return Err(BadYaml { line, what: "a key must be a text".to_owned() }),
            };
            if entries.iter().any(|(key, _)| key.text == text) {
                return Err(BadYaml { line, what: format!("the key {text:?} is there twice") });
            }
            let (event, value_line) = self.next()?;
            let value = self.node(event, value_line, depth - 1)?;
            entries.push((Key { line, text }, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::Node;

    fn read(text: &str) -> String {
        match Node::read(text).and_then(|node| node.to::<Value>()) {
            Ok(value) => value.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn scalars_are_what_yaml_1_2_says_and_quoted_ones_are_texts() {
        for (yaml, json) in [
            ("[1, -2, 1.5, 1e3, 18446744073709551615]", "[1,-2,1.5,1000.0,18446744073709551615]"),
            ("[true, false, null, ~, ]", "[true,false,null,null]"),
            (
                "[yes, on, No, 1.2.3, 0x10, 1_000, inf, nan]",
                r#"["yes","on","No","1.2.3","0x10","1_000","inf","nan"]"#,
            ),
            (r#"['1', "true", 'null']"#, r#"["1","true","null"]"#),
            ("a:\n", r#"{"a":null}"#),
            ("a: |\n  one\n  two\n", r#"{"a":"one\ntwo\n"}"#),
            ("{a: {b: [c]}}", r#"{"a":{"b":["c"]}}"#),
            ("alpine:3", r#""alpine:3""#),
        ] {
            assert_eq!(read(yaml), json, "{yaml}");
        }
    }

    #[test]
    fn what_is_ambiguous_or_too_clever_is_refused_with_its_line() {
        for (yaml, problem) in [
            ("a: 1\na: 2", "line 2: the key \"a\" is there twice"),
            ("a: &x 1\nb: *x", "line 1: anchors, aliases and tags are not read"),
            ("a: !!str 1", "line 1: anchors, aliases and tags are not read"),
            ("? [a]\n: 1", "line 1: a key must be a text"),
            ("a: 1\n---\nb: 2", "line 2: a second document begins; there may be one"),
            ("", "line 1: there is nothing in it"),
        ] {
            assert_eq!(read(yaml), problem, "{yaml}");
        }
        assert!(read("a: [").starts_with("line 1: "), "{}", read("a: ["));
        assert!(read("a: 1\nb: @x").starts_with("line 2: "), "{}", read("a: 1\nb: @x"));
        let deep = "[".repeat(200) + &"]".repeat(200);
        assert_eq!(read(&deep), "line 1: lists and mappings lie too deep in each other");
    }
}
