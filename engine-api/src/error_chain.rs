//! Writes an error and its causes on one line.
//!
//! The `Display` of every error in this project says its own level and nothing about its cause, which stays in
//! `source()`. So each level is told once, by whoever shows the error to a person.

use std::error::Error;

/// The error and its causes on one line, the outermost first: `cannot listen on 127.0.0.1:80: Permission denied (os
/// error 13)`.
///
/// ```
/// # #[derive(Debug, thiserror::Error)]
/// # #[error("cannot read the settings")]
/// # struct Unreadable(#[source] std::io::Error);
/// let error = Unreadable(std::io::Error::other("the disk is gone"));
/// assert_eq!(engine_api::report(&error), "cannot read the settings: the disk is gone");
/// ```
#[must_use]
pub fn report(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Some crates' errors print their cause as well as returning it.
        let told = error.to_string();
        if !text.contains(&told) {
            text.push_str(": ");
            text.push_str(&told);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::report;

    #[derive(Debug, thiserror::Error)]
    enum Layered {
        #[error("the outer one")]
        Outer(#[source] Box<Self>),
        #[error("another crate's ({0})")]
        Repeating(#[source] Box<Self>),
        #[error("the middle")]
        Middle(#[source] std::io::Error),
    }

    #[test]
    fn each_cause_is_told_once() {
        let middle = || Box::new(Layered::Middle(std::io::Error::other("the disk")));
        let repeating = || Layered::Repeating(middle());
        assert_eq!(report(&Layered::Outer(middle())), "the outer one: the middle: the disk");
        assert_eq!(report(&repeating()), "another crate's (the middle): the disk");
        let outer = Layered::Outer(Box::new(repeating()));
        assert_eq!(report(&outer), "the outer one: another crate's (the middle): the disk");
    }
}
