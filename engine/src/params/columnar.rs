//! Parameter sets from Parquet files and Arrow batches (feature `arrow`).
//!
//! A column is an argument, a row is a set, a null is an argument that the set lacks. Values are what they are: `1` of
//! any integer type is 1, a 32-bit float is the float it equals.

use std::fs::File;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Schema};
use metalab_cas::Value;
use metalab_cas::value::Int;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::files::{named, source};
use super::list::Table;
use super::{MAX_SETS, ParamsError, Source};

/// So many rows are turned into values at once.
const ROWS: usize = 4096;

/// The sets in a Parquet file: a column for each argument, of truth values, numbers or texts.
///
/// ```no_run,standalone_crate
/// # extern crate metalab_engine as metalab;
/// use metalab::params;
/// # #[metalab::operation] fn train(lr: f64) -> metalab::Result<f64> { Ok(lr) }
/// # fn sets() -> metalab::Result<()> {
/// let experiment = metalab::Experiment::new("study", "1").sweep(Train::from(params::parquet("sets.parquet")?));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When the file cannot be read or is no Parquet, when a column is of another type (a list, a struct, a time), has no
/// name or that of another one, and at a float that is not finite; the error names column and row (from 1).
pub fn parquet(path: impl AsRef<Path>) -> Result<Source, ParamsError> {
    let path = path.as_ref();
    let name = named(path)?;
    read(path).map(source).map_err(|reason| ParamsError::File { file: name, reason })
}

/// The sets in Arrow batches, one after another, by the rules of [`parquet()`].
///
/// The batches need not have the same columns: a set lacks those that its batch has not.
///
/// # Errors
/// As [`parquet()`]; rows are counted over all batches.
pub fn batches(batches: &[RecordBatch]) -> Result<Source, ParamsError> {
    let mut table = Table::default();
    let added = batches.iter().try_for_each(|batch| {
        let places = places(&batch.schema(), &mut table)?;
        add(batch, &places, &mut table)
    });
    let added = added.map(|()| source(table));
    added.map_err(|reason| ParamsError::File { file: "Arrow batches".into(), reason })
}

fn read(path: &Path) -> Result<Table, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let words = |error: &dyn std::fmt::Display| format!("it cannot be read as Parquet: {error}");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| words(&error))?;
    let rows = reader.metadata().file_metadata().num_rows();
    if u64::try_from(rows).is_ok_and(|rows| rows > MAX_SETS) {
        return Err(format!("{rows} rows are more than the {MAX_SETS} sets that one step may have"));
    }
    let mut table = Table::default();
    let places = places(reader.schema(), &mut table)?;
    for batch in reader.with_batch_size(ROWS).build().map_err(|error| words(&error))? {
        add(&batch.map_err(|error| words(&error))?, &places, &mut table)?;
    }
    Ok(table)
}

/// Where in the table the columns stand, after checking them.
fn places(schema: &Schema, table: &mut Table) -> Result<Vec<usize>, String> {
    let mut places = Vec::with_capacity(schema.fields().len());
    for (number, field) in schema.fields().iter().enumerate() {
        let name = field.name();
        if name.trim().is_empty() {
            return Err(format!("column {} has no name", number + 1));
        }
        if !is_plain(field.data_type()) {
            return Err(format!(
                "column `{name}` is of the type {}; an argument comes from a column of truth values, whole numbers, floats or texts",
                field.data_type()
            ));
        }
        let place = table.names.iter().position(|known| **known == **name).unwrap_or_else(|| {
            table.names.push(name.as_str().into());
            table.names.len() - 1
        });
        if places.contains(&place) {
            return Err(format!("two columns are called `{name}`"));
        }
        places.push(place);
    }
    Ok(places)
}

fn is_plain(data: &DataType) -> bool {
    match data {
        DataType::Null | DataType::Boolean | DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            true
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_plain(values),
        other => other.is_integer(),
    }
}

/// Adds the rows of a batch.
fn add(batch: &RecordBatch, places: &[usize], table: &mut Table) -> Result<(), String> {
    for start in (0..batch.num_rows()).step_by(ROWS) {
        let part = batch.slice(start, ROWS.min(batch.num_rows() - start));
        let mut columns = part.columns().iter().map(|column| values(column)).collect::<Vec<_>>();
        for row in 0..part.num_rows() {
            let at = table.len() as usize;
            let mut set = vec![Value::List(Vec::new()); table.names.len()];
            for (column, place) in columns.iter_mut().zip(places) {
                let value = column[row].take();
                if let Some(Value::Float(x)) = value
                    && !x.is_finite()
                {
                    let name = &table.names[*place];
                    return Err(format!("row {}, column `{name}`: {x} cannot be an argument", at + 1));
                }
                set[*place] = Value::List(value.into_iter().collect());
            }
            table.push(at, set).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

/// The values of a column whose type was checked; nothing for null.
fn values(column: &dyn Array) -> Vec<Option<Value>> {
    fn whole<T: ArrowPrimitiveType<Native: Into<Int>>>(column: &dyn Array) -> Vec<Option<Value>> {
        column.as_primitive::<T>().iter().map(|x| x.map(|x| Value::Int(x.into()))).collect()
    }
    fn float<T: ArrowPrimitiveType<Native: Into<f64>>>(column: &dyn Array) -> Vec<Option<Value>> {
        column.as_primitive::<T>().iter().map(|x| x.map(|x| Value::Float(x.into()))).collect()
    }
    fn text<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> Vec<Option<Value>> {
        texts.map(|x| x.map(Value::from)).collect()
    }
    match column.data_type() {
        DataType::Boolean => column.as_boolean().iter().map(|x| x.map(Value::Bool)).collect(),
        DataType::Int8 => whole::<Int8Type>(column),
        DataType::Int16 => whole::<Int16Type>(column),
        DataType::Int32 => whole::<Int32Type>(column),
        DataType::Int64 => whole::<Int64Type>(column),
        DataType::UInt8 => whole::<UInt8Type>(column),
        DataType::UInt16 => whole::<UInt16Type>(column),
        DataType::UInt32 => whole::<UInt32Type>(column),
        DataType::UInt64 => whole::<UInt64Type>(column),
        DataType::Float16 => float::<Float16Type>(column),
        DataType::Float32 => float::<Float32Type>(column),
        DataType::Float64 => float::<Float64Type>(column),
        DataType::Utf8 => text(column.as_string::<i32>().iter()),
        DataType::LargeUtf8 => text(column.as_string::<i64>().iter()),
        DataType::Utf8View => text(column.as_string_view().iter()),
        DataType::Dictionary(..) if !column.is_empty() => {
            let column = column.as_any_dictionary();
            let known = values(column.values().as_ref());
            // The keys of nulls mean nothing; without values all are null.
            let keys = if known.is_empty() { vec![0; column.len()] } else { column.normalized_keys() };
            let value = |(row, key): (usize, usize)| match column.is_null(row) {
                true => None,
                false => known.get(key).cloned().flatten(),
            };
            keys.into_iter().enumerate().map(value).collect()
        }
        _ => vec![None; column.len()],
    }
}
