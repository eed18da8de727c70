//! JSON text as a tree, with the forms of our own taken out.

use std::borrow::Cow;

use super::{Error, MAX_DEPTH};

/// A value of the text. Numbers stay as they are written until a type is asked for.
#[derive(Debug)]
pub(super) enum Node<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    Float(f64),
    Text(Cow<'a, str>),
    Bytes(Vec<u8>),
    List(Vec<Node<'a>>),
    Map(Vec<(Cow<'a, str>, Node<'a>)>),
}

/// Reads a whole text.
pub(super) fn parse(bytes: &[u8]) -> Result<Node<'_>, Error> {
    let text = std::str::from_utf8(bytes).map_err(Error::decode)?;
    let mut parser = Parser { text, at: 0 };
    let node = parser.value(0)?;
    parser.blanks();
    match parser.at == text.len() {
        true => Ok(node),
        false => Err(parser.wrong("something follows the value")),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn value(&mut self, depth: usize) -> Result<Node<'a>, Error> {
        // One more than is written: the forms of our own are objects too.
        if depth > MAX_DEPTH + 1 {
            return Err(self.wrong("nested too deeply"));
        }
        self.blanks();
        match self.peek() {
            Some(b'n') => self.word("null", Node::Null),
            Some(b't') => self.word("true", Node::Bool(true)),
            Some(b'f') => self.word("false", Node::Bool(false)),
            Some(b'"') => self.string().map(Node::Text),
            Some(b'[') => self.list(depth),
            Some(b'{') => self.map(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => Err(self.wrong("no value begins like this")),
            None => Err(self.wrong("the text ends too early")),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Node<'a>, Error> {
        self.at += 1;
        let mut nodes = Vec::new();
        self.blanks();
        if self.skip(b']') {
            return Ok(Node::List(nodes));
        }
        loop {
            nodes.push(self.value(depth + 1)?);
            self.blanks();
            if self.skip(b']') {
                return Ok(Node::List(nodes));
            }
            self.expect(b',')?;
        }
    }

    fn map(&mut self, depth: usize) -> Result<Node<'a>, Error> {
        let start = self.at;
        self.at += 1;
        let mut entries = Vec::new();
        self.blanks();
        if self.skip(b'}') {
            return Ok(Node::Map(entries));
        }
        loop {
            self.blanks();
            let key = self.string()?;
            self.blanks();
            self.expect(b':')?;
            entries.push((key, self.value(depth + 1)?));
            self.blanks();
            if self.skip(b'}') {
                break;
            }
            self.expect(b',')?;
        }
        if let [(key, Node::Text(text))] = &entries[..]
            && let Some(node) = special(key, text)
        {
            return Ok(node);
        }
        for (key, _) in &mut entries {
            if let Some(rest) = key.strip_prefix('$') {
                if !rest.starts_with('$') {
                    self.at = start;
                    return Err(self.wrong("a key begins with `$` and is none of `$float`, `$bytes`"));
                }
                *key = Cow::Owned(rest.to_owned());
            }
        }
        Ok(Node::Map(entries))
    }

    fn number(&mut self) -> Result<Node<'a>, Error> {
        let start = self.at;
        self.skip(b'-');
        if !self.skip(b'0') {
            self.digits()?;
        }
        if self.skip(b'.') {
            self.digits()?;
        }
        if self.skip(b'e') || self.skip(b'E') {
            let _ = self.skip(b'-') || self.skip(b'+');
            self.digits()?;
        }
        Ok(Node::Number(&self.text[start..self.at]))
    }

    fn digits(&mut self) -> Result<(), Error> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.wrong("a digit is missing")) } else { Ok(()) }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Error> {
        self.expect(b'"')?;
        let text = self.text;
        let start = self.at;
        let mut plain = start;
        let mut unescaped = String::new();
        loop {
            match self.peek() {
                None => return Err(self.wrong("a text does not end")),
                Some(b'"') => {
                    let last = &text[plain..self.at];
                    self.at += 1;
                    if plain == start {
                        return Ok(Cow::Borrowed(last));
                    }
                    unescaped.push_str(last);
                    return Ok(Cow::Owned(unescaped));
                }
                Some(b'\\') => {
                    unescaped.push_str(&text[plain..self.at]);
                    self.at += 1;
                    unescaped.push(self.escape()?);
                    plain = self.at;
                }
                Some(0x00..0x20) => return Err(self.wrong("a control character in a text")),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<char, Error> {
        let byte = self.peek();
        self.at += 1;
        Ok(match byte {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte.into(),
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'u') => {
                let mut unit = self.unit()?;
                if (0xd800..0xdc00).contains(&unit) && self.text[self.at..].starts_with("\\u") {
                    self.at += 2;
                    let low = self.unit()?;
                    unit = match (0xdc00..0xe000).contains(&low) {
                        true => 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00),
                        false => u32::MAX,
                    };
                }
                char::from_u32(unit).ok_or_else(|| self.wrong("half a character"))?
            }
            _ => return Err(self.wrong("an unknown escape")),
        })
    }

    fn unit(&mut self) -> Result<u32, Error> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let unit = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or_else(|| self.wrong("four hexadecimal digits are missing"))?;
        self.at += 4;
        Ok(unit)
    }

    fn word(&mut self, word: &str, node: Node<'a>) -> Result<Node<'a>, Error> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.wrong("no value begins like this"));
        }
        self.at += word.len();
        Ok(node)
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), Error> {
        if self.skip(byte) { Ok(()) } else { Err(self.wrong(&format!("expected `{}`", char::from(byte)))) }
    }

    fn wrong(&self, what: &str) -> Error {
        Error::decode(format_args!("{what} (at byte {})", self.at))
    }
}

/// The forms of our own: an object with one key that begins with `$`.
fn special<'a>(key: &str, text: &str) -> Option<Node<'a>> {
    match (key, text) {
        ("$float", "NaN") => Some(Node::Float(f64::NAN)),
        ("$float", "inf") => Some(Node::Float(f64::INFINITY)),
        ("$float", "-inf") => Some(Node::Float(f64::NEG_INFINITY)),
        ("$bytes", hex) => {
            let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
            let (pairs, rest) = hex.as_bytes().as_chunks();
            let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
            rest.is_empty().then(|| bytes.collect::<Option<_>>()).flatten().map(Node::Bytes)
        }
        _ => None,
    }
}
