//! What a submission would do, before anything runs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use metalab_cas::Digest;

use crate::cells;
use crate::context::StatCache;
use crate::experiment::Experiment;
use crate::id::RunId;
use crate::index::{Index, IndexError};
use crate::journal::JournalError;
use crate::plan::{Difference, Known, Plan, PlanError, Rerun, Verdict, differences};
use crate::record::{Environment, Outcome, Record, SubmissionOpened, Template};
use crate::results::{ResultError, read_template};
use crate::running::{RunError, current_environment, expand_known};
use crate::store::{Store, StoreError};
use crate::submission;

/// What a submission would do.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Forecast {
    /// The experiment.
    pub experiment: String,
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
    /// All cells.
    pub cells: u64,
    /// Number of cells by verdict, those that are not there left out.
    pub verdicts: BTreeMap<String, u64>,
    /// Cells that would be executed.
    pub runs: u64,
    /// Why runs that were there under the last submission of this experiment are not there any more.
    pub reasons: Vec<Difference>,
    /// The first runs that would be executed.
    pub examples: Vec<String>,
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
    let before = submission::last(store, &index, Some(plan.name()))?.map(|(_, opened)| opened);
    let mut warnings: Vec<String> = index.damages().iter().map(ToString::to_string).collect();
    let mut steps = Vec::new();
    let here = current_environment(&files);
    for (step, decided) in plan.steps().zip(&decisions.steps) {
        let mut forecast =
            step_forecast(step.name(), step.operation().description().full_name(), &decided.verdicts);
        forecast.examples = decided.to_run().take(3).map(|cell| decided.ids[cell as usize].short()).collect();
        if forecast.runs > 0 {
            forecast.reasons = reasons(store, &index, before.as_ref(), step.name(), step.template())?;
        }
        let reused =
            decided.verdicts.iter().zip(&decided.ids).find(|(verdict, _)| **verdict == Verdict::Reuse);
        if let Some((_, id)) = reused {
            warnings.extend(environment_warnings(store, &index, id, &here, step.name())?);
        }
        steps.push(forecast);
    }
    Ok(Forecast { experiment: plan.name().to_owned(), steps, warnings })
}

/// What submitting the last submission of `experiment` again would do, its code being what it was.
///
/// # Errors
/// When the store has no such experiment or cannot be read.
pub fn forecast_last(store: &Store, index: &Index, experiment: &str) -> Result<Forecast, ForecastError> {
    let found = submission::last(store, index, Some(experiment))?;
    let (_, opened) = found.ok_or_else(|| ResultError::NoExperiment { experiment: experiment.to_owned() })?;
    let mut steps = Vec::new();
    for step in &opened.steps {
        let mut verdicts = Vec::new();
        let mut examples = Vec::new();
        for id in cells::read(store, index, step) {
            let id = id.map_err(ResultError::from)?;
            let verdict = match index.get(&id).map(|entry| entry.outcome) {
                None => Verdict::New,
                Some(Outcome::Succeeded) => Verdict::Reuse,
                Some(_) => Verdict::Again,
            };
            if verdict.runs() && examples.len() < 3 {
                examples.push(id.short());
            }
            verdicts.push(verdict);
        }
        let template = read_template(store, index, &step.template)?;
        let operation = format!("{}::{}", template.namespace, template.name);
        steps.push(StepForecast { examples, ..step_forecast(&step.name, operation, &verdicts) });
    }
    let warnings = index.damages().iter().map(ToString::to_string).collect();
    Ok(Forecast { experiment: experiment.to_owned(), steps, warnings })
}

fn step_forecast(name: &str, operation: String, verdicts: &[Verdict]) -> StepForecast {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for verdict in verdicts {
        match counts.get_mut(verdict.as_str()) {
            Some(count) => *count += 1,
            None => drop(counts.insert(verdict.as_str().to_owned(), 1)),
        }
    }
    StepForecast {
        name: name.to_owned(),
        operation,
        cells: verdicts.len() as u64,
        verdicts: counts,
        runs: verdicts.iter().filter(|verdict| verdict.runs()).count() as u64,
        reasons: Vec::new(),
        examples: Vec::new(),
    }
}

/// What changed in the shared part of a step since the last submission of the experiment.
fn reasons(
    store: &Store,
    index: &Index,
    before: Option<&SubmissionOpened>,
    step: &str,
    new: &Template,
) -> Result<Vec<Difference>, ForecastError> {
    let Some(old) = before.and_then(|opened| opened.steps.iter().find(|other| other.name == step)) else {
        return Ok(Vec::new());
    };
    Ok(differences(&read_template(store, index, &old.template)?, new))
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

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (cells, runs) = self.steps.iter().fold((0, 0), |(c, r), step| (c + step.cells, r + step.runs));
        write!(f, "{}: {cells} cells, {} reused, {runs} to run", self.experiment, cells - runs)?;
        for step in &self.steps {
            let verdicts = step.verdicts.iter().map(|(verdict, count)| format!("{count} {verdict}"));
            write!(f, "\n  {} ({}): {}", step.name, step.operation, verdicts.collect::<Vec<_>>().join(", "))?;
            for reason in &step.reasons {
                write!(f, "\n    changed: {reason}")?;
            }
            if !step.examples.is_empty() {
                write!(f, "\n    would run: {}", step.examples.join(", "))?;
                if step.runs > step.examples.len() as u64 {
                    write!(f, ", ...")?;
                }
            }
        }
        self.warnings.iter().try_for_each(|warning| write!(f, "\n  warning: {warning}"))
    }
}
