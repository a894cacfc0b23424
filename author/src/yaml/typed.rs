//! Typed values of YAML, by serde. The first mistake comes with the line of the value or key that it is about.

use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor, value,
};
use serde::forward_to_deserialize_any;

use super::{BadYaml, Content, Key, Node};

/// Not known yet.
const NOWHERE: usize = 0;

impl Node {
    /// The value as a `T`.
    ///
    /// # Errors
    /// [`BadYaml`].
    pub(in super::super) fn to<T: DeserializeOwned>(&self) -> Result<T, BadYaml> {
        T::deserialize(self)
    }

    fn scalar<'de, V: Visitor<'de>>(text: &str, visitor: V) -> Result<V::Value, BadYaml> {
        let is_number = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
        match text {
            "" | "~" | "null" => visitor.visit_unit(),
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            text if !is_number => visitor.visit_str(text),
            text => match (text.parse::<u64>(), text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(number), _, _) => visitor.visit_u64(number),
                (_, Ok(number), _) => visitor.visit_i64(number),
                (_, _, Ok(number)) if number.is_finite() => visitor.visit_f64(number),
                _ => visitor.visit_str(text),
            },
        }
    }
}

impl<'de> Deserializer<'de> for &Node {
    type Error = BadYaml;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BadYaml> {
        let value = match &self.content {
            Content::Plain(text) => Node::scalar(text, visitor),
            Content::Quoted(text) => visitor.visit_str(text),
            Content::List(items) => visitor.visit_seq(Items(items.iter())),
            Content::Map(entries) => visitor.visit_map(Entries { left: entries.iter(), value: None }),
        };
        value.map_err(|error: BadYaml| error.at(self.line))
    }

    /// Where a text is wanted, `1000` is one.
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BadYaml> {
        match &self.content {
            Content::Plain(text) if !text.is_empty() => {
                visitor.visit_str(text).map_err(|error: BadYaml| error.at(self.line))
            }
            Content::Plain(_) | Content::Quoted(_) | Content::List(_) | Content::Map(_) => {
                self.deserialize_any(visitor)
            }
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BadYaml> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BadYaml> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, BadYaml> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

struct Items<'n>(std::slice::Iter<'n, Node>);

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = BadYaml;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, BadYaml> {
        let Some(node) = self.0.next() else { return Ok(None) };
        seed.deserialize(node).map(Some).map_err(|error| error.at(node.line))
    }
}

struct Entries<'n> {
    left: std::slice::Iter<'n, (Key, Node)>,
    value: Option<&'n Node>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = BadYaml;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, BadYaml> {
        let Some((key, value)) = self.left.next() else { return Ok(None) };
        self.value = Some(value);
        let text: value::StrDeserializer<'_, BadYaml> = key.text.as_str().into_deserializer();
        seed.deserialize(text).map(Some).map_err(|error| error.at(key.line))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, BadYaml> {
        let value = self.value.take().ok_or_else(|| BadYaml::custom("a value without a key"))?;
        seed.deserialize(value).map_err(|error| error.at(value.line))
    }
}

impl BadYaml {
    /// On this line, if it was not known to be on another.
    fn at(self, line: usize) -> Self {
        if self.line == NOWHERE { Self { line, ..self } } else { self }
    }
}

impl Error for BadYaml {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self { line: NOWHERE, what: what.to_string() }
    }

    #[allow(clippy::wildcard_enum_match_arm, reason = "serde has good words for the rest")]
    fn invalid_type(found: Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        let found = match found {
            Unexpected::Map => "a mapping".to_owned(),
            Unexpected::Seq => "a list".to_owned(),
            Unexpected::Unit => "nothing".to_owned(),
            found => found.to_string(),
        };
        Self::custom(format!("expected {expected}, found {found}"))
    }
}
