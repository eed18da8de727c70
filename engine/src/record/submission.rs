//! One call that asked for an experiment.

use metalab_cas::Digest;
use minicbor::{Decode, Encode};

use super::cbor::{list, octets};
use crate::id::{RecordName, RunId};

/// The intent: durable before any run of it is reported, reused ones included.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct SubmissionOpened {
    /// Name of the experiment.
    #[n(0)]
    pub experiment: String,
    /// Version of the experiment.
    #[n(1)]
    pub version: String,
    /// When it was asked for: microseconds since 1970, UTC.
    #[n(2)]
    pub time: i64,
    /// Digest of the [`Environment`](super::Environment) of the driver.
    #[n(3)]
    pub environment: Digest,
    /// The steps, in order.
    #[n(4)]
    pub steps: Vec<StepRecord>,
    /// The base seed, if the experiment has seeds.
    #[n(5)]
    pub base_seed: Option<u64>,
    /// Number of replicates.
    #[n(6)]
    pub replicates: u64,
    /// Free metadata: a canonical map.
    #[cbor(n(7), with = "octets", has_nil)]
    pub metadata: Vec<u8>,
    /// Tags.
    #[cbor(n(8), with = "list", has_nil)]
    pub tags: Vec<String>,
    /// What the experiment is about.
    #[n(9)]
    pub description: Option<String>,
    /// What was to run again although it was there: `all`, `where` (those for which a condition was true), `verify` (a
    /// sample, and nothing else); absent for nothing.
    #[n(10)]
    pub rerun: Option<String>,
    /// Digest of the manifest: what was asked for, by value (see `docs/formats.md`).
    #[n(11)]
    pub manifest: Option<Digest>,
}

/// One step of a submission and its cells.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct StepRecord {
    /// Name of the step.
    #[n(0)]
    pub name: String,
    /// Digest of its [`Template`](super::Template).
    #[n(1)]
    pub template: Digest,
    /// Digest of the parameter source by value (a canonical value).
    #[n(2)]
    pub source: Digest,
    /// Names of the swept arguments: the coordinates, slowest first.
    #[cbor(n(3), with = "list", has_nil)]
    pub axes: Vec<String>,
    /// Number of parameter sets.
    #[n(4)]
    pub sets: u64,
    /// Number of replicates; 1 where the operation takes no seeds. Cells = sets * replicates, replicate slowest.
    #[n(5)]
    pub replicates: u64,
    /// The run ids of all cells in index order, cut into content-addressed chunks (see [`crate::cells`]).
    #[cbor(n(6), with = "list", has_nil)]
    pub chunks: Vec<Digest>,
    /// The coordinates it takes over from other steps: digest of a canonical list of
    /// `[[names], stride, length, [[values], ...]]`, where the coordinate of a cell is `cell / stride % length` and
    /// the names are those of columns, such as `prepare.threshold`. Absent for a step that takes over none.
    #[n(7)]
    pub dimensions: Option<Digest>,
    /// How its inputs are wired, by value: digest of a canonical list of `[name, [source, artifact, join, gather]]`.
    /// Absent for a step without inputs.
    #[n(8)]
    pub wiring: Option<Digest>,
    /// Tags of its cells: digest of a canonical list of `[tag, [[first, length], ...]]` over the numbers of parameter
    /// sets, ascending. Absent when no cell has a tag.
    #[n(9)]
    pub case_tags: Option<Digest>,
}

/// The cells of a step that were not all known when the submission was opened. Of several for one step, the last
/// counts. A run id of zeros stands for a cell whose run never became known.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct StepResolved {
    /// The record that opened the submission.
    #[n(0)]
    pub submission: RecordName,
    /// Number of the step in it, from 0.
    #[n(1)]
    pub step: u32,
    /// What is to stand in the place of that step.
    #[n(2)]
    pub record: StepRecord,
}

/// How a submission came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Closing {
    /// Every cell has a successful run.
    #[n(0)]
    Complete,
    /// Some runs failed.
    #[n(1)]
    Incomplete,
    /// It was cancelled.
    #[n(2)]
    Cancelled,
}

/// What a submission reached. A submission without it was interrupted (or still works).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SubmissionClosed {
    /// The record that opened it.
    #[n(0)]
    pub submission: RecordName,
    /// When it ended: microseconds since 1970, UTC.
    #[n(1)]
    pub time: i64,
    /// How it ended.
    #[n(2)]
    pub closing: Closing,
    /// Cells whose run was there already.
    #[n(3)]
    pub reused: u64,
    /// Runs executed with success.
    #[n(4)]
    pub succeeded: u64,
    /// Runs that failed.
    #[n(5)]
    pub failed: u64,
    /// Runs cancelled or never started.
    #[n(6)]
    pub cancelled: u64,
    /// Runs that took too long.
    #[n(7)]
    pub timed_out: u64,
    /// Cells that were never started because a run that they need did not succeed.
    #[cbor(n(8), default)]
    pub skipped: u64,
    /// The runs whose failure that was, at most a thousand.
    #[cbor(n(9), with = "list", has_nil)]
    pub causes: Vec<SkipCause>,
}

/// A run that did not succeed, and what that cost.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SkipCause {
    /// The run.
    #[n(0)]
    pub run: RunId,
    /// Number of its step, from 0.
    #[n(1)]
    pub step: u32,
    /// Its cell.
    #[n(2)]
    pub cell: u64,
    /// How many cells were skipped because of it.
    #[n(3)]
    pub skipped: u64,
}
