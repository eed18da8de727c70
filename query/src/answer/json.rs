//! Rows as JSON: keys in the order of the columns, null kept, NaN and infinities as text.

use std::io::Write;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::Value;

/// The rows as items of an array, a row per line; `first` tells whether none came before.
pub(super) fn write_items(batch: &RecordBatch, to: &mut dyn Write, first: &mut bool) -> Result<(), String> {
    rows(batch, &mut |row| {
        let between: &[u8] = if std::mem::take(first) { b"\n  " } else { b",\n  " };
        to.write_all(between).and_then(|()| to.write_all(row.as_bytes())).map_err(|e| e.to_string())
    })
}

/// One object per line.
pub(super) fn write_lines(batch: &RecordBatch, to: &mut dyn Write) -> Result<(), String> {
    rows(batch, &mut |row| writeln!(to, "{row}").map_err(|e| e.to_string()))
}

fn rows(batch: &RecordBatch, each: &mut dyn FnMut(&str) -> Result<(), String>) -> Result<(), String> {
    let mut text = String::new();
    let schema = batch.schema();
    let names: Vec<String> =
        schema.fields().iter().map(|field| Value::from(field.name().as_str()).to_string()).collect();
    for row in 0..batch.num_rows() {
        text.clear();
        text.push('{');
        for (at, (name, column)) in names.iter().zip(batch.columns()).enumerate() {
            if at > 0 {
                text.push(',');
            }
            text.push_str(name);
            text.push(':');
            text.push_str(&value(column, row)?.to_string());
        }
        text.push('}');
        each(&text)?;
    }
    Ok(())
}

fn value(array: &ArrayRef, row: usize) -> Result<Value, String> {
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    Ok(match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).into(),
        DataType::Float64 => {
            let number = array.as_primitive::<Float64Type>().value(row);
            if number.is_finite() { number.into() } else { crate::columns::float_text(number).into() }
        }
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::Utf8View => array.as_string_view().value(row).into(),
        DataType::Struct(fields) => {
            let columns = array.as_struct();
            let mut map = serde_json::Map::new();
            for (field, column) in fields.iter().zip(columns.columns()) {
                map.insert(field.name().clone(), value(column, row)?);
            }
            Value::Object(map)
        }
        DataType::List(_) => {
            let list = array.as_list::<i32>().value(row);
            Value::Array((0..list.len()).map(|at| value(&list, at)).collect::<Result<_, _>>()?)
        }
        other => {
            let options = FormatOptions::new();
            let text = ArrayFormatter::try_new(array, &options).and_then(|f| f.value(row).try_to_string());
            let text = text.map_err(|e| e.to_string())?;
            // Numbers of other widths are numbers in JSON too, when no digit is lost.
            match text.parse::<i64>() {
                Ok(number) if other.is_numeric() => number.into(),
                _ => text.into(),
            }
        }
    })
}
