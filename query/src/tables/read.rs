//! Reading whole tables, for those that are small, and whole files, to compact them.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use object_store::ObjectStoreExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::delta::{LiveFile, Snapshot};
use super::files::Files;
use super::write::conform;
use crate::error::QueryError;

impl Snapshot {
    /// The columns that queries see: the core, then those of this version.
    pub(crate) fn schema(&self) -> SchemaRef {
        let core = self.table.core().iter().map(|(name, kind)| kind.field(name));
        let own = self.columns.iter().map(|(name, kind)| kind.field(name));
        Arc::new(Schema::new(core.chain(own).collect::<Vec<_>>()))
    }

    /// All rows, with the columns of [`schema`](Self::schema).
    pub(crate) async fn read(&self, files: &Files) -> Result<Vec<RecordBatch>, QueryError> {
        let schema = self.schema();
        let mut batches = Vec::new();
        for file in &self.files {
            for batch in self.read_file(files, file).await? {
                let wrong = QueryError::table(self.table.name(), "reading a file");
                batches.push(conform(&batch, &schema).map_err(wrong)?);
            }
        }
        Ok(batches)
    }

    /// The rows of one file as they are stored.
    pub(crate) async fn read_file(
        &self,
        files: &Files,
        file: &LiveFile,
    ) -> Result<Vec<RecordBatch>, QueryError> {
        let name = self.table.name();
        let store = files.object_store();
        let got = store.get(&file.path).await.map_err(QueryError::table(name, "reading a file"))?;
        let bytes = got.bytes().await.map_err(QueryError::table(name, "reading a file"))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)
            .map_err(QueryError::table(name, "reading a file"))?;
        let reader =
            reader.with_batch_size(64 * 1024).build().map_err(QueryError::table(name, "reading a file"))?;
        reader.collect::<Result<Vec<_>, _>>().map_err(QueryError::table(name, "reading a file"))
    }
}
