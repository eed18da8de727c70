//! Rows of the tables whose columns never change.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Decimal128Builder, Float64Builder, Int64Builder, RecordBatch,
    StringDictionaryBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{Field, Int32Type, Schema};
use arrow::error::ArrowError;

use crate::tables::{Table, Type};

/// One value of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Item<'a> {
    /// Nothing.
    Null,
    /// Text.
    Text(&'a str),
    /// An integer.
    Int(i64),
    /// A double.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Microseconds since 1970, UTC.
    Time(i64),
    /// An unsigned integer.
    Big(u64),
}

impl<'a> From<Option<&'a str>> for Item<'a> {
    fn from(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

/// Builds a batch of a table row by row.
pub(crate) struct Rows {
    table: Table,
    columns: Vec<Column>,
    len: usize,
}

enum Column {
    Text(StringDictionaryBuilder<Int32Type>),
    Int(Int64Builder),
    Float(Float64Builder),
    Bool(BooleanBuilder),
    Bytes(BinaryBuilder),
    Time(TimestampMicrosecondBuilder),
    Big(Decimal128Builder),
}

impl Rows {
    /// An empty batch.
    pub(crate) fn new(table: Table) -> Self {
        let column = |(_, kind): &(&str, Type)| match kind {
            Type::Text => Column::Text(StringDictionaryBuilder::new()),
            Type::Int => Column::Int(Int64Builder::new()),
            Type::Float => Column::Float(Float64Builder::new()),
            Type::Bool => Column::Bool(BooleanBuilder::new()),
            Type::Bytes => Column::Bytes(BinaryBuilder::new()),
            Type::Time => Column::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            Type::Big => Column::Big(Decimal128Builder::new().with_data_type(Type::Big.arrow())),
        };
        Self { table, columns: table.core().iter().map(column).collect(), len: 0 }
    }

    /// Number of rows so far.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Appends a row: one item per column of the table.
    pub(crate) fn push(&mut self, items: &[Item<'_>]) {
        debug_assert_eq!(items.len(), self.columns.len());
        for (column, item) in self.columns.iter_mut().zip(items) {
            match (column, *item) {
                (Column::Text(b), Item::Text(x)) => b.append_value(x),
                (Column::Text(b), _) => b.append_null(),
                (Column::Int(b), Item::Int(x)) => b.append_value(x),
                (Column::Int(b), _) => b.append_null(),
                (Column::Float(b), Item::Float(x)) => b.append_value(x),
                (Column::Float(b), _) => b.append_null(),
                (Column::Bool(b), Item::Bool(x)) => b.append_value(x),
                (Column::Bool(b), _) => b.append_null(),
                (Column::Bytes(b), Item::Bytes(x)) => b.append_value(x),
                (Column::Bytes(b), _) => b.append_null(),
                (Column::Time(b), Item::Time(x)) => b.append_value(x),
                (Column::Time(b), _) => b.append_null(),
                (Column::Big(b), Item::Big(x)) => b.append_value(i128::from(x)),
                (Column::Big(b), _) => b.append_null(),
            }
        }
        self.len += 1;
    }

    /// The batch; the builder is empty afterwards.
    pub(crate) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        self.len = 0;
        let array = |column: &mut Column| -> ArrayRef {
            match column {
                Column::Text(b) => Arc::new(b.finish()),
                Column::Int(b) => Arc::new(b.finish()),
                Column::Float(b) => Arc::new(b.finish()),
                Column::Bool(b) => Arc::new(b.finish()),
                Column::Bytes(b) => Arc::new(b.finish()),
                Column::Time(b) => Arc::new(b.finish()),
                Column::Big(b) => Arc::new(b.finish()),
            }
        };
        let arrays: Vec<ArrayRef> = self.columns.iter_mut().map(array).collect();
        let names = self.table.core().iter().map(|(name, _)| *name);
        let fields =
            names.zip(&arrays).map(|(name, array)| Field::new(name, array.data_type().clone(), true));
        RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), arrays)
    }
}
