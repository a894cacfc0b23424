//! Any `Host` value and any web origin: what is admitted is a name that no web page can own, or one that is listed.
#![no_main]

use std::net::{Ipv4Addr, Ipv6Addr};

use engine_api::{HostRule, OriginRule};
use http::uri::Authority;
use libfuzzer_sys::fuzz_target;

const LISTED: &str = "docker.example.org";

fuzz_target!(|input: &str| {
    let rule = HostRule { allowed: vec![LISTED.to_owned()] };
    if input.is_empty() {
        assert!(rule.judge(input).is_ok(), "a target without an authority has an empty Host");
    } else if rule.judge(input).is_ok() {
        let host = host_of(input);
        assert!(is_private(host) || host.eq_ignore_ascii_case(LISTED), "{host:?} is admitted");
        // Another parser finds the same host, so nothing hides in front of it or behind.
        let authority = Authority::try_from(input).expect("an admitted value is an authority");
        assert_eq!(authority.host(), host);
    }
    if HostRule::default().judge(input).is_ok() {
        assert!(rule.judge(input).is_ok(), "a longer list refuses nothing");
    }

    let (origin, site) = input.split_once('\n').unwrap_or((input, "none"));
    let rule = OriginRule { allowed: vec!["https://ui.example.org".to_owned()] };
    let is_listed = origin.eq_ignore_ascii_case("https://ui.example.org");
    let is_own = site == "none" || site == "same-origin";
    let judge =
        |origins: &[&str], sites: &[&str]| rule.judge(origins.iter().copied(), sites.iter().copied()).is_ok();
    assert_eq!(judge(&[origin], &[]), is_listed);
    assert_eq!(judge(&[origin], &[site]), is_listed);
    assert_eq!(judge(&[], &[site]), is_own);
    assert_eq!(judge(&[], &["none", site]), is_own);
    assert!(!judge(&["https://ui.example.org", "null", origin], &[site]));
});

/// Up to the port.
fn host_of(value: &str) -> &str {
    match value.rfind(':') {
        Some(colon) if value[colon + 1..].bytes().all(|byte| byte.is_ascii_digit()) => &value[..colon],
        _ => value,
    }
}

/// An address, a name that public DNS does not have, or the one that docker's client sends and nobody can own.
fn is_private(host: &str) -> bool {
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    match bracketed {
        Some(v6) => v6.parse::<Ipv6Addr>().is_ok(),
        None if host.parse::<Ipv4Addr>().is_ok() => true,
        None => {
            is_plain
                && !host.is_empty()
                && (!host.contains('.')
                    || host.to_ascii_lowercase().ends_with(".localhost")
                    || host.eq_ignore_ascii_case("docker.example.com"))
        }
    }
}
