//! The policy `rules`: an organization's rules in YAML with CEL, as its settings.
//!
//! `docs/RULES.md` is their manual. The file is read and checked whole in `configure`; a decision evaluates the rules that
//! name its operation, and no others. A request that no rule names costs one look into a table.

mod address;
mod bindings;
mod clients;
mod decide;
mod expression;
mod file;
mod functions;
mod operations;
mod place;
mod rules;
mod signatures;
mod value;

use std::cell::RefCell;

use bindings::{Access, Decision, Denial, Guest, Manifest, Request, RequestBody, call, engine};
use decide::{Facts, Refusal, Verdict, decide, otherwise};
use functions::Question;
use rules::Rules;
use serde_json::{Value, json};

thread_local! {
    static RULES: RefCell<Option<Rules>> = const { RefCell::new(None) };
}

struct RulesPolicy;

impl Guest for RulesPolicy {
    fn configure(settings: String) -> Result<Manifest, String> {
        let rules = Rules::read(&settings)?;
        let inspect = rules.inspected.iter().map(|id| (*id).to_owned()).collect();
        RULES.set(Some(rules));
        let (name, version) = ("rules".into(), env!("CARGO_PKG_VERSION").into());
        Ok(Manifest { name, version, inspect, attributes: Vec::new() })
    }

    fn decide(request: Request) -> Decision {
        let verdict = RULES.with_borrow(|rules| match rules {
            Some(rules) => otherwise(rules, &request.operation).map_or_else(|| judge(rules, request), Ok),
            None => Err("the rules were not read".to_owned()),
        });
        let verdict = verdict.unwrap_or_else(|message| Verdict::Deny(Refusal { message, status: None }));
        match verdict {
            Verdict::Allow => Decision::Allow,
            Verdict::Defer => Decision::Defer,
            Verdict::Deny(Refusal { message, status }) => Decision::Deny(Denial { message, status }),
        }
    }
}

fn judge(rules: &Rules, request: Request) -> Result<Verdict, String> {
    let body = match rules.inspected.contains(request.operation.as_str()) {
        true => body()?,
        false => Value::Null,
    };
    let access = match request.access {
        Access::Read => "read",
        Access::Write => "write",
        Access::Interactive => "interactive",
    };
    let facts = Facts {
        request: json!({
            "access": access,
            "api_version": request.api_version.unwrap_or_default(),
            "family": request.family,
            "method": request.method,
            "path": request.path,
        }),
        client: rules.clients.describe(&request.attributes),
        subject: request.subject,
    };
    let ask = |kind, reference: &str| engine::inspect(kind, reference);
    let question = Question { operation: request.operation, query: request.query, body, ask };
    Ok(decide(rules, &facts, question))
}

fn body() -> Result<Value, String> {
    match call::body() {
        RequestBody::Empty => Ok(Value::Null),
        RequestBody::Unread => Err("the body was not read".to_owned()),
        RequestBody::Complete(text) => {
            serde_json::from_str(&text).map_err(|error| format!("the body: {error}"))
        }
    }
}
