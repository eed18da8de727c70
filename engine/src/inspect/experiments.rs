//! The experiments of a store.

use std::collections::{BTreeMap, BTreeSet};

use crate::index::{Glance, Index};
use crate::journal::JournalError;
use crate::record::Record;
use crate::store::Store;
use crate::submission;

/// An experiment of a store.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ExperimentInfo {
    /// Its name.
    pub name: String,
    /// Its versions, in the order of their first submission.
    pub versions: Vec<String>,
    /// How often it was submitted.
    pub submissions: u64,
    /// The number of cells of the last submission.
    pub cells: u64,
    /// The steps of the last submission.
    pub steps: Vec<String>,
    /// When it was submitted last: microseconds since 1970, UTC.
    pub last: i64,
    /// What the last submission says it is about.
    pub description: Option<String>,
}

/// The experiments of a store, by name.
///
/// # Errors
/// When the journal cannot be read.
pub fn experiments(store: &Store, index: &Index) -> Result<Vec<ExperimentInfo>, JournalError> {
    let mut found: BTreeMap<String, ExperimentInfo> = BTreeMap::new();
    for (_, opened) in submission::all(store, index)? {
        let info = found.entry(opened.experiment.clone()).or_insert_with(|| ExperimentInfo {
            name: opened.experiment.clone(),
            versions: Vec::new(),
            submissions: 0,
            cells: 0,
            steps: Vec::new(),
            last: 0,
            description: None,
        });
        if !info.versions.contains(&opened.version) {
            info.versions.push(opened.version);
        }
        info.submissions += 1;
        info.cells = opened.steps.iter().map(|step| step.sets * step.replicates).sum();
        info.steps = opened.steps.into_iter().map(|step| step.name).collect();
        (info.last, info.description) = (opened.time, opened.description);
    }
    Ok(found.into_values().collect())
}

/// The names of the experiments of a store, sorted: reads the records that opened submissions, and no index of runs.
///
/// # Errors
/// When the journal cannot be read; a damaged record hides only itself.
pub fn experiment_names(glance: &Glance) -> Result<Vec<String>, JournalError> {
    let mut names = BTreeSet::new();
    for (_, place) in glance.submissions() {
        match glance.store().journal().read(&place) {
            Ok(Record::Opened(opened)) => drop(names.insert(opened.experiment)),
            Ok(_) | Err(JournalError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(names.into_iter().collect())
}
