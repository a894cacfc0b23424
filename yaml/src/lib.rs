//! Reads YAML into typed values, and tells each mistake with its line.
//!
//! The crate `serde-saphyr` does the work; here are its limits and the words for what it finds. Each key of a mapping comes
//! once. Anchors, aliases and merge keys work as YAML has them, and what they unfold to counts against the limits.

use std::borrow::Cow;
use std::fmt::Write as _;

use engine_api::untrusted;
use serde::de::DeserializeOwned;
use serde_saphyr::options::NonFiniteFloatPolicy;
use serde_saphyr::{Error, MessageFormatter as _, Options, UserMessageFormatter};

/// How deep lists and mappings may be nested.
const MAX_DEPTH: usize = 50;

/// How many scalars, lists and mappings a file may have, with aliases unfolded.
const MAX_NODES: usize = 100_000;

/// How long all scalars of a file may be together, in bytes, with aliases unfolded.
const MAX_SCALAR_BYTES: usize = 16 * 1024 * 1024;

/// A mistake in a file, and the line on which it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Mistake {
    /// The first line is 1.
    pub line: u64,
    /// What is wrong there.
    pub what: String,
}

/// Reads a text that is one YAML document.
///
/// # Errors
/// The first [`Mistake`].
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Mistake> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| Mistake::from(&error))
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_total_scalar_bytes: MAX_SCALAR_BYTES,
        },
        // What looks like a number to some parsers and like a text to others stays what is written.
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString, // JSON has none
        strict_booleans: true,
        // A tag that changes nothing would be a mistake that nobody sees.
        reject_unsupported_tags: true,
        with_snippet: false,
    }
}

impl From<&Error> for Mistake {
    fn from(error: &Error) -> Self {
        let line_of = |error: &Error| error.location().map(|location| location.line());
        let line = line_of(error).unwrap_or(1);
        let inner = without_wrappers(error);
        let mut what = untrusted::escaped(&in_words(inner));
        // Where an alias stands, the line is that of the alias, and the mistake may be where the value is written.
        if let Some(written) = line_of(inner).filter(|written| *written != line) {
            let _ = write!(what, " (the alias stands for a value on line {written})"); // a string can always be written to
        }
        Self { line, what }
    }
}

fn without_wrappers(mut error: &Error) -> &Error {
    while let Error::AliasError { error: inner, .. } | Error::WithSnippet { error: inner, .. } = error {
        error = inner;
    }
    error
}

/// What is wrong, in the words of somebody who writes the file: `serde-saphyr` speaks of its own options and of the
/// types of Rust.
#[allow(clippy::wildcard_enum_match_arm, reason = "serde-saphyr has good words for the rest")]
fn in_words(error: &Error) -> Cow<'_, str> {
    Cow::Owned(match error {
        Error::Eof { .. } => "the file is empty".to_owned(),
        Error::MultipleDocuments { .. } => "a second document begins here; a file has one".to_owned(),
        Error::DuplicateMappingKey { key: Some(key), .. } => format!("the key `{key}` is there twice"),
        Error::SerdeUnknownField { field, expected, .. } => {
            format!("the key `{field}` is not known; known are {}", expected.join(", "))
        }
        Error::SerdeMissingField { field, .. } => format!("the key `{field}` is missing"),
        Error::NullIntoString { .. } => {
            "a text is expected here, and there is nothing; put it in quotes if the text is null or empty"
                .to_owned()
        }
        Error::Unexpected { expected: "mapping start", .. } => "a mapping is expected here".to_owned(),
        Error::Unexpected { expected: "sequence start", .. } => "a list is expected here".to_owned(),
        Error::Unexpected { expected: "string scalar", .. } => "a text is expected here".to_owned(),
        Error::UnknownAnchor { .. } => "no anchor has the name of this alias".to_owned(),
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            "this alias is part of its own anchor".to_owned()
        }
        Error::Budget { breach: serde_saphyr::budget::BudgetBreach::Depth { .. }, .. } => {
            format!("lists and mappings are nested more than {MAX_DEPTH} deep")
        }
        Error::Budget { .. } | Error::AliasReplayLimitExceeded { .. } => {
            "the file is too large, or its aliases unfold to too much".to_owned()
        }
        other => return UserMessageFormatter.format_message(other),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Write as _;

    use serde::Deserialize;
    use serde_json::Value;

    fn read(text: &str) -> String {
        match super::read::<Value>(text) {
            Ok(value) => value.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn scalars_are_what_yaml_1_2_says_and_quoted_ones_are_texts() {
        for (yaml, json) in [
            ("[1, -2, 1.5, 1e3, 18446744073709551615]", "[1,-2,1.5,1000.0,18446744073709551615]"),
            ("[0x10, 0o17]", "[16,15]"),
            ("[true, false, null, ~, ]", "[true,false,null,null]"),
            (
                "[yes, on, No, 1.2.3, 1_000, 007, 08:30, inf, nan, .inf]",
                r#"["yes","on","No","1.2.3","1_000","007","08:30","inf","nan",".inf"]"#,
            ),
            (r#"['1', "true", 'null', !!str 1]"#, r#"["1","true","null","1"]"#),
            ("a:\n", r#"{"a":null}"#),
            ("a: |\n  one\n  two\n", r#"{"a":"one\ntwo\n"}"#),
            ("{a: {b: [c]}}", r#"{"a":{"b":["c"]}}"#),
            ("alpine:3", r#""alpine:3""#),
        ] {
            assert_eq!(read(yaml), json, "{yaml}");
        }
    }

    #[test]
    fn where_a_text_is_wanted_numbers_and_booleans_are_texts_as_they_are_written() {
        let texts =
            super::read::<BTreeMap<String, String>>("{a: 1000, b: 1.50, c: true, d: 0x10, e: 007}").unwrap();
        assert_eq!(texts.into_values().collect::<Vec<_>>(), ["1000", "1.50", "true", "0x10", "007"]);
    }

    #[test]
    fn anchors_aliases_and_merge_keys_work() {
        assert_eq!(read("a: &x {c: 1}\nb: *x\n"), r#"{"a":{"c":1},"b":{"c":1}}"#);
        assert_eq!(read("a: &x {c: 1}\nb: {<<: *x, d: 2}\n"), r#"{"a":{"c":1},"b":{"c":1,"d":2}}"#);
    }

    #[test]
    fn what_is_ambiguous_or_too_clever_is_refused_with_its_line() {
        for (yaml, problem) in [
            ("a: 1\na: 2", "line 2: the key `a` is there twice"),
            ("a: 1\nb: *x", "line 2: no anchor has the name of this alias"),
            ("a: &x [*x]", "line 1: this alias is part of its own anchor"),
            ("a: 1\nb: !include c", "line 2: unsupported tag `!include`"),
            ("? [a]\n: 1", "line 1: a text is expected here"),
            (
                "~: 1",
                "line 1: a text is expected here, and there is nothing; put it in quotes if the text is null or empty",
            ),
            ("a: 1\n---\nb: 2", "line 3: a second document begins here; a file has one"),
            (
                "a: 1\nb: \"\\q\u{202e}\"",
                "line 2: while parsing a quoted scalar, found unknown escape character",
            ),
        ] {
            assert_eq!(read(yaml), problem, "{yaml}");
        }
        assert!(read("a: [").starts_with("line 1: "), "{}", read("a: ["));
        assert!(read("a: 1\nb: @x").starts_with("line 2: "), "{}", read("a: 1\nb: @x"));
    }

    #[test]
    fn a_mistake_in_what_an_alias_stands_for_names_both_lines() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[allow(dead_code, reason = "it is never made")]
        struct Wanted {
            one: Value,
            two: BTreeMap<String, String>,
        }
        let mistake = super::read::<Wanted>("one: &x\n  a: b\n  c: [d]\n\ntwo: *x\n").unwrap_err();
        assert_eq!(
            mistake.to_string(),
            "line 5: a text is expected here (the alias stands for a value on line 3)"
        );
    }

    #[test]
    fn depth_and_size_are_bounded_also_of_what_aliases_unfold_to() {
        let too_deep = "line 1: lists and mappings are nested more than 50 deep";
        assert_eq!(read(&("[".repeat(51) + &"]".repeat(51))), too_deep);
        assert_eq!(read(&("[".repeat(100_000))), "line 1: recursion limit exceeded");
        assert!(read(&("[".repeat(50) + &"]".repeat(50))).starts_with("[["));

        // Each line is shallow, and what the last one unfolds to is not.
        let mut chain = String::from("a0: &a0 x\n");
        for number in 1..20 {
            let (open, close) = ("[".repeat(20), "]".repeat(20));
            writeln!(chain, "a{number}: &a{number} {open}*a{}{close}", number - 1).unwrap();
        }
        assert_eq!(
            read(&chain),
            "line 4: lists and mappings are nested more than 50 deep (the alias stands for a value on line 2)"
        );

        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for number in 1..20 {
            let inner = vec![format!("*a{}", number - 1); 10].join(", ");
            writeln!(bomb, "a{number}: &a{number} [{inner}]").unwrap();
        }
        let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1024 * 1024), vec!["*a"; 16].join(", "));
        for too_large in [bomb, long] {
            let problem = read(&too_large);
            assert!(
                problem.contains(": the file is too large, or its aliases unfold to too much"),
                "{problem:.200}"
            );
        }
    }
}
