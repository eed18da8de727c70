//! Finding a run by the first digits of its id.

use metalab_cas::DigestPrefix;

use crate::id::RunId;
use crate::index::{Glance, IndexError};

/// A prefix that does not lead to one run.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// It is not a prefix of an id at all.
    #[error("`{text}` is not a run id: give at least 4 of its hexadecimal digits")]
    NotAPrefix {
        /// What was given.
        text: String,
    },
    /// No run begins so.
    #[error("no run begins with `{prefix}`; `metalab runs` lists the newest ones")]
    None {
        /// What was given.
        prefix: String,
    },
    /// The index cannot be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// Several do.
    #[error("{} runs begin with `{prefix}`: {}; give more digits", candidates.len(), list(candidates))]
    Ambiguous {
        /// What was given.
        prefix: String,
        /// Some of those that fit.
        candidates: Vec<RunId>,
    },
}

fn list(candidates: &[RunId]) -> String {
    candidates.iter().take(5).map(RunId::short).collect::<Vec<_>>().join(", ")
}

/// The run whose id begins with `text`.
///
/// # Errors
/// When there is none, or more than one.
pub fn find_run(index: &Glance, text: &str) -> Result<RunId, FindError> {
    let prefix: DigestPrefix = text.parse().map_err(|_| FindError::NotAPrefix { text: shortened(text) })?;
    let found = index.find(&prefix)?;
    match found[..] {
        [] => Err(FindError::None { prefix: text.to_owned() }),
        [run] => Ok(run),
        _ => Err(FindError::Ambiguous { prefix: text.to_owned(), candidates: found }),
    }
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(64).map(|c| if c.is_control() { '?' } else { c }).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
