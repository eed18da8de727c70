//! Values, metrics and JSON outputs as leaves with a path.

use metalab_cas::value::{Value, marks_path};

use super::name::Kind;

/// Nested maps become paths up to this many parts below their root; what is deeper is JSON.
const DEPTH: usize = 3;

/// A value with a column of its own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Leaf {
    /// A double.
    F64(f64),
    /// An integer that fits 64 bits.
    I64(i64),
    /// True or false.
    Bool(bool),
    /// Text.
    Text(String),
    /// A list, a deep or oddly keyed map, bytes, or a variant with content, as JSON.
    Json(String),
    /// A file or folder: its digest; the path is shown in its place when it is known.
    Content(String),
}

impl Leaf {
    /// The type of the column it goes to.
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::F64(_) => Kind::F64,
            Self::I64(_) => Kind::I64,
            Self::Bool(_) => Kind::Bool,
            Self::Text(_) | Self::Content(_) => Kind::Text,
            Self::Json(_) => Kind::Json,
        }
    }
}

/// Calls `each` with the leaves of a canonical value, `parts` being where it stands.
pub(crate) fn value_leaves<'v>(
    value: &'v Value,
    parts: &mut Vec<&'v str>,
    each: &mut dyn FnMut(&[&str], Leaf),
) {
    let leaf = match value {
        Value::Null => return,
        Value::Bool(x) => Leaf::Bool(*x),
        Value::Int(x) => match i64::try_from(*x) {
            Ok(x) => Leaf::I64(x),
            Err(_) => Leaf::Text(x.to_string()),
        },
        Value::Float(x) => Leaf::F64(*x),
        Value::Text(x) => Leaf::Text(x.clone()),
        Value::Variant(name, inner) if matches!(**inner, Value::Null) => Leaf::Text(name.clone()),
        Value::File(digest) | Value::Folder(digest) => Leaf::Content(digest.to_hex()),
        Value::Variant(name, _) if marks_path(name) => Leaf::Content(value.to_json_text()),
        Value::Map(map)
            if !map.is_empty()
                && parts.len() < DEPTH
                && map.iter().all(|(key, _)| key_text(key).is_some()) =>
        {
            for (key, value) in map.iter() {
                let Some(key) = key_text(key) else { continue };
                parts.push(key);
                value_leaves(value, parts, each);
                parts.pop();
            }
            return;
        }
        Value::Bytes(_) | Value::List(_) | Value::Map(_) | Value::Variant(..) => {
            Leaf::Json(value.to_json_text())
        }
    };
    each(parts, leaf);
}

/// The text of a map's key, if it is text.
pub(crate) fn key_text(key: &Value) -> Option<&str> {
    match key {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// Calls `each` with the leaves of an output in the codec `json`.
pub(crate) fn json_leaves<'v>(
    json: &'v serde_json::Value,
    parts: &mut Vec<&'v str>,
    each: &mut dyn FnMut(&[&str], Leaf),
) {
    use serde_json::Value as Json;
    let leaf = match json {
        Json::Null => return,
        Json::Bool(x) => Leaf::Bool(*x),
        Json::Number(x) => match (x.as_i64(), x.is_u64(), x.as_f64()) {
            (Some(x), ..) => Leaf::I64(x),
            (None, false, Some(x)) => Leaf::F64(x),
            _ => Leaf::Text(x.to_string()),
        },
        Json::String(x) => Leaf::Text(x.clone()),
        Json::Object(map) => match special(map) {
            Some(x) => Leaf::F64(x),
            None if !map.is_empty() && parts.len() < DEPTH && !map.keys().any(|key| key.starts_with('$')) => {
                for (key, value) in map {
                    parts.push(key);
                    json_leaves(value, parts, each);
                    parts.pop();
                }
                return;
            }
            None => Leaf::Json(json.to_string()),
        },
        Json::Array(_) => Leaf::Json(json.to_string()),
    };
    each(parts, leaf);
}

/// A number that JSON has no word for: `{"$float":"NaN"}`.
fn special(map: &serde_json::Map<String, serde_json::Value>) -> Option<f64> {
    if map.len() != 1 {
        return None;
    }
    match map.get("$float")?.as_str()?.to_ascii_lowercase().as_str() {
        "nan" => Some(f64::NAN),
        "inf" | "infinity" | "+inf" | "+infinity" => Some(f64::INFINITY),
        "-inf" | "-infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}
