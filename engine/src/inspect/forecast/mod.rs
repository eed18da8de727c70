//! What a submission would do, before anything runs.

mod last;
mod reasons;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use metalab_cas::Digest;
use serde::Serialize;

pub use last::forecast_last;

use crate::context::StatCache;
use crate::experiment::Experiment;
use crate::id::RunId;
use crate::index::{Index, IndexError};
use crate::journal::JournalError;
use crate::plan::{Decisions, Difference, Known, Plan, PlanError, Rerun, StepPlan, Verdict};
use crate::record::{Environment, Record};
use crate::results::ResultError;
use crate::running::{Durations, RunError, current_environment, expand_known};
use crate::store::{Store, StoreError};
use crate::submission;
use reasons::Reasons;

/// What a submission would do.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Forecast {
    /// The experiment.
    pub experiment: String,
    /// Runs that would be executed for certain.
    pub runs: u64,
    /// The most runs that could be executed, if no run that is waited for came out as it was before. `None` while the
    /// cells of some step are not known.
    pub most_runs: Option<u64>,
    /// Its steps.
    pub steps: Vec<StepForecast>,
    /// What a careful person should look at.
    pub warnings: Vec<String>,
}

/// What would become of a step.
#[derive(Clone, Debug, serde::Serialize)]
pub struct StepForecast {
    /// The step.
    pub name: String,
    /// Its operation.
    pub operation: String,
    /// Whether its cells are known: not while another step has still to return their list.
    pub known: bool,
    /// All cells; 0 while they are not known.
    pub cells: u64,
    /// Number of cells by verdict, those that are not there left out.
    pub verdicts: BTreeMap<String, u64>,
    /// Cells that would be executed for certain.
    pub runs: u64,
    /// Cells whose run is not known yet: they may come out as they were before, or be executed.
    pub waits: u64,
    /// Steps whose runs have to be made before it is known what the others of this step are.
    pub waits_for: Vec<String>,
    /// What is not as it was when the experiment was asked for last.
    pub reasons: Vec<Difference>,
    /// The first runs that would be executed.
    pub examples: Vec<String>,
    /// How long a run took on average when the experiment was asked for before, by some of its records; only where something
    /// would be executed.
    #[serde(rename = "mean_time_s", serialize_with = "seconds", skip_serializing_if = "Option::is_none")]
    pub mean_time: Option<Duration>,
    /// The longest that one run takes, as its operation or step says (`time = "2h"`); only where something would be executed
    /// and no duration is recorded.
    #[serde(rename = "most_time_s", serialize_with = "seconds", skip_serializing_if = "Option::is_none")]
    pub most_time: Option<Duration>,
}

/// A submission that cannot be foretold.
#[derive(Debug, thiserror::Error)]
pub enum ForecastError {
    /// The experiment is wrong.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index cannot be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A record cannot be read.
    #[error(transparent)]
    Result(#[from] ResultError),
    /// The list of parameter sets that a step has returned cannot be used.
    #[error(transparent)]
    List(#[from] RunError),
}

/// What submitting `experiment` to `store` would do. Nothing is executed or written.
///
/// # Errors
/// When the experiment is wrong or the store cannot be read.
pub fn forecast(store: &Store, experiment: &Experiment, rerun: &Rerun) -> Result<Forecast, ForecastError> {
    let files = StatCache::load(store);
    let mut plan = Arc::new(Plan::new(experiment, &files)?);
    let index = Index::load(store)?;
    let present = store.blobs().present().map_err(|error| StoreError::backend(store, error))?;
    let mut decisions = plan.decide(&index, &present, rerun)?;
    let known = Known { index: &index, present: &present, rerun };
    expand_known(&mut plan, &mut decisions, &known, &files)?;
    if let Rerun::Verify(sample) = rerun {
        sample.choose(&plan, &mut decisions);
    }
    let before = submission::last(store, &index, Some(plan.name()))?.map(|(_, opened)| opened);
    let reasons =
        Reasons { store, index: &index, before: before.as_ref(), plan: &plan, decisions: &decisions };
    let verifies = matches!(rerun, Rerun::Verify(_));
    let mut warnings: Vec<String> = index.damages().iter().map(ToString::to_string).collect();
    let mut steps = Vec::new();
    let here = current_environment(&files);
    let durations = Durations::recorded(plan.name(), plan.steps().map(StepPlan::name), &index, None);
    for (number, (step, decided)) in plan.steps().zip(&decisions.steps).enumerate() {
        let mut forecast =
            step_forecast(step.name(), step.operation().description().full_name(), &decided.verdicts);
        forecast.examples = decided.to_run().take(3).map(|cell| decided.ids[cell as usize].short()).collect();
        forecast.waits_for = waits_for(&plan, step, &decisions);
        forecast.known = step.is_expanded();
        if verifies {
            // Nothing else is executed, whether it is done or not.
            (forecast.runs, forecast.waits) = (decided.count(Verdict::Rerun), 0);
            forecast.examples = decided.runs_with(Verdict::Rerun).take(3).map(|run| run.short()).collect();
            forecast.waits_for.clear();
        }
        if forecast.is_open() && !verifies {
            forecast.reasons = reasons.of(number)?;
        }
        if forecast.is_open() {
            forecast.mean_time = durations.of(number);
            forecast.most_time = step.resources.most_time().filter(|_| forecast.mean_time.is_none());
        }
        let reused =
            decided.verdicts.iter().zip(&decided.ids).find(|(verdict, _)| **verdict == Verdict::Reuse);
        if let Some((_, id)) = reused {
            warnings.extend(environment_warnings(store, &index, id, &here, step.name())?);
        }
        steps.push(forecast);
    }
    Ok(Forecast::of(plan.name(), steps, warnings))
}

impl Forecast {
    fn of(experiment: &str, steps: Vec<StepForecast>, warnings: Vec<String>) -> Self {
        let runs = steps.iter().map(|step| step.runs).sum();
        let is_known = steps.iter().all(|step| step.known);
        let most_runs = is_known.then(|| steps.iter().map(|step| step.runs + step.waits).sum());
        Self { experiment: experiment.to_owned(), runs, most_runs, steps, warnings }
    }
}

impl StepForecast {
    /// Whether not all of it is done.
    fn is_open(&self) -> bool {
        self.runs > 0 || self.waits > 0 || !self.known
    }
}

fn step_forecast(name: &str, operation: String, verdicts: &[Verdict]) -> StepForecast {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for verdict in verdicts {
        match counts.get_mut(verdict.as_str()) {
            Some(count) => *count += 1,
            None => drop(counts.insert(verdict.as_str().to_owned(), 1)),
        }
    }
    let count = |is: fn(&Verdict) -> bool| verdicts.iter().filter(|verdict| is(verdict)).count() as u64;
    StepForecast {
        name: name.to_owned(),
        operation,
        known: true,
        cells: verdicts.len() as u64,
        verdicts: counts,
        runs: count(|verdict| verdict.runs()),
        waits: count(|verdict| *verdict == Verdict::Waits),
        waits_for: Vec::new(),
        reasons: Vec::new(),
        examples: Vec::new(),
        mean_time: None,
        most_time: None,
    }
}

fn seconds<S: serde::Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs_f64()).serialize(serializer)
}

/// The steps that have something to do before all cells of this one are known.
fn waits_for(plan: &Plan, step: &StepPlan, decisions: &Decisions) -> Vec<String> {
    let waits = |from: &usize| {
        let is_open = |verdict: &Verdict| verdict.runs() || *verdict == Verdict::Waits;
        !plan.steps[*from].is_expanded() || decisions.steps[*from].verdicts.iter().any(is_open)
    };
    if step.is_expanded() && decisions.steps[step.number].count(Verdict::Waits) == 0 {
        return Vec::new();
    }
    let from: BTreeSet<usize> =
        step.inputs.iter().filter_map(|input| input.step()).chain(step.list_from()).filter(waits).collect();
    from.into_iter().map(|from| plan.steps[from].name().to_owned()).collect()
}

fn environment_warnings(
    store: &Store,
    index: &Index,
    id: &RunId,
    here: &Environment,
    step: &str,
) -> Result<Vec<String>, ForecastError> {
    let Some(entry) = index.get(id) else { return Ok(Vec::new()) };
    let Record::Attempt(attempt) = store.journal().read(&entry.place)? else { return Ok(Vec::new()) };
    let digest: Digest = attempt.environment;
    let then = store
        .values()
        .get(&digest, index)
        .ok()
        .and_then(|bytes| minicbor::decode::<Environment>(&bytes).ok());
    let differences = then.map(|then| then.differences(here)).unwrap_or_default();
    let say = |difference| {
        format!("step `{step}` reuses runs made when {difference}; the code they reach is the same")
    };
    Ok(differences.into_iter().map(say).collect())
}
