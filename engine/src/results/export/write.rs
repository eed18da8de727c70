//! CSV and JSON.

use std::io::Write;

use metalab_cas::Value;
use serde_json::{Map, Number, Value as JsonValue};

use super::cells::{Cell, data, output, record};
use super::frame::time;
use super::{Columns, ExportError};
use crate::results::expression::Datum;
use crate::results::{Results, RunResult};

pub(super) fn csv(results: &Results, columns: Columns, out: &mut dyn Write) -> Result<(), ExportError> {
    let frame = results.frame(columns)?;
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(frame.columns.iter().map(|column| &column.name))?;
    for row in 0..frame.rows {
        let cells = frame.columns.iter().map(|column| column.values.text(row).unwrap_or_default());
        csv.write_record(cells)?;
    }
    csv.flush()?;
    Ok(())
}

pub(super) fn json(results: &Results, columns: Columns, out: &mut dyn Write) -> Result<(), ExportError> {
    out.write_all(b"[")?;
    for (number, run) in results.iter().enumerate() {
        out.write_all(if number == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, &object(&run?, columns))?;
    }
    out.write_all(b"\n]\n")?;
    Ok(())
}

pub(super) fn ndjson(results: &Results, columns: Columns, out: &mut dyn Write) -> Result<(), ExportError> {
    for run in results {
        serde_json::to_writer(&mut *out, &object(&run?, columns))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// A run; what it does not have is left out.
fn object(run: &RunResult, columns: Columns) -> Map<String, JsonValue> {
    let mut object = Map::new();
    if columns.has(Columns::RECORD) {
        for (name, datum) in record(run) {
            let value = match (name, datum) {
                (_, Datum::Null) => continue,
                ("started", Datum::Int(micros)) => time(micros).map_or(JsonValue::Null, JsonValue::String),
                ("tags", _) => run.tags().into(),
                (_, datum) => json_of(datum),
            };
            object.insert(name.into(), value);
        }
    }
    let mut add = |group: Columns, name: &str, fields: Map<String, JsonValue>| {
        if columns.has(group) {
            object.insert(name.into(), JsonValue::Object(fields));
        }
    };
    let params = run.columns().into_iter().map(|(name, value)| (name, json_of_value(&value)));
    add(Columns::PARAMS, "params", params.collect());
    let metrics = run.metrics().iter().map(|(name, value)| (name.clone(), json_of(value.clone().into())));
    add(Columns::METRICS, "metrics", metrics.collect());
    let derived = run.derived_metrics().map(|(name, value)| (name.to_owned(), json_of(value.clone().into())));
    add(Columns::DERIVED, "derived", derived.collect());
    add(Columns::DATA, "data", data(run).map(|(name, value)| (name, json_of_value(&value))).collect());
    if columns.has(Columns::OUTPUT) {
        let value = match output(run) {
            // What is made of several values is in the record as JSON.
            Cell::Datum(Datum::Text(text)) if text.starts_with(['{', '[']) => {
                serde_json::from_str(&text).unwrap_or(JsonValue::String(text))
            }
            Cell::Datum(datum) => json_of(datum),
            Cell::Wide(whole) => json_of_value(&Value::Int(whole)),
        };
        if !value.is_null() {
            object.insert("output".into(), value);
        }
    }
    object
}

fn json_of(datum: Datum) -> JsonValue {
    match datum {
        Datum::Null => JsonValue::Null,
        Datum::Bool(x) => x.into(),
        Datum::Int(x) => x.into(),
        Datum::Float(x) => {
            Number::from_f64(x).map_or_else(|| JsonValue::String(x.to_string()), JsonValue::Number)
        }
        Datum::Text(x) => x.into(),
    }
}

fn json_of_value(value: &Value) -> JsonValue {
    let text = value.to_json_text();
    serde_json::from_str(&text).unwrap_or(JsonValue::String(text))
}
