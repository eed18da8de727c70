//! Writing the Parquet files of a table.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, new_null_array};
use arrow::compute::{cast, max, max_string, min, min_string};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::schema::Table;
use crate::error::QueryError;

/// Rows of a row group: large enough to compress, small enough that two threads share a file of a common size.
const ROW_GROUP: usize = 128 * 1024;

/// A file that was written and is not committed yet.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// Its name in the table's folder.
    pub(crate) path: String,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// Its rows.
    pub(crate) rows: usize,
    /// Delta's statistics, JSON.
    pub(crate) stats: String,
    /// The columns it has.
    pub(crate) schema: SchemaRef,
}

/// The union of the columns of `batches`, in the order of their first appearance.
pub(crate) fn union_schema(batches: &[RecordBatch]) -> SchemaRef {
    let mut fields: Vec<Field> = Vec::new();
    let mut seen = BTreeMap::new();
    for batch in batches {
        for field in batch.schema().fields() {
            if seen.insert(field.name().clone(), ()).is_none() {
                fields.push(Field::new(field.name(), plain(field.data_type()), true));
            }
        }
    }
    Arc::new(Schema::new(fields))
}

/// Storage has no dictionaries and no views: they are how a batch holds text, not what it is.
fn plain(kind: &DataType) -> DataType {
    match kind {
        DataType::Dictionary(_, value) => plain(value),
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        other => other.clone(),
    }
}

/// Writes batches, whose columns may differ, as one file and returns what a commit needs to know of it.
pub(crate) async fn write_part(
    table: Table,
    store: &dyn ObjectStore,
    batches: Vec<RecordBatch>,
) -> Result<Part, QueryError> {
    let (bytes, part) = encode(table, &batches)?;
    drop(batches);
    let path = Path::from(format!("{}/{}", table.name(), part.path));
    let put = store.put(&path, PutPayload::from(bytes)).await;
    put.map_err(QueryError::table(table.name(), "writing a file"))?;
    Ok(part)
}

/// The bytes of the file and its description.
pub(crate) fn encode(table: Table, batches: &[RecordBatch]) -> Result<(Vec<u8>, Part), QueryError> {
    let wrong = || QueryError::table::<parquet::errors::ParquetError>(table.name(), "encoding rows");
    let schema = union_schema(batches);
    let mut bytes = Vec::new();
    let mut rows = 0;
    for (at, batch) in batches.iter().enumerate() {
        rows += batch.num_rows();
        debug_assert!(at == 0 || batch.num_columns() > 0);
    }
    // A writer wants one Arrow schema; whether text comes as a dictionary must therefore agree between the batches.
    let held = held_schema(batches, &schema);
    let options = ArrowWriterOptions::new().with_properties(properties(table)).with_skip_arrow_metadata(true);
    let mut writer =
        ArrowWriter::try_new_with_options(&mut bytes, Arc::clone(&held), options).map_err(|e| wrong()(e))?;
    for batch in batches {
        let batch = conform(batch, &held).map_err(QueryError::table(table.name(), "encoding rows"))?;
        writer.write(&batch).map_err(|e| wrong()(e))?;
    }
    writer.close().map_err(|e| wrong()(e))?;
    let part = Part {
        path: format!("part-{}.zstd.parquet", fresh_name()?),
        size: bytes.len() as u64,
        rows,
        stats: statistics(table, batches, rows),
        schema,
    };
    Ok((bytes, part))
}

/// The schema the writer is given: a dictionary where all batches that have the column hold one.
fn held_schema(batches: &[RecordBatch], union: &SchemaRef) -> SchemaRef {
    let field = |field: &Arc<Field>| {
        let mut kinds =
            batches.iter().filter_map(|batch| Some(batch.column_by_name(field.name())?.data_type()));
        let first = kinds.next().unwrap_or(field.data_type());
        let kind = if kinds.all(|kind| kind == first) { first } else { field.data_type() };
        Field::new(field.name(), kind.clone(), true)
    };
    Arc::new(Schema::new(union.fields().iter().map(field).collect::<Vec<_>>()))
}

/// The batch with the columns of `schema`: nulls where it has none.
pub(crate) fn conform(
    batch: &RecordBatch,
    schema: &SchemaRef,
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let column = |field: &Arc<Field>| match batch.column_by_name(field.name()) {
        Some(array) if array.data_type() == field.data_type() => Ok(Arc::clone(array)),
        Some(array) => cast(array, field.data_type()),
        None => Ok(new_null_array(field.data_type(), batch.num_rows())),
    };
    let columns = schema.fields().iter().map(column).collect::<Result<Vec<ArrayRef>, _>>()?;
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}

fn properties(table: Table) -> WriterProperties {
    let level = ZstdLevel::try_new(1).unwrap_or_default();
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_created_by("metalab".into());
    // Ids and digests are random: a dictionary of them is built for nothing.
    for name in
        ["run_id", "output_digest", "coordinates", "started", "duration_us", "cpu_us", "sequence", "cell"]
    {
        if table.core().iter().any(|(core, _)| *core == name) {
            builder = builder.set_column_dictionary_enabled(ColumnPath::from(name), false);
        }
    }
    builder.build()
}

/// A name that no other file has.
fn fresh_name() -> Result<String, QueryError> {
    let id = metalab_engine::id::WriterId::random().map_err(QueryError::store("asking for randomness"))?;
    Ok(id.to_string())
}

/// Delta's statistics: the number of rows, and the range of the core columns that help to skip files.
fn statistics(table: Table, batches: &[RecordBatch], rows: usize) -> String {
    let mut least = serde_json::Map::new();
    let mut most = serde_json::Map::new();
    for name in ["started", "experiment", "step", "status", "operation", "name"] {
        if table.core().iter().any(|(core, kind)| *core == name && *kind == super::Type::Text)
            && let Some((low, high)) = text_range(batches, name)
        {
            least.insert(name.into(), low.into());
            most.insert(name.into(), high.into());
        } else if name == "started"
            && let Some((low, high)) = time_range(batches, name)
        {
            least.insert(name.into(), low.into());
            most.insert(name.into(), high.into());
        }
    }
    serde_json::json!({ "numRecords": rows, "minValues": least, "maxValues": most, "nullCount": {} })
        .to_string()
}

fn text_range(batches: &[RecordBatch], name: &str) -> Option<(String, String)> {
    let mut range: Option<(String, String)> = None;
    for batch in batches {
        let column = batch.column_by_name(name)?;
        if column.null_count() > 0 {
            return None;
        }
        let texts = match column
            .as_any()
            .downcast_ref::<arrow::array::DictionaryArray<arrow::datatypes::Int32Type>>()
        {
            Some(dictionary) => Arc::clone(dictionary.values()),
            None => cast(column, &DataType::Utf8).ok()?,
        };
        let texts = texts.as_any().downcast_ref::<arrow::array::StringArray>()?;
        let (low, high) = (min_string(texts)?.to_owned(), max_string(texts)?.to_owned());
        if low.len() > 64 || high.len() > 64 {
            return None;
        }
        range = Some(match range {
            Some((l, h)) => (l.min(low), h.max(high)),
            None => (low, high),
        });
    }
    range
}

fn time_range(batches: &[RecordBatch], name: &str) -> Option<(String, String)> {
    let mut range: Option<(i64, i64)> = None;
    for batch in batches {
        let column = batch.column_by_name(name)?;
        let times = column.as_any().downcast_ref::<arrow::array::TimestampMicrosecondArray>()?;
        let (low, high) = (min(times)?, max(times)?);
        range = Some(range.map_or((low, high), |(l, h)| (l.min(low), h.max(high))));
    }
    let (low, high) = range?;
    // Delta's statistics carry milliseconds, so the upper bound is rounded up.
    let text = |micros: i64| {
        let time = chrono::DateTime::from_timestamp_millis(micros)?;
        Some(time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
    };
    Some((text(low.div_euclid(1000))?, text(high.div_euclid(1000) + 1)?))
}
