//! Answers as parameter sets: what was found decides what runs next.
//!
//! A row is a set, a column an argument, called like the column without `params.` before it. Null is null, as in JSON: the
//! `None` of an argument that may have it, so that the set of a run that was given none is the set of that run.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Field, Float64Type, Int64Type, UInt64Type};
use metalab_engine::params::{List, ParamsError, Source};
use metalab_engine::store::Store;
use serde::ser::{Error as _, Serialize, SerializeMap, SerializeSeq, Serializer};

use super::Answer;
use crate::error::QueryError;
use crate::session::{Options, query_blocking};

/// The parameter sets that a question finds: a source for `Train::from`, combined with others like any.
///
/// A set is what its values are, wherever it stands in the answer: asked again over a store that has grown, only sets
/// that were not there before are new cells.
///
/// ```
/// use metalab_engine::store::Store;
/// use metalab_query::params;
///
/// let store = Store::memory()?;
/// let best = params(&store, "SELECT * FROM (VALUES (0.1, 'sgd'), (0.01, 'adam')) AS best(\"params.lr\", optimizer)")?;
/// assert_eq!(best.sets()?.get(1).unwrap().to_string(), r#"{lr: 0.01, optimizer: "adam"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As for [`Session::sql`](crate::Session::sql) and [`Answer::params`].
pub fn params(store: &Store, sql: &str) -> Result<Source, QueryError> {
    query_blocking(store, sql, Options::default())?.params()
}

impl Answer {
    /// The rows as parameter sets; see [`params`].
    ///
    /// # Errors
    /// Without rows, or with the same row twice; when two columns give one argument, or one has values that no argument
    /// can be (times, bytes, NaN).
    pub fn params(&self) -> Result<Source, QueryError> {
        let mut columns: Vec<(String, DataType)> = Vec::new();
        for field in self.schema().fields() {
            let name = argument(field.name());
            if columns.iter().any(|(known, _)| *known == name) {
                return Err(wrong(format!(
                    "two columns give the argument `{name}`; call one otherwise (`AS other`), or leave it out"
                )));
            }
            let Some(plain) = plain(field.data_type()) else {
                let kind = kind(field.data_type());
                return Err(wrong(format!(
                    "column `{}` is of type {kind}, which no argument can be; leave it out, or make it a number or a text",
                    field.name()
                )));
            };
            columns.push((name, plain));
        }
        let rows: Result<Vec<Rows>, QueryError> =
            self.batches().iter().map(|batch| Rows::of(&columns, batch)).collect();
        let rows = rows?;
        let list = List::new(rows.iter().flat_map(|rows| (0..rows.len).map(|at| Row { rows, at })));
        match list.check() {
            Ok(_) => Ok(Source::List(list)),
            Err(ParamsError::Repeated { value, first, second, .. }) => Err(wrong(format!(
                "rows {} and {} are the same parameter set, {value}; group by the arguments, as in \
                 `GROUP BY params.lr ORDER BY min(metrics.loss)`",
                first + 1,
                second + 1
            ))),
            Err(ParamsError::Value { argument: set, reason }) => Err(wrong(format!("{set}: {reason}"))),
            Err(error) => Err(wrong(error.to_string())),
        }
    }
}

fn wrong(reason: String) -> QueryError {
    QueryError::Params { reason }
}

/// The argument that a column gives: `params.lr` and `lr` are `lr`, `params."a.b"` is `a.b`.
fn argument(column: &str) -> String {
    let Some(name) = column.strip_prefix("params.") else { return column.to_owned() };
    let quoted = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
    quoted.map_or_else(|| name.to_owned(), |name| name.replace("\"\"", "\""))
}

/// The type by which values are read, with all their digits; none for what is no value of an argument.
fn plain(kind: &DataType) -> Option<DataType> {
    use DataType as T;
    Some(match kind {
        T::Null | T::Boolean => kind.clone(),
        T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::UInt8 | T::UInt16 | T::UInt32 => T::Int64,
        T::UInt64 => T::UInt64,
        // Whole numbers beyond 64 bits.
        T::Decimal32(_, 0) | T::Decimal64(_, 0) | T::Decimal128(_, 0) => T::Decimal128(38, 0),
        T::Float16 | T::Float32 | T::Float64 => T::Float64,
        T::Utf8 | T::LargeUtf8 | T::Utf8View => T::Utf8,
        T::Dictionary(_, values) => plain(values)?,
        T::List(item) | T::LargeList(item) | T::FixedSizeList(item, _) => T::List(plain_field(item)?),
        T::Struct(fields) => T::Struct(fields.iter().map(plain_field).collect::<Option<Vec<_>>>()?.into()),
        _ => return None,
    })
}

fn plain_field(field: &Arc<Field>) -> Option<Arc<Field>> {
    Some(Arc::new(Field::new(field.name(), plain(field.data_type())?, true)))
}

fn kind(kind: &DataType) -> String {
    match kind {
        DataType::Timestamp(..) => "timestamp".into(),
        DataType::Date32 | DataType::Date64 => "date".into(),
        DataType::Binary | DataType::BinaryView | DataType::LargeBinary => "bytes".into(),
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) => "decimal".into(),
        other => other.to_string().to_lowercase(),
    }
}

/// A batch with columns of plain types, and the arguments they give.
struct Rows {
    columns: Vec<(String, ArrayRef)>,
    len: usize,
}

impl Rows {
    fn of(columns: &[(String, DataType)], batch: &RecordBatch) -> Result<Self, QueryError> {
        let column = |((name, kind), array): (&(String, DataType), &ArrayRef)| match cast(array, kind) {
            Ok(array) => Ok((name.clone(), array)),
            Err(error) => Err(wrong(format!("argument `{name}`: {error}"))),
        };
        let columns = columns.iter().zip(batch.columns()).map(column).collect::<Result<_, _>>()?;
        Ok(Self { columns, len: batch.num_rows() })
    }
}

/// A set.
struct Row<'a> {
    rows: &'a Rows,
    at: usize,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.rows.columns.len()))?;
        for (name, array) in &self.rows.columns {
            map.serialize_entry(name, &Cell { array, at: self.at })?;
        }
        map.end()
    }
}

/// A value of a set, or of a list or struct in it.
struct Cell<'a> {
    array: &'a ArrayRef,
    at: usize,
}

impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { array, at } = *self;
        if array.is_null(at) {
            return serializer.serialize_none();
        }
        match array.data_type() {
            DataType::Null => serializer.serialize_none(),
            DataType::Boolean => serializer.serialize_bool(array.as_boolean().value(at)),
            DataType::Int64 => serializer.serialize_i64(array.as_primitive::<Int64Type>().value(at)),
            DataType::UInt64 => serializer.serialize_u64(array.as_primitive::<UInt64Type>().value(at)),
            DataType::Decimal128(..) => {
                serializer.serialize_i128(array.as_primitive::<Decimal128Type>().value(at))
            }
            DataType::Float64 => match array.as_primitive::<Float64Type>().value(at) {
                number if number.is_finite() => serializer.serialize_f64(number),
                number => Err(S::Error::custom(format!(
                    "{} has no place in an identity; leave such rows out by WHERE",
                    crate::columns::float_text(number)
                ))),
            },
            DataType::Utf8 => serializer.serialize_str(array.as_string::<i32>().value(at)),
            DataType::List(_) => {
                let items = array.as_list::<i32>().value(at);
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for at in 0..items.len() {
                    list.serialize_element(&Cell { array: &items, at })?;
                }
                list.end()
            }
            DataType::Struct(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (field, array) in fields.iter().zip(array.as_struct().columns()) {
                    map.serialize_entry(field.name(), &Cell { array, at })?;
                }
                map.end()
            }
            other => Err(S::Error::custom(format!("no argument can be of type {other}"))),
        }
    }
}
