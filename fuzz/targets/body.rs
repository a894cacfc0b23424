//! Any body of any operation: one that passes means the same to the engine, to an engine up to 26, and to a strict parser
//! whose reader knows the names of fields and nothing else; and one is refused only if it breaks a rule.
//!
//! The models below build whole values, slowly, with a parser of their own (`serde_json`). What they share with the
//! crate is the table of what the engine reads into what.
#![no_main]

use std::collections::BTreeMap;
use std::fmt;

use engine_api::Endpoint;
use engine_api::body::{BodyShape, Field, Struct, ValueKind};
use libfuzzer_sys::fuzz_target;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

#[path = "body/text.rs"]
mod text;

fuzz_target!(|input: &[u8]| {
    let [of, how, rest @ ..] = input else { return };
    let shapes: Vec<_> = Endpoint::ALL.iter().filter_map(|endpoint| endpoint.body()).collect();
    let shape = shapes[usize::from(*of) % shapes.len()];
    let body = if how & 1 == 0 { rest.to_vec() } else { text::body(shape, rest) };
    let judged = shape.judge(&body);
    let parsed: Option<Json> = serde_json::from_slice(&body).ok();
    let shown = String::from_utf8_lossy(&body);
    let keeps_the_rules = parsed.as_ref().is_some_and(|json| keeps_the_rules(shape, json));
    assert_eq!(judged.is_ok(), keeps_the_rules, "{judged:?} {shape:?} {shown:?}");
    if let (Ok(()), Some(json)) = (judged, &parsed) {
        reads_the_same(kind(shape), json, &shown);
    }
});

/// A JSON value as it is written: all keys, in order.
#[derive(Clone, Debug, PartialEq)]
enum Json {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

fn kind(shape: BodyShape) -> ValueKind {
    match shape {
        BodyShape::Object(of) | BodyShape::List(of) => ValueKind::Struct(of),
        BodyShape::Strings => ValueKind::Leaf,
    }
}

// What is promised.

fn keeps_the_rules(shape: BodyShape, json: &Json) -> bool {
    let is_of_type = match (shape, json) {
        (_, Json::Null) | (BodyShape::Object(_), Json::Object(_)) => true,
        (BodyShape::List(_) | BodyShape::Strings, Json::List(_)) => true,
        _ => false,
    };
    is_of_type && depth(json) <= 64 && keys_are_good(kind(shape), json)
}

fn depth(json: &Json) -> usize {
    match json {
        Json::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Json::Object(members) => 1 + members.iter().map(|(_, value)| depth(value)).max().unwrap_or(0),
        _ => 0,
    }
}

fn keys_are_good(kind: ValueKind, json: &Json) -> bool {
    match json {
        Json::String(text) => !text.contains('\0'),
        Json::List(items) => items.iter().all(|item| keys_are_good(kind, item)),
        Json::Object(members) => {
            let same =
                |a: &str, b: &str| if matches!(kind, ValueKind::Map(_)) { a == b } else { folds_into(a, b) };
            let is_alone = |at: usize| members[..at].iter().all(|(other, _)| !same(other, &members[at].0));
            let is_good = |(key, value): &(String, Json)| {
                let field = fields(kind).find(|field| folds_into(key, field.name));
                let is_spelled = field.is_none_or(|field| is_name_of(key, field));
                let inner = match kind {
                    ValueKind::Map(values) => *values,
                    ValueKind::Leaf | ValueKind::Struct(_) => {
                        field.map_or(ValueKind::Leaf, |field| field.kind)
                    }
                };
                is_spelled && !key.contains('\0') && keys_are_good(inner, value)
            };
            (0..members.len()).all(is_alone)
                && members.iter().all(is_good)
                && host_config_is_in_place(kind, members)
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => true,
    }
}

fn host_config_is_in_place(kind: ValueKind, members: &[(String, Json)]) -> bool {
    if kind != ValueKind::Struct(Struct::CreateBody) {
        return true;
    }
    let has_inner =
        members.iter().any(|(key, value)| key == "HostConfig" && matches!(value, Json::Object(_)));
    members.iter().all(|(key, value)| {
        let counts_beside = HONOURED.contains(&key.as_str()) || key == "Cpuset";
        let is_host_configs =
            Struct::HostConfig.fields().any(|field| is_name_of(key, field)) || key == "Cpuset";
        let says_nothing = match key.as_str() {
            "MaskedPaths" | "ReadonlyPaths" => *value == Json::Null, // empty, they unmask /proc
            _ => is_zero(value),
        };
        !is_host_configs || (has_inner && !counts_beside) || says_nothing
    })
}

/// What engines up to 26 take from beside HostConfig.
const HONOURED: [&str; 5] = ["Memory", "MemorySwap", "CpuShares", "CpusetCpus", "VolumeDriver"];

fn is_zero(json: &Json) -> bool {
    match json {
        Json::Null => true,
        Json::Bool(value) => !value,
        Json::Number(number) => number.parse() == Ok(0.0),
        Json::String(text) => text.is_empty(),
        Json::List(items) => items.is_empty(),
        Json::Object(members) => members.is_empty(),
    }
}

fn fields(kind: ValueKind) -> impl Iterator<Item = &'static Field> {
    let of = match kind {
        ValueKind::Struct(of) => Some(of),
        ValueKind::Leaf | ValueKind::Map(_) => None,
    };
    of.into_iter().flat_map(Struct::fields)
}

fn is_name_of(key: &str, field: &Field) -> bool {
    key == field.name || field.also == Some(key)
}

/// Go's `strings.EqualFold`, as far as one side is ASCII.
fn folds_into(a: &str, b: &str) -> bool {
    const ORBITS: [[char; 3]; 2] = [['K', 'k', '\u{212a}'], ['S', 's', '\u{17f}']];
    let is_same = |(a, b): (char, char)| {
        a.eq_ignore_ascii_case(&b) || ORBITS.iter().any(|orbit| orbit.contains(&a) && orbit.contains(&b))
    };
    a.chars().count() == b.chars().count() && a.chars().zip(b.chars()).all(is_same)
}

// What is read.

/// A value in the engine, or in the mind of a policy, without anything that is as if it were not there.
#[derive(Clone, Debug, PartialEq)]
enum Read {
    Nothing,
    Plain(Json),
    List(Vec<Read>),
    /// A struct's fields, or a map's entries.
    Named(BTreeMap<String, Read>),
}

fn reads_the_same(kind: ValueKind, json: &Json, shown: &str) {
    let mut in_engine = Read::Nothing;
    decode(kind, json, &mut in_engine);
    let old_engine = as_engines_up_to_26(json, in_engine.clone());
    let first = strict(kind, json, |members, field| members.iter().find(|(key, _)| is_name_of(key, field)));
    let last = strict(kind, json, |members, field| members.iter().rfind(|(key, _)| is_name_of(key, field)));
    assert_eq!(first, last, "{shown}");
    assert_eq!(without_zeros(in_engine), without_zeros(first.clone()), "{shown}");
    let host_config = |read: Read| match read {
        Read::Named(mut fields) => fields.remove("HostConfig").unwrap_or(Read::Nothing),
        other => other,
    };
    if kind == ValueKind::Struct(Struct::CreateBody) {
        assert_eq!(without_zeros(old_engine), without_zeros(host_config(first)), "{shown}");
    }
}

/// Go's `encoding/json`: key by key into what is there already.
fn decode(kind: ValueKind, json: &Json, into: &mut Read) {
    match (kind, json) {
        (_, Json::Null) => {}
        (ValueKind::Leaf, _) => *into = Read::Plain(json.clone()),
        (_, Json::List(items)) => {
            let item = |item| {
                let mut read = Read::Nothing;
                decode(kind, item, &mut read);
                read
            };
            *into = Read::List(items.iter().map(item).collect());
        }
        (ValueKind::Struct(_), Json::Object(members)) => {
            for (key, value) in members {
                let exact = fields(kind).find(|field| field.name == key);
                let Some(field) = exact.or_else(|| fields(kind).find(|field| folds_into(key, field.name)))
                else {
                    continue;
                };
                decode(field.kind, value, named(into).entry(field.name.to_owned()).or_insert(Read::Nothing));
            }
        }
        (ValueKind::Map(values), Json::Object(members)) => {
            for (key, value) in members {
                let mut entry = Read::Nothing;
                decode(*values, value, &mut entry);
                named(into).insert(key.clone(), entry);
            }
        }
        // The engine refuses the body.
        (_, Json::Bool(_) | Json::Number(_) | Json::String(_)) => *into = Read::Plain(json.clone()),
    }
}

fn named(read: &mut Read) -> &mut BTreeMap<String, Read> {
    if !matches!(read, Read::Named(_)) {
        *read = Read::Named(BTreeMap::new());
    }
    let Read::Named(entries) = read else { unreachable!("it has just been made one") };
    entries
}

/// A parser that keeps one of several, and a reader that looks fields up by name.
fn strict<'j>(
    kind: ValueKind,
    json: &'j Json,
    look_up: fn(&'j [(String, Json)], &'static Field) -> Option<&'j (String, Json)>,
) -> Read {
    match (kind, json) {
        (_, Json::Null) => Read::Nothing,
        (ValueKind::Struct(_) | ValueKind::Map(_), Json::List(items)) => {
            Read::List(items.iter().map(|item| strict(kind, item, look_up)).collect())
        }
        (ValueKind::Struct(_), Json::Object(members)) => {
            let member = |field: &'static Field| {
                let (_, value) = look_up(members, field)?;
                Some((field.name.to_owned(), strict(field.kind, value, look_up)))
            };
            Read::Named(fields(kind).filter_map(member).collect())
        }
        (ValueKind::Map(values), Json::Object(members)) => {
            let entry = |(key, value): &'j (String, Json)| (key.clone(), strict(*values, value, look_up));
            Read::Named(members.iter().map(entry).collect())
        }
        _ => Read::Plain(json.clone()),
    }
}

/// What those make of HostConfig: the fields at the root if there is none, else it and five fields that it lacks.
fn as_engines_up_to_26(json: &Json, decoded: Read) -> Read {
    let Read::Named(mut root) = decoded else { return Read::Nothing };
    let is_given = |(key, value): &(String, Json)| key == "HostConfig" && *value != Json::Null;
    let has_inner = matches!(json, Json::Object(members) if members.iter().any(is_given));
    let inner = root.remove("HostConfig").unwrap_or(Read::Nothing);
    let cpuset = root.remove("Cpuset");
    let is_host_configs = |name: &str| Struct::HostConfig.fields().any(|field| field.name == name);
    let mut beside: BTreeMap<_, _> = root.into_iter().filter(|(name, _)| is_host_configs(name)).collect();
    if !has_inner {
        return Read::Named(beside);
    }
    let Read::Named(mut host_config) = inner else { return inner };
    let lacks = |of: &BTreeMap<String, Read>, name: &str| {
        of.get(name).is_none_or(|read| without_zeros(read.clone()) == Read::Nothing)
    };
    for name in HONOURED {
        if let Some(read) = beside.remove(name).filter(|_| lacks(&host_config, name)) {
            host_config.insert(name.to_owned(), read);
        }
    }
    if let Some(read) = cpuset.filter(|_| lacks(&host_config, "CpusetCpus")) {
        host_config.insert("CpusetCpus".to_owned(), read);
    }
    Read::Named(host_config)
}

fn without_zeros(read: Read) -> Read {
    match read {
        Read::Plain(json) if is_zero(&json) => Read::Nothing,
        Read::List(items) if items.is_empty() => Read::Nothing,
        Read::List(items) => Read::List(items.into_iter().map(without_zeros).collect()),
        Read::Named(entries) => {
            let entries = entries.into_iter().map(|(name, read)| (name, without_zeros(read)));
            let entries: BTreeMap<_, _> = entries.filter(|(_, read)| *read != Read::Nothing).collect();
            if entries.is_empty() { Read::Nothing } else { Read::Named(entries) }
        }
        Read::Nothing | Read::Plain(_) => read,
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Whole)
    }
}

struct Whole;

impl<'de> Visitor<'de> for Whole {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Json::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = access.next_entry()? {
            members.push(member);
        }
        Ok(Json::Object(members))
    }
}
