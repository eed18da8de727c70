//! Rows written as they come: nothing but the batch at hand is in memory.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::FileWriter;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::{Format, json};
use crate::error::QueryError;

/// Writes batches of rows in one of the formats for programs: CSV, JSON, NDJSON, Parquet, Arrow.
///
/// ```
/// # use metalab_engine::store::Store;
/// use metalab_query::{Format, Options, RowWriter, query_blocking};
///
/// let answer = query_blocking(&Store::memory()?, "VALUES (1, 'a'), (2, 'b')", Options::default())?;
/// let mut bytes = Vec::new();
/// let mut writer = RowWriter::new(Format::Csv, answer.schema().clone(), &mut bytes)?;
/// for batch in answer.batches() {
///     writer.write(batch)?;
/// }
/// writer.finish()?;
/// assert_eq!(String::from_utf8(bytes)?, "column1,column2\n1,a\n2,b\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RowWriter<W: Write + Send> {
    format: Format,
    inner: Inner<W>,
}

enum Inner<W: Write + Send> {
    Csv(Box<csv::Writer<W>>),
    Json { to: W, first: bool },
    Ndjson(W),
    Parquet(Box<ArrowWriter<W>>),
    Arrow(Box<FileWriter<W>>),
}

impl<W: Write + Send> std::fmt::Debug for RowWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RowWriter({})", self.format)
    }
}

impl<W: Write + Send> RowWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// When the format is one for people, does not know a type of the schema, or the writer fails.
    pub fn new(format: Format, schema: SchemaRef, mut to: W) -> Result<Self, QueryError> {
        let fail = failed(format);
        let inner = match format {
            Format::Csv => {
                let mut writer = csv::Writer::from_writer(to);
                let names = schema.fields().iter().map(|field| field.name());
                writer.write_record(names).map_err(|e| fail(e.to_string()))?;
                Inner::Csv(Box::new(writer))
            }
            Format::Json => {
                to.write_all(b"[").map_err(|e| fail(e.to_string()))?;
                Inner::Json { to, first: true }
            }
            Format::Ndjson => Inner::Ndjson(to),
            Format::Parquet => {
                let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
                let writer = ArrowWriter::try_new(to, schema, Some(properties));
                Inner::Parquet(Box::new(writer.map_err(|e| fail(e.to_string()))?))
            }
            Format::Arrow => {
                let writer = FileWriter::try_new(to, &schema).map_err(|e| fail(e.to_string()))?;
                Inner::Arrow(Box::new(writer))
            }
            Format::Table | Format::Line => return Err(fail("it needs all rows at once".into())),
        };
        Ok(Self { format, inner })
    }

    /// Writes rows.
    ///
    /// # Errors
    /// When a value has no form in the format, or the writer fails.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), QueryError> {
        let fail = failed(self.format);
        match &mut self.inner {
            Inner::Csv(writer) => csv_rows(batch, writer).map_err(fail),
            Inner::Json { to, first } => json::write_items(batch, to, first).map_err(fail),
            Inner::Ndjson(to) => json::write_lines(batch, to).map_err(fail),
            Inner::Parquet(writer) => writer.write(batch).map_err(|e| fail(e.to_string())),
            Inner::Arrow(writer) => writer.write(batch).map_err(|e| fail(e.to_string())),
        }
    }

    /// Ends the file: without this it is not whole.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn finish(self) -> Result<(), QueryError> {
        let fail = failed(self.format);
        match self.inner {
            Inner::Csv(mut writer) => writer.flush().map_err(|e| fail(e.to_string())),
            Inner::Json { mut to, first } => {
                let end: &[u8] = if first { b"]\n" } else { b"\n]\n" };
                to.write_all(end).and_then(|()| to.flush()).map_err(|e| fail(e.to_string()))
            }
            Inner::Ndjson(mut to) => to.flush().map_err(|e| fail(e.to_string())),
            Inner::Parquet(writer) => writer.close().map(drop).map_err(|e| fail(e.to_string())),
            Inner::Arrow(mut writer) => writer.finish().map_err(|e| fail(e.to_string())),
        }
    }
}

fn csv_rows<W: Write>(batch: &RecordBatch, writer: &mut csv::Writer<W>) -> Result<(), String> {
    let options = FormatOptions::new().with_null("");
    let columns: Result<Vec<_>, _> =
        batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options)).collect();
    let columns = columns.map_err(|e| e.to_string())?;
    let mut text = String::new();
    for row in 0..batch.num_rows() {
        for column in &columns {
            text.clear();
            column.value(row).write(&mut text).map_err(|e| e.to_string())?;
            writer.write_field(&text).map_err(|e| e.to_string())?;
        }
        writer.write_record(None::<&[u8]>).map_err(|e| e.to_string())?;
    }
    Ok(())
}

fn failed(format: Format) -> impl Fn(String) -> QueryError + Copy {
    move |message| QueryError::Write { format: format.as_str(), message }
}
