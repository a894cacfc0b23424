//! What the rules make of a request.
//!
//! A reason to refuse wins over every `allow`. An expression that cannot be evaluated refuses, and says which it is. An
//! operation that some rule allows is refused when none does; what no rule names, or names only to refuse, is `otherwise`.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use cel::common::types::{CelBool, CelString};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::{Context, ExecutionError, Value as Cel};
use serde_json::{Value, json};

use crate::expression::Expression;
use crate::file::Otherwise;
use crate::functions::{NOT_FOUND, Question, escapes_of, speak_of};
use crate::rules::{Deny, Message, Rule, Rules};
use crate::value::val;

/// What is decided.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allow,
    Defer,
    Deny(Refusal),
}

/// A refusal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) message: String,
    pub(crate) status: Option<u16>,
}

/// What `request`, `client` and `subject` are.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) request: Value,
    pub(crate) client: BTreeMap<String, Value>,
    pub(crate) subject: Option<String>,
}

/// What is done with a request of which no rule has to be asked.
pub(crate) fn otherwise(rules: &Rules, operation: &str) -> Option<Verdict> {
    if rules.naming(operation).next().is_some() {
        return None;
    }
    Some(default(rules, operation, "is about"))
}

/// What is done where no rule does what the verb says.
fn default(rules: &Rules, operation: &str, verb: &str) -> Verdict {
    match rules.otherwise {
        Otherwise::Flags => Verdict::Defer,
        Otherwise::Deny => {
            let operation = if operation.is_empty() { "this path" } else { operation };
            Verdict::Deny(Refusal { message: format!("no rule {verb} {operation}"), status: None })
        }
    }
}

/// Judges a request.
pub(crate) fn decide(rules: &Rules, facts: &Facts, question: Question) -> Verdict {
    let question = Arc::new(question);
    speak_of(Arc::clone(&question));
    let variables = Variables::new(rules, facts, &question);
    match variables.judge(&question) {
        Ok(verdict) => verdict,
        Err(refusal) => Verdict::Deny(refusal),
    }
}

/// What an expression under `let` comes to.
type Evaluated = Result<Box<dyn Val>, ExecutionError>;

/// The values of the variables, those under `let` when they are first asked for.
struct Variables<'r> {
    rules: &'r Rules,
    given: BTreeMap<&'static str, Box<dyn Val>>,
    lets: BTreeMap<&'r str, OnceLock<Evaluated>>,
}

impl VariableResolver for Variables<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        if let Some(value) = self.given.get(name) {
            return Some(CowVal::Borrowed(value.as_ref()));
        }
        let expression = self.rules.lets.get(name)?;
        let value = self.lets.get(name)?.get_or_init(|| {
            let value = Cel::resolve(&expression.ast, &self.context())?;
            value.try_into()
        });
        // Of an error there is nothing to be said here: `reason` finds it again.
        value.as_ref().ok().map(|value| CowVal::Borrowed(value.as_ref()))
    }
}

impl<'r> Variables<'r> {
    fn new(rules: &'r Rules, facts: &Facts, question: &Question) -> Self {
        let mut query: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, value) in &question.query {
            query.entry(name).or_default().push(value);
        }
        let mut given = BTreeMap::from([
            ("body", val(&question.body)),
            ("client", val(&json!(facts.client))),
            ("operation", val(&json!(question.operation))),
            ("query", val(&json!(query))),
            ("request", val(&facts.request)),
        ]);
        if let Some(subject) = &facts.subject {
            given.insert("subject", val(&json!(subject)));
        }
        let lets = rules.lets.keys().map(|name| (name.as_str(), OnceLock::new())).collect();
        Self { rules, given, lets }
    }

    fn context<'s>(&'s self) -> Context<'s, 's> {
        let mut context = Context::with_env(Arc::clone(&self.rules.environment));
        context.set_variable_resolver(self);
        context
    }

    fn judge(&self, question: &Question) -> Result<Verdict, Refusal> {
        let naming = || self.rules.naming(&question.operation);
        for rule in naming() {
            for deny in &rule.deny {
                if self.is_true(rule, "if", &deny.condition)? {
                    return Err(self.refusal(rule, deny)?);
                }
            }
        }
        let (mut is_allowed, mut refusals) = (false, Vec::new());
        for rule in naming() {
            let Some(allow) = &rule.allow else { continue };
            // Also when another rule allows it: one that has no value refuses, whatever the order.
            match self.is_true(rule, "allow", allow)? {
                true => match search(rule, question) {
                    Ok(()) => is_allowed = true,
                    Err(escape) => refusals.insert(0, Refusal { message: escape, status: None }),
                },
                false => refusals.push(Refusal {
                    message: rule
                        .message
                        .clone()
                        .unwrap_or_else(|| format!("the rule {:?} does not allow this", rule.name)),
                    status: rule.status,
                }),
            }
        }
        match refusals.into_iter().next() {
            _ if is_allowed => Ok(Verdict::Allow),
            Some(refusal) => Err(refusal),
            None => Ok(default(self.rules, &question.operation, "allows")),
        }
    }

    fn is_true(&self, rule: &Rule, what: &str, expression: &Expression) -> Result<bool, Refusal> {
        self.evaluate(rule, what, expression, |value| {
            value.downcast_ref::<CelBool>().map(|is| *is.inner()).ok_or("it is neither true nor false")
        })
    }

    fn refusal(&self, rule: &Rule, deny: &Deny) -> Result<Refusal, Refusal> {
        let message = match &deny.message {
            Message::Name => format!("the rule {:?} denies this", rule.name),
            Message::Text(text) => text.clone(),
            Message::Made(expression) => self.evaluate(rule, "messageExpression", expression, |value| {
                value
                    .downcast_ref::<CelString<'_>>()
                    .map(|text| text.inner().to_owned())
                    .ok_or("it is no text")
            })?,
        };
        Ok(Refusal { message, status: deny.status })
    }

    /// The value of an expression, or a refusal that says which expression has none, and why.
    fn evaluate<T>(
        &self,
        rule: &Rule,
        what: &str,
        expression: &Expression,
        read: impl FnOnce(&dyn Val) -> Result<T, &'static str>,
    ) -> Result<T, Refusal> {
        let context = self.context();
        let refusal = |reason: &str| {
            let place = expression.place.mistake(format!("{what} of the rule {:?} has no value", rule.name));
            Refusal { message: format!("{place}: {reason}"), status: None }
        };
        let error = match Cel::resolve_val(&expression.ast, &context) {
            Ok(value) => return read(value.as_ref()).map_err(refusal),
            Err(error) => error,
        };
        let cause = self.cause(&error);
        // What the engine does not have is told as the engine would.
        if let ExecutionError::FunctionError { function, message } = cause
            && function.as_str() == NOT_FOUND
        {
            return Err(Refusal { message: message.clone(), status: Some(404) });
        }
        Err(refusal(&self.reason(cause, expression)))
    }

    /// Whether a key stands in the text of an expression, or in what it uses of what is under `let`.
    fn is_written(&self, key: &str, expression: &Expression) -> bool {
        let quoted = ['"', '\''].map(|quote| format!("{quote}{key}{quote}"));
        self.rules.with_lets(expression).into_iter().any(|Expression { text, .. }| {
            quoted.iter().any(|quoted| text.contains(quoted))
                || text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == key)
        })
    }

    /// The error for which a name under `let` has no value, or the error itself.
    fn cause<'e>(&'e self, error: &'e ExecutionError) -> &'e ExecutionError {
        if let ExecutionError::UndeclaredReference(name) = error
            && let Some(Err(cause)) = self.lets.get(name.as_str()).and_then(OnceLock::get)
        {
            return self.cause(cause);
        }
        error
    }

    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "cel's errors will be more, and the rest are about types"
    )]
    /// Why an expression has no value, without a word of the values that it had to do with: they can be anybody's.
    fn reason(&self, error: &ExecutionError, expression: &Expression) -> String {
        match error {
            ExecutionError::UndeclaredReference(name) if name.as_str() == "subject" => {
                "the path has no subject".to_owned()
            }
            ExecutionError::UndeclaredReference(name) => format!("{name} has no value"),
            // A key that is not written there is somebody's value.
            ExecutionError::NoSuchKey(key) if self.is_written(key, expression) => {
                format!("the field or key {key} is missing; where it may be, write .?{key} or [?\"{key}\"]")
            }
            ExecutionError::NoSuchKey(_) => {
                "a key that is looked up is missing; where it may be, write [?key]".to_owned()
            }
            ExecutionError::FunctionError { message, .. } => message.clone(),
            ExecutionError::NoSuchOverload(overload) => overload.to_string(),
            ExecutionError::IndexOutOfBounds(_) => "a list has no item there".to_owned(),
            ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
                "it divides by zero".to_owned()
            }
            ExecutionError::Overflow(..) => "a number is too large".to_owned(),
            ExecutionError::DuplicateKey(_) => "a map has a key twice".to_owned(),
            _ => "a value is of another type than is wanted".to_owned(),
        }
    }
}

/// What a rule that does not search for escapes itself would let through of them.
fn search(rule: &Rule, question: &Question) -> Result<(), String> {
    let is_known = docker_facts::operations().any(|known| known == question.operation);
    if !rule.is_searched || !is_known {
        return Ok(());
    }
    let found = escapes_of(question, &Value::Null)?;
    match found.is_empty() {
        true => Ok(()),
        false => Err(format!("the rule {:?} lets no escape through: {}", rule.name, found.join("; "))),
    }
}
