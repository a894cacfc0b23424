use http::uri::PathAndQuery;
use proptest::prelude::*;

use super::{BadTarget, Target, encoded_in_query};

fn print(target: &str) -> Result<String, BadTarget> {
    Target::parse(target).map(|target| target.to_string())
}

#[test]
fn a_canonical_target_is_printed_as_it_came() {
    for target in [
        "/",
        "/_ping",
        "/v1.41/containers/json",
        "/containers/json?all=1&filters=%7B%22label%22%3A%5B%22a%22%5D%7D",
        "/containers/json?",
        "/networks/",
        "/v1.41/networks/",
        "/images/registry:5000/team/app@sha256:abc/json",
        "/containers/a+b/json?x=a+b",
        "/build?t=a%20b&&x",
    ] {
        assert_eq!(print(target).as_deref(), Ok(target), "{target}");
    }
}

#[test]
fn encoding_that_is_not_needed_is_undone_and_needed_encoding_is_done() {
    for (target, want) in [
        ("/containers/x/%73tart", "/containers/x/start"),
        ("/images/team%2Fapp/json", "/images/team/app/json"),
        ("/v1%2E41/containers/json", "/v1.41/containers/json"),
        ("/volumes/a%20b", "/volumes/a%20b"),
        ("/volumes/%c3%a9", "/volumes/%C3%A9"),
        ("/volumes/é", "/volumes/%C3%A9"),
        ("/volumes/a%3Fb", "/volumes/a%3Fb"),
        ("/volumes/a%23b?c", "/volumes/a%23b?c"),
        ("/volumes/{a}", "/volumes/%7Ba%7D"),
        ("/volumes/a\"b", "/volumes/a%22b"),
        (
            "/containers/json?filters={\"health\":[\"unhealthy\"]}",
            "/containers/json?filters={%22health%22:[%22unhealthy%22]}",
        ),
        ("/containers/json?a=<b>&\"=%22", "/containers/json?a=%3Cb%3E&%22=%22"),
        ("/volumes/a#/../b?c", "/volumes/a"),
        ("/volumes/a?b#c?\"", "/volumes/a?b"),
    ] {
        assert_eq!(print(target).as_deref(), Ok(want), "{target}");
    }
}

#[test]
fn a_target_that_is_not_canonical_is_refused() {
    for (target, want) in [
        ("", BadTarget::NotAPath),
        ("*", BadTarget::NotAPath),
        ("containers/json", BadTarget::NotAPath),
        ("%2Fcontainers/json", BadTarget::NotAPath),
        ("//containers/json", BadTarget::EmptySegment),
        ("/containers//json", BadTarget::EmptySegment),
        ("/containers/json/", BadTarget::EmptySegment),
        ("/containers%2F%2Fjson", BadTarget::EmptySegment),
        ("/networks//", BadTarget::EmptySegment),
        ("/x/networks/", BadTarget::EmptySegment),
        ("/v1.41//networks/", BadTarget::EmptySegment),
        ("/v1.41/", BadTarget::EmptySegment),
        ("/./containers/json", BadTarget::DotSegment),
        ("/v1.41/../containers/json", BadTarget::DotSegment),
        ("/_ping/%2e%2E/containers/json", BadTarget::DotSegment),
        ("/_ping/..%2Fcontainers/json", BadTarget::DotSegment),
        ("/containers/..", BadTarget::DotSegment),
        ("/containers/%252e%252e/json", BadTarget::Percent),
        ("/containers/a%25", BadTarget::Percent),
        ("/containers/%zz/json", BadTarget::BadEscape),
        ("/containers/%4", BadTarget::BadEscape),
        ("/containers/%+1/json", BadTarget::BadEscape),
        ("/containers/a;b/json", BadTarget::ForbiddenByte),
        ("/containers/a%3Bb/json", BadTarget::ForbiddenByte),
        ("/containers/a\\b/json", BadTarget::ForbiddenByte),
        ("/containers/a%5cb/json", BadTarget::ForbiddenByte),
        ("/containers/a%00/json", BadTarget::ForbiddenByte),
        ("/containers/a%0d%0ab/json", BadTarget::ForbiddenByte),
        ("/containers/a%7f/json", BadTarget::ForbiddenByte),
        ("/containers/a%c2%85/json", BadTarget::ForbiddenByte),
        ("/containers/%ff/json", BadTarget::NotUtf8),
        ("/containers/%c0%af/json", BadTarget::NotUtf8),
        ("/containers/a b/json", BadTarget::Unencoded(' ')),
        ("/containers/<a>/json", BadTarget::Unencoded('<')),
        ("/containers/a>/json", BadTarget::Unencoded('>')),
        ("/containers/`a`/json", BadTarget::Unencoded('`')),
        ("/containers/json?a= b", BadTarget::Unencoded(' ')),
        ("/containers/json?a;b", BadTarget::QuerySemicolon),
        ("/containers/json?a=%zz", BadTarget::BadEscape),
        ("/containers/json?a=%ff", BadTarget::NotUtf8),
    ] {
        assert_eq!(print(target), Err(want), "{target}");
    }
}

#[test]
fn a_decoded_path_is_taken_as_it_is() {
    for target in
        ["/", "/v1.41/info", "/v1.41/v1.40/info", "/volumes/a%3Fb?c", "/networks/", "/v1.41/networks/"]
    {
        let parsed = Target::parse(target).unwrap();
        let taken = Target::from_decoded_path(parsed.path()).unwrap();
        assert_eq!((taken.path(), taken.version(), taken.query()), (parsed.path(), None, None), "{target}");
    }
    for (path, want) in [
        ("", BadTarget::NotAPath),
        ("info", BadTarget::NotAPath),
        ("/containers/%78/json", BadTarget::Percent),
        ("/containers/../info", BadTarget::DotSegment),
        ("/containers//json", BadTarget::EmptySegment),
    ] {
        assert_eq!(Target::from_decoded_path(path), Err(want), "{path}");
    }
}

#[test]
fn the_version_is_split_off_as_the_engine_does() {
    for (target, version, path) in [
        ("/v1.41/info", Some("1.41"), "/info"),
        ("/v1/info", Some("1"), "/info"),
        ("/v1.2.3/info", Some("1.2.3"), "/info"),
        ("/info", None, "/info"),
        ("/version", None, "/version"),
        ("/v1.41", None, "/v1.41"),
        ("/v/info", None, "/v/info"),
        ("/v1./info", None, "/v1./info"),
        ("/v1.x/info", None, "/v1.x/info"),
        ("/V1.41/info", None, "/V1.41/info"),
        ("/v1.41/v1.42/info", Some("1.41"), "/v1.42/info"),
    ] {
        let parsed = Target::parse(target).unwrap();
        assert_eq!((parsed.version(), parsed.path()), (version, path), "{target}");
    }
}

/// What the HTTP library refuses in a target never gets here from a client, and what it takes can be written.
#[test]
fn the_bytes_that_are_taken_are_those_that_the_http_library_takes() {
    for byte in 0x21..=0x7e_u8 {
        for before in ["/a", "/a?b"] {
            let target = format!("{before}{}", char::from(byte));
            let is_encoded_first = before.contains('?') && encoded_in_query(byte).is_some();
            let library_takes = is_encoded_first || PathAndQuery::try_from(target.as_str()).is_ok();
            let is_ours = matches!(byte, b'/' | b'%' | b';' | b'\\') && Target::parse(&target).is_err();
            assert_eq!(Target::parse(&target).is_ok() || is_ours, library_takes, "{target:?}");
        }
    }
}

#[test]
fn a_target_is_as_long_as_it_is_written() {
    for (target, longest) in [
        ("/containers/a/json", 65_517),
        ("/containers/\"/json", 21_839),
        ("/containers/é/json", 10_919),
        ("/containers/json?a", 65_517),
        ("/containers/json?\"", 21_839),
    ] {
        let (repeated, at) = target
            .char_indices()
            .rev()
            .find_map(|(at, c)| matches!(c, 'a' | '"' | 'é').then_some((c, at)))
            .unwrap();
        let long = |count: usize| {
            let repeated = repeated.to_string();
            format!("{}{}{}", &target[..at], repeated.repeat(count), &target[at + repeated.len()..])
        };
        assert_eq!(
            print(&long(longest)).map(|printed| PathAndQuery::try_from(printed).is_ok()),
            Ok(true),
            "{target}"
        );
        assert_eq!(print(&long(longest + 1)), Err(BadTarget::TooLong), "{target}");
    }
    let name = "a".repeat(65_534);
    assert_eq!(Target::from_decoded_path(&format!("/{name}")), Err(BadTarget::TooLong));
}

proptest! {
    #[test]
    fn parse_print_parse_is_the_same_value(target in "/[a-z%./0-9A-F;?=&\\\\é{} \"<>#]{0,40}") {
        if let Ok(parsed) = Target::parse(&target) {
            prop_assert_eq!(Target::parse(&parsed.to_string()), Ok(parsed));
        }
    }

    #[test]
    fn any_name_survives_the_way_through_encoding(name in "[^/%;\\\\\\p{Cc}]{1,20}") {
        prop_assume!(name != "." && name != "..");
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let parsed = Target::parse(&format!("/volumes/{encoded}")).unwrap();
        prop_assert_eq!(parsed.path(), format!("/volumes/{name}"));
        prop_assert_eq!(Target::parse(&parsed.to_string()), Ok(parsed));
    }
}
