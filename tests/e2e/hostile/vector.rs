//! A vector, read from its text.

use e2e::Via;

/// A hostile request, or a twin that is allowed.
#[derive(Clone, Debug)]
pub(super) struct Vector {
    /// A fact, unique among all vectors.
    pub name: String,
    /// The flags that are set; `None`: every flag is on.
    pub flags: Option<Vec<(String, String)>>,
    /// Settings besides the flags.
    pub settings: Vec<(String, String)>,
    /// The listener it is meant for; `None`: both.
    pub only: Option<Via>,
    /// The status that the engine answers to everything; `None`: it accepts everything.
    pub engine_answers: Option<String>,
    /// Sent in one write.
    pub sent: Vec<u8>,
    /// What the client does after that.
    pub client_side: ClientSide,
    /// What reaches the engine.
    pub engine_gets: Vec<u8>,
    /// How much of that.
    pub extent: Extent,
    /// The statuses of the answers, in order.
    pub statuses: Vec<u16>,
    /// What becomes of the connection.
    pub end: End,
    /// What the first refusal says; `None`: it may say anything.
    pub says: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientSide {
    StaysOpen,
    Shut,
    /// The client closes the connection and hears no answer.
    Left,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of it.
    Whole,
    /// A beginning, perhaps nothing, never all.
    Beginning,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// A probe sent behind is answered.
    Open,
    /// The gateway ends the stream.
    Close,
    /// The engine echoes.
    Tunnel,
}

/// Reads a file of vectors.
pub(super) fn parse(text: &str) -> Result<Vec<Vector>, String> {
    let mut vectors: Vec<Vector> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let at = |problem: String| format!("line {}: {problem}", number + 1);
        if let Some(name) = line.strip_prefix("== ") {
            vectors.push(Vector::empty(name));
        } else if !line.is_empty() && !line.starts_with('#') {
            let vector = vectors.last_mut().ok_or_else(|| at("there is no vector yet".to_owned()))?;
            vector.add(line).map_err(at)?;
        }
    }
    match vectors.iter().find(|vector| vector.statuses.is_empty() && vector.end != End::Close) {
        Some(vector) => Err(format!("{}: neither an answer nor a close is expected", vector.name)),
        None => Ok(vectors),
    }
}

impl Vector {
    fn empty(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            flags: None,
            settings: Vec::new(),
            only: None,
            engine_answers: None,
            sent: Vec::new(),
            client_side: ClientSide::StaysOpen,
            engine_gets: Vec::new(),
            extent: Extent::Whole,
            statuses: Vec::new(),
            end: End::Open,
            says: None,
        }
    }

    fn add(&mut self, line: &str) -> Result<(), String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "flags" => self.flags = Some(pairs(rest)?),
            "set" => self.settings.extend(pairs(rest)?),
            "only" => self.only = Some(listener(rest)?),
            "engine" => self.engine_answers = Some(rest.to_owned()),
            ">" => self.sent.extend(unescape(&format!("{rest}\\r\\n"))?),
            ">|" => self.sent.extend(unescape(rest)?),
            "shut" => self.client_side = ClientSide::Shut,
            "leave" => (self.client_side, self.end) = (ClientSide::Left, End::Close),
            "<" => self.engine_gets.extend(unescape(&format!("{rest}\\r\\n"))?),
            "<|" => self.engine_gets.extend(unescape(rest)?),
            "cut" => self.extent = Extent::Beginning,
            "=" => (self.statuses, self.end) = outcome(rest)?,
            "~" => self.says = Some(rest.to_owned()),
            _ => return Err(format!("{word:?} is no word of this format")),
        }
        Ok(())
    }
}

fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    text.split_whitespace().map(|word| pair(word).ok_or_else(|| format!("{word:?} has no value"))).collect()
}

fn listener(text: &str) -> Result<Via, String> {
    match text {
        "tcp" => Ok(Via::Tcp),
        "unix" => Ok(Via::Unix),
        _ => Err(format!("{text:?} is neither tcp nor unix")),
    }
}

fn outcome(text: &str) -> Result<(Vec<u16>, End), String> {
    let (statuses, end) = text.rsplit_once(' ').unwrap_or(("", text));
    let end = match end {
        "open" => End::Open,
        "close" => End::Close,
        "tunnel" => End::Tunnel,
        _ => return Err(format!("{end:?} is none of open, close and tunnel")),
    };
    let statuses = statuses
        .split_whitespace()
        .map(|status| status.parse().map_err(|_nan| format!("{status:?} is no status")));
    Ok((statuses.collect::<Result<_, _>>()?, end))
}

/// Undoes escapes and repetitions.
fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, inner)) = rest.split_once("{{") {
        let (repetition, after) = inner.split_once("}}").ok_or("{{ without }}")?;
        let (what, count) = repetition.rsplit_once('*').ok_or("a repetition without *")?;
        let count = count.parse().map_err(|_nan| format!("{count:?} is no number"))?;
        bytes.extend(unescape_plain(before)?);
        bytes.extend(unescape_plain(what)?.repeat(count));
        rest = after;
    }
    bytes.extend(unescape_plain(rest)?);
    Ok(bytes)
}

fn unescape_plain(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = match (byte, tail) {
            (b'\\', [b'r', tail @ ..]) => escaped(&mut bytes, b'\r', tail),
            (b'\\', [b'n', tail @ ..]) => escaped(&mut bytes, b'\n', tail),
            (b'\\', [b't', tail @ ..]) => escaped(&mut bytes, b'\t', tail),
            (b'\\', [b's', tail @ ..]) => escaped(&mut bytes, b' ', tail),
            (b'\\', [b'\\', tail @ ..]) => escaped(&mut bytes, b'\\', tail),
            (b'\\', [b'x', high, low, tail @ ..]) => {
                let digits = [char::from(*high), char::from(*low)];
                let value = u8::from_str_radix(&digits.iter().collect::<String>(), 16);
                escaped(&mut bytes, value.map_err(|error| error.to_string())?, tail)
            }
            (b'\\', _) => return Err(format!("no escape: {}", String::from_utf8_lossy(rest))),
            (byte, tail) => escaped(&mut bytes, byte, tail),
        };
    }
    Ok(bytes)
}

fn escaped<'t>(bytes: &mut Vec<u8>, byte: u8, tail: &'t [u8]) -> &'t [u8] {
    bytes.push(byte);
    tail
}

#[test]
fn escapes_and_repetitions_are_undone() {
    assert_eq!(
        unescape(r"a\r\n\t\\\s\x00\xfFé{{\r\n*2}}b{{x*3}}").unwrap(),
        b"a\r\n\t\\ \x00\xff\xc3\xa9\r\n\r\nbxxx"
    );
    for broken in [r"\q", r"\x0", r"\xzz", "{{a", "{{a}}", "{{a*b}}"] {
        assert!(unescape(broken).is_err(), "{broken}");
    }
}
