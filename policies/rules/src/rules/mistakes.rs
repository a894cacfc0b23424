//! Rules files that make no sense, or are made to do harm: each is refused when it is read, with its line.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::Rules;

fn mistake(file: &str) -> String {
    Rules::read(file).err().unwrap_or_else(|| "makes sense".to_owned())
}

/// A file with one rule, on line 2.
fn rule(fields: &str) -> String {
    format!("rules:\n  - {{name: r, {fields}}}\n")
}

#[test]
fn a_mistake_is_told_with_its_line_and_a_near_miss() {
    let create =
        |expression: &str| rule(&format!("operations: [ContainerCreate], deny: [{{if: {expression:?}}}]"));
    for (file, want) in [
        (
            "rulez: []".to_owned(),
            "line 1: the key `rulez` is not known; known are otherwise, clients, let, rules",
        ),
        ("otherwise: allow".to_owned(), "line 1: "),
        (
            "rules:\n  - {operations: [ContainerStop], allow: 'true'}".to_owned(),
            "line 2: the key `name` is missing",
        ),
        (rule("operations: [ContainerStop], alow: 'true'"), "line 2: the key `alow` is not known"),
        (rule("operations: [ContainerStop]"), "line 2, column 12: a rule has allow, deny or both"),
        (rule("operations: [], allow: 'true'"), "line 2, column 12: a rule names operations"),
        (
            rule("operations: [ContainerStrat], allow: 'true'"),
            "line 2, column 28: there is no operation ContainerStrat (did you mean ContainerStart?); docs/ENDPOINTS.md",
        ),
        (
            rule("operations: ['Kontainer*'], allow: 'true'"),
            "line 2, column 28: there is no operation Kontainer*",
        ),
        (rule("operations: ['Cont*Start'], allow: 'true'"), "there is no operation Cont*Start"),
        (rule("operations: [''], allow: 'true'"), "there is no operation ;"),
        (
            rule("operations: [ContainerStop], allow: 'subjekt == \"x\"'"),
            "line 2, column 52: there is no variable subjekt (did you mean subject?)",
        ),
        (rule("operations: [ContainerStop], allow: subject"), "a boolean is wanted here, and this is a text"),
        (
            rule("operations: [ContainerStop], allow: 'true', status: 500"),
            "a refusal's status is from 400 to 499",
        ),
        (
            rule("operations: [ContainerStop], deny: [{if: 'true', status: 200}]"),
            "a refusal's status is from 400 to 499",
        ),
        (rule("operations: [ContainerStop], deny: [{if: 'true'}], message: no"), "go with its allow"),
        (
            rule("operations: [ContainerStop], deny: [{if: 'true', message: a, messageExpression: b}]"),
            "there are both message and messageExpression",
        ),
        (
            rule("operations: [ContainerStop], deny: [{if: 'true', messageExpression: '1'}]"),
            "a text is wanted here",
        ),
        (
            rule("operations: [ContainerStop], allow: 'body == null'"),
            "body is read here, and ContainerStop has none",
        ),
        (rule("operations: ['*'], allow: 'body == null'"), "body is read here, and "),
        (
            rule("operations: [SwarmInit], deny: [{if: 'escapes(body).size() > 0'}]"),
            "escapes knows nothing of SwarmInit",
        ),
        (
            rule("operations: [VolumeCreate], deny: [{if: 'mounts(body) == []'}]"),
            "mounts knows nothing of VolumeCreate",
        ),
        (
            create("body.HostConfig.Privilged == true"),
            "the body of ContainerCreate has no HostConfig.Privilged (did you mean Privileged?)",
        ),
        (create("body.?HostConfig.?Privilged.orValue(false) == true"), "has no HostConfig.Privilged"),
        (create("body.Image.Tag == ''"), "the body of ContainerCreate has no Image.Tag"),
        (create("has(body.hostConfig)"), "has no hostConfig (did you mean HostConfig?)"),
        (
            "let: {a: body.Imag}\nrules: [{name: r, operations: [ContainerCreate], deny: [{if: a == 'x'}]}]"
                .to_owned(),
            "line 2, column 62: the body of ContainerCreate has no Imag (did you mean Image?)",
        ),
        (
            format!(
                "{}{}",
                rule("operations: [ContainerStop], allow: 'true'"),
                "  - {name: r, operations: [ContainerStop], allow: 'true'}"
            ),
            "line 3, column 12: a rule is called \"r\" already",
        ),
        ("clients: [{team: a}]".to_owned(), "line 1, column 11: whom does this describe?"),
        ("clients: [{uid: root}]".to_owned(), "uid: expected a number, such as 1000"),
        ("clients: [{adress: 10.0.0.1}]".to_owned(), "adress is no fact of a client (did you mean address?)"),
        ("clients: [{address: 10.0.0.1/8}]".to_owned(), "has bits set beyond its first 8"),
        ("clients: [{uid: 1, 'a-b': c}]".to_owned(), "a-b: an attribute's name is a word"),
        ("let: {body: 'true'}".to_owned(), "body means something already"),
        ("let: {size: 'true'}".to_owned(), "size means something already"),
        ("let: {a-b: 'true'}".to_owned(), "a-b is no name for a value"),
        ("let: {a: b}".to_owned(), "line 1, column 10: there is no variable b"),
        ("let: {a: a}".to_owned(), "line 1, column 10: a stands for itself: a -> a"),
        (
            "let:\n  a: b && true\n  b: c\n  c: a\n".to_owned(),
            "line 2, column 6: a stands for itself: a -> b -> c -> a",
        ),
    ] {
        let said = mistake(&file);
        assert!(said.contains(want), "{file}\n{said}");
    }
}

#[test]
fn what_is_made_to_do_harm_is_refused_with_a_line() {
    let mut rules = "rules:\n".to_owned();
    for number in 0..100_000 {
        writeln!(rules, "  - {{name: r{number}, operations: [ContainerStop], allow: 'true'}}").unwrap();
    }
    assert!(mistake(&rules).contains("the rules are longer than 1 MiB, which ends here"));
    let fewer: String = rules.lines().take(1200).fold(String::new(), |all, line| all + line + "\n");
    assert_eq!(mistake(&fewer), "line 1002: more than 1000 rules");
    assert!(
        mistake(&"# long\n".repeat(1_500_000)).starts_with("line 149797: the rules are longer than 1 MiB")
    );

    let mut bomb = "let:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for number in 1..12 {
        let inner = vec![format!("*a{}", number - 1); 10].join(", ");
        writeln!(bomb, "  a{number}: &a{number} [{inner}]").unwrap();
    }
    assert!(mistake(&bomb).starts_with("line "), "{}", mistake(&bomb));
    let deep = format!("rules: {}", "[".repeat(10_000));
    assert!(mistake(&deep).starts_with("line 1: "), "{}", mistake(&deep));
    let nested = rule(&format!(
        "operations: [ContainerStop], allow: '{}{} == []'",
        "[".repeat(3000),
        "]".repeat(3000)
    ));
    assert!(mistake(&nested).starts_with("line 2, column "), "{:.300}", mistake(&nested));

    let mut chain = "let:\n  a0: 'true'\n".to_owned();
    for number in 1..900 {
        writeln!(chain, "  a{number}: a{} && a{}", number - 1, number - 1).unwrap();
    }
    assert!(
        mistake(&chain).contains("names under let stand for one another more than 16 deep"),
        "{}",
        mistake(&chain)
    );
}

proptest! {
    #[test]
    fn no_text_breaks_the_reading(text in "[ -~\n]{0,300}") {
        let _ = Rules::read(&text);
        let _ = Rules::read(&rule(&format!("operations: [ContainerCreate], deny: [{{if: {text:?}}}]")));
    }

    #[test]
    fn no_expression_breaks_the_reading(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "body", ".Image", "[0]", "(", ")", "[", "]", "{", "}", "'a'", "1", "1.5", "-", "!", "&&", "||", "==", "in",
                "?", ":", ",", ".?Image", "[?'a']", ".all(x, ", ".map(x, x)", "size(", "escapes(body)", "has(", "null",
                ".orValue(1)", "client.uid", "+", "b'a'", "type(", "x", "optional.of(", "@", "\\", "\"", "image(",
            ]),
            0..24,
        ),
    ) {
        let _ = Rules::read(&rule(&format!("operations: [ContainerCreate], deny: [{{if: {:?}}}]", words.concat())));
    }
}
