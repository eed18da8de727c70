//! Whether finished runs, executed again, gave what they gave.

use std::collections::BTreeMap;
use std::fmt;

use super::ForecastError;
use crate::id::RunId;
use crate::index::Entry;
use crate::plan::Difference;
use crate::record::{Attempt, Record, Scalar};
use crate::results::{ResultError, Results, read_template};
use crate::running::RunError;

/// What executing a sample of finished runs again has shown.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct VerifyReport {
    /// The experiment.
    pub experiment: String,
    /// Runs that were executed again and succeeded.
    pub checked: u64,
    /// Those that gave what they gave before.
    pub equal: u64,
    /// Those that did not.
    pub differing: Vec<DifferingRun>,
    /// Runs that succeeded before, and now did not.
    pub failed: Vec<FailedRun>,
    /// Runs that were chosen and not executed, because somebody asked to stop.
    pub not_executed: u64,
}

/// A run that gave something else when it was executed again.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct DifferingRun {
    /// The run.
    pub run: RunId,
    /// Its operation, which is not deterministic or takes something that is not declared.
    pub operation: String,
    /// What differs: the output and artifacts by digest, metrics by value. Old is what stands.
    pub parts: Vec<Difference>,
}

/// A run that did not succeed when it was executed again.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct FailedRun {
    /// The run.
    pub run: RunId,
    /// Its operation.
    pub operation: String,
    /// Its error.
    pub error: String,
}

/// Runs that could not be executed again, or not compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The runs could not be executed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The experiment is wrong, or the store cannot be read.
    #[error(transparent)]
    Forecast(#[from] ForecastError),
    /// A record cannot be read.
    #[error(transparent)]
    Result(#[from] ResultError),
}

/// Compares the runs that a submission with [`Rerun::Verify`](crate::plan::Rerun::Verify) has executed again with what
/// they gave before.
///
/// # Errors
/// When a record cannot be read.
pub fn verified(results: &Results) -> Result<VerifyReport, ResultError> {
    let mut report = VerifyReport::of_nothing(results.experiment());
    for run in results.summary().map_or(&[][..], |summary| &summary.verified) {
        let others = results.index().others(run);
        let read = |entry: &Entry| match results.store().journal().read(&entry.place)? {
            Record::Attempt(attempt) => Ok(*attempt),
            _ => Err(ResultError::NotAnAttempt { record: entry.name }),
        };
        let mut before = None;
        let mut now = None;
        for entry in &others {
            let attempt = read(entry)?;
            if attempt.submission == Some(results.submission()) {
                now = Some(attempt);
            } else if before.is_none() && entry.succeeded() {
                before = Some(attempt);
            }
        }
        let (Some(before), Some(now)) = (before, now) else {
            report.not_executed += 1;
            continue;
        };
        let template = read_template(results.store(), results.index(), &now.template)?;
        let operation = format!("{}::{}", template.namespace, template.name);
        report.add(*run, operation, &before, &now);
    }
    Ok(report)
}

impl VerifyReport {
    /// A report on no run at all.
    pub fn of_nothing(experiment: &str) -> Self {
        Self {
            experiment: experiment.to_owned(),
            checked: 0,
            equal: 0,
            differing: Vec::new(),
            failed: Vec::new(),
            not_executed: 0,
        }
    }

    /// Whether every run that was chosen gave what it gave before.
    pub fn is_equal(&self) -> bool {
        self.differing.is_empty() && self.failed.is_empty() && self.not_executed == 0
    }

    fn add(&mut self, run: RunId, operation: String, before: &Attempt, now: &Attempt) {
        if now.output.is_none() {
            let error = now
                .error
                .as_ref()
                .map_or_else(|| now.outcome.as_str().to_owned(), |error| error.chain.join(": "));
            self.failed.push(FailedRun { run, operation, error });
            return;
        }
        self.checked += 1;
        let parts = differing_parts(before, now);
        match parts.is_empty() {
            true => self.equal += 1,
            false => self.differing.push(DifferingRun { run, operation, parts }),
        }
    }
}

/// What two executions of one run gave differently.
fn differing_parts(before: &Attempt, now: &Attempt) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut compare = |what: &str, before: BTreeMap<String, String>, now: BTreeMap<String, String>| {
        crate::plan::compare(what, &before, &now, &mut found);
    };
    let output = |attempt: &Attempt| {
        attempt.output.iter().map(|output| (String::new(), output.value.digest.short())).collect()
    };
    compare("output", output(before), output(now));
    let artifacts = |attempt: &Attempt| {
        let artifacts = attempt.artifacts.iter();
        artifacts.map(|artifact| (artifact.name.clone(), artifact.value.digest.short())).collect()
    };
    compare("artifact ", artifacts(before), artifacts(now));
    let metrics = |attempt: &Attempt| {
        attempt.metrics.iter().map(|(name, value)| (name.clone(), exactly(value))).collect()
    };
    compare("metric ", metrics(before), metrics(now));
    let series = |attempt: &Attempt| {
        let series = attempt.series.iter();
        series.map(|series| (series.name.clone(), series.value.digest.short())).collect()
    };
    compare("stepped metric ", series(before), series(now));
    found
}

/// A metric so that different ones have different texts, NaN included.
fn exactly(value: &Scalar) -> String {
    match value {
        Scalar::Float(x) => format!("{x:?}"),
        Scalar::Text(text) => format!("{text:?}"),
        other => other.to_string(),
    }
}

impl fmt::Display for VerifyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = |count: u64| if count == 1 { "1 run".to_owned() } else { format!("{count} runs") };
        let all = self.checked + self.failed.len() as u64;
        write!(f, "{}: {} executed again, {} equal", self.experiment, runs(all), self.equal)?;
        if !self.differing.is_empty() {
            write!(f, ", {} differing", self.differing.len())?;
        }
        if !self.failed.is_empty() {
            write!(f, ", {} failed", self.failed.len())?;
        }
        if self.not_executed > 0 {
            write!(f, ", {} not executed", self.not_executed)?;
        }
        for DifferingRun { run, operation, parts } in &self.differing {
            write!(f, "\n  {} ({operation}) differs", run.short())?;
            parts.iter().try_for_each(|part| write!(f, "\n    {part}"))?;
        }
        for FailedRun { run, operation, error } in &self.failed {
            write!(f, "\n  {} ({operation}) failed\n    {}", run.short(), error.replace('\n', "\n    "))?;
        }
        Ok(())
    }
}
