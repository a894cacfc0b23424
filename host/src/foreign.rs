//! Text of strangers (a policy, the engine, a client), made fit to be shown on a line of a log or a terminal.
//!
//! What is unfit would end the line, steer the terminal, or show the line's text in another order than it has.

#[cfg(test)]
mod tests;

/// Controls (C0, DEL, C1), ends of lines, marks and overrides of direction, and what is not seen at all.
pub(crate) const fn is_unfit(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{61c}' // Arabic letter mark
        | '\u{200b}'..='\u{200f}' // zero width, and marks of direction
        | '\u{2028}'..='\u{202e}' // line and paragraph separator, embeddings and overrides
        | '\u{2060}'..='\u{2069}' // invisible operators, isolates
        | '\u{feff}' // byte order mark
        | '\u{e0000}'..='\u{e007f}' // tags
    )
}

/// The beginning of a text, of at most `most` bytes, with a space for everything unfit.
pub(crate) fn fit(text: &str, most: usize) -> String {
    let start = text.get(..text.floor_char_boundary(most)).unwrap_or_default();
    start.chars().map(|c| if is_unfit(c) { ' ' } else { c }).collect()
}

/// All of a text, with what is unfit written as `\n` or `\u{202e}`.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match is_unfit(c) {
            true => escaped.extend(c.escape_default()),
            false => escaped.push(c),
        }
    }
    escaped
}

/// An error and its causes on one line: `what: cause: cause of the cause`. A cause is left out if the text before it tells
/// it already, as the errors of some crates do.
pub(crate) fn report(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let told = error.to_string();
        if !text.contains(&told) {
            text.push_str(": ");
            text.push_str(&told);
        }
        cause = error.source();
    }
    text
}
