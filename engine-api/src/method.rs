//! The five methods of the Engine API. Any other token is answered with 405 before anything else is looked at.

use std::fmt;

/// A method that some route of the Engine API has. Tokens are case-sensitive (RFC 9110 §9.1), so `get` is not a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// GET, which needs no method flag unless the operation writes.
    Get,
    /// HEAD, which is judged like GET. Current clients ping with it.
    Head,
    /// POST, which `POST=1` allows.
    Post,
    /// PUT, which `PUT=1` allows.
    Put,
    /// DELETE, which `DELETE=1` allows.
    Delete,
}

impl Method {
    /// Every method, in the order in which `Allow` lists them.
    pub const ALL: [Self; 5] = [Self::Get, Self::Head, Self::Post, Self::Put, Self::Delete];

    /// Reads a method token; `None` for one that the Engine API does not use.
    #[must_use]
    pub fn from_token(token: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == token)
    }

    /// The token in a request line.
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
