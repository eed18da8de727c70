//! The metadata of an experiment that an operation reads, and that is hashed for it.

use metalab_cas::value::ValueError;

use super::{PlanError, files};
use crate::experiment::Experiment;
use crate::operation::{LentKind, Metadata, Registered};

/// The canonical map of the metadata that an operation declares to read; nothing if it declares none.
pub(super) fn declared(experiment: &Experiment, operation: &Registered) -> Result<Vec<u8>, PlanError> {
    let description = operation.description();
    if description.lent.contains(&LentKind::Metadata) == description.metadata.is_empty() {
        return Err(PlanError::UndeclaredMetadata { operation: description.full_name() });
    }
    let mut keys = description.metadata.clone();
    keys.sort_unstable();
    keys.dedup();
    let mut entries = Vec::new();
    for key in keys {
        let Some((_, Ok(value))) = experiment.metadata.iter().find(|(known, _)| known == key) else {
            let known: Vec<_> = experiment.metadata.iter().map(|(known, _)| format!("`{known}`")).collect();
            let known = if known.is_empty() { "none".into() } else { known.join(", ") };
            return Err(PlanError::NoMetadata { operation: description.full_name(), key, known });
        };
        if files::mentions_path(value) {
            let reason = "an operation reads it, and a path in metadata would not count by its content: give the \
                          path as an argument, or in a context";
            return Err(PlanError::Metadata { key: key.to_owned(), reason: reason.to_owned() });
        }
        entries.push((key, value.clone()));
    }
    let refused = |error: ValueError| PlanError::Metadata { key: "?".into(), reason: error.to_string() };
    Metadata::encode(entries).map_err(refused)
}
