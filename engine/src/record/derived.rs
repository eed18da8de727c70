//! What was derived from finished runs after they ended.

use metalab_cas::Digest;
use minicbor::{Decode, Encode};

use super::DerivedRecord;
use super::cbor::list;
use crate::id::RunId;

/// Derived metrics of many runs, computed later than the runs themselves.
///
/// Of several results of one function for one run, the newest counts: those in the run's own record are as old as its
/// end, those here have [`DerivedBatch::time`]; of equal times, the greater record name.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct DerivedBatch {
    /// When they were computed: microseconds since 1970, UTC.
    #[n(0)]
    pub time: i64,
    /// Digest of the [`Environment`](super::Environment) they were computed in.
    #[n(1)]
    pub environment: Digest,
    /// The runs and what was derived from them.
    #[cbor(n(2), with = "list", has_nil)]
    pub rows: Vec<(RunId, DerivedRecord)>,
}

/// A derived metric that is an SQL expression, kept by name. Of several of one name and experiment, the newest counts.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct KeptExpression {
    /// The name of the metric.
    #[n(0)]
    pub name: String,
    /// The experiment it is of; absent for all.
    #[n(1)]
    pub experiment: Option<String>,
    /// The expression; absent when the name was given up.
    #[n(2)]
    pub expression: Option<String>,
    /// When it was kept: microseconds since 1970, UTC.
    #[n(3)]
    pub time: i64,
}
