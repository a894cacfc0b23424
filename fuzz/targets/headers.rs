//! Any header fields: `Connection` is refused exactly if it names a field that the engine acts on; what passes loses the
//! fields of this hop and those that `Connection` names, and nothing else.
#![no_main]

use engine_api::headers;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;

/// Names that are worth more than what chance would find.
const NAMES: [&str; 20] = [
    "connection",
    "te",
    "transfer-encoding",
    "upgrade",
    "expect",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "http2-settings",
    "trailer",
    "host",
    "content-type",
    "content-length",
    "x-registry-auth",
    "origin",
    "authorization",
    "accept",
    "x-a",
    "x-b",
];

const OF_ONE_HOP: [&str; 10] = [
    "connection",
    "te",
    "transfer-encoding",
    "upgrade",
    "expect",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "http2-settings",
];

const ENGINE_ACTS_ON: [&str; 8] =
    ["host", "content-", "authorization", "origin", "sec-", "x-registry-", "x-docker-", "accept"];

fuzz_target!(|input: &[u8]| {
    let fields = fields(input);
    let mut map = HeaderMap::new();
    for (name, value) in &fields {
        map.append(name.clone(), value.clone());
    }
    let named = named_by_connection(&fields);
    let judged = headers::require_hop_by_hop_options(&map);
    let names_end_to_end =
        named.iter().any(|name| ENGINE_ACTS_ON.iter().any(|field| name.starts_with(field)));
    let connections = fields.iter().filter(|(name, _)| name == "connection");
    let options: usize =
        connections.map(|(_, value)| value.as_bytes().split(|&byte| byte == b',').count()).sum();
    assert_eq!(judged.is_err(), names_end_to_end || options > 32, "{judged:?} {named:?}");

    headers::strip_hop_by_hop(&mut map);
    for name in map.keys().map(HeaderName::as_str) {
        assert!(!OF_ONE_HOP.contains(&name), "{name} is of one hop");
        assert!(!named.iter().any(|named| named == name), "{name} is named by Connection");
    }
    for name in fields.iter().map(|(name, _)| name) {
        let goes = OF_ONE_HOP.contains(&name.as_str()) || named.iter().any(|named| named == name.as_str());
        let before: Vec<_> =
            fields.iter().filter(|(other, _)| other == name).map(|(_, value)| value).collect();
        let after: Vec<_> = map.get_all(name).iter().collect();
        assert_eq!(after, if goes { Vec::new() } else { before }, "{name}");
    }
});

/// Lines of a byte that chooses a name (or none: the name is then in the line) and a value.
fn fields(input: &[u8]) -> Vec<(HeaderName, HeaderValue)> {
    let field = |line: &[u8]| {
        let (&choice, rest) = line.split_first()?;
        let (name, value) = match NAMES.get(usize::from(choice)) {
            Some(name) => (HeaderName::from_static(name), rest),
            None => {
                let colon = line.iter().position(|&byte| byte == b':')?;
                (HeaderName::from_bytes(&line[..colon]).ok()?, &line[colon + 1..])
            }
        };
        Some((name, HeaderValue::from_bytes(value).ok()?))
    };
    input.split(|&byte| byte == b'\n').filter_map(field).collect()
}

/// RFC 9110 §7.6.1: a list of tokens, on any number of lines, in any case.
fn named_by_connection(fields: &[(HeaderName, HeaderValue)]) -> Vec<String> {
    let mut named = Vec::new();
    for (_, value) in fields.iter().filter(|(name, _)| name == "connection") {
        for option in value.as_bytes().split(|&byte| byte == b',') {
            let option: Vec<u8> = option.to_ascii_lowercase();
            let text = String::from_utf8_lossy(&option);
            let token = text.trim_matches([' ', '\t', '\n', '\x0c', '\r']);
            if !token.is_empty() && token.bytes().all(is_token_byte) {
                named.push(token.to_owned());
            }
        }
    }
    named
}

/// RFC 9110 §5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
