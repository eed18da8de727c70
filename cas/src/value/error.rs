//! What can be wrong with a value.

use super::MAX_DEPTH;

/// Why something is no canonical value, or not the value that was wanted.
///
/// Where a place inside the value is meant, `path` names it: `lr[3].x`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// NaN or an infinity.
    #[error(
        "{}not a finite number ({what}); use an optional or a text for a value that is missing",
        at(path)
    )]
    NotFinite {
        /// Where.
        path: String,
        /// `NaN`, `inf` or `-inf`.
        what: String,
    },
    /// A map has one key twice.
    #[error("{}the key {key} is there twice; keep one of them", at(path))]
    DuplicateKey {
        /// Where.
        path: String,
        /// The key.
        key: String,
    },
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("nested more than {MAX_DEPTH} deep; use a flatter type, or pass the data as a file")]
    TooDeep,
    /// Something with no place in the model.
    #[error("{}{what}", at(path))]
    Unsupported {
        /// Where.
        path: String,
        /// What it is and what to do.
        what: String,
    },
    /// Bytes or text that are no canonical encoding.
    #[error("no canonical value at byte {offset}: {what}")]
    Malformed {
        /// The offset of the byte.
        offset: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// The value does not fit the Rust type.
    #[error("{}{message}", at(path))]
    De {
        /// Where.
        path: String,
        /// What serde says.
        message: String,
    },
}

fn at(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}: ") }
}

impl ValueError {
    /// The same error, one field further out.
    pub(crate) fn in_field(self, name: &str) -> ValueError {
        let shown: String = name.chars().take(80).collect();
        self.prefixed(&shown)
    }

    /// The same error, one element further out.
    pub(crate) fn in_element(self, index: usize) -> ValueError {
        self.prefixed(&format!("[{index}]"))
    }

    fn prefixed(mut self, part: &str) -> ValueError {
        if let ValueError::NotFinite { path, .. }
        | ValueError::DuplicateKey { path, .. }
        | ValueError::Unsupported { path, .. }
        | ValueError::De { path, .. } = &mut self
        {
            let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
            path.insert_str(0, dot);
            path.insert_str(0, part);
        }
        self
    }

    pub(crate) fn not_finite(number: f64) -> ValueError {
        ValueError::NotFinite { path: String::new(), what: number.to_string() }
    }

    pub(crate) fn de(message: impl Into<String>) -> ValueError {
        ValueError::De { path: String::new(), message: message.into() }
    }
}

impl serde::ser::Error for ValueError {
    fn custom<T: std::fmt::Display>(message: T) -> ValueError {
        ValueError::Unsupported { path: String::new(), what: message.to_string() }
    }
}

impl serde::de::Error for ValueError {
    fn custom<T: std::fmt::Display>(message: T) -> ValueError {
        ValueError::de(message.to_string())
    }
}
