//! Lists of runs.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::json_entries;
use crate::id::RunId;
use crate::index::{Entry, Index, origin};
use crate::record::{Attempt, Outcome, Record, Scalar};
use crate::results::{ResultError, read_template};
use crate::store::Store;
use crate::submission;

/// Which runs to list.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// Only those this experiment computed first.
    pub experiment: Option<String>,
    /// Only those that ended so.
    pub outcome: Option<Outcome>,
    /// The most runs; 0 stands for all.
    pub limit: usize,
}

/// A run in a list.
#[derive(Clone, Debug)]
pub struct RunInfo {
    /// Its id.
    pub id: RunId,
    /// Name of its operation.
    pub operation: String,
    /// Its arguments as JSON texts: swept and fixed ones.
    pub params: Vec<(String, String)>,
    /// Its replicate, if it takes seeds.
    pub replicate: Option<u64>,
    /// How it ended.
    pub outcome: Outcome,
    /// When it started: microseconds since 1970, UTC.
    pub started: i64,
    /// How long it took, microseconds.
    pub duration: u64,
    /// Its metrics.
    pub metrics: Vec<(String, Scalar)>,
    /// The first line of its error.
    pub error: Option<String>,
}

/// The newest runs of a store, newest first.
///
/// # Errors
/// When records cannot be read.
pub fn runs(store: &Store, index: &Index, filter: &RunFilter) -> Result<Vec<RunInfo>, ResultError> {
    let origins = filter.experiment.as_deref().map(|name| origins(store, index, name)).transpose()?;
    let wanted = |entry: &Entry| {
        filter.outcome.is_none_or(|outcome| outcome == entry.outcome)
            && origins.as_ref().is_none_or(|origins| origins.contains(&entry.origin))
    };
    let limit = if filter.limit == 0 { usize::MAX } else { filter.limit };
    // A heap of the newest: a store may hold millions, of which a screen shows few.
    let mut newest = BinaryHeap::new();
    for (id, entry) in index.iter().filter(|(_, entry)| wanted(entry)) {
        newest.push(Reverse((entry.started, id)));
        if newest.len() > limit {
            newest.pop();
        }
    }
    these_runs(store, index, newest.into_sorted_vec().into_iter().map(|Reverse((_, id))| id))
}

/// The runs of these ids, in their order; those that a store does not have are left out.
///
/// # Errors
/// When records cannot be read.
pub fn these_runs(
    store: &Store,
    index: &Index,
    ids: impl IntoIterator<Item = RunId>,
) -> Result<Vec<RunInfo>, ResultError> {
    let mut templates = HashMap::new();
    ids.into_iter()
        .filter_map(|id| Some((id, index.get(&id)?)))
        .map(|(id, entry)| {
            let Record::Attempt(attempt) = store.journal().read(&entry.place)? else {
                return Err(ResultError::NotAnAttempt { record: entry.name });
            };
            let template = match templates.entry(attempt.template) {
                std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::hash_map::Entry::Vacant(free) => {
                    free.insert(read_template(store, index, &attempt.template)?)
                }
            };
            let mut params = json_entries(&template.fixed);
            params.extend(json_entries(&attempt.arguments));
            Ok(info(id, *attempt, template.name.clone(), params))
        })
        .collect()
}

fn info(id: RunId, attempt: Attempt, operation: String, params: Vec<(String, String)>) -> RunInfo {
    RunInfo {
        id,
        operation,
        params,
        replicate: attempt.replicate,
        outcome: attempt.outcome,
        started: attempt.started,
        duration: attempt.duration,
        metrics: attempt.metrics,
        error: attempt.error.and_then(|error| error.chain.into_iter().next()),
    }
}

fn origins(store: &Store, index: &Index, experiment: &str) -> Result<Vec<u64>, ResultError> {
    let mut origins = Vec::new();
    for (_, opened) in submission::all(store, index)? {
        if opened.experiment == experiment {
            origins.extend(opened.steps.iter().map(|step| origin(experiment, &step.name)));
        }
    }
    if origins.is_empty() {
        return Err(ResultError::NoExperiment { experiment: experiment.to_owned() });
    }
    Ok(origins)
}
