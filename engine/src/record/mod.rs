//! What is kept of every attempt and submission: the payloads of the journal's frames.
//!
//! Records are CBOR maps with numbered fields (RFC 8949; keys are small integers). The rules of change:
//! a reader skips fields it does not know; a field that an older reader *must* understand raises the frame's
//! `level`, and readers refuse frames above their own [`LEVEL`] by name. Numbers are never used again.

mod attempt;
mod cbor;
mod derived;
mod environment;
mod submission;
mod template;

pub use attempt::{
    ArtifactRef, Attempt, DataRef, DerivedRecord, ErrorRecord, InputRef, LogStream, Outcome, OutputRef,
    Place, Scalar, SeriesRef, Shown, ValueRef,
};
pub use derived::{DerivedBatch, KeptExpression};
pub use environment::Environment;
pub use submission::{Closing, SkipCause, StepRecord, StepResolved, SubmissionClosed, SubmissionOpened};
pub use template::{CodeItemRecord, ContextRecord, Template};

/// The highest frame level this version understands.
pub const LEVEL: u8 = 0;

/// Frame kinds of the journal's segments.
pub mod kind {
    /// An [`Attempt`](super::Attempt).
    pub const ATTEMPT: u8 = 1;
    /// A [`SubmissionOpened`](super::SubmissionOpened).
    pub const SUBMISSION_OPENED: u8 = 2;
    /// A [`SubmissionClosed`](super::SubmissionClosed).
    pub const SUBMISSION_CLOSED: u8 = 3;
    /// A [`StepResolved`](super::StepResolved). (4 is the frame that announces where small values lie.)
    pub const STEP_RESOLVED: u8 = 5;
    /// A [`DerivedBatch`](super::DerivedBatch).
    pub const DERIVED: u8 = 6;
    /// A [`KeptExpression`](super::KeptExpression).
    pub const EXPRESSION: u8 = 7;
}

/// A record that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The frame was written by a newer metalab for newer readers.
    #[error(
        "record {name} needs a reader of level {needed}, this metalab reads up to level {LEVEL}: use a newer metalab"
    )]
    TooNew {
        /// The record.
        name: String,
        /// The level it asks for.
        needed: u8,
    },
    /// The payload is not what its kind promises.
    #[error("record {name} of kind {kind} does not decode: {source}")]
    Malformed {
        /// The record.
        name: String,
        /// Its frame kind.
        kind: u8,
        /// What was wrong.
        source: minicbor::decode::Error,
    },
}

/// One decoded record of the journal.
#[derive(Clone, Debug)]
pub enum Record {
    /// An execution of a run.
    Attempt(Box<Attempt>),
    /// An experiment was asked for.
    Opened(Box<SubmissionOpened>),
    /// A submission came to its end.
    Closed(Box<SubmissionClosed>),
    /// The cells of a step became known.
    Resolved(Box<StepResolved>),
    /// Metrics were derived from finished runs.
    Derived(Box<DerivedBatch>),
    /// A derived metric was kept as an expression.
    Expression(Box<KeptExpression>),
    /// A kind this version does not know and may skip.
    Unknown(u8),
}

impl Record {
    /// Decodes the payload of a frame.
    ///
    /// # Errors
    /// When the level is above [`LEVEL`] or the payload is malformed.
    pub fn decode(
        name: crate::id::RecordName,
        kind: u8,
        level: u8,
        payload: &[u8],
    ) -> Result<Self, RecordError> {
        if level > LEVEL {
            return Err(RecordError::TooNew { name: name.to_string(), needed: level });
        }
        let wrong = |source| RecordError::Malformed { name: name.to_string(), kind, source };
        Ok(match kind {
            kind::ATTEMPT => Self::Attempt(Box::new(minicbor::decode(payload).map_err(wrong)?)),
            kind::SUBMISSION_OPENED => Self::Opened(Box::new(minicbor::decode(payload).map_err(wrong)?)),
            kind::SUBMISSION_CLOSED => Self::Closed(Box::new(minicbor::decode(payload).map_err(wrong)?)),
            kind::STEP_RESOLVED => Self::Resolved(Box::new(minicbor::decode(payload).map_err(wrong)?)),
            kind::DERIVED => Self::Derived(Box::new(minicbor::decode(payload).map_err(wrong)?)),
            kind::EXPRESSION => Self::Expression(Box::new(minicbor::decode(payload).map_err(wrong)?)),
            other => Self::Unknown(other),
        })
    }
}

/// The CBOR bytes of a record part; encoding to memory cannot fail.
pub fn to_cbor<T: minicbor::Encode<()>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(192);
    append_cbor(value, &mut bytes);
    bytes
}

/// Appends the CBOR bytes of a record part to `bytes`.
pub fn append_cbor<T: minicbor::Encode<()>>(value: &T, bytes: &mut Vec<u8>) {
    minicbor::encode(value, bytes).expect("writing CBOR into a vector cannot fail");
}
