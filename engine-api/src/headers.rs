//! Header fields: hop-by-hop fields (RFC 9110 §7.6.1), and fields that would make the engine read a body in another
//! way.
//!
//! A gateway must not forward a field that is meant for one connection only, nor a field that `Connection` names. But a
//! client could use `Connection` to have the gateway remove a field that the engine acts on, and then the request that
//! is judged would not be the one that was sent. So a `Connection` that names such a field is refused. Where an upgrade
//! is allowed, the gateway writes its header fields anew.

use http::header::{self, HeaderMap, HeaderName};

/// The hop-by-hop fields. `Expect` is one of them here, because hyper has answered it by the time we forward.
static HOP_BY_HOP: [HeaderName; 10] = [
    header::CONNECTION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::EXPECT,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
];

/// The beginnings of the names of fields that the engine reads. It ignores any other field that `Connection` may name.
const END_TO_END: [&str; 8] =
    ["host", "content-", "authorization", "origin", "sec-", "x-registry-", "x-docker-", "accept"];

/// How many options all `Connection` lines of a request may have together; real clients send one or two.
const MAX_OPTIONS: usize = 32;

/// Why a `Connection` header is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadConnection {
    /// It names a field that the engine acts on.
    #[error("the Connection header names {0}, which is not a hop-by-hop field")]
    NamesEndToEnd(String),
    /// It has too many options, each of which costs a look-up.
    #[error("the Connection header has more than {MAX_OPTIONS} options")]
    TooManyOptions,
}

/// How a request's body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    Empty,
    /// Content-Length gives its length.
    Length,
    /// The body comes in chunks (`Transfer-Encoding: chunked`).
    Chunked,
}

/// Why header fields are refused. The text is meant for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHeaders {
    /// The `Connection` header is refused.
    #[error(transparent)]
    Connection(#[from] BadConnection),
    /// The engine may read the media type in another way than we do.
    #[error("the Content-Type of a body must be plain ASCII")]
    ContentType,
    /// The body is a form, from which the engine would take parameters instead of from the query.
    #[error(
        "form bodies are never forwarded (the engine would let them override the query); send application/json"
    )]
    FormBody,
}

/// Refuses header fields that the engine, or the next hop, could read in another way than we do.
///
/// # Errors
/// [`BadHeaders`] with the first reason found.
pub fn require_forwardable(headers: &HeaderMap, framing: Framing) -> Result<(), BadHeaders> {
    require_no_form(headers, framing)?;
    Ok(require_hop_by_hop_options(headers)?)
}

/// Refuses a body that is a form. An empty form passes: it overrides nothing, and `wget --post-data=''` sends one. The
/// engine trims and folds a media type as Unicode (`\u{130}` becomes `i`), so a media type that is not plain ASCII
/// cannot be judged, and is refused if there is a body.
fn require_no_form(headers: &HeaderMap, framing: Framing) -> Result<(), BadHeaders> {
    if framing == Framing::Empty {
        return Ok(());
    }
    for value in headers.get_all(header::CONTENT_TYPE) {
        let value = value.to_str().map_err(|_not_ascii| BadHeaders::ContentType)?;
        let media_type = value.split([';', ',']).next().unwrap_or_default().trim();
        if FORMS.iter().any(|form| form.eq_ignore_ascii_case(media_type)) {
            return Err(BadHeaders::FormBody);
        }
    }
    Ok(())
}

const FORMS: [&str; 2] = ["application/x-www-form-urlencoded", "multipart/form-data"];

/// Whether a body has a content coding. `identity` does not count as one (RFC 9110 §8.4.1).
#[must_use]
pub fn has_content_coding(headers: &HeaderMap) -> bool {
    let is_none = |coding: &[u8]| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity");
    !elements(headers, &header::CONTENT_ENCODING).all(is_none)
}

/// Refuses a `Connection` that would make us remove a field that the engine acts on.
///
/// # Errors
/// [`BadConnection`], with the first such field if there is one.
pub fn require_hop_by_hop_options(headers: &HeaderMap) -> Result<(), BadConnection> {
    let is_end_to_end = |named: &HeaderName| END_TO_END.iter().any(|field| named.as_str().starts_with(field));
    if elements(headers, &header::CONNECTION).nth(MAX_OPTIONS).is_some() {
        return Err(BadConnection::TooManyOptions);
    }
    match named_by_connection(headers).find(is_end_to_end) {
        Some(named) => Err(BadConnection::NamesEndToEnd(named.as_str().chars().take(64).collect())),
        None => Ok(()),
    }
}

/// Leaves at most one Content-Length, and none beside a Transfer-Encoding, which overrides it (RFC 9112 §6.3) and is
/// not copied. hyper has made sure that several Content-Length values of an answer with a body agree.
pub fn settle_length(headers: &mut HeaderMap) {
    if headers.contains_key(header::TRANSFER_ENCODING) {
        headers.remove(header::CONTENT_LENGTH);
    } else if let Some(length) = headers.get(header::CONTENT_LENGTH).cloned() {
        headers.insert(header::CONTENT_LENGTH, length);
    }
}

/// Removes every field that is meant for this hop only.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        for named in named_by_connection(headers).collect::<Vec<_>>() {
            headers.remove(named);
        }
    }
    // Most requests have no such field, and looking through the few names that they have costs less than ten removals.
    while let Some(name) = headers.keys().find_map(|name| HOP_BY_HOP.iter().find(|hop| *hop == name)) {
        headers.remove(name);
    }
}

/// The fields that any `Connection` line names: almost always none, or `close`, `keep-alive` and `upgrade`.
fn named_by_connection(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    elements(headers, &header::CONNECTION).filter_map(|option| HeaderName::from_bytes(option).ok())
}

/// Whether any line of a comma-separated field has `token`, in upper or lower case.
pub fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    elements(headers, name).any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
}

/// The elements of all lines of a comma-separated field.
pub fn elements<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
    let lines = headers.get_all(name).into_iter();
    lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b',')).map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    fn stripped(lines: &[(&'static str, &'static str)]) -> Result<Vec<String>, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        super::require_hop_by_hop_options(&headers).map_err(|error| error.to_string())?;
        super::strip_hop_by_hop(&mut headers);
        Ok(headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect())
    }

    #[test]
    fn fields_of_one_hop_and_those_that_connection_names_go() {
        let kept = stripped(&[
            ("connection", "close, X-Hop"),
            ("connection", "X-Other"),
            ("x-hop", "1"),
            ("x-other", "2"),
            ("x-end", "3"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("proxy-connection", "keep-alive"),
            ("x-docker-expose-session-grpc-method", "/a"),
            ("x-docker-expose-session-grpc-method", "/b"),
        ]);
        let want = [
            "x-end: 3",
            "x-docker-expose-session-grpc-method: /a",
            "x-docker-expose-session-grpc-method: /b",
        ];
        assert_eq!(kept.unwrap(), want);
    }

    #[test]
    fn connection_has_a_bounded_number_of_options() {
        let options = |count| &*Box::leak(vec!["a"; count].join(",").into_boxed_str());
        assert!(stripped(&[("connection", options(32))]).is_ok());
        let want = Err("the Connection header has more than 32 options".to_owned());
        assert_eq!(stripped(&[("connection", options(33))]), want);
        assert_eq!(stripped(&[("connection", options(20)), ("connection", options(13))]), want);
    }

    #[test]
    fn connection_may_not_name_a_field_that_the_engine_acts_on() {
        for name in
            ["Content-Type", "content-length", "Host", "X-Registry-Auth", "Origin", "Authorization", "Accept"]
        {
            let value: &'static str = Box::leak(format!("close , {name}").into_boxed_str());
            let want = format!(
                "the Connection header names {}, which is not a hop-by-hop field",
                name.to_lowercase()
            );
            assert_eq!(stripped(&[("connection", value)]), Err(want));
        }
    }
}
