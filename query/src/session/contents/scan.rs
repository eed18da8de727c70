//! Rows of artifacts, one artifact after another.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::provider_as_source;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::{StreamExt, stream};
use metalab_cas::Digest;

use super::holders::{Holder, Reader};
use super::types::{Together, conform};
use super::{Contents, FUNCTION};

/// Rows that go together on their way.
const ROWS: usize = 8192;

/// Artifacts with the columns they have together.
#[derive(Debug)]
pub(crate) struct Found {
    schema: SchemaRef,
    held: Arc<Vec<Holder>>,
    reader: Reader,
    /// Why some were left out, if any were.
    pub(crate) warning: Option<String>,
}

/// Looks at all artifacts for their columns; those that have no rows, or are larger than the memory, are left out.
pub(crate) async fn look(asked: &Contents, held: Vec<Holder>, reader: Reader, memory: u64) -> Found {
    let all = held.len();
    let mut together = Together::default();
    let mut seen: HashMap<Digest, std::result::Result<(), String>> = HashMap::new();
    let mut readable = Vec::new();
    let mut refused: Option<String> = None;
    for one in held {
        // Others have a turn between two artifacts, the clock among them.
        tokio::task::yield_now().await;
        let result = match seen.get(&one.digest) {
            Some(known) => known.clone(),
            None => {
                let columns = if one.size > memory {
                    Err("it is larger than the memory of the session".to_owned())
                } else {
                    reader.rows(&one)
                };
                columns.map(|batches| batches.iter().for_each(|batch| together.add(&batch.schema())))
            }
        };
        match &result {
            Ok(()) => readable.push(one.clone()),
            Err(reason) => {
                refused.get_or_insert_with(|| format!("of run {}: {reason}", one.run.short()));
            }
        }
        seen.insert(one.digest, result);
    }
    let lost = all - readable.len();
    let warning = refused
        .map(|first| format!("{lost} of {all} `{}` could not be read and are left out; {first}", asked.name));
    Found { schema: together.schema(), held: Arc::new(readable), reader, warning }
}

/// The rows of all.
pub(crate) fn plan(found: Found) -> Result<LogicalPlan> {
    let schema = Arc::clone(&found.schema);
    let table = StreamingTable::try_new(schema, vec![Arc::new(Rows(found))])?;
    LogicalPlanBuilder::scan(FUNCTION, provider_as_source(Arc::new(table)), None)?.build()
}

impl Reader {
    /// The rows of an artifact.
    fn rows(&self, held: &Holder) -> std::result::Result<Vec<RecordBatch>, String> {
        let form = held.form.as_ref().map_err(|kind| format!("`{kind}` is no format with rows"))?;
        let batches = form.decode(self.bytes(held)?)?;
        match batches.is_empty() {
            true => Ok(vec![RecordBatch::new_empty(Arc::new(Schema::empty()))]),
            false => Ok(batches),
        }
    }

    /// The rows of an artifact, with the columns of all, in parts that are not too large.
    fn part(&self, held: &Holder, schema: &SchemaRef) -> Result<Vec<RecordBatch>> {
        let failed = |reason: String| {
            DataFusionError::Execution(format!("the artifact of run {} is lost: {reason}", held.run.short()))
        };
        let mut parts = Vec::new();
        let run = held.run.0.to_hex();
        for batch in self.rows(held).map_err(failed)? {
            for from in (0..batch.num_rows()).step_by(ROWS) {
                let part = batch.slice(from, ROWS.min(batch.num_rows() - from));
                parts.push(conform(&run, &part, schema)?);
            }
        }
        Ok(parts)
    }
}

#[derive(Debug)]
struct Rows(Found);

impl PartitionStream for Rows {
    fn schema(&self) -> &SchemaRef {
        &self.0.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (schema, reader) = (Arc::clone(&self.0.schema), self.0.reader.clone());
        let held = Arc::clone(&self.0.held);
        let of = Arc::clone(&schema);
        let parts = stream::iter(0..held.len()).then(move |at| {
            let parts = reader.part(&held[at], &of);
            async move {
                tokio::task::yield_now().await;
                parts
            }
        });
        let rows = parts.flat_map(|parts| {
            stream::iter(match parts {
                Ok(parts) => parts.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            })
        });
        Box::pin(RecordBatchStreamAdapter::new(schema, rows))
    }
}
