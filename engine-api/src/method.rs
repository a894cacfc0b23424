//! The five methods of the Engine API. Any other token is answered with 405 before anything else is looked at.

use std::fmt;

/// A method that some route of the Engine API has. Tokens are case-sensitive (RFC 9110 §9.1): `get` is none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads; always allowed as far as methods go.
    Get,
    /// Goes where GET goes: current clients ping with it.
    Head,
    /// Allowed by `POST=1`.
    Post,
    /// Allowed by `PUT=1`.
    Put,
    /// Allowed by `DELETE=1`.
    Delete,
}

impl Method {
    /// Every method, in the order in which `Allow` lists them.
    pub const ALL: [Self; 5] = [Self::Get, Self::Head, Self::Post, Self::Put, Self::Delete];

    /// Reads a method token; `None` for any that the Engine API does not use.
    #[must_use]
    pub fn from_token(token: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == token)
    }

    /// The token as it stands in a request line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
