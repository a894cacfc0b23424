//! The settings: lines of `key=value`, and `\n \r \t \0 \e \\ \xHH` in values.

use crate::bindings::Manifest;

/// What to do when.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// In `configure`, one after the other.
    pub(crate) configure: Vec<Deed>,
    /// In `decide`, for the operations of `on`.
    pub(crate) decide: Deed,
    /// In `decide`, for all others.
    pub(crate) otherwise: Deed,
    /// The operations that `decide` is for; all if it is empty.
    on: Vec<String>,
    inspect: Vec<String>,
    name: String,
    version: String,
    attributes: Vec<(String, String)>,
}

/// A behaviour and its argument: `deny:no`, `loop`.
#[derive(Debug)]
pub(crate) struct Deed {
    pub(crate) name: String,
    pub(crate) argument: String,
}

impl Default for Deed {
    fn default() -> Self {
        Self::parse("allow")
    }
}

impl Deed {
    fn parse(text: &str) -> Self {
        let (name, argument) = text.split_once(':').unwrap_or((text, ""));
        Self { name: name.to_owned(), argument: argument.to_owned() }
    }

    /// The argument as a number; `otherwise` if it is none.
    pub(crate) fn number(&self, otherwise: usize) -> usize {
        self.argument.parse().unwrap_or(otherwise)
    }
}

impl Settings {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut settings = Self { name: "hostile".into(), version: "0.1.0".into(), ..Self::default() };
        for line in text.lines().filter(|line| !line.is_empty()) {
            let (key, value) = line.split_once('=').ok_or_else(|| format!("{line:?} is not key=value"))?;
            let value = unescape(value);
            let words = || value.split(',').filter(|word| !word.is_empty()).map(str::to_owned);
            match key {
                "configure" => settings.configure.push(Deed::parse(&value)),
                "decide" => settings.decide = Deed::parse(&value),
                "else" => settings.otherwise = Deed::parse(&value),
                "on" => settings.on.extend(words()),
                "inspect" => settings.inspect.extend(words()),
                "inspect-count" => {
                    let count = value.parse().map_err(|_nan| format!("{value:?} is no number"))?;
                    settings.inspect.extend(std::iter::repeat_n("ContainerCreate".to_owned(), count));
                }
                "complain" => return Err(value),
                "name" => settings.name = value,
                "name-mib" => settings.name = "n".repeat(mebibytes(&value)?),
                "version" => settings.version = value,
                "description" => settings.attributes.push(("description".to_owned(), value)),
                _ => return Err(format!("{key:?} is no setting")),
            }
        }
        Ok(settings)
    }

    pub(crate) fn concerns(&self, operation: &str) -> bool {
        self.on.is_empty() || self.on.iter().any(|on| on == operation)
    }

    pub(crate) fn manifest(&self) -> Manifest {
        Manifest {
            name: self.name.clone(),
            version: self.version.clone(),
            inspect: self.inspect.clone(),
            attributes: self.attributes.clone(),
        }
    }
}

fn mebibytes(value: &str) -> Result<usize, String> {
    let count: usize = value.parse().map_err(|_nan| format!("{value:?} is no number"))?;
    Ok(count << 20)
}

fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('t') => plain.push('\t'),
            Some('0') => plain.push('\0'),
            Some('e') => plain.push('\u{1b}'),
            Some('x') => {
                let mut digit = || chars.next().and_then(|digit| digit.to_digit(16)).unwrap_or_default();
                let (high, low) = (digit(), digit());
                plain.extend(char::from_u32(high * 16 + low));
            }
            other => plain.extend(other),
        }
    }
    plain
}
