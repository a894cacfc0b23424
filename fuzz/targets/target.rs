//! Any string as a request target: it is refused, or it is canonical, means what the engine would read, and is printed
//! as a target that means the same.
//!
//! The oracle below is written from the engine's rules (Go's `url.ParseRequestURI` and the engine's version prefix), not
//! from the crate's code: it collects, where the crate stops early.
#![no_main]

use engine_api::{Family, Method, Operation, Target};
use http::uri::PathAndQuery;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let parsed = Target::parse(input);
    let oracle = Oracle::read(input);
    assert_eq!(parsed.is_ok(), oracle.is_canonical(), "{parsed:?} {oracle:?}");
    let Ok(target) = parsed else { return };

    let version = target.version().map(|version| format!("/v{version}")).unwrap_or_default();
    assert_eq!(format!("{version}{}", target.path()).as_bytes(), oracle.path, "the decoded path");
    assert!(target.path().starts_with('/'));
    let query = oracle.raw_query.as_deref().map(|query| query.replace('"', "%22").replace('<', "%3C").replace('>', "%3E"));
    assert_eq!(target.query(), query.as_deref(), "the query, byte for byte but for what no URI may have");

    let printed = target.to_string();
    assert_eq!(Target::parse(&printed).as_ref(), Ok(&target), "{printed:?}");
    let printed_path = printed.split('?').next().unwrap_or_default();
    assert!(printed_path.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}[]#?;".contains(&byte)));
    assert_eq!(Oracle::read(&printed).path, oracle.path, "what the engine reads of {printed:?}");

    the_engine_finds_no_version_that_we_do_not(&target);
    what_the_http_library_took_it_can_write(input, &printed);
});

/// The engine takes `/v` and any digits and dots for a version. Where we do not, we must not know the family either.
fn the_engine_finds_no_version_that_we_do_not(target: &Target) {
    let first = target.path().split('/').nth(1).unwrap_or_default();
    let is_engines_version = first
        .strip_prefix('v')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
    let operation = Operation::new(Method::Get, target.clone());
    if is_engines_version {
        assert_eq!(operation.family(), None);
    }
    assert_eq!(operation.family(), Family::ALL.iter().copied().find(|family| family.segment() == first));
}

/// hyper hands over a path and query, and writes what we print; neither may lose anything on the way.
fn what_the_http_library_took_it_can_write(input: &str, printed: &str) {
    if let Ok(taken) = PathAndQuery::try_from(input)
        && taken.as_str() == input
        && printed.len() < usize::from(u16::MAX)
    {
        assert_eq!(
            PathAndQuery::try_from(printed).expect("a printed target can be written").as_str(),
            printed
        );
    }
}

/// What a reader in the engine's manner sees.
#[derive(Debug)]
struct Oracle {
    starts_with_slash: bool,
    path: Vec<u8>,
    path_has_bad_escape: bool,
    query: Vec<u8>,
    query_has_bad_escape: bool,
    query_has_raw: bool,
    raw_query: Option<String>,
    path_has_raw: bool,
    sent_length: usize,
}

impl Oracle {
    fn read(input: &str) -> Self {
        let mut halves = input.split('#').next().unwrap_or_default().splitn(2, '?');
        let raw_path = halves.next().unwrap_or_default();
        let queried = halves.next();
        let raw_query = queried.unwrap_or_default();
        let (path, path_has_bad_escape) = unescape(raw_path);
        let (query, query_has_bad_escape) = unescape(raw_query);
        let query_has_raw = raw_query.chars().any(|c| matches!(c, ';' | ' ') || c.is_control());
        let path_has_raw = raw_path.contains([' ', '<', '>', '`']);
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@/".contains(byte);
        let sent_path: usize = path.iter().map(|byte| if is_plain(byte) { 1 } else { 3 }).sum();
        let sent_query: usize = raw_query.bytes().map(|byte| if b"\"<>".contains(&byte) { 3 } else { 1 }).sum();
        let sent_length = sent_path + usize::from(queried.is_some()) + sent_query;
        let starts_with_slash = raw_path.as_bytes().first() == Some(&b'/');
        Self {
            starts_with_slash,
            path,
            path_has_bad_escape,
            query,
            query_has_bad_escape,
            query_has_raw,
            raw_query: queried.map(str::to_owned),
            path_has_raw,
            sent_length,
        }
    }

    fn is_canonical(&self) -> bool {
        let Ok(path) = std::str::from_utf8(&self.path) else { return false };
        let segments: Vec<_> = path.split('/').collect();
        let names = segments.get(1..).unwrap_or_default();
        let is_clean = names.iter().all(|name| !matches!(*name, "" | "." | ".."));
        let is_exempt = match names {
            [""] | ["networks", ""] => true,
            [version, "networks", ""] => is_version(version),
            _ => false,
        };
        self.starts_with_slash
            && !self.path_has_bad_escape
            && (is_clean || is_exempt)
            && !path.contains(['%', ';', '\\'])
            && !path.contains(char::is_control)
            && !self.query_has_bad_escape
            && !self.query_has_raw
            && !self.path_has_raw
            && self.sent_length < usize::from(u16::MAX)
            && std::str::from_utf8(&self.query).is_ok()
    }
}

fn is_version(segment: &str) -> bool {
    let Some(numbers) = segment.strip_prefix('v') else { return false };
    numbers
        .split('.')
        .all(|number| !number.is_empty() && number.chars().all(|digit| ('0'..='9').contains(&digit)))
}

/// Undoes percent-encoding once; keeps going behind a bad escape and says that there was one.
fn unescape(raw: &str) -> (Vec<u8>, bool) {
    const DIGITS: &[u8] = b"0123456789abcdefABCDEF";
    let (raw, mut at, mut bytes, mut bad) = (raw.as_bytes(), 0, Vec::new(), false);
    while at < raw.len() {
        let escape =
            raw.get(at + 1..at + 3).filter(|digits| digits.iter().all(|digit| DIGITS.contains(digit)));
        match (raw[at], escape) {
            (b'%', Some(digits)) => {
                let digits = std::str::from_utf8(digits).expect("hexadecimal digits");
                bytes.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits"));
                at += 3;
            }
            (b'%', None) => {
                bad = true;
                at += 1;
            }
            (byte, _) => {
                bytes.push(byte);
                at += 1;
            }
        }
    }
    (bytes, bad)
}
