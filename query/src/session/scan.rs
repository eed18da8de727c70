//! A table as DataFusion scans it: the files of its snapshot, and beside them the rows that are not folded yet.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{DFSchema, Result, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::union::UnionExec;

use crate::tables::LiveFile;

/// The address under which a session's runtime finds `tables/`.
pub(crate) const ADDRESS: &str = "metalab://tables";

/// Files and rows with one schema.
#[derive(Debug)]
pub(crate) struct Stored {
    /// The columns of both.
    pub(crate) schema: SchemaRef,
    /// Folded rows; columns a file lacks are null.
    pub(crate) files: Vec<LiveFile>,
    /// Rows that are not folded yet.
    pub(crate) live: Vec<RecordBatch>,
    /// The address of the files.
    pub(crate) address: String,
}

impl Stored {
    /// Whether it certainly has no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.live.iter().all(|batch| batch.num_rows() == 0)
            && self.files.iter().all(|file| file.rows == Some(0))
    }

    fn folded(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let address = ObjectStoreUrl::parse(&self.address)?;
        let environment = state.runtime_env();
        let store = environment.object_store(&address)?;
        let cache = environment.cache_manager.get_file_metadata_cache();
        let mut source = ParquetSource::new(Arc::clone(&self.schema))
            .with_table_parquet_options(state.table_options().parquet.clone())
            .with_parquet_file_reader_factory(Arc::new(CachedParquetFileReaderFactory::new(store, cache)));
        if let Some(filter) = conjunction(filters.to_vec()) {
            let schema = DFSchema::try_from(self.schema.as_ref().clone())?;
            source = source.with_predicate(state.create_physical_expr(filter, &schema)?);
        }
        let files =
            self.files.iter().map(|file| PartitionedFile::new(file.path.as_ref(), file.size)).collect();
        let groups = FileGroup::new(files).split_files(state.config_options().execution.target_partitions);
        let mut statistics = Statistics::new_unknown(&self.schema);
        statistics.num_rows = match self.files.iter().map(|file| file.rows).sum::<Option<usize>>() {
            Some(rows) => Precision::Exact(rows),
            None => Precision::Absent,
        };
        let config = FileScanConfigBuilder::new(address, Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

#[async_trait]
impl TableProvider for Stored {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let live = || -> Result<Arc<dyn ExecutionPlan>> {
            let rows = std::slice::from_ref(&self.live);
            let source = MemorySourceConfig::try_new(rows, Arc::clone(&self.schema), projection.cloned())?;
            Ok(DataSourceExec::from_data_source(source))
        };
        match (self.files.is_empty(), self.live.is_empty()) {
            (true, _) => live(),
            (false, true) => self.folded(state, projection, filters, limit),
            (false, false) => {
                UnionExec::try_new(vec![self.folded(state, projection, filters, limit)?, live()?])
            }
        }
    }
}
