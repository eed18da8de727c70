//! Why results cannot be read.

use metalab_cas::Digest;

use super::expression::ExpressionError;
use crate::codec::CodecError;
use crate::id::RecordName;
use crate::index::IndexError;
use crate::journal::JournalError;
use crate::values::ValueError;

/// Results that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ResultError {
    /// The store has no such experiment.
    #[error("the store has no experiment called `{experiment}`; `metalab experiments` lists what it has")]
    NoExperiment {
        /// What was asked for.
        experiment: String,
    },
    /// The store has no such submission.
    #[error("the store has no submission {submission}")]
    NoSubmission {
        /// What was asked for.
        submission: RecordName,
    },
    /// The record of a run is not one of an attempt.
    #[error("record {record} is not the record of a run; `metalab store rebuild` repairs the index")]
    NotAnAttempt {
        /// The record.
        record: RecordName,
    },
    /// The run has no output of this kind.
    #[error("run {run} has no {what}")]
    Absent {
        /// The run, short.
        run: String,
        /// What was asked for.
        what: String,
    },
    /// The stored output is not of the type asked for.
    #[error("the output of run {run} does not decode as {expected}")]
    Decode {
        /// The run, short.
        run: String,
        /// The type asked for.
        expected: &'static str,
        /// What is wrong.
        source: CodecError,
    },
    /// Stored data or an artifact is not of the type asked for.
    #[error("{what} of run {run} does not decode as {expected}")]
    Content {
        /// The run, short.
        run: String,
        /// What was asked for, such as `` the data `confusion` ``.
        what: String,
        /// The type asked for.
        expected: &'static str,
        /// What is wrong.
        source: Box<CodecError>,
    },
    /// The template is damaged.
    #[error("the template {digest} does not decode: {reason}")]
    Template {
        /// Its digest.
        digest: Digest,
        /// What is wrong.
        reason: String,
    },
    /// A parameter or a metric is not of the type asked for.
    #[error("{what} of run {run} is {found}, not {expected}")]
    Type {
        /// The run, short.
        run: String,
        /// What was asked for.
        what: String,
        /// What it is.
        found: String,
        /// The type asked for.
        expected: &'static str,
    },
    /// An expression cannot be read or has no meaning here.
    #[error(transparent)]
    Expression(#[from] ExpressionError),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The index cannot be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// Stored bytes are missing or damaged.
    #[error(transparent)]
    Value(#[from] ValueError),
}
