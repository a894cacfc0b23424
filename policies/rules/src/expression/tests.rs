//! What an expression may be, as tables.

use std::fmt::Write as _;

use super::{Expression, Names};
use crate::place::Place;
use crate::signatures::Type;

/// What is wrong, or the type that is known.
fn read(text: &str) -> String {
    let names = Names { lets: vec![("mine", Type::Bool)], client: vec!["listener", "uid", "team"] };
    match Expression::read(text, Place::first(), text, &names) {
        Ok(expression) => expression.result.name().to_owned(),
        Err(mistake) => mistake,
    }
}

#[test]
fn what_makes_sense_is_read() {
    for (text, want) in [
        ("true", "a boolean"),
        ("mine && client.team == 'a'", "a boolean"),
        ("!(image(body.Image).registry in ['registry.example.org'])", "a boolean"),
        ("escapes(body, {'folders': ['/srv/data']}).size() > 0", "a boolean"),
        ("'not allowed: ' + escapes(body).join(', ')", "a text"),
        ("container(subject).Config.Labels['team'] == client.team", "a boolean"),
        ("own_labels(subject)[?'team'] == optional.of(client.team)", "a boolean"),
        ("body.?HostConfig.?Privileged.orValue(false) == true", "a boolean"),
        ("has(body.HostConfig) && body.HostConfig.Privileged", "a boolean"),
        ("mounts(body).all(mount, mount.type == 'volume')", "a boolean"),
        ("mounts(body).filter(m, m.type == 'bind').map(m, m.source)", "a list"),
        ("labels(body).exists(name, name.startsWith('traefik.'))", "a boolean"),
        ("'fromSrc' in query", "a boolean"),
        ("query.all(name, size(query[name]) == 1)", "a boolean"),
        ("cidr(client.listener, '10.0.0.0/8')", "a boolean"),
        ("body.Image.matches('^registry[.]example[.]org/')", "a boolean"),
        ("type(body.Image) == string", "a boolean"),
        ("request.method == 'GET' ? 'a' : 'b'", "a text"),
        ("body.Image", "any value"),
        ("network('n').Driver != null", "a boolean"),
        ("client.uid < 1000 || client.uid == 1000u", "a boolean"),
    ] {
        assert_eq!(read(text), want, "{text}");
    }
}

#[test]
fn what_cannot_make_sense_is_refused_with_its_place_and_a_near_miss() {
    for (text, want) in [
        ("", "line 1, column 1: "),
        ("1 +", "line 1, column 4: "),
        ("a b", "line 1, column 3: mismatched input 'b' expecting the end of the expression"),
        ("bdy.Image == 'x'", "line 1, column 1: there is no variable bdy (did you mean body?)"),
        (
            "mine && zebra",
            "line 1, column 9: there is no variable zebra; known are body, client, operation, query",
        ),
        ("escape(body)", "line 1, column 1: there is no function escape (did you mean escapes?)"),
        ("'a'.startswith('b')", "there is no function startswith (did you mean startsWith?)"),
        ("client.taem == 'a'", "line 1, column 8: client has no taem (did you mean team?)"),
        ("request.zone", "request has no zone; it has access, api_version, family, method, path"),
        ("size(1)", "size is called with (an integer); it is size(a text) or size(a list) or size(a map)"),
        ("image()", "image is called with (); it is image(a text)"),
        ("image('a', 'b')", "image is called with (a text, a text)"),
        ("'a'.image()", "image is called with (a text); it is image(a text)"),
        ("mine == 'yes'", "a boolean is never a text"),
        ("operation == 1", "a text is never an integer"),
        ("mine && 'yes'", "&& takes a boolean, and this is a text"),
        ("!operation", "! takes a boolean, and this is a text"),
        ("'a' + 1", "a text and an integer do not add up"),
        ("'a' in 'abc'", "nothing is in a text"),
        ("operation.x", "a text has no field x"),
        ("operation.all(x, true)", "a text has no items to go through"),
        ("[1].all(body, true)", "body means something already: take another name"),
        ("[1].all(mine, true)", "mine means something already"),
        ("escapes(body.HostConfig)", "escapes takes body itself, and no part of it"),
        ("escapes(body, {'folder': []})", "there is no option folder (did you mean folders?)"),
        ("escapes(body, {'folders': ['data']})", "data: expected a folder's whole path, such as /srv/data"),
        ("escapes(body, {'folders': ['/srv/']})", "expected a folder's whole path"),
        ("cidr('10.0.0.1', '10.0.0.0/33')", "is no network"),
        ("image('c0ffee').tag == ''", "is an image's id"),
        ("operation.matches('(')", "matches: \"(\": "),
        ("operation.matches('((a{100}){100}){100}')", "matches: "),
        ("Thing{a: 1}", "there is no type Thing to make"),
        ("has(mine)", "line 1, column "),
        ("undeclared.of(1)", "there is no variable undeclared"),
    ] {
        let said = read(text);
        assert!(said.contains(want), "{text}: {said}");
    }
}

#[test]
fn size_and_depth_are_bounded() {
    let long = format!("'{}' == operation", "x".repeat(9000));
    assert!(read(&long).contains("at most 8 KiB long"), "{}", read(&long));
    for deep in [
        "[".repeat(2000) + &"]".repeat(2000),
        "1".to_owned() + &"+1".repeat(2000),
        "body".to_owned() + &".a".repeat(2000),
        "body".to_owned() + &"[0]".repeat(2000),
        "true ? ".repeat(900) + "true" + &": true".repeat(900),
        "[1].map(x, ".repeat(300) + "1" + &")".repeat(300),
        "size(".repeat(1000) + "'a'" + &")".repeat(1000),
        "true ? true : ".repeat(500) + "true",
    ] {
        let said = read(&deep);
        assert!(said.starts_with("line 1, column "), "{deep:.40}: {said:.200}");
    }
    // Nested in the text alone.
    for flat in
        ["(".repeat(2000) + "1" + &")".repeat(2000), "!".repeat(4000) + "true", "-".repeat(4000) + "1"]
    {
        assert!(!read(&flat).starts_with("line "), "{flat:.40}: {}", read(&flat));
    }
    let mut wide = "true".to_owned();
    for number in 0..200 {
        write!(wide, " || operation == 'a{number}'").unwrap();
    }
    assert_eq!(read(&wide), "a boolean");
}

#[test]
fn every_function_that_is_promised_exists_and_gives_what_is_promised() {
    use cel::{Context, ExecutionError, Value};

    use crate::signatures::{FUNCTIONS, Style};

    let environment = crate::functions::environment().unwrap();
    for signature in FUNCTIONS {
        let literals = signature.parameters.iter().map(|wanted| match wanted {
            Type::Text | Type::Any => "'1'",
            Type::Int | Type::Number => "1",
            Type::List => "['1']",
            Type::Map => "{'a': '1'}",
            Type::Optional => "optional.of('1')",
            Type::Bool | Type::Bytes | Type::Null | Type::Kind => panic!("no parameter is {}", wanted.name()),
        });
        let literals: Vec<_> = literals.collect();
        let text = match (signature.style, literals.as_slice()) {
            (Style::Method, [of, rest @ ..]) => format!("{of}.{}({})", signature.name, rest.join(", ")),
            (Style::Method | Style::Plain, all) => format!("{}({})", signature.name, all.join(", ")),
        };
        let ast = cel::parser::PrattParser::new().parse(&text).unwrap();
        let context = Context::with_env(environment.clone());
        let given = Value::resolve_val(&ast, &context);
        let is_there =
            !matches!(given, Err(ExecutionError::NoSuchOverload(_) | ExecutionError::UndeclaredReference(_)));
        assert!(is_there, "{text}: {given:?}");
        if let Ok(given) = given {
            let kind = given.get_type().name();
            let promised: &[&str] = match signature.result {
                Type::Any => &["string"],
                Type::Bool => &["bool"],
                Type::Int => &["int"],
                Type::Number => &["uint", "double"],
                Type::Text => &["string"],
                Type::List => &["list"],
                Type::Map => &["map"],
                Type::Optional => &["optional_type"],
                Type::Kind => &["type"],
                Type::Bytes | Type::Null => &[],
            };
            assert!(promised.contains(&kind), "{text}: {kind}");
        }
    }
}
