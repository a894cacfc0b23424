//! JSON to CEL and back.

use std::collections::HashMap;

use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt,
};
use cel::common::value::Val;
use cel::objects::Key;
use cel::{ExecutionError, Value as Cel};
use serde_json::Value;

/// A value for expressions. A number that is whole is an integer, as CEL has it, and an unsigned one only beyond that.
pub(crate) fn val(json: &Value) -> Box<dyn Val> {
    match json {
        Value::Null => Box::new(CelNull),
        Value::Bool(is) => Box::new(CelBool::from(*is)),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Box::new(CelInt::from(number)),
            (None, Some(number)) => Box::new(CelUInt::from(number)),
            (None, None) => Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN))),
        },
        Value::String(text) => Box::new(CelString::from(text.clone())),
        Value::Array(items) => Box::new(CelList::from(items.iter().map(val).collect::<Vec<_>>())),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (key(name), val(value)));
            Box::new(CelMap::from(fields.collect::<HashMap<_, _>>()))
        }
    }
}

fn key(name: &str) -> CelMapKey<'static> {
    CelMapKey::from(name.to_owned())
}

/// The JSON of what an expression gives; what has none is an error.
pub(crate) fn to_json(value: &dyn Val) -> Result<Value, ExecutionError> {
    json(Cel::try_from(value)?)
}

fn json(value: Cel) -> Result<Value, ExecutionError> {
    match value {
        Cel::Null => Ok(Value::Null),
        Cel::Bool(is) => Ok(is.into()),
        Cel::Int(number) => Ok(number.into()),
        Cel::UInt(number) => Ok(number.into()),
        Cel::Float(number) => Ok(number.into()),
        Cel::String(text) => Ok(text.as_str().into()),
        Cel::List(items) => items.iter().cloned().map(json).collect(),
        Cel::Map(map) => {
            let fields = map.map.iter().map(|(key, value)| match key {
                Key::String(name) => Ok((name.to_string(), json(value.clone())?)),
                Key::Int(_) | Key::Uint(_) | Key::Bool(_) => Err(no_json("a key that is no text")),
            });
            fields.collect()
        }
        Cel::Function(..) | Cel::Bytes(_) | Cel::Opaque(_) | Cel::Struct(_) => Err(no_json("such a value")),
    }
}

fn no_json(what: &str) -> ExecutionError {
    ExecutionError::function_error("json", format!("{what} has no JSON"))
}
