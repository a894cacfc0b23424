//! Makes text from untrusted sources (a policy, the engine, a client) fit to be shown on a line of a log or a terminal.
//!
//! A character is unfit if it would end the line, control the terminal, or change the order in which text is shown.

#[cfg(test)]
mod tests;

/// Whether a character is unfit: control characters (C0, DEL, C1), ends of lines, marks and overrides of text
/// direction, and invisible characters.
pub const fn is_unfit(c: char) -> bool {
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

/// The beginning of a text, at most `most` bytes of it, with a space in place of each unfit character.
pub fn fit(text: &str, most: usize) -> String {
    let start = text.get(..text.floor_char_boundary(most)).unwrap_or_default();
    start.chars().map(|c| if is_unfit(c) { ' ' } else { c }).collect()
}

/// The whole text, with unfit characters written as escapes such as `\n` or `\u{202e}`.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match is_unfit(c) {
            true => escaped.extend(c.escape_default()),
            false => escaped.push(c),
        }
    }
    escaped
}
