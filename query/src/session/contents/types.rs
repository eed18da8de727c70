//! Which types columns have, alone and together.
//!
//! In one artifact: whole numbers are 64-bit, other numbers double, texts text, times microseconds. Over several: what is
//! the same stays; numbers of several types become double; everything else becomes text. Where an artifact lacks a
//! column, its rows have null.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringArray, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// The column that says whose row it is.
const RUN: &str = "run_id";

/// A batch with columns of plain types and distinct names, none of them `run_id`.
pub(super) fn plain(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let mut taken = BTreeSet::from([RUN.to_owned()]);
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let mut name = field.name().clone();
        let mut count = 1;
        while !taken.insert(name.clone()) {
            count += 1;
            name = format!("{}_{count}", field.name());
        }
        let kind = plain_type(column.data_type());
        let column = if *column.data_type() == kind { Arc::clone(column) } else { cast(column, &kind)? };
        fields.push(Field::new(name, kind, true));
        columns.push(column);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
}

fn plain_type(kind: &DataType) -> DataType {
    use DataType as T;
    match kind {
        T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::UInt8 | T::UInt16 | T::UInt32 => T::Int64,
        T::Float16 | T::Float32 | T::Float64 => T::Float64,
        T::Utf8 | T::LargeUtf8 | T::Utf8View => T::Utf8,
        T::Dictionary(_, values) => plain_type(values),
        T::Timestamp(_, zone) => T::Timestamp(TimeUnit::Microsecond, zone.clone()),
        other => other.clone(),
    }
}

/// The columns of several artifacts together, in the order in which they are met.
#[derive(Debug, Default)]
pub(super) struct Together {
    fields: Vec<(String, DataType)>,
}

impl Together {
    /// Adds the columns of one.
    pub(super) fn add(&mut self, schema: &Schema) {
        for field in schema.fields() {
            match self.fields.iter_mut().find(|(name, _)| name == field.name()) {
                Some((_, kind)) => *kind = unify(kind, field.data_type()),
                None => self.fields.push((field.name().clone(), field.data_type().clone())),
            }
        }
    }

    /// The columns of all, `run_id` before them.
    pub(super) fn schema(self) -> SchemaRef {
        let run = Field::new(RUN, DataType::Utf8, false);
        let fields = self.fields.into_iter().map(|(name, kind)| {
            // Nobody has a value: text is what can be asked about without an error.
            let kind = if kind == DataType::Null { DataType::Utf8 } else { kind };
            Field::new(name, kind, true)
        });
        Arc::new(Schema::new(std::iter::once(run).chain(fields).collect::<Vec<_>>()))
    }
}

fn unify(a: &DataType, b: &DataType) -> DataType {
    match (a, b) {
        (a, b) if a == b => a.clone(),
        (DataType::Null, other) | (other, DataType::Null) => other.clone(),
        (a, b) if a.is_numeric() && b.is_numeric() => DataType::Float64,
        _ => DataType::Utf8,
    }
}

/// The rows of one run's artifact with the columns of all.
pub(super) fn conform(run: &str, batch: &RecordBatch, to: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let rows = batch.num_rows();
    let mut columns: Vec<ArrayRef> =
        vec![Arc::new(StringArray::from_iter_values(std::iter::repeat_n(run, rows)))];
    for field in to.fields().iter().skip(1) {
        let column = match batch.column_by_name(field.name()) {
            None => new_null_array(field.data_type(), rows),
            Some(column) if column.data_type() == field.data_type() => Arc::clone(column),
            Some(column) if *field.data_type() == DataType::Utf8 => texts(column)?,
            Some(column) => cast(column, field.data_type())?,
        };
        columns.push(column);
    }
    RecordBatch::try_new(Arc::clone(to), columns)
}

/// Values of any type as people read them.
fn texts(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let options = FormatOptions::new();
    let formatter = ArrayFormatter::try_new(column, &options)?;
    let text = |row: usize| match column.is_null(row) || *column.data_type() == DataType::Null {
        true => Ok(None),
        false => formatter.value(row).try_to_string().map(Some),
    };
    let texts: StringArray = (0..column.len()).map(text).collect::<Result<_, _>>()?;
    Ok(Arc::new(texts))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn types_meet_in_any_order() {
        use DataType as T;
        let kinds = [T::Null, T::Int64, T::UInt64, T::Float64, T::Boolean, T::Utf8];
        for a in &kinds {
            for b in &kinds {
                assert_eq!(unify(a, b), unify(b, a));
                for c in &kinds {
                    let numbers = [a, b, c].iter().filter(|kind| kind.is_numeric()).count();
                    if numbers == 3 {
                        assert_eq!(unify(&unify(a, b), c), unify(a, &unify(b, c)));
                    }
                }
            }
        }
        assert_eq!(unify(&T::Int64, &T::Float64), T::Float64);
        assert_eq!(unify(&T::Boolean, &T::Int64), T::Utf8);
    }

    #[test]
    fn names_are_made_distinct() {
        let text = |values: &[&str]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
        let field = |name| Field::new(name, DataType::Utf8, true);
        let schema = Schema::new(vec![field("run_id"), field("a"), field("a")]);
        let columns = vec![text(&["1"]), text(&["2"]), text(&["3"])];
        let batch = plain(&RecordBatch::try_new(Arc::new(schema), columns).unwrap()).unwrap();
        let schema = batch.schema();
        let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["run_id_2", "a", "a_2"]);
    }
}
