//! What is checked of an expression beyond names and types: arguments that are literals, and fields of the body.

#![allow(clippy::wildcard_enum_match_arm, reason = "of cel's expressions only some are looked at here")]

use cel::IdedExpr;
use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue};
use docker_facts::{Image, folders};
use engine_api::Endpoint;
use engine_api::body::{BodyShape, Struct, ValueKind};

use super::Check;
use crate::address::Network;
use crate::functions::{OPTIONS, pattern};
use crate::place::near_miss;

impl<'c> Check<'c> {
    /// Takes note of a function that reads the body: it reads the request's, and nothing that looks like one.
    pub(super) fn of_body(&mut self, name: &'static str, call: &'c CallExpr) -> Result<(), String> {
        self.found.of_body.push(name);
        match call.args.first().map(|argument| &argument.expr) {
            Some(Expr::Ident(first)) if first == "body" => Ok(()),
            Some(_) => Err(self.mistake(name, format!("{name} takes body itself, and no part of it"))),
            None => Ok(()), // its parameters are wrong, which is told elsewhere
        }
    }

    /// Checks the arguments that are known by now.
    pub(super) fn literals(&self, name: &str, call: &'c CallExpr) -> Result<(), String> {
        let last = call.args.last().map(|argument| &argument.expr);
        let text = match last {
            Some(Expr::Literal(LiteralValue::String(text))) => Some(text.inner()),
            Some(_) | None => None,
        };
        let verdict = match (name, text, last) {
            ("matches", Some(text), _) => pattern(text).map(drop),
            ("cidr", Some(text), _) => Network::parse(text).map(drop),
            ("image", Some(text), _) => Image::parse(text).map(drop),
            ("escapes", _, Some(Expr::Map(options))) => {
                options.entries.iter().try_for_each(|entry| match &entry.expr {
                    EntryExpr::MapEntry(entry) => option(&entry.key, &entry.value),
                    EntryExpr::StructField(_) => Ok(()),
                })
            }
            _ => Ok(()),
        };
        verdict.map_err(|problem| self.mistake(name, format!("{name}: {problem}")))
    }

    /// Takes note of `body.A.B`, or of a part of it with `.?`.
    pub(super) fn note_body_path(&mut self, expr: &'c IdedExpr) {
        let mut path = Vec::new();
        let mut at = &expr.expr;
        loop {
            at = match at {
                Expr::Select(select) => {
                    path.push(select.field.clone());
                    &select.operand.expr
                }
                Expr::Call(call) if call.func_name == "_?._" => {
                    let [operand, IdedExpr { expr: Expr::Literal(LiteralValue::String(field)), .. }] =
                        call.args.as_slice()
                    else {
                        return;
                    };
                    path.push(field.inner().to_owned());
                    &operand.expr
                }
                Expr::Ident(name) if name == "body" => break,
                _ => return,
            };
        }
        path.reverse();
        self.found.body_paths.push(path);
    }
}

fn option(key: &IdedExpr, value: &IdedExpr) -> Result<(), String> {
    let Expr::Literal(LiteralValue::String(key)) = &key.expr else { return Ok(()) };
    if !OPTIONS.contains(&key.inner()) {
        let near = near_miss(key.inner(), OPTIONS);
        return Err(format!("there is no option {}{near}; there are {}", key.inner(), OPTIONS.join(" and ")));
    }
    let Expr::List(list) = &value.expr else { return Ok(()) };
    let texts = list.elements.iter().filter_map(|element| match &element.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner().to_owned()),
        _ => None,
    });
    match key.inner() {
        "folders" => folders::judge(&texts.collect::<Vec<_>>()),
        _ => Ok(()),
    }
}

/// Whether the body of an operation can have a field, and the name of one that it can have and that is near.
pub(crate) fn body_has(endpoint: Endpoint, path: &[String]) -> Result<(), String> {
    let mut kind = match endpoint.body() {
        Some(BodyShape::Object(fields)) => ValueKind::Struct(fields),
        Some(BodyShape::List(_) | BodyShape::Strings) | None => ValueKind::Leaf,
    };
    for (at, name) in path.iter().enumerate() {
        kind = match kind {
            ValueKind::Map(inner) => *inner,
            ValueKind::Leaf => return Err(missing(endpoint, path, at, &[])),
            ValueKind::Struct(fields) => {
                let known = fields_of(fields);
                match known.iter().find(|(known, _)| known == name) {
                    Some((_, kind)) => *kind,
                    None => return Err(missing(endpoint, path, at, &known)),
                }
            }
        };
    }
    Ok(())
}

fn missing(endpoint: Endpoint, path: &[String], at: usize, known: &[(&str, ValueKind)]) -> String {
    let (shown, name) = (path.get(..=at).unwrap_or(path).join("."), path.get(at).map_or("", String::as_str));
    let near = near_miss(name, known.iter().map(|(name, _)| *name));
    format!("the body of {} has no {shown}{near}", endpoint.operation_id())
}

fn fields_of(of: Struct) -> Vec<(&'static str, ValueKind)> {
    let own = of.own_fields().iter().map(|field| (field.name, field.kind));
    own.chain(of.bases().iter().flat_map(|base| fields_of(*base))).collect()
}
