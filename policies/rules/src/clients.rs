//! Who is who: a client's attributes, by where it connected and who the kernel says it is.
//!
//! The first entry whose facts are all the client's own gives its attributes. A client that none describes has only the
//! facts, and a rule that asks for more is an error, which denies.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;
use serde_saphyr::Spanned;

use crate::address::Network;
use crate::place::{Place, near_miss};

/// The facts that a client may have, by their names in expressions and in `request.attributes`.
pub(crate) const FACTS: [(&str, &str); 4] =
    [("listener", "listener"), ("address", "peer.address"), ("uid", "peer.uid"), ("gid", "peer.gid")];

/// The list under `clients`.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    entries: Vec<Entry>,
}

#[derive(Debug, Default)]
struct Entry {
    listener: Option<String>,
    address: Option<Network>,
    uid: Option<u64>,
    gid: Option<u64>,
    attributes: BTreeMap<String, Value>,
}

impl Clients {
    /// Reads the list.
    pub(crate) fn new(entries: Vec<Spanned<BTreeMap<String, Value>>>) -> Result<Self, String> {
        let read = |entry: Spanned<BTreeMap<String, Value>>| {
            Entry::new(entry.value).map_err(|problem| Place::of(entry.referenced).mistake(problem))
        };
        Ok(Self { entries: entries.into_iter().map(read).collect::<Result<_, _>>()? })
    }

    /// The names that `client` may have, with those that not every client has.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let attributes = self.entries.iter().flat_map(|entry| entry.attributes.keys().map(String::as_str));
        FACTS.iter().map(|(name, _)| *name).chain(attributes)
    }

    /// What is known of a client.
    pub(crate) fn describe(&self, attributes: &[(String, String)]) -> BTreeMap<String, Value> {
        let mut client = BTreeMap::new();
        for (name, fact) in FACTS {
            if let Some((_, value)) = attributes.iter().find(|(known, _)| known == fact) {
                let number = if matches!(name, "uid" | "gid") { value.parse::<u64>().ok() } else { None };
                client.insert(name.to_owned(), number.map_or_else(|| value.clone().into(), Value::from));
            }
        }
        if let Some(entry) = self.entries.iter().find(|entry| entry.fits(&client)) {
            client.extend(entry.attributes.clone());
        }
        client
    }
}

impl Entry {
    fn new(fields: BTreeMap<String, Value>) -> Result<Self, String> {
        let mut entry = Self::default();
        for (name, value) in fields {
            match (name.as_str(), value) {
                ("listener", Value::String(listener)) => entry.listener = Some(listener),
                ("address", Value::String(network)) => entry.address = Some(Network::parse(&network)?),
                ("uid", Value::Number(number)) if number.is_u64() => entry.uid = number.as_u64(),
                ("gid", Value::Number(number)) if number.is_u64() => entry.gid = number.as_u64(),
                ("uid" | "gid", _) => return Err(format!("{name}: expected a number, such as 1000")),
                ("listener" | "address", _) => return Err(format!("{name}: expected a text")),
                (other, value) if is_identifier(other) => {
                    let near = near_miss(other, FACTS.iter().map(|(name, _)| *name));
                    if !near.is_empty() {
                        return Err(format!("{other} is no fact of a client{near}"));
                    }
                    entry.attributes.insert(name, value);
                }
                (other, _) => return Err(format!("{other}: an attribute's name is a word, such as team")),
            }
        }
        let has_fact =
            entry.listener.is_some() || entry.address.is_some() || entry.uid.is_some() || entry.gid.is_some();
        match has_fact {
            true => Ok(entry),
            false => Err("whom does this describe? name a listener, an address, a uid or a gid".to_owned()),
        }
    }

    fn fits(&self, client: &BTreeMap<String, Value>) -> bool {
        let fact = |name: &str| client.get(name);
        let address = || fact("address").and_then(Value::as_str).and_then(|text| text.parse::<IpAddr>().ok());
        self.listener
            .as_deref()
            .is_none_or(|listener| fact("listener").and_then(Value::as_str) == Some(listener))
            && self.address.is_none_or(|network| address().is_some_and(|address| network.contains(address)))
            && self.uid.is_none_or(|uid| fact("uid").and_then(Value::as_u64) == Some(uid))
            && self.gid.is_none_or(|gid| fact("gid").and_then(Value::as_u64) == Some(gid))
    }
}

/// Whether an expression can have this as a name.
pub(crate) fn is_identifier(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
