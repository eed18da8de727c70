//! Recorded values as text and as JSON.

use std::collections::BTreeSet;

use metalab_cas::Value;
use metalab_engine::index::Glance;
use metalab_engine::record::{Attempt, OutputRef, Place, Scalar, Template, ValueRef};
use metalab_engine::values::ValueError;

use crate::error::CliError;

/// A metric for programs; NaN and infinities, which JSON lacks, are texts.
pub(super) fn scalar_json(value: &Scalar) -> serde_json::Value {
    match value {
        Scalar::Float(x) => {
            serde_json::Number::from_f64(*x).map_or_else(|| x.to_string().into(), serde_json::Value::Number)
        }
        Scalar::Int(x) => (*x).into(),
        Scalar::Bool(x) => (*x).into(),
        Scalar::Text(x) => x.as_str().into(),
    }
}

/// An argument of a run.
pub(super) struct Argument {
    pub(super) name: String,
    pub(super) value: Value,
    /// It was left out: this is its default.
    pub(super) default: bool,
}

/// All arguments of a run in the order of the signature, defaults filled in.
pub(super) fn arguments(attempt: &Attempt, template: &Template) -> Vec<Argument> {
    let mut found: Vec<Argument> = Vec::new();
    for (bytes, default) in
        [(&attempt.arguments, false), (&template.fixed, false), (&template.defaults, true)]
    {
        let Ok(Value::Map(map)) = Value::decode(bytes) else { continue };
        for (key, value) in map.iter() {
            let name = key.as_text().map_or_else(|| key.to_string(), str::to_owned);
            if !found.iter().any(|other| other.name == name) {
                found.push(Argument { name, value: value.clone(), default });
            }
        }
    }
    let place = |name: &str| template.parameters.iter().position(|other| other == name).unwrap_or(usize::MAX);
    found.sort_by_key(|argument| place(&argument.name));
    found
}

/// A value without quotes around text.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Variant(name, inner) if **inner == Value::Null => name.clone(),
        other => other.to_string(),
    }
}

/// The value as JSON, for programs.
pub(super) fn json(value: &Value) -> serde_json::Value {
    let text = value.to_json_text();
    serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text))
}

/// The bytes of a value, verified.
pub(super) fn bytes(glance: &Glance, value: &ValueRef) -> Result<Vec<u8>, CliError> {
    let get = |glance: &Glance| {
        let places = glance.places_of(&value.digest)?;
        Ok::<_, CliError>(glance.store().values().get_from(&value.digest, places.into_iter())?.to_vec())
    };
    match get(glance) {
        // While runs work, a record may be newer than what was known of the packs.
        Err(CliError::Value(ValueError::Missing { .. })) => get(&Glance::at(glance.store())?),
        bytes => bytes,
    }
}

/// The bytes of an output, verified.
pub(super) fn output_bytes(glance: &Glance, output: &OutputRef) -> Result<Vec<u8>, CliError> {
    if output.value.place == Place::Inline { Ok(output.inline.clone()) } else { bytes(glance, &output.value) }
}

/// Names in the order of their first mention, each once.
pub(super) fn distinct(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.into_iter().filter(|name| seen.insert(name.clone())).collect()
}
