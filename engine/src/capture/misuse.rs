//! Captures that could not be kept.

use std::io;

use metalab_cas::BackendError;

use crate::codec::{CodecError, ShapeError};
use crate::name::NameError;

/// Why something captured could not be kept: the first of a run, which fails the run after it returned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// A name breaks the rules.
    #[error("capture a {what}")]
    Name {
        /// `metric`, `stepped metric`, `data`, `artifact`, `log stream`.
        what: &'static str,
        /// The rule.
        source: NameError,
    },
    /// The name of a log stream has characters that its file cannot have.
    #[error("log to the stream `{name}`: names of streams are letters, digits, `_`, `-` and `.`, at most 64")]
    Stream {
        /// The name.
        name: String,
    },
    /// Two artifacts, or two pieces of data, have one name.
    #[error(
        "capture the {what} `{name}`: the run has {what} of this name already; give each a name of its own"
    )]
    Twice {
        /// `data` or `artifact`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A file or folder to be captured cannot be read.
    #[error("capture the artifact `{name}`: cannot read `{path}`")]
    Unreadable {
        /// Name of the artifact.
        name: String,
        /// The path as it was given.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// A path is not what the call is for.
    #[error("capture the artifact `{name}`: `{path}` is {found}; {remedy}")]
    Kind {
        /// Name of the artifact.
        name: String,
        /// The path as it was given.
        path: String,
        /// What is there.
        found: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// An array's shape does not hold as many elements as there are.
    #[error("capture the {what} `{name}`: {reason}")]
    Shape {
        /// `data` or `artifact`.
        what: &'static str,
        /// Its name.
        name: String,
        /// What does not fit.
        reason: ShapeError,
    },
    /// A value is nothing that can be captured so.
    #[error("capture {what} `{name}`: {reason}")]
    Value {
        /// `metrics` or `data`.
        what: &'static str,
        /// The name; of metrics that of the part, empty when the whole is wrong.
        name: String,
        /// Why.
        reason: String,
    },
    /// A value cannot be encoded.
    #[error("capture the artifact `{name}`")]
    Codec {
        /// Name of the artifact.
        name: String,
        /// The cause.
        source: CodecError,
    },
    /// A folder cannot be captured.
    #[error("capture the artifact `{name}`")]
    Folder {
        /// Name of the artifact.
        name: String,
        /// The cause.
        source: metalab_cas::tree::TreeError,
    },
    /// The store did not take it.
    #[error("store the {what} `{name}`")]
    Store {
        /// `data`, `artifact` or `log`.
        what: &'static str,
        /// Name of the artifact.
        name: String,
        /// The cause.
        source: BackendError,
    },
}

impl Misuse {
    /// The error and its causes, outermost first.
    pub fn chain(&self) -> Vec<String> {
        let first: &dyn std::error::Error = self;
        std::iter::successors(Some(first), |error| error.source()).map(|error| error.to_string()).collect()
    }

    /// The word for the record: `storage` if the store is at fault, else `capture`.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Store { .. } => "storage",
            _ => "capture",
        }
    }
}
