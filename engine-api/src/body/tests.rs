use proptest::prelude::*;

use super::key::MAX_NAME;
use super::{AmbiguousBody, BodyShape, FIELDS, MAX_KEYS, Struct, ValueKind};
use crate::Endpoint;

mod definitions;

fn judge(operation: &str, body: &[u8]) -> Result<(), AmbiguousBody> {
    let of = |endpoint: &&Endpoint| endpoint.operation_id() == operation;
    Endpoint::ALL.iter().find(of).unwrap().body().unwrap().judge(body)
}

#[test]
fn what_parsers_read_in_one_way_passes_and_the_rest_does_not() {
    let mut wrong = Vec::new();
    for line in include_str!("tests/verdicts.tsv").lines().filter(|line| !line.starts_with('#')) {
        let [operation, verdict, body] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let judged = judge(operation, body.as_bytes()).map_err(|error| error.to_string());
        let want = if verdict == "pass" { Ok(()) } else { Err(format!("the body {verdict}")) };
        if judged != want {
            wrong.push(format!("{line}\n  {judged:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_real_clients_send_passes() {
    let mut bodies = 0;
    for line in include_str!("tests/clients.tsv").lines().filter(|line| !line.starts_with('#')) {
        let [_client, operation, body] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        assert_eq!(judge(operation, body.as_bytes()), Ok(()), "{line}");
        bodies += 1;
    }
    assert!(bodies > 40, "{bodies} bodies");
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    for (body, at) in [
        (&b"{\"Image\":\"\xff\"}"[..], 10),
        (b"{\"Image\":\"\xed\xa0\x80\"}", 10), // a surrogate, encoded like UTF-8
        (b"{\"Image\":\"\xc0\x80\"}", 10),     // a NUL in an overlong encoding
        (b"\xff\xfe{\0}\0", 0),
    ] {
        assert_eq!(judge("ContainerCreate", body), Err(AmbiguousBody::NotUtf8 { at }));
    }
    let with_nul = b"{\"Image\":\"a\0b\"}";
    assert_eq!(judge("ContainerCreate", with_nul), Err(AmbiguousBody::NotJson { at: 11 }));
    assert_eq!(judge("ContainerCreate", b"{}\0"), Err(AmbiguousBody::Trailing { at: 2 }));
    assert_eq!(judge("ContainerCreate", "\u{feff}{}".as_bytes()), Err(AmbiguousBody::NotJson { at: 0 }));
}

#[test]
fn depth_is_bounded() {
    let nested = |open: &str, close: &str, depth| [open.repeat(depth), close.repeat(depth)].concat();
    let objects = |depth| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    assert_eq!(judge("ContainerCreate", objects(64).as_bytes()), Ok(()));
    assert_eq!(judge("ContainerCreate", objects(65).as_bytes()), Err(AmbiguousBody::TooDeep));
    assert_eq!(judge("PluginSet", nested("[", "]", 64).as_bytes()), Ok(()));
    assert_eq!(judge("PluginSet", nested("[", "]", 65).as_bytes()), Err(AmbiguousBody::TooDeep));
    assert_eq!(judge("PluginSet", nested("[", "", 1 << 20).as_bytes()), Err(AmbiguousBody::TooDeep));
}

#[test]
fn the_keys_of_open_objects_are_bounded() {
    let keys = |count| (0..count).map(|at| format!("\"{at:x}\":1,")).collect::<String>();
    let create = |body: String| judge("ContainerCreate", body.as_bytes());
    let (all, half) = (MAX_KEYS - 1, MAX_KEYS / 2);
    for outer in ["Unknown", "Labels"] {
        assert_eq!(create(format!("{{\"{outer}\":{{{}\"z\":1}}}}", keys(all - 1))), Ok(()), "{outer}");
        let one_more = create(format!("{{\"{outer}\":{{{}\"z\":1}}}}", keys(all)));
        assert_eq!(one_more, Err(AmbiguousBody::TooManyKeys), "{outer}");
        let in_turn = format!("{{{}\"z\":1}}", keys(half));
        let in_turn = format!("{{\"{outer}\":{{\"a\":{in_turn},\"b\":{in_turn},\"c\":{in_turn}}}}}");
        assert_eq!(create(in_turn), Ok(()), "{outer}");
    }
    let around = format!("{{{}\"z\":{{{}\"z\":1}}}}", keys(half), keys(half));
    assert_eq!(create(around), Err(AmbiguousBody::TooManyKeys));
}

#[test]
fn numbers_of_any_length_are_read() {
    let number =
        |digits: String| judge("ContainerCreate", format!("{{\"StopTimeout\":{digits}}}").as_bytes());
    assert_eq!(number("9".repeat(308)), Ok(()));
    assert_eq!(number("9".repeat(400)), Err(AmbiguousBody::HugeNumber { at: 15 }));
    assert_eq!(number(format!("0.{}", "0".repeat(100_000))), Ok(()));
    assert_eq!(number(format!("1e{}", "9".repeat(100_000))), Err(AmbiguousBody::HugeNumber { at: 15 }));
    assert_eq!(number(format!("1e-{}", "9".repeat(100_000))), Ok(()));
}

#[test]
fn the_shape_of_each_body_is_known_by_its_operation() {
    for (endpoint, shape) in [
        (Endpoint::ContainerCreate, Some(BodyShape::Object(Struct::CreateBody))),
        (Endpoint::ContainerStart, Some(BodyShape::Object(Struct::CreateBody))),
        (Endpoint::PluginPull, Some(BodyShape::List(Struct::PluginPrivilege))),
        (Endpoint::PluginSet, Some(BodyShape::Strings)),
        (Endpoint::ImageBuild, None),
        (Endpoint::ContainerKill, None),
    ] {
        assert_eq!(endpoint.body(), shape, "{endpoint:?}");
    }
}

#[test]
fn no_struct_has_two_fields_for_one_key() {
    for of in Struct::ALL {
        assert_eq!(FIELDS[of].len(), of.fields().count(), "{of:?}");
        for field in of.fields() {
            assert!(field.name.len() <= MAX_NAME && field.name.is_ascii(), "{}", field.name);
            assert!(field.also.is_none_or(|also| also.eq_ignore_ascii_case(field.name)), "{}", field.name);
        }
    }
}

#[test]
fn every_struct_is_read_by_some_operation() {
    let shapes = Endpoint::ALL.iter().filter_map(|endpoint| endpoint.body());
    let mut found: Vec<Struct> = Vec::new();
    let mut open: Vec<_> = shapes
        .filter_map(|shape| match shape {
            BodyShape::Object(of) | BodyShape::List(of) => Some(of),
            BodyShape::Strings => None,
        })
        .collect();
    while let Some(of) = open.pop() {
        if !found.contains(&of) {
            found.push(of);
            open.extend(of.bases());
            open.extend(of.own_fields().iter().filter_map(|field| struct_in(field.kind)));
        }
    }
    for of in Struct::ALL {
        assert!(found.contains(of), "{of:?}");
    }
}

fn struct_in(kind: ValueKind) -> Option<Struct> {
    match kind {
        ValueKind::Leaf => None,
        ValueKind::Struct(of) => Some(of),
        ValueKind::Map(values) => struct_in(*values),
    }
}

proptest! {
    #[test]
    fn nothing_panics(body in proptest::collection::vec(any::<u8>(), 0..64)) {
        for endpoint in Endpoint::ALL {
            let _ = endpoint.body().map(|shape| shape.judge(&body));
        }
    }

    #[test]
    fn the_case_of_a_field_matters_however_it_is_written(name in "[Pp][Rr]ivile[gG]ed", escaped in 0..10_usize) {
        let spelled: String = name
            .char_indices()
            .map(|(at, c)| if at == escaped { format!("\\u{:04x}", u32::from(c)) } else { c.into() })
            .collect();
        let body = format!("{{\"HostConfig\":{{\"{spelled}\":true}}}}");
        prop_assert_eq!(judge("ContainerCreate", body.as_bytes()).is_ok(), name == "Privileged");
    }
}
