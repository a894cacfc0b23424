//! An expression, read and checked: its names, its calls, the types that are known, its size.
//!
//! What is refused here cannot go wrong when a request depends on it. What is left to the evaluation is what no body or
//! container is known to have: there an error denies.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue};
use cel::parser::PrattParser;

use crate::place::{Place, near_miss};
use crate::signatures::{FUNCTIONS, MACROS, OF_BODY, OPERATORS, Signature, Style, TYPES, Type};

pub(crate) mod arguments;
#[cfg(test)]
mod tests;

/// How long an expression may be.
const MAX_BYTES: usize = 8 * 1024;

/// How deep it may be nested, counted by operators and calls.
const MAX_DEPTH: usize = 60;

/// What `request` has.
pub(crate) const REQUEST: [&str; 5] = ["access", "api_version", "family", "method", "path"];

/// What every expression may use.
pub(crate) const VARIABLES: [(&str, Type); 6] = [
    ("body", Type::Any),
    ("client", Type::Map),
    ("operation", Type::Text),
    ("query", Type::Map),
    ("request", Type::Map),
    ("subject", Type::Text),
];

/// What an expression may name besides [`VARIABLES`].
pub(crate) struct Names<'n> {
    /// What is under `let`, with its type if it is known.
    pub(crate) lets: Vec<(&'n str, Type)>,
    /// What `client` may have.
    pub(crate) client: Vec<&'n str>,
}

/// An expression.
#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) ast: IdedExpr,
    pub(crate) text: String,
    pub(crate) place: Place,
    pub(crate) result: Type,
    /// What it uses of what is under `let`.
    pub(crate) lets: Vec<String>,
    /// Whether it reads the body.
    pub(crate) reads_body: bool,
    /// The functions that it calls which read the body.
    pub(crate) of_body: Vec<&'static str>,
    /// Fields of the body that it reads: `HostConfig`, `Privileged`.
    pub(crate) body_paths: Vec<Vec<String>>,
}

impl Expression {
    /// Reads and checks a text that stands in `file` at `place`.
    pub(crate) fn read(file: &str, place: Place, text: &str, names: &Names<'_>) -> Result<Self, String> {
        if text.len() > MAX_BYTES {
            return Err(place.mistake("an expression is at most 8 KiB long"));
        }
        let parser = PrattParser::new().enable_optional_syntax(true).max_recursion_depth(48);
        let ast = parser.max_expression_node_count(2000).parse(text).map_err(|errors| {
            let first = errors.errors.first();
            let (offset, what) =
                first.map_or((0, String::new()), |error| (offset_of(text, error.pos), words(&error.msg)));
            place.within(file, text, offset).mistake(what)
        })?;
        let mut check = Check {
            file,
            place,
            text,
            names,
            scope: Vec::new(),
            found: Self {
                ast: IdedExpr::default(),
                text: text.to_owned(),
                place,
                result: Type::Any,
                lets: Vec::new(),
                reads_body: false,
                of_body: Vec::new(),
                body_paths: Vec::new(),
            },
        };
        let result = check.type_of(&ast, 0)?;
        let found = check.found;
        Ok(Self { ast, result, ..found })
    }
}

/// The offset in bytes of a line and a column, both counted from 1.
fn offset_of(text: &str, (line, column): (isize, isize)) -> usize {
    let before = text.split_inclusive('\n').take(usize::try_from(line - 1).unwrap_or_default());
    before.map(str::len).sum::<usize>() + usize::try_from(column - 1).unwrap_or_default()
}

/// The parser's words, without the name of its kind.
fn words(message: &str) -> String {
    message.strip_prefix("Syntax error: ").unwrap_or(message).replace("<EOF>", "the end of the expression")
}

struct Check<'c> {
    file: &'c str,
    place: Place,
    text: &'c str,
    names: &'c Names<'c>,
    /// Variables of the comprehensions around.
    scope: Vec<(&'c str, Type)>,
    found: Expression,
}

impl<'c> Check<'c> {
    /// A mistake at the first place where a word stands.
    fn mistake(&self, word: &str, what: impl std::fmt::Display) -> String {
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        let at = self.text.match_indices(word).find(|(at, _)| {
            let (before, after) = (self.text.get(..*at), self.text.get(at + word.len()..));
            !is_part(before.and_then(|text| text.chars().next_back()))
                && !is_part(after.and_then(|text| text.chars().next()))
        });
        self.place.within(self.file, self.text, at.map_or(0, |(at, _)| at)).mistake(what)
    }

    fn type_of(&mut self, expr: &'c IdedExpr, depth: usize) -> Result<Type, String> {
        if depth > MAX_DEPTH {
            let what =
                format!("an expression is nested at most {MAX_DEPTH} deep; name a part of it under let");
            return Err(self.place.mistake(what));
        }
        match &expr.expr {
            Expr::Unspecified => Ok(Type::Any),
            Expr::Literal(literal) => Ok(literal_type(literal)),
            Expr::Ident(name) => self.variable(name),
            Expr::Call(call) => {
                self.note_body_path(expr);
                self.call(call, depth + 1)
            }
            Expr::Select(select) => {
                self.note_body_path(expr);
                let operand = self.type_of(&select.operand, depth + 1)?;
                self.field(&select.operand.expr, &select.field)?;
                match operand.fits(Type::Map) || operand == Type::Optional {
                    true if select.test => Ok(Type::Bool),
                    true => Ok(if operand == Type::Optional { Type::Optional } else { Type::Any }),
                    false => Err(self
                        .mistake(&select.field, format!("{} has no field {}", operand.name(), select.field))),
                }
            }
            Expr::List(list) => {
                for element in &list.elements {
                    self.type_of(element, depth + 1)?;
                }
                Ok(Type::List)
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    match &entry.expr {
                        EntryExpr::MapEntry(entry) => {
                            self.type_of(&entry.key, depth + 1)?;
                            self.type_of(&entry.value, depth + 1)?;
                        }
                        EntryExpr::StructField(field) => {
                            return Err(self.mistake(&field.field, "there are no structs"));
                        }
                    }
                }
                Ok(Type::Map)
            }
            Expr::Struct(made) => {
                Err(self.mistake(&made.type_name, format!("there is no type {} to make", made.type_name)))
            }
            Expr::Comprehension(comprehension) => self.comprehension(comprehension, depth + 1),
        }
    }

    fn variable(&mut self, name: &'c str) -> Result<Type, String> {
        let plain = name.strip_prefix('.').unwrap_or(name);
        if let Some((_, known)) = self.scope.iter().rev().find(|(known, _)| *known == plain) {
            return Ok(*known);
        }
        if let Some((_, known)) = VARIABLES.iter().find(|(known, _)| *known == plain) {
            self.found.reads_body |= plain == "body";
            return Ok(*known);
        }
        if let Some((_, known)) = self.names.lets.iter().find(|(known, _)| *known == plain) {
            if !self.found.lets.iter().any(|used| used == plain) {
                self.found.lets.push(plain.to_owned());
            }
            return Ok(*known);
        }
        if TYPES.contains(&plain) {
            return Ok(Type::Kind);
        }
        let known =
            VARIABLES.iter().map(|(name, _)| *name).chain(self.names.lets.iter().map(|(name, _)| *name));
        let near = near_miss(plain, known.clone());
        let all = if near.is_empty() {
            format!("; known are {}", known.collect::<Vec<_>>().join(", "))
        } else {
            near
        };
        Err(self.mistake(plain, format!("there is no variable {plain}{all}")))
    }

    /// A field of `client` or `request`, which have no others than these.
    fn field(&self, operand: &Expr, field: &str) -> Result<(), String> {
        let Expr::Ident(of) = operand else { return Ok(()) };
        if self.scope.iter().any(|(name, _)| name == of) {
            return Ok(());
        }
        let known = match of.as_str() {
            "client" => self.names.client.clone(),
            "request" => REQUEST.to_vec(),
            _ => return Ok(()),
        };
        if known.contains(&field) {
            return Ok(());
        }
        let near = near_miss(field, known.iter().copied());
        let all = if near.is_empty() { format!("; it has {}", known.join(", ")) } else { near };
        Err(self.mistake(field, format!("{of} has no {field}{all}")))
    }

    fn call(&mut self, call: &'c CallExpr, depth: usize) -> Result<Type, String> {
        let name = call.func_name.as_str();
        if let Some((_, shown, parameters, result)) =
            OPERATORS.iter().find(|(operator, ..)| *operator == name)
        {
            return self.operator(call, shown, parameters, *result, depth);
        }
        // `optional.of(x)` is a plain function with a dot in its name.
        let qualified = match call.target.as_deref().map(|target| &target.expr) {
            Some(Expr::Ident(space)) => Some(format!("{space}.{name}")),
            Some(_) | None => None,
        };
        let is_qualified = |signature: &&Signature| Some(signature.name) == qualified.as_deref();
        let full = FUNCTIONS.iter().find(is_qualified).map_or(name, |signature| signature.name);
        let target = call.target.as_deref().filter(|_| full == name);
        let style = if target.is_some() { Style::Method } else { Style::Plain };
        let mut arguments = Vec::new();
        for argument in target.into_iter().chain(&call.args) {
            // The request itself is searched for escapes: there may be none but in its query.
            let is_request =
                full == "escapes" && matches!(&argument.expr, Expr::Ident(name) if name == "body");
            arguments.push(if is_request { Type::Any } else { self.type_of(argument, depth)? });
        }
        if let Some((known, _)) = OF_BODY.iter().find(|(known, _)| *known == full) {
            self.of_body(known, call)?;
        }
        let named = || FUNCTIONS.iter().filter(move |signature| signature.name == full);
        let fitting = named().filter(|signature| signature.style == style).find(|signature| {
            signature.parameters.len() == arguments.len()
                && arguments.iter().zip(signature.parameters).all(|(is, wanted)| is.fits(*wanted))
        });
        if let Some(signature) = fitting {
            self.literals(full, call)?;
            return Ok(signature.result);
        }
        if named().next().is_none() {
            let known = FUNCTIONS.iter().map(|signature| signature.name).chain(MACROS);
            let what = format!("there is no function {full}{}", near_miss(full, known));
            return Err(self.mistake(name, what));
        }
        let is: Vec<_> = arguments.iter().map(|is| is.name()).collect();
        let wanted: Vec<_> = named().map(shown).collect();
        let what = format!("{full} is called with ({}); it is {}", is.join(", "), wanted.join(" or "));
        Err(self.mistake(name, what))
    }

    fn operator(
        &mut self,
        call: &'c CallExpr,
        shown: &str,
        parameters: &[Type],
        result: Type,
        depth: usize,
    ) -> Result<Type, String> {
        let mut arguments = Vec::new();
        for argument in call.target.as_deref().into_iter().chain(&call.args) {
            arguments.push(self.type_of(argument, depth)?);
        }
        for (is, wanted) in arguments.iter().zip(parameters) {
            if !is.fits(*wanted) {
                let what = format!("{shown} takes {}, and this is {}", wanted.name(), is.name());
                return Err(self.mistake(shown, what));
            }
        }
        match (call.func_name.as_str(), arguments.as_slice()) {
            ("_==_" | "_!=_" | "_<_" | "_<=_" | "_>_" | "_>=_", [left, right])
                if !left.fits(*right) && *left != Type::Null && *right != Type::Null =>
            {
                Err(self.mistake(shown, format!("{} is never {}", left.name(), right.name())))
            }
            ("@in", [_, list]) if !list.fits(Type::List) && !list.fits(Type::Map) => {
                Err(self.mistake(shown, format!("nothing is in {}", list.name())))
            }
            ("_+_", [left, right]) if !left.fits(*right) => {
                Err(self.mistake(shown, format!("{} and {} do not add up", left.name(), right.name())))
            }
            ("_+_", [left, Type::Any]) => Ok(*left),
            ("_+_", [_, right]) => Ok(*right),
            ("_?_:_", [_, left, right]) if left == right => Ok(*left),
            _ => Ok(result),
        }
    }

    fn comprehension(&mut self, of: &'c ComprehensionExpr, depth: usize) -> Result<Type, String> {
        let range = self.type_of(&of.iter_range, depth)?;
        if !range.fits(Type::List) && !range.fits(Type::Map) {
            return Err(self.place.mistake(format!("{} has no items to go through", range.name())));
        }
        let initial = self.type_of(&of.accu_init, depth)?;
        let before = self.scope.len();
        for variable in [Some(&of.iter_var), of.iter_var2.as_ref()].into_iter().flatten() {
            let is_taken = VARIABLES.iter().chain(&self.names.lets).any(|(known, _)| known == variable);
            if is_taken {
                return Err(
                    self.mistake(variable, format!("{variable} means something already: take another name"))
                );
            }
            self.scope.push((variable, Type::Any));
        }
        let result = if matches!(initial, Type::List | Type::Bool) { initial } else { Type::Any };
        self.scope.push((&of.accu_var, Type::Any));
        self.type_of(&of.loop_cond, depth)?;
        self.type_of(&of.loop_step, depth)?;
        self.type_of(&of.result, depth)?;
        self.scope.truncate(before);
        Ok(result)
    }
}

fn literal_type(literal: &LiteralValue) -> Type {
    match literal {
        LiteralValue::Boolean(_) => Type::Bool,
        LiteralValue::Bytes(_) => Type::Bytes,
        LiteralValue::Double(_) | LiteralValue::UInt(_) => Type::Number,
        LiteralValue::Int(_) => Type::Int,
        LiteralValue::Null => Type::Null,
        LiteralValue::String(_) => Type::Text,
    }
}

/// A signature as a person writes the call.
fn shown(signature: &Signature) -> String {
    let types: Vec<_> = signature.parameters.iter().map(|wanted| wanted.name()).collect();
    match (signature.style, types.as_slice()) {
        (Style::Method, [of, rest @ ..]) => format!("({of}).{}({})", signature.name, rest.join(", ")),
        (Style::Method | Style::Plain, all) => format!("{}({})", signature.name, all.join(", ")),
    }
}
