//! Arrow and Parquet (feature `arrow`).
//!
//! | values | type |
//! | --- | --- |
//! | truth values | `Boolean` |
//! | whole numbers | `Int64`; `UInt64` where one is above all of these |
//! | floats | `Float64`, bit by bit |
//! | texts | `Utf8`; `LargeUtf8` from 2 GiB in a column |
//! | times | `Timestamp(Microsecond, "UTC")` |
//!
//! Every column may have nulls: what a run does not have.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, LargeStringArray, RecordBatch,
    RecordBatchOptions, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow_ipc::writer::FileWriter;
use arrow_schema::{ArrowError, Field, Schema};
use parquet::arrow::ArrowWriter;

use super::{Columns, Export, ExportError, Frame, Results, Values, file};

impl Results {
    /// An Arrow batch: one row for each cell, with the columns of the CSV, all in memory.
    ///
    /// Numbers are exact: whole numbers above `i64::MAX` make a column of `UInt64`, NaN and `-0.0` stay what they are.
    /// What is made of several values (lists, structs) is its JSON as text. A column of several kinds is one of texts; see
    /// [`Frame`]. Without rows there are the columns of the record.
    ///
    /// ```standalone_crate
    /// # extern crate metalab_engine as metalab;
    /// use metalab::results::Columns;
    /// # fn look(results: &metalab::results::Results) -> metalab::Result<()> {
    /// let batch = results.to_arrow(Columns::PARAMS | Columns::METRICS)?;
    /// assert_eq!(batch.num_rows(), results.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When a record cannot be read.
    pub fn to_arrow(&self, columns: Columns) -> Result<RecordBatch, ExportError> {
        Ok(batch(self.frame(columns)?)?)
    }

    /// Writes a new Parquet file: the columns of [`Results::to_arrow`].
    ///
    /// # Errors
    /// See [`ExportError`]; when a file is there, it is left as it is.
    pub fn to_parquet(&self, path: impl AsRef<Path>, columns: Columns) -> Result<(), ExportError> {
        self.export().columns(columns).parquet(path)
    }
}

impl Export<'_> {
    /// Writes Parquet, not compressed: the columns of [`Results::to_arrow`].
    ///
    /// # Errors
    /// See [`ExportError`].
    pub fn parquet(self, path: impl AsRef<Path>) -> Result<(), ExportError> {
        file::write(path.as_ref(), self.overwrite, |out| parquet(self.results, self.columns, out))
    }

    /// Writes an Arrow file (IPC): the columns of [`Results::to_arrow`].
    ///
    /// # Errors
    /// See [`ExportError`].
    pub fn arrow(self, path: impl AsRef<Path>) -> Result<(), ExportError> {
        file::write(path.as_ref(), self.overwrite, |out| arrow(self.results, self.columns, out))
    }

    /// Writes Parquet into anything that takes bytes.
    ///
    /// # Errors
    /// See [`ExportError`].
    pub fn write_parquet(self, out: impl Write + Send) -> Result<(), ExportError> {
        parquet(self.results, self.columns, out)
    }

    /// Writes an Arrow file (IPC) into anything that takes bytes.
    ///
    /// # Errors
    /// See [`ExportError`].
    pub fn write_arrow(self, out: impl Write) -> Result<(), ExportError> {
        arrow(self.results, self.columns, out)
    }
}

fn parquet(results: &Results, columns: Columns, mut out: impl Write + Send) -> Result<(), ExportError> {
    let batch = results.to_arrow(columns)?;
    let mut write = || {
        let mut writer = ArrowWriter::try_new(&mut out, batch.schema(), None)?;
        writer.write(&batch)?;
        writer.close()
    };
    write().map_err(ArrowError::from)?;
    Ok(out.flush()?)
}

fn arrow(results: &Results, columns: Columns, mut out: impl Write) -> Result<(), ExportError> {
    let batch = results.to_arrow(columns)?;
    let mut writer = FileWriter::try_new(&mut out, &batch.schema())?;
    writer.write(&batch)?;
    writer.finish()?;
    drop(writer);
    Ok(out.flush()?)
}

fn batch(frame: Frame) -> Result<RecordBatch, ArrowError> {
    let rows = RecordBatchOptions::new().with_row_count(Some(frame.rows));
    let columns = frame.columns.into_iter().map(|column| (column.name, array(column.values)));
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) =
        columns.map(|(name, array)| (Field::new(name, array.data_type().clone(), true), array)).unzip();
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &rows)
}

fn array(values: Values) -> ArrayRef {
    match values {
        Values::Bool(all) => Arc::new(BooleanArray::from(all)),
        Values::Int(all) => Arc::new(Int64Array::from(all)),
        Values::Unsigned(all) => Arc::new(UInt64Array::from(all)),
        Values::Float(all) => Arc::new(Float64Array::from(all)),
        Values::Time(all) => Arc::new(TimestampMicrosecondArray::from(all).with_timezone("UTC")),
        Values::Text(all) => {
            let bytes: usize = all.iter().flatten().map(String::len).sum();
            match i32::try_from(bytes) {
                Ok(_) => Arc::new(StringArray::from(all)),
                Err(_) => Arc::new(LargeStringArray::from(all)),
            }
        }
    }
}
