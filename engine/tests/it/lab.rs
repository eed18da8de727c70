//! What the tests share: an executor, running an experiment, and what was executed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use metalab::experiment::Experiment;
use metalab::plan::{PlanError, Rerun};
use metalab::results::Results;
use metalab::running::{Executor, Job, RunError, Runner};
use metalab::store::Store;

/// One thread for each job.
#[derive(Debug)]
pub(crate) struct Threads;

impl Executor for Threads {
    fn name(&self) -> &'static str {
        "threads"
    }

    fn slots(&self) -> usize {
        4
    }

    fn start(&self, job: Job) {
        std::thread::spawn(|| job.perform());
    }
}

/// What was executed, by the tag that tests give their operations.
static LOG: Mutex<BTreeMap<String, Vec<String>>> = Mutex::new(BTreeMap::new());

pub(crate) fn log(tag: &str, what: impl std::fmt::Display) {
    LOG.lock().unwrap().entry(tag.to_owned()).or_default().push(what.to_string());
}

/// What was executed since the last call, sorted.
pub(crate) fn executed(tag: &str) -> Vec<String> {
    let mut done = LOG.lock().unwrap().remove(tag).unwrap_or_default();
    done.sort();
    done
}

/// Whether that was executed.
pub(crate) fn has_executed(tag: &str, what: &str) -> bool {
    LOG.lock().unwrap().get(tag).is_some_and(|lines| lines.iter().any(|line| line == what))
}

pub(crate) fn runner(experiment: Experiment, store: &Store) -> Runner {
    Runner::new(experiment, store.clone(), Arc::new(Threads))
}

pub(crate) fn run(experiment: Experiment, store: &Store) -> Results {
    runner(experiment, store).start().unwrap().wait().unwrap()
}

/// Runs again what `rerun` says, although it is done.
pub(crate) fn again(experiment: Experiment, store: &Store, rerun: Rerun) -> Results {
    runner(experiment, store).rerun(rerun).start().unwrap().wait().unwrap()
}

/// Why an experiment is not planned.
pub(crate) fn refusal(experiment: Experiment) -> Arc<PlanError> {
    match runner(experiment, &Store::memory().unwrap()).start() {
        Err(RunError::Plan(error)) => error,
        other => panic!("not refused: {other:?}"),
    }
}

/// The same in words, with all causes.
pub(crate) fn refused(experiment: Experiment) -> String {
    let error = refusal(experiment);
    let mut text = error.to_string();
    let mut next = std::error::Error::source(&*error);
    while let Some(source) = next {
        text.push_str(&format!(": {source}"));
        next = source.source();
    }
    text
}

/// The outputs of a step.
pub(crate) fn outputs(results: &Results, step: &str) -> Vec<i64> {
    results.step(step).iter().map(|run| run.unwrap().output().unwrap()).collect()
}
