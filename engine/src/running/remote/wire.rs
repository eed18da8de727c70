//! The shapes that go between driver and worker.

use metalab_cas::Digest;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::brief::BriefKey;
use crate::code::Grade;
use crate::id::{RecordName, RunId, WriterId};
use crate::journal::RecordPlace;
use crate::record::{InputRef, Outcome, Place, Shown, Template};

/// An operation as a worker must have it too.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(super) struct OperationWire {
    /// `namespace::name`.
    #[n(0)]
    pub(super) name: String,
    #[n(1)]
    pub(super) version: String,
    #[n(2)]
    pub(super) grade: Grade,
    #[n(3)]
    pub(super) code: Option<Digest>,
    #[n(4)]
    pub(super) codec: String,
}

/// A named value in its canonical encoding.
#[derive(Clone, Debug, Encode, Decode)]
pub(super) struct NamedWire {
    #[n(0)]
    pub(super) name: String,
    #[n(1)]
    pub(super) value: ByteVec,
}

/// What the runs of a step share.
#[derive(Debug, Encode, Decode)]
pub(super) struct BriefWire {
    #[n(0)]
    pub(super) key: BriefKey,
    #[n(1)]
    pub(super) operation: OperationWire,
    #[n(2)]
    pub(super) template: Digest,
    #[n(3)]
    pub(super) base_seed: Option<u64>,
    /// Arguments equal in all runs.
    #[n(4)]
    pub(super) fixed: Vec<NamedWire>,
    /// Files and folders of contexts, as `Watched` sends itself.
    #[n(5)]
    pub(super) watched: Vec<ByteVec>,
    #[n(6)]
    pub(super) file_names: Vec<Option<String>>,
    #[n(7)]
    pub(super) contexts: Vec<NamedWire>,
    #[n(8)]
    pub(super) store: String,
    #[n(9)]
    pub(super) store_id: String,
    #[n(10)]
    pub(super) writer: WriterId,
    #[n(11)]
    pub(super) environment: Digest,
    /// Nanoseconds.
    #[n(12)]
    pub(super) timeout: Option<u64>,
    #[n(13)]
    pub(super) scratch: Option<String>,
    /// Other steps need its outputs.
    #[n(14)]
    pub(super) feeds: bool,
    /// Other steps need artifacts by name.
    #[n(15)]
    pub(super) feeds_artifacts: bool,
    /// Whether blobs must survive a power cut.
    #[n(16)]
    pub(super) durable: bool,
    /// What derives metrics from its runs.
    #[n(17)]
    pub(super) deriving: Option<DerivingWire>,
    /// The metadata that the operation declares: a canonical map.
    #[n(18)]
    pub(super) metadata: ByteVec,
    /// Which events of `tracing` become lines of logs: off, error, ... by number.
    #[n(19)]
    pub(super) log_level: u8,
}

/// A function over finished runs, as a worker must have it too.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub(super) struct FunctionWire {
    /// `namespace::name`.
    #[n(0)]
    pub(super) name: String,
    #[n(1)]
    pub(super) code: Digest,
}

/// What a worker derives from the runs of a step.
#[derive(Debug, Encode, Decode)]
pub(super) struct DerivingWire {
    #[n(0)]
    pub(super) functions: Vec<FunctionWire>,
    #[n(1)]
    pub(super) template: Template,
    #[n(2)]
    pub(super) step: String,
    #[n(3)]
    pub(super) sets: u64,
    #[n(4)]
    pub(super) replicates: u64,
    /// As a submission keeps them.
    #[n(5)]
    pub(super) dimensions: ByteVec,
    #[n(6)]
    pub(super) tags: Vec<String>,
    /// As a submission keeps them.
    #[n(7)]
    pub(super) case_tags: ByteVec,
}

/// Some runs of a step, in the order in which they are to be performed.
#[derive(Debug, Encode, Decode)]
pub(super) struct BatchWire {
    #[n(0)]
    pub(super) key: BriefKey,
    /// Inputs whose bytes are not durable yet.
    #[n(1)]
    pub(super) values: Vec<ValueWire>,
    #[n(2)]
    pub(super) tasks: Vec<TaskWire>,
}

/// Bytes with their digest.
#[derive(Debug, Encode, Decode)]
pub(super) struct ValueWire {
    #[n(0)]
    pub(super) digest: Digest,
    #[n(1)]
    pub(super) bytes: ByteVec,
}

/// A run to be performed.
#[derive(Debug, Encode, Decode)]
pub(super) struct TaskWire {
    #[n(0)]
    pub(super) cell: u64,
    #[n(1)]
    pub(super) run: RunId,
    #[n(2)]
    pub(super) tries: u32,
    #[n(3)]
    pub(super) reason: Reason,
    #[n(4)]
    pub(super) replicate: u64,
    /// Arguments that differ between runs.
    #[n(5)]
    pub(super) arguments: Vec<NamedWire>,
    /// The canonical map of the swept arguments, as the record keeps it.
    #[n(6)]
    pub(super) swept: ByteVec,
    #[n(7)]
    pub(super) shown: Vec<Shown>,
    #[n(8)]
    pub(super) watched: Vec<ByteVec>,
    #[n(9)]
    pub(super) inputs: Option<InputsWire>,
}

/// Why a run is performed although a record exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(super) enum Reason {
    #[n(0)]
    None,
    #[n(1)]
    Rerun,
    #[n(2)]
    Repair,
}

#[derive(Debug, Encode, Decode)]
pub(super) struct InputsWire {
    #[n(0)]
    pub(super) supplied: Vec<SuppliedWire>,
    #[n(1)]
    pub(super) references: Vec<InputRef>,
    #[n(2)]
    pub(super) lists: Vec<ListWire>,
    #[n(3)]
    pub(super) insist: bool,
}

/// The parts of a gather, to be stored.
#[derive(Debug, Encode, Decode)]
pub(super) struct ListWire {
    #[n(0)]
    pub(super) input: u32,
    #[n(1)]
    pub(super) bytes: ByteVec,
}

#[derive(Debug, Encode, Decode)]
pub(super) enum SuppliedWire {
    #[n(0)]
    One(#[n(0)] LocatedWire),
    #[n(1)]
    Many(#[n(0)] Vec<PartWire>),
}

#[derive(Debug, Encode, Decode)]
pub(super) struct PartWire {
    /// Coordinates in their canonical encoding.
    #[n(0)]
    pub(super) at: ByteVec,
    #[n(1)]
    pub(super) value: LocatedWire,
}

#[derive(Debug, Encode, Decode)]
pub(super) struct LocatedWire {
    #[n(0)]
    pub(super) digest: Digest,
    #[n(1)]
    pub(super) at: PlaceWire,
}

#[derive(Debug, Encode, Decode)]
pub(super) enum PlaceWire {
    #[n(0)]
    Record(#[n(0)] RecordPlace),
    #[n(1)]
    Pack(#[n(0)] RecordPlace),
    /// Found by its digest, or among the values that came along.
    #[n(2)]
    Elsewhere,
}

/// A run that is over.
#[derive(Debug, Encode, Decode)]
pub(super) enum ReportWire {
    #[n(0)]
    Run(#[n(0)] Box<RunWire>),
    /// It did not begin because an input could not be had.
    #[n(1)]
    Returned(#[n(0)] u64, #[n(1)] Digest),
}

#[derive(Debug, Encode, Decode)]
pub(super) struct RunWire {
    #[n(0)]
    pub(super) cell: u64,
    #[n(1)]
    pub(super) run: RunId,
    #[n(2)]
    pub(super) outcome: Outcome,
    #[n(3)]
    pub(super) started: i64,
    #[n(4)]
    pub(super) output: Option<Digest>,
    #[n(5)]
    pub(super) output_place: Place,
    #[n(6)]
    pub(super) artifacts: Vec<(String, Digest)>,
    #[n(7)]
    pub(super) record: ByteVec,
    #[n(8)]
    pub(super) error: Option<String>,
    #[n(9)]
    pub(super) logged: bool,
    /// For the pack.
    #[n(10)]
    pub(super) values: Vec<ValueWire>,
    /// Outputs that lie in records, for steps that feed others.
    #[n(11)]
    pub(super) inline: Vec<ValueWire>,
    /// How long it took, nanoseconds.
    #[n(12)]
    pub(super) busy: u64,
    /// Functions that derived nothing from it, and why.
    #[n(13)]
    pub(super) underived: Vec<(String, String)>,
    /// Log streams under `live/`.
    #[n(14)]
    pub(super) streams: Vec<String>,
}

impl BriefKey {
    pub(super) fn new(submission: RecordName, step: usize) -> Self {
        Self { submission, step: step as u64 }
    }
}

/// The value of canonical bytes that came through the pipe.
pub(super) fn value(bytes: &ByteVec) -> Result<metalab_cas::Value, String> {
    metalab_cas::Value::decode(bytes).map_err(|error| error.to_string())
}
