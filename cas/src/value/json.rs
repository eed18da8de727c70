//! Values as text: JSON for machines, something shorter for people.
//!
//! The JSON keeps integers of any size and tells `1` from `1.0`. What JSON lacks stands in objects
//! with one entry: `{"$bytes": "hex"}`, `{"$file": "hex"}`, `{"$folder": "hex"}`, and
//! `{"$map": [[key, value], ...]}` for maps whose keys are not all text or that could be mistaken
//! for one of these. A variant is its name, or `{"Name": content}`; reading that back gives a text
//! or a map (from which [`Value::into_serde`] makes enums as well).

use std::fmt;

use super::encode::deeper;
use super::{Int, Map, Value, ValueError};
use crate::Digest;
use crate::digest::{from_hex, to_hex};

impl Value {
    /// The value as JSON text, without line breaks.
    ///
    /// Floats that are not finite (which have no encoding either) stand as text.
    pub fn to_json_text(&self) -> String {
        let mut out = String::new();
        write_json(self, &mut out);
        out
    }

    /// The value that a JSON text describes.
    ///
    /// # Errors
    /// [`ValueError::Malformed`] where it is not JSON; keys that are there twice and numbers
    /// beyond all bounds are refused.
    pub fn from_json_text(text: &str) -> Result<Value, ValueError> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(0)?;
        reader.space();
        if reader.at < text.len() {
            return reader.bad("something follows the value");
        }
        Ok(value)
    }
}

fn write_json(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(x) => out.push_str(if *x { "true" } else { "false" }),
        Value::Int(x) => out.push_str(&x.to_string()),
        Value::Float(x) if x.is_finite() => out.push_str(&format!("{x:?}")),
        Value::Float(x) => quote(&x.to_string(), out),
        Value::Text(x) => quote(x, out),
        Value::Bytes(x) => tagged("$bytes", &to_hex(x), out),
        Value::File(x) => tagged("$file", &x.to_hex(), out),
        Value::Folder(x) => tagged("$folder", &x.to_hex(), out),
        Value::List(list) => {
            separated('[', ']', list, out, write_json);
        }
        Value::Map(map) if plain(map) => separated('{', '}', map.iter(), out, |(key, value), out| {
            quote(key.as_text().unwrap_or_default(), out);
            out.push(':');
            write_json(value, out);
        }),
        Value::Map(map) => {
            out.push_str("{\"$map\":");
            separated('[', ']', map.iter(), out, |(key, value), out| {
                separated('[', ']', [key, value], out, write_json);
            });
            out.push('}');
        }
        Value::Variant(name, inner) if **inner == Value::Null => quote(name, out),
        Value::Variant(name, inner) => {
            out.push('{');
            quote(name, out);
            out.push(':');
            write_json(inner, out);
            out.push('}');
        }
    }
}

/// Whether a map can stand as an object and be read back as the same map.
fn plain(map: &Map) -> bool {
    let tag_like =
        map.len() == 1 && map.iter().any(|(key, _)| key.as_text().is_some_and(|text| text.starts_with('$')));
    !tag_like && map.iter().all(|(key, _)| key.as_text().is_some())
}

fn separated<T>(
    open: char,
    close: char,
    items: impl IntoIterator<Item = T>,
    out: &mut String,
    mut write: impl FnMut(T, &mut String),
) {
    out.push(open);
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(close);
}

fn tagged(tag: &str, hex: &str, out: &mut String) {
    out.push_str(&format!("{{\"{tag}\":\"{hex}\"}}"));
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x20 || c == '\u{7f}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Compact text for people: `{lr: 0.1, layers: [64, 32]}`. Not meant to be read back.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bytes(x) if x.len() <= 16 => write!(f, "0x{}", to_hex(x)),
            Value::Bytes(x) => write!(f, "0x{}… ({} bytes)", to_hex(&x[..16]), x.len()),
            Value::File(x) => write!(f, "file {}", x.short()),
            Value::Folder(x) => write!(f, "folder {}", x.short()),
            Value::List(list) => {
                f.write_str("[")?;
                for (i, element) in list.iter().enumerate() {
                    write!(f, "{}{element}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str("]")
            }
            Value::Map(map) => {
                f.write_str("{")?;
                for (i, (key, value)) in map.iter().enumerate() {
                    f.write_str(if i > 0 { ", " } else { "" })?;
                    match key {
                        Value::Text(name) if is_word(name) => write!(f, "{name}: {value}")?,
                        other => write!(f, "{other}: {value}")?,
                    }
                }
                f.write_str("}")
            }
            Value::Variant(name, inner) if **inner == Value::Null => f.write_str(name),
            Value::Variant(name, inner) => write!(f, "{name}({inner})"),
            scalar => f.write_str(&scalar.to_json_text()),
        }
    }
}

fn is_word(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn bad<T>(&self, what: &'static str) -> Result<T, ValueError> {
        Err(ValueError::Malformed { offset: self.at, what })
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, ValueError> {
        if !self.text[self.at..].starts_with(word) {
            return self.bad("not a value");
        }
        self.at += word.len();
        Ok(value)
    }

    fn value(&mut self, depth: usize) -> Result<Value, ValueError> {
        self.space();
        match self.peek() {
            Some(b'n') => self.word("null", Value::Null),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'"') => Ok(Value::Text(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'[') => {
                let depth = deeper(depth)?;
                let mut list = Vec::new();
                self.at += 1;
                if self.take(b']') {
                    return Ok(Value::List(list));
                }
                loop {
                    list.push(self.value(depth)?);
                    if self.take(b']') {
                        return Ok(Value::List(list));
                    }
                    if !self.take(b',') {
                        return self.bad("a comma or ] is missing");
                    }
                }
            }
            Some(b'{') => self.object(deeper(depth)?),
            Some(_) => self.bad("not a value"),
            None => self.bad("cut off"),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, ValueError> {
        let mut entries = Vec::new();
        self.at += 1;
        if self.take(b'}') {
            return Ok(Value::Map(Map::new()));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return self.bad("a key in quotes is missing");
            }
            let key = self.string()?;
            if !self.take(b':') {
                return self.bad("a colon is missing");
            }
            entries.push((Value::Text(key), self.value(depth)?));
            if self.take(b'}') {
                break;
            }
            if !self.take(b',') {
                return self.bad("a comma or } is missing");
            }
        }
        match &entries[..] {
            [(Value::Text(tag), inner)] if tag.starts_with('$') => match untag(tag, inner)? {
                Some(value) => Ok(value),
                None => Map::from_entries(entries).map(Value::Map),
            },
            _ => Map::from_entries(entries).map(Value::Map),
        }
    }

    fn string(&mut self) -> Result<String, ValueError> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(c) = rest.chars().next() else { return self.bad("a text without its end") };
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(out),
                '\\' => out.push(self.escape()?),
                c if u32::from(c) < 0x20 => return self.bad("a control character in a text"),
                c => out.push(c),
            }
        }
    }

    fn escape(&mut self) -> Result<char, ValueError> {
        let Some(byte) = self.peek() else { return self.bad("a text without its end") };
        self.at += 1;
        Ok(match byte {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let high = self.unit()?;
                let code = if (0xd800..0xdc00).contains(&high) && self.text[self.at..].starts_with("\\u") {
                    self.at += 2;
                    let low = self.unit()?;
                    if !(0xdc00..0xe000).contains(&low) {
                        return self.bad("half a character");
                    }
                    0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
                } else {
                    high
                };
                match char::from_u32(code) {
                    Some(c) => c,
                    None => return self.bad("half a character"),
                }
            }
            _ => return self.bad("an unknown escape"),
        })
    }

    fn unit(&mut self) -> Result<u32, ValueError> {
        let digits = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let Some(unit) = digits.and_then(|d| u32::from_str_radix(d, 16).ok()) else {
            return self.bad("an escape needs four hexadecimal digits");
        };
        self.at += 4;
        Ok(unit)
    }

    fn number(&mut self) -> Result<Value, ValueError> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let digits = |at: &mut usize| {
            let from = *at;
            while bytes.get(*at).is_some_and(u8::is_ascii_digit) {
                *at += 1;
            }
            *at - from
        };
        self.at += usize::from(bytes[start] == b'-');
        let first = self.at;
        let whole = digits(&mut self.at);
        if whole == 0 || (whole > 1 && bytes[first] == b'0') {
            return self.bad("not a number");
        }
        let mut float = false;
        if self.peek() == Some(b'.') {
            self.at += 1;
            float = true;
            if digits(&mut self.at) == 0 {
                return self.bad("not a number");
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            float = true;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            if digits(&mut self.at) == 0 {
                return self.bad("not a number");
            }
        }
        let text = &self.text[start..self.at];
        if float {
            return match text.parse::<f64>() {
                Ok(x) if x.is_finite() => Ok(Value::Float(x + 0.0)),
                _ => self.bad("a number too large for a float"),
            };
        }
        match text.parse::<Int>() {
            Ok(x) => Ok(Value::Int(x)),
            Err(_) => self.bad("an integer of more than 128 bits; write it with a decimal point or as text"),
        }
    }
}

/// What an object with one entry whose key begins with `$` stands for; `None`: for itself.
fn untag(tag: &str, inner: &Value) -> Result<Option<Value>, ValueError> {
    let hex = inner.as_text().and_then(from_hex);
    let digest = hex.as_deref().and_then(Digest::from_slice);
    Ok(match (tag, inner) {
        ("$bytes", _) => hex.map(Value::Bytes),
        ("$file", _) => digest.map(Value::File),
        ("$folder", _) => digest.map(Value::Folder),
        ("$map", Value::List(pairs)) => {
            let pairs: Option<Vec<(Value, Value)>> = pairs
                .iter()
                .map(|pair| match pair {
                    Value::List(pair) => {
                        <&[Value; 2]>::try_from(&pair[..]).ok().cloned().map(|[k, v]| (k, v))
                    }
                    _ => None,
                })
                .collect();
            match pairs {
                Some(pairs) => Some(Value::Map(Map::from_entries(pairs)?)),
                None => None,
            }
        }
        _ => None,
    })
}
