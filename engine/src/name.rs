//! Checked names: what experiments, steps, metrics, artifacts and tags may be called.
//!
//! One rule for all of them, so that a name that works in one place works in every other: it can be a
//! file name, a column, a line of a listing and an argument of a command.

mod nearest;

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

pub use nearest::nearest;

/// The longest name, in bytes of UTF-8.
pub const MAX_LEN: usize = 200;

/// A name that keeps the rules.
///
/// 1 to 200 bytes of UTF-8 without control characters, line breaks, invisible direction marks, `/` and `\`; not
/// `.` or `..`; no blank at either end; no `-` at the start.
///
/// ```
/// use metalab_engine::name::Name;
///
/// assert_eq!(Name::new("digits knn")?.as_str(), "digits knn");
/// let error = Name::new("../escape").unwrap_err();
/// assert!(error.to_string().contains("`../escape`"));
/// # Ok::<(), metalab_engine::name::NameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// Checks a name.
    ///
    /// # Errors
    /// When a rule is broken: which one, and by which name.
    pub fn new(name: &str) -> Result<Self, NameError> {
        check(name)?;
        Ok(Self(name.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Checks a name without keeping it.
///
/// # Errors
/// As [`Name::new`].
pub fn check(name: &str) -> Result<(), NameError> {
    match broken_rule(name) {
        None => Ok(()),
        Some(rule) => Err(NameError { shown: shown(name), rule }),
    }
}

/// A text that cannot be a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` cannot be a name: {rule}")]
pub struct NameError {
    /// The text, shortened and with special characters escaped.
    pub shown: String,
    /// The rule it breaks.
    pub rule: NameRule,
}

/// The rules of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameRule {
    /// There is nothing.
    #[error("it is empty; give it at least one character")]
    Empty,
    /// Longer than [`MAX_LEN`] bytes.
    #[error("it has {0} bytes; shorten it to at most {MAX_LEN}")]
    TooLong(usize),
    /// `/` or `\`.
    #[error("it contains {0:?}, which would make it a path; use `_`, `-` or `.` to separate")]
    Separator(char),
    /// A control character, NUL and line breaks among them.
    #[error("it contains the control character {0:?}; use printable characters")]
    Control(char),
    /// A character that cannot be seen, such as a direction mark.
    #[error("it contains the invisible character {0:?}; use printable characters")]
    Invisible(char),
    /// `.` or `..`.
    #[error("it means a folder; choose another")]
    Dots,
    /// White space at either end.
    #[error("it begins or ends with a blank; remove it")]
    Blank,
    /// `-` at the start.
    #[error("it begins with `-` and would be taken for an option; begin with another character")]
    Dash,
}

fn broken_rule(name: &str) -> Option<NameRule> {
    let bytes = name.as_bytes();
    if bytes.is_empty() {
        return Some(NameRule::Empty);
    }
    if bytes.len() > MAX_LEN {
        return Some(NameRule::TooLong(bytes.len()));
    }
    // The usual name, checked without decoding: metrics are captured in tight loops.
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if bytes.iter().all(plain) {
        return None;
    }
    if matches!(name, "." | "..") {
        return Some(NameRule::Dots);
    }
    if name.starts_with(char::is_whitespace) || name.ends_with(char::is_whitespace) {
        // A line break at an end is reported as what it is.
        if let Some(c) = name.chars().find(|c| c.is_control()) {
            return Some(NameRule::Control(c));
        }
        return Some(NameRule::Blank);
    }
    if bytes[0] == b'-' {
        return Some(NameRule::Dash);
    }
    name.chars().find_map(|c| match c {
        '/' | '\\' => Some(NameRule::Separator(c)),
        c if c.is_control() => Some(NameRule::Control(c)),
        '\u{2028}' | '\u{2029}' => Some(NameRule::Control(c)),
        '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}' => Some(NameRule::Invisible(c)),
        _ => None,
    })
}

/// A foreign text for a message: escaped, and cut after 48 characters.
pub(crate) fn shown(text: &str) -> String {
    const KEPT: usize = 48;
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == KEPT {
            out.push_str("...");
            break;
        }
        match c {
            '\'' | '"' => out.push(c),
            // `escape_debug` leaves direction marks as they are.
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {
                out.extend(c.escape_unicode());
            }
            c => out.extend(c.escape_debug()),
        }
    }
    out
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl TryFrom<&str> for Name {
    type Error = NameError;

    fn try_from(name: &str) -> Result<Self, NameError> {
        Self::new(name)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn good_names_pass() {
        for name in ["a", "loss", "train.loss", "k nearest", "höhe", "精度", "x=1", "...", "a-", "C:", "👩‍🔬"]
        {
            assert_eq!(check(name), Ok(()), "{name}");
        }
        assert_eq!(check(&"x".repeat(MAX_LEN)), Ok(()));
    }

    #[test]
    fn hostile_names_are_refused_by_their_rule() {
        let refused = |name: &str| check(name).map_err(|error| error.rule);
        for (name, rule) in [
            ("", NameRule::Empty),
            (".", NameRule::Dots),
            ("..", NameRule::Dots),
            ("../x", NameRule::Separator('/')),
            ("/etc/passwd", NameRule::Separator('/')),
            ("a\\b", NameRule::Separator('\\')),
            ("a\0b", NameRule::Control('\0')),
            ("a\nb", NameRule::Control('\n')),
            ("a\n", NameRule::Control('\n')),
            ("a\u{1b}[31m", NameRule::Control('\u{1b}')),
            ("a\u{85}b", NameRule::Control('\u{85}')),
            ("a\u{2028}b", NameRule::Control('\u{2028}')),
            ("a\u{202e}b", NameRule::Invisible('\u{202e}')),
            ("\u{feff}a", NameRule::Invisible('\u{feff}')),
            (" a", NameRule::Blank),
            ("a\u{a0}", NameRule::Blank),
            ("-rf", NameRule::Dash),
        ] {
            assert_eq!(refused(name), Err(rule), "{name:?}");
        }
        assert_eq!(refused(&"é".repeat(101)), Err(NameRule::TooLong(202)));
    }

    #[test]
    fn messages_stay_short_and_printable() {
        let error = check(&"\u{1b}\u{202e}\n".repeat(3334)).unwrap_err().to_string();
        assert!(error.len() < 500, "{error}");
        assert!(error.chars().all(|c| c.is_ascii_graphic() || c == ' '), "{error}");
        let error = check(&"x".repeat(10_000)).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "`{}...` cannot be a name: it has 10000 bytes; shorten it to at most 200",
                "x".repeat(48)
            )
        );
    }
}
