//! One execution of a run.

use metalab_cas::Digest;
use minicbor::{Decode, Encode};

use super::cbor::{list, octets};
use crate::id::{RecordName, RunId};

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Outcome {
    /// The operation returned its output.
    #[n(0)]
    Succeeded,
    /// The operation returned an error or panicked.
    #[n(1)]
    Failed,
    /// The attempt was stopped on request.
    #[n(2)]
    Cancelled,
    /// The attempt took longer than it was allowed.
    #[n(3)]
    TimedOut,
}

impl Outcome {
    /// The word used in tables and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed_out",
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// The record of one execution of a run, immutable once written.
///
/// Together with its [`Template`](super::Template) it holds the complete pre-image of the run id.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Attempt {
    /// The run that was attempted.
    #[n(0)]
    pub run: RunId,
    /// Digest of the [`Template`](super::Template): what the runs of a step share.
    #[n(1)]
    pub template: Digest,
    /// The swept arguments: a canonical map, without those equal to their default.
    #[cbor(n(2), with = "octets", has_nil)]
    pub arguments: Vec<u8>,
    /// The replicate, for operations that take seeds.
    #[n(3)]
    pub replicate: Option<u64>,
    /// Its inputs, in the order of the operation's signature.
    #[cbor(n(4), with = "list", has_nil)]
    pub inputs: Vec<InputRef>,
    /// How it ended.
    #[n(5)]
    pub outcome: Outcome,
    /// When it started: microseconds since 1970, UTC.
    #[n(6)]
    pub started: i64,
    /// How long it took, microseconds.
    #[n(7)]
    pub duration: u64,
    /// CPU time of the thread or process, microseconds.
    #[n(8)]
    pub cpu: Option<u64>,
    /// Peak resident memory of the process while it ran, bytes.
    #[n(9)]
    pub peak_memory: Option<u64>,
    /// Digest of the [`Environment`](super::Environment) it ran in.
    #[n(10)]
    pub environment: Digest,
    /// The submission that wanted it.
    #[n(11)]
    pub submission: Option<RecordName>,
    /// The number of the step in that submission, from 0.
    #[n(12)]
    pub step: Option<u32>,
    /// The index of the cell in that step.
    #[n(13)]
    pub cell: Option<u64>,
    /// The return value, for attempts that succeeded.
    #[n(14)]
    pub output: Option<OutputRef>,
    /// Captured metrics, in the order of their first capture.
    #[cbor(n(15), with = "list", has_nil)]
    pub metrics: Vec<(String, Scalar)>,
    /// Captured artifacts.
    #[cbor(n(16), with = "list", has_nil)]
    pub artifacts: Vec<ArtifactRef>,
    /// Stepped metrics.
    #[cbor(n(17), with = "list", has_nil)]
    pub series: Vec<SeriesRef>,
    /// What the operation logged, as lines of text.
    #[n(18)]
    pub log: Option<ValueRef>,
    /// Why it did not succeed.
    #[n(19)]
    pub error: Option<ErrorRecord>,
    /// Which try of this run in its submission it was, from 1; absent for the first.
    #[n(20)]
    pub retry: Option<u32>,
    /// Paths as the user wrote them, for file and folder arguments (shown, never hashed).
    #[cbor(n(21), with = "list", has_nil)]
    pub shown: Vec<Shown>,
    /// Why it was executed although a record existed (`rerun`, `repair: ...`); absent for a plain miss.
    #[n(22)]
    pub reason: Option<String>,
    /// Captured data: values that are read back typed.
    #[cbor(n(23), with = "list", has_nil)]
    pub data: Vec<DataRef>,
    /// Named log streams beside [`Attempt::log`], such as the standard output of a child process.
    #[cbor(n(24), with = "list", has_nil)]
    pub streams: Vec<LogStream>,
    /// Derived metrics that were computed right after the run.
    #[cbor(n(25), with = "list", has_nil)]
    pub derived: Vec<DerivedRecord>,
}

/// A captured value that is read back typed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct DataRef {
    /// Its name, unique among the data of the run.
    #[n(0)]
    pub name: String,
    /// How the bytes are encoded: `value` (a canonical value) or `npy` (an array).
    #[n(1)]
    pub codec: String,
    /// Digest, size and place of the bytes.
    #[n(2)]
    pub value: ValueRef,
    /// The bytes, when they are small.
    #[cbor(n(3), with = "octets", has_nil)]
    pub inline: Vec<u8>,
    /// For an array, the type of its elements in NumPy's words, such as `<f8`.
    #[n(4)]
    pub dtype: Option<String>,
    /// For an array, its lengths, slowest first.
    #[cbor(n(5), with = "list", has_nil)]
    pub shape: Vec<u64>,
}

/// A log beside the main one.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LogStream {
    /// Its name, such as `stdout`.
    #[n(0)]
    pub name: String,
    /// Its lines.
    #[n(1)]
    pub value: ValueRef,
}

/// What one function derived from one finished run.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct DerivedRecord {
    /// Name of the function.
    #[n(0)]
    pub function: String,
    /// Digest of the function's code, by which a later derivation knows that nothing changed.
    #[n(1)]
    pub code: Digest,
    /// The derived metrics, in the order of the function; empty when it failed.
    #[cbor(n(2), with = "list", has_nil)]
    pub values: Vec<(String, Scalar)>,
    /// Why the function gave nothing.
    #[n(3)]
    pub error: Option<ErrorRecord>,
}

/// An input as it entered the run id, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct InputRef {
    /// Its name.
    #[n(0)]
    pub name: String,
    /// Digest of the value; absent for a gather.
    #[n(1)]
    pub digest: Option<Digest>,
    /// The run that made it, if it was a run.
    #[n(2)]
    pub run: Option<RunId>,
    /// The artifact of that run; absent for its return value.
    #[n(3)]
    pub artifact: Option<String>,
    /// For a gather, its parts: a stored canonical list of `[coordinates, bytes(digest), bytes(run id)]`, in the order
    /// in which they were hashed.
    #[n(4)]
    pub gather: Option<ValueRef>,
}

/// Where the bytes of a value lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Place {
    /// In the record itself.
    #[n(0)]
    Inline,
    /// In a pack beside the segment.
    #[n(1)]
    Pack,
    /// A blob of its own.
    #[n(2)]
    Blob,
}

/// A reference to stored bytes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ValueRef {
    /// BLAKE3 of the bytes.
    #[n(0)]
    pub digest: Digest,
    /// Their number.
    #[n(1)]
    pub size: u64,
    /// Where they were put.
    #[n(2)]
    pub place: Place,
}

/// The typed return value.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OutputRef {
    /// Digest, size and place of the encoded value.
    #[n(0)]
    pub value: ValueRef,
    /// Name of the codec, such as `json` or `npy`.
    #[n(1)]
    pub codec: String,
    /// The encoded bytes, when they are small.
    #[cbor(n(2), with = "octets", has_nil)]
    pub inline: Vec<u8>,
}

/// A named artifact.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ArtifactRef {
    /// Its name, unique in the run.
    #[n(0)]
    pub name: String,
    /// What it is: `bytes`, `text`, `json`, `npy`, `npz`, `arrow`, `parquet`, `figure`, `file`, `folder`, or the word of a
    /// codec of the user's own.
    #[n(1)]
    pub kind: String,
    /// Digest, size and place of the bytes (of the tree, for a folder).
    #[n(2)]
    pub value: ValueRef,
    /// File name extension that suits it, such as `txt`.
    #[n(3)]
    pub extension: Option<String>,
    /// Name of the user's format, for artifacts of a codec of their own.
    #[n(4)]
    pub format: Option<String>,
    /// What is said about it: a canonical map.
    #[cbor(n(5), with = "octets", has_nil)]
    pub metadata: Vec<u8>,
}

/// A stepped metric: one number per step.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SeriesRef {
    /// Name of the metric.
    #[n(0)]
    pub name: String,
    /// Number of steps.
    #[n(1)]
    pub length: u64,
    /// The points: see [`crate::capture::series`].
    #[n(2)]
    pub value: ValueRef,
}

/// A metric's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// A floating-point number; NaN and infinities are legal.
    Float(f64),
    /// An integer.
    Int(i64),
    /// True or false.
    Bool(bool),
    /// Text.
    Text(String),
}

impl<C> Encode<C> for Scalar {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        match self {
            Self::Float(x) => e.f64(*x)?.ok(),
            Self::Int(x) => e.i64(*x)?.ok(),
            Self::Bool(x) => e.bool(*x)?.ok(),
            Self::Text(x) => e.str(x)?.ok(),
        }
    }
}

impl<'b, C> Decode<'b, C> for Scalar {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        use minicbor::data::Type;
        Ok(match d.datatype()? {
            Type::F16 | Type::F32 | Type::F64 => Self::Float(d.f64()?),
            Type::Bool => Self::Bool(d.bool()?),
            Type::String => Self::Text(d.str()?.to_owned()),
            _ => Self::Int(d.i64()?),
        })
    }
}

impl std::fmt::Display for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Float(x) => x.fmt(f),
            Self::Int(x) => x.fmt(f),
            Self::Bool(x) => x.fmt(f),
            Self::Text(x) => f.pad(x),
        }
    }
}

/// Why an attempt did not succeed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ErrorRecord {
    /// The error and its causes, outermost first; never empty.
    #[n(0)]
    pub chain: Vec<String>,
    /// Where it panicked, if it did: the backtrace as text.
    #[n(1)]
    pub backtrace: Option<String>,
    /// `error`, `panic`, `crash` (its process ended), `no worker`, `cancelled`, `timeout`, `input`, `input changed`,
    /// `arguments`, `capture`, `output`, `storage`.
    #[n(2)]
    pub cause: String,
}

/// A file or folder argument as the user wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Shown {
    /// The argument's name.
    #[n(0)]
    pub argument: String,
    /// The path, relative as given; of an absolute one only the last component.
    #[n(1)]
    pub path: String,
}
