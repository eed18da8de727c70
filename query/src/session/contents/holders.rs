//! The runs that have what is asked for, and the bytes of it.

use std::sync::{Arc, PoisonError, RwLock};

use arrow::array::{Array, Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use bytes::Bytes;
use datafusion::common::{Column, JoinType, Result};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, cast, lit};
use metalab_cas::Digest;
use metalab_engine::id::RunId;
use metalab_engine::index::Index;
use metalab_engine::record::{Place, Record};
use metalab_engine::store::Store;

use super::decode::Form;
use super::{Contents, OUTPUT};
use crate::session::views::{Sources, col, hex, of, scan};
use crate::session::walk::column;

/// A run that has such an artifact.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    /// The run.
    pub(crate) run: RunId,
    /// The bytes.
    pub(crate) digest: Digest,
    /// Their number.
    pub(crate) size: u64,
    /// How they are read; otherwise the word for what they are.
    pub(crate) form: std::result::Result<Form, String>,
    /// What the run returned, not an artifact.
    pub(crate) is_output: bool,
}

/// Reads bytes of a store.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    pub(crate) store: Store,
    pub(crate) index: Arc<RwLock<Index>>,
}

impl Sources {
    /// The runs that have what is asked for, in the order of their ids: run_id, kind, extension, digest, bytes.
    pub(crate) fn holders(&self, asked: &Contents) -> Result<LogicalPlan> {
        let plan = if asked.name == OUTPUT {
            let plan = self.standing()?.filter(of("attempts", "output_digest").is_not_null())?;
            plan.project([
                of("attempts", "run_id").alias("run_id"),
                of("attempts", "output_codec").alias("kind"),
                cast(lit(""), DataType::Utf8View).alias("extension"),
                hex(of("attempts", "output_digest")).alias("digest"),
                of("attempts", "output_bytes").alias("bytes"),
            ])?
        } else {
            let plan = scan("artifacts", &self.artifacts)?;
            let plan = self.without_superseded(plan, "artifacts", JoinType::LeftAnti)?;
            let plan = plan.filter(of("artifacts", "name").eq(lit(asked.name.as_str())))?;
            let same = |name: &str| of("artifacts", name).alias(name);
            plan.project(["run_id", "kind", "extension", "digest", "bytes"].map(same))?
        };
        let plan = match &asked.experiment {
            Some(experiment) => {
                let wanted = self.cells(Some(experiment))?.project([col("run_id").alias("run_id")])?;
                let wanted = wanted.alias("wanted")?.build()?;
                let plan = LogicalPlanBuilder::from(plan.build()?).alias("held")?;
                let on =
                    (vec![Column::new(Some("held"), "run_id")], vec![Column::new(Some("wanted"), "run_id")]);
                plan.join(wanted, JoinType::LeftSemi, on, None)?
            }
            None => plan,
        };
        let plan = plan.sort([col("run_id").sort(true, false)])?;
        let columns =
            ["kind", "extension", "digest"].map(|name| cast(col(name), DataType::Utf8View).alias(name));
        let run = hex(col("run_id")).alias("run_id");
        plan.project(std::iter::once(run).chain(columns).chain([col("bytes")]))?.build()
    }
}

impl Holder {
    /// The rows of [`Sources::holders`].
    pub(crate) fn of(
        asked: &Contents,
        batches: &[RecordBatch],
    ) -> std::result::Result<Vec<Self>, ArrowError> {
        let mut all = Vec::new();
        for batch in batches {
            let text = |at: usize| column::<StringViewArray>(batch, at, &DataType::Utf8View);
            let (runs, kinds, extensions, digests) = (text(0)?, text(1)?, text(2)?, text(3)?);
            let sizes = column::<Int64Array>(batch, 4, &DataType::Int64)?;
            for row in 0..batch.num_rows() {
                let (Ok(run), Ok(digest)) = (runs.value(row).parse(), digests.value(row).parse()) else {
                    continue;
                };
                let kind = if kinds.is_valid(row) { kinds.value(row) } else { "" };
                let extension = if extensions.is_valid(row) { extensions.value(row) } else { "" };
                all.push(Self {
                    run: RunId(run),
                    digest,
                    size: u64::try_from(sizes.value(row)).unwrap_or(0),
                    form: Form::of(kind, extension, &asked.name).ok_or_else(|| kind.to_owned()),
                    is_output: asked.name == OUTPUT,
                });
            }
        }
        Ok(all)
    }
}

impl Reader {
    /// The bytes that a run has, verified.
    pub(super) fn bytes(&self, held: &Holder) -> std::result::Result<Bytes, String> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        if held.is_output
            && let Some(entry) = index.get(&held.run)
            && entry.output_place == Place::Inline
        {
            return match self.store.journal().read(&entry.place) {
                Ok(Record::Attempt(attempt)) => match attempt.output {
                    Some(output) => Ok(output.inline.into()),
                    None => Err("its record has no output".into()),
                },
                Ok(_) => Err("its record is none of a run".into()),
                Err(error) => Err(error.to_string()),
            };
        }
        let bytes = self.store.values().get(&held.digest, &index).map_err(|error| error.to_string())?;
        Ok(bytes)
    }
}
