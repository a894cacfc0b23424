//! A request's or a response's head, as it stood on the wire.

/// The start line and the header lines, in order. A line that came twice is there twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The start line: `GET /_ping HTTP/1.1` or `HTTP/1.1 200 OK`.
    pub start: String,
    /// The name and the value of each line.
    pub headers: Vec<(String, String)>,
}

/// How the bytes after a head are delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    NoBody,
    Length(u64),
    Chunked,
    UntilClose,
}

impl Head {
    /// Reads a head from its bytes, without the empty line at the end. Bytes that are not UTF-8 become U+FFFD.
    ///
    /// # Panics
    /// When a line has no colon: neither the gateway nor a case sends such a line on purpose.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let headers = lines.map(parse_line).collect();
        Self { start, headers }
    }

    /// The status code.
    ///
    /// # Panics
    /// When this is not a response.
    #[must_use]
    pub fn status(&self) -> u16 {
        let code = self.start.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5));
        code.and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("no status line: {}", self.start))
    }

    /// The request's method.
    #[must_use]
    pub fn method(&self) -> &str {
        self.start.split(' ').next().unwrap_or_default()
    }

    /// The request's target.
    #[must_use]
    pub fn target(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    /// The value of the only line called `name`.
    ///
    /// # Panics
    /// When there are several; `all` gives them.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        match self.all(name).as_slice() {
            [] => None,
            [only] => Some(only),
            several => panic!("{} lines of {name} in {self:#?}", several.len()),
        }
    }

    /// The values of all lines called `name`, in order.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// Whether a line called `name` is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        !self.all(name).is_empty()
    }

    pub(crate) fn framing(&self) -> Framing {
        if self.all("transfer-encoding").iter().any(|coding| coding.eq_ignore_ascii_case("chunked")) {
            return Framing::Chunked;
        }
        let length = self.header("content-length").map(|length| length.parse().expect("a Content-Length"));
        if !self.start.starts_with("HTTP/") {
            return length.map_or(Framing::NoBody, Framing::Length);
        }
        match (self.status(), length) {
            (100..=199 | 204 | 304, _) => Framing::NoBody,
            (_, Some(length)) => Framing::Length(length),
            (_, None) => Framing::UntilClose,
        }
    }
}

pub(crate) fn parse_line(line: &str) -> (String, String) {
    let (name, value) =
        line.split_once(':').unwrap_or_else(|| panic!("a header line without a colon: {line:?}"));
    (name.to_owned(), value.trim().to_owned())
}
