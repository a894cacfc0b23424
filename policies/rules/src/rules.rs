//! The rules, as they are made of the file once it is known to make sense.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use cel::Env;
use engine_api::Endpoint;
use serde_saphyr::Spanned;

use crate::clients::{Clients, is_identifier};
use crate::expression::arguments::body_has;
use crate::expression::{Expression, Names, VARIABLES};
use crate::file::{DenyEntry, Document, Escapes, Otherwise, RuleEntry};
use crate::functions::environment;
use crate::operations::Named;
use crate::place::Place;
use crate::signatures::{FUNCTIONS, MACROS, OF_BODY, TYPES, Type};

#[cfg(test)]
mod mistakes;
#[cfg(test)]
mod tests;

/// How many names under `let` may stand for one another in turn.
const MAX_LET_DEPTH: usize = 16;

/// All rules, and who they are about.
pub(crate) struct Rules {
    pub(crate) environment: Arc<Env>,
    pub(crate) otherwise: Otherwise,
    pub(crate) clients: Clients,
    pub(crate) lets: BTreeMap<String, Expression>,
    rules: Vec<Rule>,
    /// The rules that name an operation.
    by_operation: HashMap<&'static str, Vec<usize>>,
    /// The rules that name all.
    for_all: Vec<usize>,
    /// The operations whose body is read.
    pub(crate) inspected: BTreeSet<&'static str>,
}

/// A rule.
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) allow: Option<Expression>,
    pub(crate) message: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) deny: Vec<Deny>,
    /// Whether what `allow` lets through is searched for escapes, as the rule does not do so itself.
    pub(crate) is_searched: bool,
}

/// A reason to refuse.
pub(crate) struct Deny {
    pub(crate) condition: Expression,
    pub(crate) message: Message,
    pub(crate) status: Option<u16>,
}

/// What the client is told.
pub(crate) enum Message {
    /// The rule's name.
    Name,
    Text(String),
    Made(Expression),
}

impl Rules {
    /// Reads a file and checks all of it.
    pub(crate) fn read(file: &str) -> Result<Self, String> {
        let Document { otherwise, clients, lets, rules } = Document::read(file)?;
        let mut all = Self {
            environment: environment().map_err(|error| error.to_string())?,
            otherwise,
            clients: Clients::new(clients)?,
            lets: BTreeMap::new(),
            rules: Vec::with_capacity(rules.len()),
            by_operation: HashMap::new(),
            for_all: Vec::new(),
            inspected: BTreeSet::new(),
        };
        all.read_lets(file, &lets)?;
        let mut names: HashMap<String, usize> = HashMap::new();
        for entry in rules {
            let place = Place::of(entry.value.name.referenced);
            if names.insert(entry.value.name.value.clone(), 0).is_some() {
                return Err(place.mistake(format!("a rule is called {:?} already", entry.value.name.value)));
            }
            all.add(file, entry)?;
        }
        Ok(all)
    }

    /// The rules that name an operation; an operation that the catalogue does not list is empty.
    pub(crate) fn naming(&self, operation: &str) -> impl Iterator<Item = &Rule> {
        let indices = self.by_operation.get(operation).unwrap_or(&self.for_all);
        indices.iter().filter_map(|index| self.rules.get(*index))
    }

    fn read_lets(&mut self, file: &str, lets: &BTreeMap<String, Spanned<String>>) -> Result<(), String> {
        for (name, text) in lets {
            let place = Place::of(text.referenced);
            let is_taken = VARIABLES.iter().any(|(known, _)| known == name)
                || FUNCTIONS.iter().any(|function| function.name == name)
                || MACROS.contains(&name.as_str())
                || TYPES.contains(&name.as_str());
            if is_taken || !is_identifier(name) {
                let what = if is_taken { "means something already" } else { "is no name for a value" };
                return Err(place.mistake(format!("{name} {what}; take a word of your own")));
            }
            let all = lets.keys().map(|name| (name.as_str(), Type::Any)).collect();
            let names = Names { lets: all, client: self.clients.names().collect() };
            let expression = Expression::read(file, place, &text.value, &names)?;
            self.lets.insert(name.clone(), expression);
        }
        let mut depths = HashMap::new();
        self.lets.keys().try_for_each(|name| self.depth_of(name, &mut Vec::new(), &mut depths).map(drop))
    }

    /// How deep a name stands for others, which must not come back to it.
    fn depth_of<'l>(
        &'l self,
        name: &'l str,
        path: &mut Vec<&'l str>,
        known: &mut HashMap<&'l str, usize>,
    ) -> Result<usize, String> {
        let Some(expression) = self.lets.get(name) else { return Ok(0) };
        if let Some(depth) = known.get(name) {
            return Ok(*depth);
        }
        if path.contains(&name) {
            let way = [path.as_slice(), &[name]].concat().join(" -> ");
            return Err(expression.place.mistake(format!("{name} stands for itself: {way}")));
        }
        if path.len() >= MAX_LET_DEPTH {
            let what = format!("names under let stand for one another more than {MAX_LET_DEPTH} deep");
            return Err(expression.place.mistake(what));
        }
        path.push(name);
        let mut depth = 0;
        for used in &expression.lets {
            depth = depth.max(self.depth_of(used, path, known)?);
        }
        path.pop();
        if depth + 1 > MAX_LET_DEPTH {
            let what = format!("names under let stand for one another more than {MAX_LET_DEPTH} deep");
            return Err(expression.place.mistake(what));
        }
        known.insert(name, depth + 1);
        Ok(depth + 1)
    }

    fn add(&mut self, file: &str, Spanned { value: entry, .. }: Spanned<RuleEntry>) -> Result<(), String> {
        let place = Place::of(entry.name.referenced);
        if entry.allow.is_none() && entry.deny.is_empty() {
            return Err(place.mistake("a rule has allow, deny or both"));
        }
        if entry.allow.is_none()
            && (entry.message.is_some() || entry.status.is_some() || entry.escapes.is_some())
        {
            return Err(place.mistake(
                "message, status and escapes of a rule go with its allow; a reason under deny has its own",
            ));
        }
        let mut named = Named::default();
        for word in &entry.operations {
            named.add(&word.value).map_err(|problem| Place::of(word.referenced).mistake(problem))?;
        }
        if named.endpoints.is_empty() {
            return Err(place.mistake("a rule names operations, such as [ContainerStart]"));
        }
        let rule = self.rule(file, entry)?;
        self.judge_reading(&rule, &named)?;
        let index = self.rules.len();
        let reads_body = rule.expressions().any(|expression| self.reads_body(expression));
        for endpoint in &named.endpoints {
            let id = endpoint.operation_id();
            let searched = rule.is_searched && docker_facts::operations_with_body().any(|known| known == id);
            if (searched || reads_body) && endpoint.body().is_some() {
                self.inspected.insert(id);
            }
            self.by_operation.entry(id).or_default().push(index);
        }
        if named.all {
            self.for_all.push(index);
        }
        self.rules.push(rule);
        Ok(())
    }

    fn rule(&self, file: &str, entry: RuleEntry) -> Result<Rule, String> {
        let names = Names {
            lets: self.lets.iter().map(|(name, expression)| (name.as_str(), expression.result)).collect(),
            client: self.clients.names().collect(),
        };
        let read = |text: &Spanned<String>, wanted: Type| {
            let place = Place::of(text.referenced);
            let expression = Expression::read(file, place, &text.value, &names)?;
            match expression.result.fits(wanted) {
                true => Ok(expression),
                false => Err(place.mistake(format!(
                    "{} is wanted here, and this is {}",
                    wanted.name(),
                    expression.result.name()
                ))),
            }
        };
        let allow = entry.allow.as_ref().map(|allow| read(allow, Type::Bool)).transpose()?;
        let mut deny = Vec::with_capacity(entry.deny.len());
        for DenyEntry { condition, message, message_expression, status } in entry.deny {
            let condition_place = Place::of(condition.referenced);
            let message = match (message, message_expression) {
                (None, None) => Message::Name,
                (Some(text), None) => Message::Text(text.value),
                (None, Some(made)) => Message::Made(read(&made, Type::Text)?),
                (Some(_), Some(_)) => {
                    return Err(condition_place
                        .mistake("there are both message and messageExpression; leave one out"));
                }
            };
            deny.push(Deny {
                condition: read(&condition, Type::Bool)?,
                message,
                status: status_of(status.as_ref())?,
            });
        }
        let mut rule = Rule {
            name: entry.name.value,
            allow,
            message: entry.message,
            status: status_of(entry.status.as_ref())?,
            deny,
            is_searched: false,
        };
        // What only makes a message has not looked.
        let judging = rule.allow.iter().chain(rule.deny.iter().map(|deny| &deny.condition));
        let searches = judging
            .flat_map(|expression| self.with_lets(expression))
            .any(|expression| expression.of_body.contains(&"escapes"));
        rule.is_searched = rule.allow.is_some()
            && match entry.escapes {
                Some(Escapes::Allowed) => false,
                Some(Escapes::Denied) => true,
                None => !searches,
            };
        Ok(rule)
    }

    /// Refuses a rule that reads of a body what none of its operations has.
    fn judge_reading(&self, rule: &Rule, named: &Named) -> Result<(), String> {
        let reading = rule.expressions().flat_map(|expression| {
            self.with_lets(expression).into_iter().map(move |inner| (expression.place, inner))
        });
        for (place, expression) in reading {
            let of_all = || named.endpoints.iter().copied();
            if expression.reads_body
                && let Some(endpoint) = of_all().find(|endpoint| endpoint.body().is_none())
            {
                let what = format!(
                    "body is read here, and {} has none of JSON: name it in a rule of its own",
                    endpoint.operation_id()
                );
                return Err(place.mistake(what));
            }
            for (function, operations) in OF_BODY.iter().filter(|(name, _)| expression.of_body.contains(name))
            {
                let understands = |endpoint: &Endpoint| match operations.is_empty() {
                    true => docker_facts::operations().any(|known| known == endpoint.operation_id()),
                    false => operations.split_whitespace().any(|known| known == endpoint.operation_id()),
                };
                if let Some(endpoint) = of_all().find(|endpoint| !understands(endpoint)) {
                    return Err(
                        place.mistake(format!("{function} knows nothing of {}", endpoint.operation_id()))
                    );
                }
            }
            for path in &expression.body_paths {
                let verdicts: Vec<_> = of_all().map(|endpoint| body_has(endpoint, path)).collect();
                if let (Some(Err(problem)), true) = (verdicts.first(), verdicts.iter().all(Result::is_err)) {
                    return Err(place.mistake(problem));
                }
            }
        }
        Ok(())
    }

    /// An expression and all that it uses of what is under `let`.
    pub(crate) fn with_lets<'r>(&'r self, expression: &'r Expression) -> Vec<&'r Expression> {
        let mut all = vec![expression];
        let mut names: BTreeSet<&str> = BTreeSet::new();
        let mut at = 0;
        while let Some(expression) = all.get(at).copied() {
            at += 1;
            for name in &expression.lets {
                if names.insert(name) {
                    all.extend(self.lets.get(name));
                }
            }
        }
        all
    }

    fn reads_body(&self, expression: &Expression) -> bool {
        self.with_lets(expression)
            .into_iter()
            .any(|expression| expression.reads_body || !expression.of_body.is_empty())
    }
}

impl Rule {
    fn expressions(&self) -> impl Iterator<Item = &Expression> {
        let of_deny = self.deny.iter().flat_map(|deny| {
            let message = match &deny.message {
                Message::Made(expression) => Some(expression),
                Message::Name | Message::Text(_) => None,
            };
            [Some(&deny.condition), message].into_iter().flatten()
        });
        self.allow.iter().chain(of_deny)
    }
}

fn status_of(status: Option<&Spanned<u16>>) -> Result<Option<u16>, String> {
    match status {
        None => Ok(None),
        Some(Spanned { value: 400..=499, .. }) => Ok(status.map(|status| status.value)),
        Some(status) => Err(Place::of(status.referenced).mistake("a refusal's status is from 400 to 499")),
    }
}
