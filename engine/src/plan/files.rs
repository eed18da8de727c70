//! Paths inside argument values.

use std::path::Path;

use metalab_cas::value::{FILE, FOLDER, GLOB, marks_path};
use metalab_cas::{Map, Value};

use crate::context::Glob;
use crate::record::Shown;

/// Whether a value holds a file or folder path anywhere.
pub(super) fn mentions_path(value: &Value) -> bool {
    match value {
        Value::Variant(name, inner) => marks_path(name) || mentions_path(inner),
        Value::List(values) => values.iter().any(mentions_path),
        Value::Map(map) => map.iter().any(|(key, value)| mentions_path(key) || mentions_path(value)),
        _ => false,
    }
}

/// What stands in the place of an absolute path: nothing that is stored names a folder of this machine.
pub(crate) const ELSEWHERE: &str = "elsewhere";

/// A value as it may be stored: of absolute paths only the last part, as `Variant("elsewhere", name)`.
pub(crate) fn portable(value: &Value) -> Value {
    match value {
        Value::Variant(name, inner) if name == FILE || name == FOLDER => match &**inner {
            Value::Text(path) if Path::new(path).is_absolute() => {
                let last = Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned();
                let elsewhere = Value::Variant(ELSEWHERE.to_owned(), Box::new(Value::Text(last)));
                Value::Variant(name.clone(), Box::new(elsewhere))
            }
            _ => value.clone(),
        },
        Value::Variant(name, inner) => Value::Variant(name.clone(), Box::new(portable(inner))),
        Value::List(values) => Value::List(values.iter().map(portable).collect()),
        Value::Map(map) => {
            let entries = map.iter().map(|(key, value)| (portable(key), portable(value)));
            // Paths of one name in two folders as keys cannot be told apart any more; then none of them is kept.
            Map::from_entries(entries).map_or(Value::Null, Value::Map)
        }
        other => other.clone(),
    }
}

/// A path as it may be shown: a relative one as written, of an absolute one the last part.
pub(crate) fn shown_path(path: &str) -> String {
    match Path::new(path).file_name() {
        Some(last) if Path::new(path).is_absolute() => last.to_string_lossy().into_owned(),
        _ => path.to_owned(),
    }
}

/// Collects the paths in a value as they may be shown: relative ones as written, of absolute ones the last part.
pub(crate) fn shown_paths(argument: &str, value: &Value, shown: &mut Vec<Shown>) {
    match value {
        Value::Variant(name, inner) if name == FILE || name == FOLDER => {
            if let Value::Text(path) = &**inner {
                shown.push(Shown { argument: argument.to_owned(), path: shown_path(path) });
            }
        }
        Value::Variant(name, _) if name == GLOB => {
            if let Ok(glob) = value.clone().into_serde::<Glob>() {
                let root = shown_path(&glob.root().to_string_lossy());
                shown.push(Shown {
                    argument: argument.to_owned(),
                    path: format!("{root}/{}", glob.pattern()),
                });
            }
        }
        Value::Variant(_, inner) => shown_paths(argument, inner, shown),
        Value::List(values) => values.iter().for_each(|value| shown_paths(argument, value, shown)),
        Value::Map(map) => map.iter().for_each(|(_, value)| shown_paths(argument, value, shown)),
        _ => {}
    }
}
