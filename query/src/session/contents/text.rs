//! CSV and JSON become columns.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatchOptions;
use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, NullArray, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema};
use serde_json::Value;

/// The column of values that have no name.
pub(super) const VALUE: &str = "value";

/// CSV with a head line. A column is of whole numbers, numbers, or truth values if all of it is; else of texts. An empty
/// field is null.
pub(super) fn csv(bytes: &[u8], between: u8) -> Result<RecordBatch, String> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().delimiter(between).from_reader(bytes);
    let names: Vec<String> = match reader.headers() {
        Ok(head) => head.iter().map(str::to_owned).collect(),
        Err(error) => return Err(error.to_string()),
    };
    let mut columns: Vec<Vec<Option<String>>> = vec![Vec::new(); names.len()];
    let mut rows = 0;
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        for (column, field) in columns.iter_mut().zip(&record) {
            column.push((!field.is_empty()).then(|| field.to_owned()));
        }
        rows += 1;
    }
    let columns = columns.into_iter().map(typed).collect();
    batch(names, columns, rows)
}

/// The narrowest type that all texts of a column read as.
fn typed(texts: Vec<Option<String>>) -> ArrayRef {
    let mut known = texts.iter().flatten().peekable();
    if known.peek().is_none() {
        return Arc::new(NullArray::new(texts.len()));
    }
    // Numbers do not begin with zeros that mean nothing: `007` is a name.
    let is_name = |text: &str| {
        let digits = text.trim_start_matches(['-', '+']);
        digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit()
    };
    let number = |text: &str| text.parse::<f64>().ok().filter(|_| !is_name(text));
    let whole = |text: &str| text.parse::<i64>().ok().filter(|_| !is_name(text));
    let truth = |text: &str| match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    };
    let all = |fits: &dyn Fn(&str) -> bool| texts.iter().flatten().all(|text| fits(text));
    let each = || texts.iter().map(Option::as_deref);
    if all(&|text| whole(text).is_some()) {
        Arc::new(each().map(|text| text.and_then(whole)).collect::<Int64Array>())
    } else if all(&|text| number(text).is_some()) {
        Arc::new(each().map(|text| text.and_then(number)).collect::<Float64Array>())
    } else if all(&|text| truth(text).is_some()) {
        Arc::new(each().map(|text| text.and_then(truth)).collect::<BooleanArray>())
    } else {
        Arc::new(StringArray::from(texts))
    }
}

/// One JSON value: an array has a row for each item, everything else is one row.
pub(super) fn json(bytes: &[u8]) -> Result<RecordBatch, String> {
    match serde_json::from_slice(bytes).map_err(|error| error.to_string())? {
        Value::Array(items) => rows(items),
        other => rows(vec![other]),
    }
}

/// JSON values one after another: a row for each.
pub(super) fn ndjson(bytes: &[u8]) -> Result<RecordBatch, String> {
    let items = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
    rows(items.collect::<Result<_, _>>().map_err(|error| error.to_string())?)
}

/// Objects become rows with their keys as columns; other values stand in the column `value`.
fn rows(items: Vec<Value>) -> Result<RecordBatch, String> {
    let rows = items.len();
    let mut names: Vec<String> = Vec::new();
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let mut columns: Vec<Vec<Value>> = Vec::new();
    let mut put = |name: String, row: usize, value: Value| {
        let at = *numbers.entry(name).or_insert_with_key(|name| {
            names.push(name.clone());
            columns.push(Vec::new());
            columns.len() - 1
        });
        columns[at].resize(row, Value::Null);
        columns[at].push(value);
    };
    for (row, item) in items.into_iter().enumerate() {
        match item {
            Value::Object(map) => map.into_iter().for_each(|(name, value)| put(name, row, value)),
            other => put(VALUE.to_owned(), row, other),
        }
    }
    let columns = columns.into_iter().map(|mut column| {
        column.resize(rows, Value::Null);
        column_of(&column)
    });
    batch(names, columns.collect(), rows)
}

/// The narrowest type that has all values; lists and objects are JSON in text.
fn column_of(values: &[Value]) -> ArrayRef {
    let all = |fits: fn(&Value) -> bool| values.iter().all(|value| value.is_null() || fits(value));
    if values.iter().all(Value::is_null) {
        Arc::new(NullArray::new(values.len()))
    } else if all(Value::is_i64) {
        Arc::new(values.iter().map(Value::as_i64).collect::<Int64Array>())
    } else if all(Value::is_number) {
        Arc::new(values.iter().map(Value::as_f64).collect::<Float64Array>())
    } else if all(Value::is_boolean) {
        Arc::new(values.iter().map(Value::as_bool).collect::<BooleanArray>())
    } else {
        let text = |value: &Value| match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        Arc::new(values.iter().map(text).collect::<StringArray>())
    }
}

/// Columns side by side.
pub(super) fn batch(names: Vec<String>, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, String> {
    let fields = names
        .into_iter()
        .zip(&columns)
        .map(|(name, column)| Field::new(name, column.data_type().clone(), true));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(schema), columns, &options).map_err(|error| error.to_string())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use arrow::datatypes::DataType;

    use super::*;

    fn kinds(batch: &RecordBatch) -> Vec<(String, DataType)> {
        let schema = batch.schema();
        schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect()
    }

    #[test]
    fn columns_of_csv_have_the_type_that_all_their_fields_have() {
        let text = "\u{feff}n,x,ok,zip,empty,mixed\n1,1,true,007,,1\n-2,2.5,False,123,,a\n";
        let batch = csv(text.as_bytes(), b',').unwrap();
        let expected =
            [DataType::Int64, DataType::Float64, DataType::Boolean, DataType::Utf8, DataType::Null];
        let found = kinds(&batch);
        assert_eq!(found.iter().map(|(_, kind)| kind.clone()).take(5).collect::<Vec<_>>(), expected);
        assert_eq!((found[0].0.as_str(), &found[5].1), ("n", &DataType::Utf8));
        assert_eq!(csv(b"a,b\n", b',').unwrap().num_rows(), 0);
    }

    #[test]
    fn json_is_rows_whatever_it_is() {
        let batch = json(br#"[{"a": 1, "b": [1]}, {"a": 2.5}, 7]"#).unwrap();
        assert_eq!(batch.num_rows(), 3);
        let expected = [("a", DataType::Float64), ("b", DataType::Utf8), ("value", DataType::Int64)];
        assert_eq!(kinds(&batch), expected.map(|(name, kind)| (name.to_owned(), kind)));
        assert_eq!(json(b"[]").unwrap().num_rows(), 0);
        assert_eq!(json(b"[{}, {}]").unwrap().num_rows(), 2);
        assert_eq!(ndjson(b"{\"a\":1}\n{\"a\":true}\n").unwrap().num_rows(), 2);
        assert!(ndjson(b"{\"a\":1}\n{\"a\":").is_err());
    }
}
