//! Where in the rules file something stands, and what is wrong there.

use std::fmt::Display;

use serde_saphyr::Location;

/// A line and a column, both counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    line: usize,
    column: usize,
}

impl Place {
    /// The place of a scalar, a list or a mapping.
    pub(crate) fn of(location: Location) -> Self {
        let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        Self { line: number(location.line()), column: number(location.column()) }
    }

    /// The place of a part of a text that stands here: exact where the file has the text as it is, and else that of the
    /// text itself, as folding and escapes move what is in it.
    pub(crate) fn within(self, file: &str, text: &str, offset: usize) -> Self {
        let written = file.lines().nth(self.line.saturating_sub(1)).unwrap_or_default();
        let written: String = written.chars().skip(self.column.saturating_sub(1)).collect();
        let before = text.get(..offset).unwrap_or(text).chars().count();
        let quotes = written.len() - written.trim_start_matches(['"', '\'']).len();
        match written.get(quotes..).is_some_and(|rest| quotes < 2 && rest.starts_with(text)) {
            true => Self { column: self.column + quotes + before, ..self },
            false => self,
        }
    }

    /// Where a text begins.
    #[cfg(test)]
    pub(crate) fn first() -> Self {
        Self { line: 1, column: 1 }
    }

    /// A mistake at this place.
    pub(crate) fn mistake(self, what: impl Display) -> String {
        let Self { line, column } = self;
        format!("line {line}, column {column}: {what}")
    }
}

/// Longer words are near no name.
const MAX_NEAR: usize = 64;

/// ` (did you mean …?)`, if one of the names is near.
pub(crate) fn near_miss<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    if word.len() > MAX_NEAR {
        return String::new();
    }
    let distance = |name: &str| strsim::osa_distance(&word.to_lowercase(), &name.to_lowercase());
    let nearest = names.into_iter().map(|name| (distance(name), name)).min();
    match nearest {
        Some((distance, name)) if distance <= 1 + word.chars().count() / 4 => {
            format!(" (did you mean {name}?)")
        }
        Some(_) | None => String::new(),
    }
}
