//! Captured data as rows: one per value, with its type, its number or text, and the whole of it as JSON.

use metalab_cas::value::Value;
use metalab_engine::id::RecordName;
use metalab_engine::record::{Attempt, DataRef};

use super::rows::{Item, Rows};
use crate::columns::{Shared, small};

/// Values up to this many bytes are in the table as JSON; of larger ones the table says what they are.
const LARGEST: u64 = 64 * 1024;

/// Appends one row per captured value of an attempt; gives in words what could not be read.
pub(super) fn push(rows: &mut Rows, name: &RecordName, attempt: &Attempt, shared: &Shared) -> Vec<String> {
    let writer = name.writer.to_string();
    let mut unread = Vec::new();
    for data in &attempt.data {
        let value = read(data, shared);
        if matches!(value, Read::Failed) {
            unread.push(format!("the data `{}` in record {name} cannot be read", data.name));
        }
        let shape = (data.codec == "npy").then(|| format!("{:?}", data.shape));
        let (number, text, json) = match &value {
            Read::Value(value) => (number(value), text(value), Some(value.to_json_text())),
            _ => (None, None, None),
        };
        rows.push(&[
            Item::Bytes(attempt.run.as_bytes()),
            Item::Text(&data.name),
            Item::Text(match &value {
                Read::Value(value) => kind(value),
                _ if data.codec == "npy" => "array",
                _ => &data.codec,
            }),
            data.dtype.as_deref().into(),
            shape.as_deref().into(),
            number.map_or(Item::Null, Item::Float),
            text.into(),
            json.as_deref().into(),
            Item::Int(small(data.value.size)),
            Item::Text(&data.value.digest.to_hex()),
            Item::Text(&writer),
            Item::Int(small(name.sequence)),
        ]);
    }
    unread
}

/// What became of a value.
enum Read {
    Value(Value),
    /// It is an array, large, or of a codec that has no flat form.
    Opaque,
    Failed,
}

fn read(data: &DataRef, shared: &Shared) -> Read {
    if data.codec != "value" || data.value.size > LARGEST {
        return Read::Opaque;
    }
    let decoded = match data.inline.is_empty() {
        false => Value::decode(&data.inline).ok(),
        true => shared.fetch(&data.value.digest).and_then(|bytes| Value::decode(&bytes).ok()),
    };
    decoded.map_or(Read::Failed, Read::Value)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Int(_) => "integer",
        Value::Float(_) => "double",
        Value::Text(_) => "text",
        Value::Bytes(_) => "bytes",
        Value::List(_) => "list",
        Value::Map(_) => "map",
        Value::Variant(_, inner) if matches!(**inner, Value::Null) => "text",
        Value::Variant(..) => "variant",
        Value::File(_) => "file",
        Value::Folder(_) => "folder",
    }
}

/// The value as a number: true and false are 1 and 0.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(x) => Some(f64::from(u8::from(*x))),
        Value::Int(x) => x.to_string().parse().ok(),
        Value::Float(x) => Some(*x),
        _ => None,
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(x) => Some(x),
        Value::Variant(name, inner) if matches!(**inner, Value::Null) => Some(name),
        _ => None,
    }
}
