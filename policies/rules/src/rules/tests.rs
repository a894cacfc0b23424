//! Rules files and what they make of requests, as tables.

use serde_json::{Value, json};

use super::Rules;
use crate::bindings::{Kind, LookupError};
use crate::decide::{Facts, Verdict, decide, otherwise};
use crate::functions::Question;

/// An engine with two containers of one image, of which one has its label from the image.
fn ask(kind: Kind, reference: &str) -> Result<String, LookupError> {
    let answer = match (kind, reference) {
        (Kind::Container, "web") => json!({"Config": {"Labels": {"team": "a"}}, "Image": "sha256:1"}),
        (Kind::Container, "lent") => json!({"Config": {"Labels": {"team": "a"}}, "Image": "sha256:2"}),
        (Kind::Container, "bare") => json!({"Config": {"Labels": {}}}),
        (Kind::Image, "sha256:1") => json!({"Config": {}}),
        (Kind::Image, "sha256:2") => json!({"Config": {"Labels": {"team": "a"}}}),
        (Kind::Network, "mine") => json!({"Driver": "bridge"}),
        (Kind::Network, "theirs") => return Err(LookupError::Unavailable("the engine is gone".to_owned())),
        _ => return Err(LookupError::NotFound),
    };
    Ok(answer.to_string())
}

/// A request: operation, subject, query, body, and the team of the client.
struct Asked {
    operation: &'static str,
    subject: Option<&'static str>,
    query: Vec<(&'static str, &'static str)>,
    body: Value,
    listener: &'static str,
}

impl Asked {
    fn to(operation: &'static str) -> Self {
        let listener = "unix:///run/team-a.sock";
        Self { operation, subject: None, query: Vec::new(), body: Value::Null, listener }
    }

    fn about(self, subject: &'static str) -> Self {
        Self { subject: Some(subject), ..self }
    }

    fn with(self, body: Value) -> Self {
        Self { body, ..self }
    }

    fn by(self, listener: &'static str) -> Self {
        Self { listener, ..self }
    }

    fn query(self, name: &'static str, value: &'static str) -> Self {
        Self { query: vec![(name, value)], ..self }
    }

    fn under(&self, rules: &str) -> String {
        let rules = Rules::read(rules).unwrap_or_else(|mistake| panic!("{mistake}"));
        let attributes = [("listener".to_owned(), self.listener.to_owned())];
        let facts = Facts {
            request: json!({"method": "POST", "path": "/x", "family": "x", "access": "write", "api_version": ""}),
            client: rules.clients.describe(&attributes),
            subject: self.subject.map(str::to_owned),
        };
        let query =
            self.query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let question = Question { operation: self.operation.to_owned(), query, body: self.body.clone(), ask };
        match otherwise(&rules, self.operation).unwrap_or_else(|| decide(&rules, &facts, question)) {
            Verdict::Allow => "allow".to_owned(),
            Verdict::Defer => "flags".to_owned(),
            Verdict::Deny(refusal) => match refusal.status {
                Some(status) => format!("{status}: {}", refusal.message),
                None => refusal.message,
            },
        }
    }
}

/// As `docs/RULES.md` shows it.
const RULES: &str = r#"
otherwise: flags
clients:
  - { listener: "unix:///run/team-a.sock", team: a }
  - { listener: "unix:///run/team-b.sock", team: b }
let:
  mine: own_labels(subject)[?"team"] == optional.of(client.team)
  reached: 'escapes(body, {"folders": ["/srv/data"]})'
rules:
  - name: start and stop what is mine
    operations: [ContainerStart, ContainerStop, ContainerRestart]
    allow: mine
    message: that container is not your team's
  - name: safe containers
    operations: [ContainerCreate]
    deny:
      - if: reached.size() > 0
        messageExpression: '"not allowed: " + reached.join(", ")'
      - if: '!(image(body.Image).registry in ["registry.example.org"])'
        message: images come from registry.example.org
"#;

#[test]
fn the_rules_of_the_manual_do_what_it_says() {
    let image = "registry.example.org/app";
    let create = |host: Value| Asked::to("ContainerCreate").with(json!({"Image": image, "HostConfig": host}));
    for (asked, want) in [
        (Asked::to("ContainerStart").about("web"), "allow"),
        (
            Asked::to("ContainerStart").about("web").by("unix:///run/team-b.sock"),
            "that container is not your team's",
        ),
        (Asked::to("ContainerStop").about("lent"), "that container is not your team's"),
        (Asked::to("ContainerStop").about("bare"), "that container is not your team's"),
        (Asked::to("ContainerStop").about("gone"), "404: there is no container gone"),
        (
            Asked::to("ContainerStop").about("web").by("127.0.0.1:2375"),
            "line 12, column 12: allow of the rule \"start and stop what is mine\" has no value: the field or key team is missing",
        ),
        // An old engine would take settings from there.
        (Asked::to("ContainerStart").about("web").with(json!({"HostConfig": {}})), "lets no escape through"),
        (
            Asked::to("ContainerStart").about("web").query("checkpoint", "x"),
            "query.checkpoint: must be left out",
        ),
        (create(json!({})), "flags"),
        (create(json!({"Binds": ["/srv/data:/x"]})), "flags"),
        (
            create(json!({"Binds": ["/etc:/x"], "Privileged": true})),
            "not allowed: body.HostConfig.Binds: the host's /etc is not a listed folder (listed: /srv/data), \
             body.HostConfig.Privileged: must be left out",
        ),
        (create(json!({"NetworkMode": "mine"})), "flags"),
        (create(json!({"NetworkMode": "gone"})), "there is no network gone"),
        (create(json!({"NetworkMode": "theirs"})), "theirs cannot be looked up: the engine is gone"),
        (
            Asked::to("ContainerCreate").with(json!({"Image": "alpine"})),
            "images come from registry.example.org",
        ),
        (Asked::to("ContainerCreate").with(json!({})), "an image has to be named"),
        (Asked::to("ContainerCreate"), "an image has to be named"),
        (Asked::to("ContainerList"), "flags"),
        (Asked::to(""), "flags"),
    ] {
        let said = asked.under(RULES);
        assert!(said.contains(want), "{} {:?} {}: {said}", asked.operation, asked.subject, asked.body);
    }
}

#[test]
fn a_reason_to_refuse_wins_and_the_order_of_rules_says_nothing() {
    let allow = "  - {name: a, operations: [ContainerStop], allow: 'true'}\n";
    let other = "  - {name: b, operations: ['Container*'], allow: 'false'}\n";
    let broken = "  - {name: d, operations: [ContainerStop], allow: 'query.x[0] == \"y\"'}\n";
    let deny =
        "  - {name: c, operations: [ContainerStop], deny: [{if: 'subject == \"web\"', status: 409}]}\n";
    for (rules, want) in [
        (vec![allow, other], "allow"),
        (vec![other, allow], "allow"),
        (vec![other], "the rule \"b\" does not allow this"),
        (vec![deny], "409: the rule \"c\" denies this"),
        (vec![allow, deny], "409: the rule \"c\" denies this"),
        (vec![deny, allow, other], "409: the rule \"c\" denies this"),
        (vec![allow, broken], "has no value"),
        (vec![broken, allow], "has no value"),
    ] {
        let file = format!("otherwise: deny\nrules:\n{}", rules.concat());
        let said = Asked::to("ContainerStop").about("web").under(&file);
        assert!(if want == "has no value" { said.contains(want) } else { said == want }, "{file}: {said}");
    }
    let file = format!("otherwise: deny\nrules:\n{deny}");
    assert_eq!(Asked::to("ContainerStop").about("db").under(&file), "no rule allows ContainerStop");
}

#[test]
fn what_no_rule_names_is_otherwise() {
    for (file, want) in [
        ("", "flags"),
        ("# nothing\n", "flags"),
        ("otherwise: flags", "flags"),
        ("otherwise: deny", "no rule is about ContainerStop"),
    ] {
        assert_eq!(Asked::to("ContainerStop").under(file), want, "{file}");
    }
    assert_eq!(Asked::to("").under("otherwise: deny"), "no rule is about this path");
    let all = "rules: [{name: all, operations: ['*'], deny: [{if: 'request.method == \"POST\"'}]}]";
    assert_eq!(Asked::to("").under(all), "the rule \"all\" denies this");
}

#[test]
fn what_has_no_value_refuses_and_says_which_it_is_and_nothing_of_the_values() {
    for (expression, want) in [
        (
            "client.uid == 1",
            "the field or key uid is missing; where it may be, write .?uid or [?\\\"uid\\\"]",
        ),
        ("subject == 'web'", "the path has no subject"),
        ("container('theirs').Name == 'x'", "404: there is no container theirs"),
        ("network('theirs').Driver == 'x'", "network theirs cannot be looked up: the engine is gone"),
        ("container('web').Config.Labels + 1 == 2", "a value is of another type"),
        ("query['x'][0] == 'y'", "the field or key x is missing"),
        ("{'zz': true}[container('web').Config.Labels['team']]", "a key that is looked up is missing"),
        ("image(container('web').Config.Labels['team'] + ':a:b').tag == ''", "what image() is given is"),
        (
            "cidr(container('web').Config.Labels['team'], '10.0.0.0/8')",
            "what cidr() is given first is no address",
        ),
        (
            "cidr('10.0.0.1', container('web').Config.Labels['team'])",
            "what cidr() is given second is no network",
        ),
        (
            "'a'.matches('(' + container('web').Config.Labels['team'])",
            "what matches() is given is no pattern",
        ),
        ("1 / (size(operation) - 13) == 1", "it divides by zero"),
        ("client.listener", "it is neither true nor false"),
    ] {
        for form in ["allow: {}", "deny: [{if: {}}]"] {
            let quoted = format!("{:?}", expression);
            let file = format!(
                "rules:\n  - {{name: r, operations: [ContainerStop], {}}}",
                form.replace("{}", &quoted)
            );
            let said = Asked::to("ContainerStop").under(&file);
            assert!(said.contains(&want.replace("\\\"", "\"")), "{expression}: {said}");
        }
    }
}

/// A text that a client can send must not look like the engine's answer.
#[test]
fn only_what_the_engine_does_not_have_is_not_found() {
    let create = Asked::to("ContainerCreate").with(json!({"Image": "there is no container"}));
    let file = "rules: [{name: r, operations: [ContainerCreate], allow: 'image(body.Image).tag == \"x\"'}]";
    let said = create.under(file);
    assert!(said.starts_with("line 1, column ") && said.contains("what image() is given is"), "{said}");
}

#[test]
fn a_rule_has_looked_for_escapes_if_its_conditions_do_and_it_says_nothing_else() {
    for (rule, want) in [
        ("allow: 'escapes(body).size() >= 0'", "allow"),
        ("allow: 'true', deny: [{if: 'escapes(body).size() > 5'}]", "allow"),
        ("allow: 'true', deny: [{if: 'false', messageExpression: 'escapes(body).join(\"\")'}]", "Privileged"),
        ("allow: 'escapes(body).size() >= 0', escapes: denied", "Privileged"),
        ("allow: 'true', escapes: allowed", "allow"),
    ] {
        let file = format!("rules: [{{name: r, operations: [ContainerExec], {rule}}}]");
        let said = Asked::to("ContainerExec").about("web").with(json!({"Privileged": true})).under(&file);
        assert!(said.contains(want), "{rule}: {said}");
    }
}

#[test]
fn an_allow_that_does_not_look_for_escapes_lets_none_through() {
    let privileged = || Asked::to("ContainerExec").about("web").with(json!({"Privileged": true}));
    let rule = |more: &str| format!("rules: [{{name: r, operations: [ContainerExec], {more}}}]");
    assert!(privileged().under(&rule("allow: 'true'")).contains("lets no escape through: body.Privileged"));
    assert!(privileged().under(&rule("allow: 'true', escapes: denied")).contains("lets no escape through"));
    assert_eq!(privileged().under(&rule("allow: 'true', escapes: allowed")), "allow");
    assert_eq!(privileged().under(&rule("allow: 'escapes(body).size() < 2'")), "allow");
    assert_eq!(
        Asked::to("ContainerExec").about("web").with(json!({})).under(&rule("allow: 'true'")),
        "allow"
    );
    // Another rule may let through what this one does not.
    let two = "rules:\n  - {name: a, operations: [ContainerExec], allow: 'true'}\n  \
               - {name: b, operations: [ContainerExec], allow: 'true', escapes: allowed}\n";
    assert_eq!(privileged().under(two), "allow");
    let pull = Asked::to("ImageCreate").query("fromSrc", "-");
    assert!(
        pull.under("rules: [{name: r, operations: [ImageCreate], allow: 'true'}]").contains("query.fromSrc")
    );
}

#[test]
fn bodies_are_inspected_where_a_rule_reads_them() {
    let inspected =
        |rules: &str| Rules::read(rules).unwrap().inspected.into_iter().collect::<Vec<_>>().join(" ");
    for (rules, want) in [
        ("rules: [{name: r, operations: [ContainerStop], allow: 'true'}]", ""),
        ("rules: [{name: r, operations: [ContainerStart], allow: 'true'}]", "ContainerStart"),
        ("rules: [{name: r, operations: [ContainerStart], allow: 'true', escapes: allowed}]", ""),
        (
            "rules: [{name: r, operations: [ContainerCreate], deny: [{if: 'body == null'}]}]",
            "ContainerCreate",
        ),
        ("rules: [{name: r, operations: [ContainerCreate], deny: [{if: 'subject == \"\"'}]}]", ""),
        (
            "{let: {b: body}, rules: [{name: r, operations: [VolumeCreate], deny: [{if: 'b == null'}]}]}",
            "VolumeCreate",
        ),
        (RULES, "ContainerCreate ContainerStart"),
    ] {
        assert_eq!(inspected(rules), want, "{rules}");
    }
}

#[test]
fn a_name_under_let_stands_for_any_value() {
    for (value, use_of_it) in [
        ("own_labels(subject)[?\"team\"]", "it.orValue(\"\") == \"a\""),
        ("own_labels(subject)", "it == {\"team\": \"a\"}"),
        ("query", "it.t[0] == \"5\" && size(it) == 1"),
        ("[client.team, 1, 1.5, null, true]", "it == [\"a\", 1, 1.5, null, true]"),
        ("container(subject)", "it.Config.Labels.team == client.team"),
        ("operation", "it.startsWith(\"Container\") && it.matches(\"Stop$\")"),
        ("client.?uid", "!it.hasValue()"),
    ] {
        let file = format!(
            "clients: [{{listener: \"unix:///run/team-a.sock\", team: a}}]\nlet:\n  it: '{value}'\n  again: it\nrules:\n  - {{name: r, operations: [ContainerStop], allow: '{use_of_it} && again == it'}}\n"
        );
        assert_eq!(Asked::to("ContainerStop").about("web").query("t", "5").under(&file), "allow", "{value}");
    }
}
