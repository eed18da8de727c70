//! A forecast for people.

use std::fmt;
use std::time::Duration;

use super::{Forecast, StepForecast};
use crate::plan::Verdict;

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells: u64 = self.steps.iter().map(|step| step.cells).sum();
        let waits: u64 = self.steps.iter().map(|step| step.waits).sum();
        let (runs, reused) = (self.runs, cells - self.runs - waits);
        write!(f, "{}: {cells} cells, {reused} reused, {runs} to run", self.experiment)?;
        if waits > 0 {
            write!(f, ", {waits} not known yet: at most {} runs", runs + waits)?;
        }
        let unknown: Vec<_> =
            self.steps.iter().filter(|step| !step.known).map(|step| step.name.as_str()).collect();
        if !unknown.is_empty() {
            write!(f, "; without the cells of {}, which are not known yet", unknown.join(", "))?;
        }
        self.steps.iter().try_for_each(|step| step.fmt(f))?;
        self.warnings.iter().try_for_each(|warning| write!(f, "\n  warning: {warning}"))
    }
}

impl fmt::Display for StepForecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdicts = self.verdicts.iter().map(|(verdict, count)| match *count > 1 {
            true if verdict == Verdict::Waits.as_str() => format!("{count} wait for inputs"),
            _ => format!("{count} {verdict}"),
        });
        let verdicts = match self.known {
            true => verdicts.collect::<Vec<_>>().join(", "),
            false => "cells not known yet".into(),
        };
        write!(f, "\n  {} ({}): {verdicts}", self.name, self.operation)?;
        if !self.waits_for.is_empty() {
            write!(f, "\n    waits for: {}", self.waits_for.join(", "))?;
        }
        for reason in &self.reasons {
            write!(f, "\n    because: {}", reason.to_string().replace('\n', "\n    "))?;
        }
        if !self.examples.is_empty() {
            let more = if self.runs > self.examples.len() as u64 { ", ..." } else { "" };
            write!(f, "\n    would run: {}{more}", self.examples.join(", "))?;
        }
        if let Some(time) = self.most_time {
            write!(f, "\n    takes at most {} a run, by its `time`", in_units(time))?;
            let runs = self.runs + self.waits;
            if let Some(all) =
                u32::try_from(runs).ok().filter(|runs| *runs > 1).and_then(|runs| time.checked_mul(runs))
            {
                write!(f, ": {} for {runs} runs one after another", in_units(all))?;
            }
            f.write_str("; no duration is recorded yet")?;
        }
        Ok(())
    }
}

/// In the largest unit that says it exactly.
fn in_units(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(86_400, "d"), (3600, "h"), (60, "min")];
    match units.into_iter().find(|(unit, _)| seconds >= *unit && seconds.is_multiple_of(*unit)) {
        Some((unit, name)) if time.subsec_nanos() == 0 => format!("{} {name}", seconds / unit),
        _ => format!("{} s", time.as_secs_f64()),
    }
}
