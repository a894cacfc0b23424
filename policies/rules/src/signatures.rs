//! What expressions may call, and of which types: what is checked when the rules are loaded.
//!
//! CEL leaves types to the evaluation. A call that no evaluation can satisfy is found here, before any request depends on
//! it; where a type is not known (a field of a body, an attribute of a client) everything may fit.

use Type::{Any, Bool, Int, List, Map, Number, Optional, Text};

/// What is known of a value before there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Any,
    Bool,
    Int,
    /// A double, an unsigned integer, or an integer.
    Number,
    Text,
    Bytes,
    List,
    Map,
    Null,
    Optional,
    /// What `type(x)` gives.
    Kind,
}

impl Type {
    /// In a message.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Any => "any value",
            Self::Bool => "a boolean",
            Self::Int => "an integer",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Bytes => "bytes",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Null => "null",
            Self::Optional => "an optional value",
            Self::Kind => "a type",
        }
    }

    /// Whether a value of this type may be where one of the other is wanted.
    pub(crate) fn fits(self, wanted: Self) -> bool {
        self == wanted || matches!((self, wanted), (Any, _) | (_, Any) | (Int, Number) | (Number, Int))
    }
}

/// How a function is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// `size(x)`.
    Plain,
    /// `x.size()`: what it is called on is its first parameter.
    Method,
}
use Style::{Method, Plain};

/// A function, one line for each list of parameters.
#[derive(Debug)]
pub(crate) struct Signature {
    pub(crate) name: &'static str,
    pub(crate) style: Style,
    pub(crate) parameters: &'static [Type],
    pub(crate) result: Type,
}

const fn plain(name: &'static str, parameters: &'static [Type], result: Type) -> Signature {
    Signature { name, style: Plain, parameters, result }
}

const fn method(name: &'static str, parameters: &'static [Type], result: Type) -> Signature {
    Signature { name, style: Method, parameters, result }
}

/// Functions that read the body of the request, with the operations whose body they understand; none: all of
/// `docker_facts`.
pub(crate) const OF_BODY: [(&str, &str); 3] = [
    ("escapes", ""),
    ("mounts", "ContainerCreate ServiceCreate ServiceUpdate"),
    (
        "labels",
        "ContainerCreate NetworkCreate VolumeCreate ServiceCreate ServiceUpdate SecretCreate SecretUpdate ConfigCreate \
         ConfigUpdate",
    ),
];

/// All functions: this policy's own, CEL's, and those of CEL's library of texts.
pub(crate) const FUNCTIONS: &[Signature] = &[
    plain("escapes", &[Any], List),
    plain("escapes", &[Any, Map], List),
    plain("mounts", &[Any], List),
    plain("labels", &[Any], Map),
    plain("image", &[Text], Map),
    plain("cidr", &[Text, Text], Bool),
    plain("container", &[Text], Map),
    plain("own_labels", &[Text], Map),
    plain("network", &[Text], Map),
    plain("volume", &[Text], Map),
    plain("image_info", &[Text], Map),
    plain("matches", &[Text, Text], Bool),
    method("matches", &[Text, Text], Bool),
    plain("size", &[Text], Int),
    plain("size", &[List], Int),
    plain("size", &[Map], Int),
    method("size", &[Text], Int),
    method("size", &[List], Int),
    method("size", &[Map], Int),
    method("contains", &[Text, Text], Bool),
    method("endsWith", &[Text, Text], Bool),
    method("startsWith", &[Text, Text], Bool),
    plain("string", &[Any], Text),
    plain("int", &[Any], Int),
    plain("uint", &[Any], Number),
    plain("double", &[Any], Number),
    plain("bool", &[Any], Bool),
    plain("dyn", &[Any], Any),
    plain("type", &[Any], Type::Kind),
    method("charAt", &[Text, Int], Text),
    method("indexOf", &[Text, Text], Int),
    method("indexOf", &[Text, Text, Int], Int),
    method("lastIndexOf", &[Text, Text], Int),
    method("lastIndexOf", &[Text, Text, Int], Int),
    method("join", &[List], Text),
    method("join", &[List, Text], Text),
    method("lowerAscii", &[Text], Text),
    method("upperAscii", &[Text], Text),
    method("trim", &[Text], Text),
    method("replace", &[Text, Text, Text], Text),
    method("replace", &[Text, Text, Text, Int], Text),
    method("split", &[Text, Text], List),
    method("split", &[Text, Text, Int], List),
    method("substring", &[Text, Int], Text),
    method("substring", &[Text, Int, Int], Text),
    method("format", &[Text, List], Text),
    method("reverse", &[Text], Text),
    plain("strings.quote", &[Text], Text),
    plain("optional.of", &[Any], Optional),
    plain("optional.ofNonZeroValue", &[Any], Optional),
    plain("optional.none", &[], Optional),
    method("hasValue", &[Optional], Bool),
    method("value", &[Optional], Any),
    method("or", &[Optional, Optional], Optional),
    method("orValue", &[Optional, Any], Any),
];

/// Operators that are calls in CEL's syntax tree, with how a person writes them.
pub(crate) const OPERATORS: &[(&str, &str, &[Type], Type)] = &[
    ("_?_:_", "? :", &[Bool, Any, Any], Any),
    ("_&&_", "&&", &[Bool, Bool], Bool),
    ("_||_", "||", &[Bool, Bool], Bool),
    ("!_", "!", &[Bool], Bool),
    ("_==_", "==", &[Any, Any], Bool),
    ("_!=_", "!=", &[Any, Any], Bool),
    ("_<_", "<", &[Any, Any], Bool),
    ("_<=_", "<=", &[Any, Any], Bool),
    ("_>_", ">", &[Any, Any], Bool),
    ("_>=_", ">=", &[Any, Any], Bool),
    ("_-_", "-", &[Number, Number], Number),
    ("_*_", "*", &[Number, Number], Number),
    ("_/_", "/", &[Number, Number], Number),
    ("_%_", "%", &[Number, Number], Number),
    ("-_", "-", &[Number], Number),
    ("_+_", "+", &[Any, Any], Any),
    ("@in", "in", &[Any, Any], Bool),
    ("_[_]", "[ ]", &[Any, Any], Any),
    ("_[?_]", "[? ]", &[Any, Any], Optional),
    ("_?._", ".?", &[Any, Text], Optional),
    ("@not_strictly_false", "&&", &[Bool], Bool),
];

/// Names of types, which are values too: `type(x) == string`.
pub(crate) const TYPES: [&str; 11] =
    ["bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "optional_type", "string", "uint"];

/// Names that are expanded when an expression is read.
pub(crate) const MACROS: [&str; 6] = ["has", "all", "exists", "exists_one", "map", "filter"];
