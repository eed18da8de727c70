//! Rows that come while they are computed.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::StreamExt;
use tokio::sync::{mpsc, oneshot};

use super::limits::Stop;
use crate::error::QueryError;

/// Batches that wait for their reader.
const AHEAD: usize = 4;

/// The rows of a question, batch by batch: what was read is gone, what is far ahead is not computed yet. Dropped, it
/// stops the question.
#[derive(Debug)]
pub struct Rows {
    schema: SchemaRef,
    batches: mpsc::Receiver<Result<RecordBatch, QueryError>>,
    _task: Stop,
}

impl Rows {
    /// Names and types of the columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next rows; `None` after the last.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, QueryError>> {
        self.batches.recv().await
    }
}

/// Where the rows of a question go.
pub(super) struct Sink {
    began: oneshot::Sender<Result<SchemaRef, QueryError>>,
    batches: mpsc::Sender<Result<RecordBatch, QueryError>>,
}

/// Where they come out.
pub(super) struct Source {
    began: oneshot::Receiver<Result<SchemaRef, QueryError>>,
    batches: mpsc::Receiver<Result<RecordBatch, QueryError>>,
}

pub(super) fn channel() -> (Sink, Source) {
    let (began, begun) = oneshot::channel();
    let (batches, received) = mpsc::channel(AHEAD);
    (Sink { began, batches }, Source { began: begun, batches: received })
}

impl Source {
    /// Waits until the question is understood.
    pub(super) async fn rows(self, task: Stop) -> Result<Rows, QueryError> {
        let ended = |_| QueryError::Sql { message: "it was stopped".into() };
        let schema = self.began.await.map_err(ended)??;
        Ok(Rows { schema, batches: self.batches, _task: task })
    }
}

impl Sink {
    /// Passes rows on until they end, fail, or nobody reads them.
    pub(super) async fn fill<S, E>(self, rows: Result<(SchemaRef, S), QueryError>, failed: E)
    where
        S: futures::Stream<Item = datafusion::error::Result<RecordBatch>> + Unpin,
        E: Fn(datafusion::error::DataFusionError) -> QueryError,
    {
        let (schema, mut rows) = match rows {
            Ok(rows) => rows,
            // Where nobody waits, nobody misses it.
            Err(error) => return drop(self.began.send(Err(error))),
        };
        if self.began.send(Ok(schema)).is_err() {
            return;
        }
        while let Some(batch) = rows.next().await {
            let batch = batch.map_err(&failed);
            let last = batch.is_err();
            if self.batches.send(batch).await.is_err() || last {
                return;
            }
        }
    }
}
