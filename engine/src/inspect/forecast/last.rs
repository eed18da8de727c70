//! What asking for the last submission again would do, from the store alone.

use std::collections::BTreeSet;

use super::{Forecast, StepForecast, step_forecast};
use crate::cells;
use crate::id::RunId;
use crate::index::Index;
use crate::inspect::wiring::{Wired, later, wired};
use crate::plan::Verdict;
use crate::record::{Outcome, StepRecord};
use crate::results::{ResultError, read_template};
use crate::running::Durations;
use crate::store::Store;
use crate::submission;

use super::ForecastError;

/// What submitting the last submission of `experiment` again would do, its code being what it was.
///
/// # Errors
/// When the store has no such experiment or cannot be read.
pub fn forecast_last(store: &Store, index: &Index, experiment: &str) -> Result<Forecast, ForecastError> {
    let found = submission::last(store, index, Some(experiment))?;
    let (_, opened) = found.ok_or_else(|| ResultError::NoExperiment { experiment: experiment.to_owned() })?;
    let names = opened.steps.iter().map(|step| step.name.as_str());
    let durations = Durations::recorded(experiment, names, index, None);
    let mut steps: Vec<StepForecast> = Vec::new();
    for (number, record) in opened.steps.iter().enumerate() {
        let mut step = of_record(store, index, record)?;
        if step.is_open() {
            step.mean_time = durations.of(number);
            let open: BTreeSet<&str> =
                steps.iter().filter(|other| other.is_open()).map(|other| other.name.as_str()).collect();
            let sources = sources(store, index, record)?;
            let from = sources.iter().filter_map(Wired::step).filter(|name| open.contains(name));
            step.waits_for = from.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect();
        }
        steps.push(step);
    }
    let warnings = index.damages().iter().map(ToString::to_string).collect();
    Ok(Forecast::of(experiment, steps, warnings))
}

fn of_record(store: &Store, index: &Index, record: &StepRecord) -> Result<StepForecast, ForecastError> {
    let mut verdicts = Vec::new();
    let mut examples = Vec::new();
    for id in cells::read(store, index, record) {
        let id = id.map_err(ResultError::from)?;
        let verdict = match index.get(&id).map(|entry| entry.outcome) {
            None if id == RunId::UNKNOWN => Verdict::Waits,
            None => Verdict::New,
            Some(Outcome::Succeeded) => Verdict::Reuse,
            Some(_) => Verdict::Again,
        };
        if verdict.runs() && examples.len() < 3 {
            examples.push(id.short());
        }
        verdicts.push(verdict);
    }
    let cells = record.sets * record.replicates;
    // A step of which nothing was known has no list of cells at all.
    let unknown = usize::try_from(cells).unwrap_or(usize::MAX).saturating_sub(verdicts.len());
    verdicts.extend(std::iter::repeat_n(Verdict::Waits, unknown));
    let template = read_template(store, index, &record.template)?;
    let operation = format!("{}::{}", template.namespace, template.name);
    let step = step_forecast(&record.name, operation, &verdicts);
    Ok(StepForecast { examples, known: cells > 0, ..step })
}

/// Where the inputs and the parameter sets of a step come from.
fn sources(store: &Store, index: &Index, record: &StepRecord) -> Result<Vec<Wired>, ForecastError> {
    let value = |digest| store.values().get(digest, index).map_err(ResultError::from);
    let wiring = record.wiring.as_ref().map(value).transpose()?.unwrap_or_default();
    let mut sources = wired(&wiring);
    sources.extend(later(&value(&record.source)?));
    Ok(sources)
}
