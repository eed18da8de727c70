//! Captures that could not be kept.

use std::io;

use metalab_cas::BackendError;

use crate::codec::CodecError;
use crate::name::NameError;

/// Why something captured could not be kept: the first of a run, which fails the run after it returned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// A name breaks the rules.
    #[error("capture a {what}")]
    Name {
        /// `metric`, `stepped metric` or `artifact`.
        what: &'static str,
        /// The rule.
        source: NameError,
    },
    /// Two artifacts have one name.
    #[error("capture the artifact `{name}`: the run has one of this name; give each a name of its own")]
    Twice {
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
    #[error("capture the artifact `{name}`: {elements} elements do not fit the shape {shape:?}")]
    Shape {
        /// Name of the artifact.
        name: String,
        /// The shape.
        shape: Vec<usize>,
        /// The number of elements.
        elements: usize,
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
    #[error("store the artifact `{name}`")]
    Store {
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
