//! Executing runs, one after the other, into records.
//!
//! The same code performs a run in a thread of the driver and in a worker process: what it needs of the step is a
//! [`StepBrief`], of the single run [`Particulars`].

mod derive;
mod errors;
mod keep;
mod particulars;
mod performer;

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use metalab_cas::Digest;

use crate::id::RunId;
use crate::record::{Outcome, Place};

pub(super) use particulars::{Particulars, Planned, StepBrief};
pub(super) use performer::Performer;

/// What was performed: encoded records, and the small values they refer to.
#[derive(Debug, Default)]
pub(super) struct Performed {
    /// The payloads of the records, one after the other.
    pub(super) records: Vec<u8>,
    pub(super) runs: Vec<PerformedRun>,
    /// Runs that did not begin because an input could not be had.
    pub(super) returned: Vec<Returned>,
    /// Values that belong into the pack beside the segment.
    pub(super) values: Vec<(Digest, Vec<u8>)>,
    /// Outputs that lie in records, for steps that feed others.
    pub(super) inline: Vec<(Digest, Bytes)>,
    /// How long it took.
    pub(super) busy: Duration,
}

/// A run that did not begin because an input could not be had.
#[derive(Debug)]
pub(super) struct Returned {
    pub(super) cell: u64,
    /// The value that is gone or does not decode.
    pub(super) digest: Digest,
}

/// One performed run, as far as the driver cares.
#[derive(Debug)]
pub(super) struct PerformedRun {
    pub(super) cell: u64,
    pub(super) run: RunId,
    pub(super) outcome: Outcome,
    pub(super) started: i64,
    pub(super) output: Option<Digest>,
    pub(super) output_place: Place,
    /// Its artifacts, where other steps take some.
    pub(super) artifacts: Vec<(String, Digest)>,
    /// Its payload in [`Performed::records`].
    pub(super) record: Range<usize>,
    pub(super) error: Option<String>,
    /// Functions that derived nothing from it, and why.
    pub(super) underived: Vec<(String, String)>,
    /// Whether a log lies under `live/`.
    pub(super) logged: bool,
    /// Log streams that lie there too.
    pub(super) streams: Vec<String>,
    /// Set by the driver: it will be tried again.
    pub(super) again: bool,
}
