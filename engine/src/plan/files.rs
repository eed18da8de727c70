//! Paths inside argument values.

use metalab_cas::Value;
use metalab_cas::value::{FILE, FOLDER};

use crate::record::Shown;

/// Whether a value holds a file or folder path anywhere.
pub(super) fn mentions_path(value: &Value) -> bool {
    match value {
        Value::Variant(name, inner) => name == FILE || name == FOLDER || mentions_path(inner),
        Value::List(values) => values.iter().any(mentions_path),
        Value::Map(map) => map.iter().any(|(key, value)| mentions_path(key) || mentions_path(value)),
        _ => false,
    }
}

/// Collects the paths in a value as they may be shown: relative ones as written, of absolute ones the last part.
pub(super) fn shown_paths(argument: &str, value: &Value, shown: &mut Vec<Shown>) {
    match value {
        Value::Variant(name, inner) if name == FILE || name == FOLDER => {
            if let Value::Text(path) = &**inner {
                let parsed = std::path::Path::new(path);
                let path = match parsed.file_name() {
                    Some(last) if parsed.is_absolute() => last.to_string_lossy().into_owned(),
                    _ => path.clone(),
                };
                shown.push(Shown { argument: argument.to_owned(), path });
            }
        }
        Value::Variant(_, inner) => shown_paths(argument, inner, shown),
        Value::List(values) => values.iter().for_each(|value| shown_paths(argument, value, shown)),
        Value::Map(map) => map.iter().for_each(|(_, value)| shown_paths(argument, value, shown)),
        _ => {}
    }
}
