//! A forecast for people.

use std::fmt;
use std::time::Duration;

use super::{Forecast, StepForecast};
use crate::plan::Verdict;

/// A step that takes less is not worth a line.
const NOTABLE: Duration = Duration::from_secs(1);

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
        self.times(f)
    }
}

impl StepForecast {
    /// How long it takes, where that is known and worth a word.
    fn times(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.runs + self.waits;
        let together = |time: Duration| u32::try_from(runs).ok().and_then(|runs| time.checked_mul(runs));
        let one_after_another = |time| together(time).filter(|_| runs > 1);
        if let Some(mean) = self.mean_time.filter(|mean| together(*mean) >= Some(NOTABLE)) {
            write!(f, "\n    takes about {} a run, as recorded", about(mean))?;
            if let Some(all) = one_after_another(mean) {
                write!(f, ": {} for {runs} runs one after another", about(all))?;
            }
        }
        if let Some(most) = self.most_time {
            write!(f, "\n    takes at most {} a run, by its `time`", in_units(most))?;
            if let Some(all) = one_after_another(most) {
                write!(f, ": {} for {runs} runs one after another", in_units(all))?;
            }
            f.write_str("; no duration is recorded yet")?;
        }
        Ok(())
    }
}

/// With two digits or three, in a unit that suits.
fn about(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let units = [(86_400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s")];
    // Ninety minutes are said as such.
    let (number, name) = match units.into_iter().find(|(unit, _)| seconds >= 2.0 * unit) {
        Some((unit, name)) => (seconds / unit, name),
        None if seconds >= 1.0 => (seconds, "s"),
        None => (seconds * 1e3, "ms"),
    };
    if number < 9.95 { format!("{number:.1} {name}") } else { format!("{number:.0} {name}") }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_long_is_said() {
        let mut step =
            crate::inspect::forecast::step_forecast("fit", "lab::fit".into(), &[Verdict::New; 300]);
        step.mean_time = Some(Duration::from_secs(40));
        let text = step.to_string();
        assert!(
            text.ends_with("takes about 40 s a run, as recorded: 3.3 h for 300 runs one after another"),
            "{text}"
        );
        step.mean_time = Some(Duration::from_millis(1));
        assert!(!step.to_string().contains("takes"));
        step.runs = 1;
        step.mean_time = Some(Duration::from_secs(40));
        assert!(step.to_string().ends_with("takes about 40 s a run, as recorded"));
    }

    #[test]
    fn times_are_said_in_units_that_suit() {
        let cases = [
            (0.000_4, "0.4 ms"),
            (0.25, "250 ms"),
            (1.3, "1.3 s"),
            (90.0, "90 s"),
            (121.0, "2.0 min"),
            (5_400.0, "90 min"),
            (7_260.0, "2.0 h"),
            (200_000.0, "2.3 d"),
        ];
        for (seconds, said) in cases {
            assert_eq!(about(Duration::from_secs_f64(seconds)), said);
        }
        assert_eq!(in_units(Duration::from_secs(7_200)), "2 h");
        assert_eq!(in_units(Duration::from_millis(1_500)), "1.5 s");
    }
}
