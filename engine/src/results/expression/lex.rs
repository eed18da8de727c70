//! From text to tokens.

use super::ExpressionError;

/// A token and where it begins, in characters.
pub(super) type Placed = (Token, usize);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// Bare words, dots included: `params.lr`.
    Word(String),
    /// Parts of a name of which at least one was in quotes.
    Name(Vec<String>),
    Int(i64),
    Float(f64),
    Text(String),
    /// `=`, `<=`, `(`, ...
    Sign(&'static str),
    End,
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Word(word) => write!(f, "`{word}`"),
            Self::Name(parts) => write!(f, "`{}`", parts.join(".")),
            Self::Int(x) => write!(f, "`{x}`"),
            Self::Float(x) => write!(f, "`{x}`"),
            Self::Text(text) => write!(f, "`'{text}'`"),
            Self::Sign(sign) => write!(f, "`{sign}`"),
            Self::End => f.write_str("the end"),
        }
    }
}

/// Longer signs before those they begin with.
const SIGNS: [&str; 16] =
    ["==", "!=", "<>", "<=", ">=", "=", "<", ">", "(", ")", ",", "+", "-", "*", "/", "%"];

pub(super) fn lex(text: &str) -> Result<Vec<Placed>, ExpressionError> {
    let characters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&c) = characters.get(at) {
        let rest = &characters[at..];
        let (token, length) = match c {
            c if c.is_whitespace() => {
                at += 1;
                continue;
            }
            '\'' => quoted(rest, '\'').map(|(text, length)| (Token::Text(text), length)),
            '0'..='9' => number(rest),
            c if starts_word(c) => name(rest),
            _ => sign(rest),
        }
        .map_err(|what| wrong(text, Some(at), what))?;
        tokens.push((token, at));
        at += length;
    }
    tokens.push((Token::End, at));
    Ok(tokens)
}

/// An error at a character, or at the end.
pub(super) fn wrong(text: &str, at: Option<usize>, what: impl Into<String>) -> ExpressionError {
    let place = at.map_or("at its end".to_owned(), |at| format!("at character {}", at + 1));
    ExpressionError::Syntax { text: crate::name::shown(text), place, what: what.into() }
}

fn starts_word(c: char) -> bool {
    c.is_alphabetic() || matches!(c, '_' | '"')
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Text up to the closing quote, which stands for itself when it is doubled.
fn quoted(rest: &[char], quote: char) -> Result<(String, usize), String> {
    let mut text = String::new();
    let mut at = 1;
    loop {
        match (rest.get(at), rest.get(at + 1)) {
            (Some(c), Some(next)) if *c == quote && *next == quote => {
                text.push(quote);
                at += 2;
            }
            (Some(c), _) if *c == quote => return Ok((text, at + 1)),
            (Some(c), _) => {
                text.push(*c);
                at += 1;
            }
            (None, _) => return Err(format!("a closing {quote} is missing")),
        }
    }
}

/// Words and quoted parts with dots between them.
fn name(rest: &[char]) -> Result<(Token, usize), String> {
    let mut parts = Vec::new();
    let mut any_quoted = false;
    let mut at = 0;
    loop {
        match rest.get(at) {
            Some('"') => {
                let (part, length) = quoted(&rest[at..], '"')?;
                any_quoted = true;
                parts.push(part);
                at += length;
            }
            Some(c) if in_word(*c) => {
                let length = rest[at..].iter().take_while(|c| in_word(**c)).count();
                parts.push(rest[at..at + length].iter().collect());
                at += length;
            }
            _ => return Err("a name has a dot and nothing behind it".into()),
        }
        if rest.get(at) != Some(&'.') {
            break;
        }
        at += 1;
    }
    Ok((if any_quoted { Token::Name(parts) } else { Token::Word(parts.join(".")) }, at))
}

/// `12`, `1.5`, `2e-3`, `1_000`.
fn number(rest: &[char]) -> Result<(Token, usize), String> {
    let mut length = 0;
    while let Some(&c) = rest.get(length) {
        let signed = matches!(c, '+' | '-') && matches!(rest[length - 1], 'e' | 'E');
        if !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_') || signed) {
            break;
        }
        length += 1;
    }
    let written: String = rest[..length].iter().collect();
    let digits = written.replace('_', "");
    let float = || digits.parse::<f64>().ok().filter(|x| x.is_finite()).map(Token::Float);
    let token = digits.parse().ok().map(Token::Int).or_else(float);
    token.map(|token| (token, length)).ok_or_else(|| format!("`{written}` is no number"))
}

fn sign(rest: &[char]) -> Result<(Token, usize), String> {
    let starts = |sign: &&&str| sign.chars().eq(rest.iter().take(sign.len()).copied());
    let found = SIGNS.iter().find(starts);
    found.map(|sign| (Token::Sign(sign), sign.len())).ok_or_else(|| match rest[0] {
        '&' => "write `and`".into(),
        '|' => "write `or`".into(),
        '!' => "write `not`".into(),
        c => format!("{c:?} means nothing here"),
    })
}
