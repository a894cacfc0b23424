//! Writes an error and its causes on one line.
//!
//! The `Display` of every error in this project says its own level and nothing about its cause, which stays in
//! `source()`. So each level is told once, by whoever shows the error to a person.

use std::error::Error;
use std::fmt::Write as _;

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
        // Writing to a string cannot fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
