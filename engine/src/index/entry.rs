//! What the index knows of a run, and which attempt stands.

use metalab_cas::Digest;

use crate::id::RecordName;
use crate::journal::RecordPlace;
use crate::record::{Outcome, Place};

/// The attempt that stands for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// How it ended.
    pub outcome: Outcome,
    /// Its record.
    pub name: RecordName,
    /// Where that lies.
    pub place: RecordPlace,
    /// When it started: microseconds since 1970, UTC.
    pub started: i64,
    /// Digest of its output, if it succeeded.
    pub output: Option<Digest>,
    /// Where the output was put.
    pub output_place: Place,
    /// More than one attempt is known; see [`Index::others`](super::Index::others).
    pub several: bool,
    /// Which step of which experiment wanted it (see [`origin`]); 0 if that is not known.
    pub origin: u64,
}

impl Entry {
    /// Whether the run is done.
    pub fn succeeded(&self) -> bool {
        self.outcome == Outcome::Succeeded
    }
}

/// What decides which of two attempts stands; the smaller one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Standing {
    failed: bool,
    started: i64,
    name: RecordName,
}

impl Standing {
    /// The standing of an attempt: success before everything else, then the earliest, then the smallest name.
    ///
    /// It is a function of the record alone, so which attempt stands is a function of the set of records.
    pub fn of(outcome: Outcome, started: i64, name: RecordName) -> Self {
        Self { failed: outcome != Outcome::Succeeded, started, name }
    }
}

/// Whether attempt `a` of a run stands before attempt `b`. Used wherever one must be chosen.
pub fn stands_before(a: &Entry, b: &Entry) -> bool {
    Standing::of(a.outcome, a.started, a.name) < Standing::of(b.outcome, b.started, b.name)
}

/// A number for a step of an experiment: the first 8 bytes of BLAKE3 of both names with a zero byte between them.
///
/// It tells in the index for which step a run was made, so that a table can say what is new to *this* experiment.
pub fn origin(experiment: &str, step: &str) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(experiment.as_bytes()).update(&[0]).update(step.as_bytes());
    let digest = hasher.finalize();
    let first = digest.as_bytes().first_chunk().expect("32 bytes have 8");
    // 0 means "not known".
    u64::from_le_bytes(*first).max(1)
}
