//! Derived metrics of a submission: those of runs that were there before, and what could not be derived.

use std::collections::BTreeMap;

use super::RunError;
use super::driver::Driver;
use crate::derived::{Many, append_batch};
use crate::id::RunId;
use crate::index::DerivedPlace;
use crate::journal::Writer;
use crate::results::{RunReader, StepCells};

/// What could not be derived, told once per function.
#[derive(Debug, Default)]
pub(super) struct Underived {
    /// By function: how often, and the first run with its error.
    functions: BTreeMap<String, (u64, RunId, String)>,
    /// Those too many to be noted one by one.
    untold: u64,
}

impl Underived {
    /// Notes the functions that derived nothing from a run.
    pub(super) fn note(&mut self, run: &RunId, functions: &[(String, String)]) {
        for (function, why) in functions {
            self.functions.entry(function.clone()).or_insert_with(|| (0, *run, why.clone())).0 += 1;
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.functions.values().map(|(count, ..)| count).sum::<u64>() + self.untold
    }

    pub(super) fn warnings(&self) -> impl Iterator<Item = String> + '_ {
        self.functions.iter().map(|(function, (count, run, why))| {
            let (run, runs) = (run.short(), if *count == 1 { "run" } else { "runs" });
            format!("derived metric `{function}` failed for {count} {runs}, first for {run}: {why}")
        })
    }
}

impl Driver<'_> {
    /// Derives what the runs that were there before have not got yet, or from other code, and keeps it. Cancelled, it
    /// stops; what it has kept stays.
    pub(super) fn derive(&mut self, writer: &mut Writer) -> Result<(), RunError> {
        if self.plan.steps().all(|step| step.deriving().is_none()) {
            return Ok(());
        }
        let steps = StepCells::planned(&self.plan, &self.decisions);
        let reader = RunReader::new(self.runner.store.clone());
        let threads = self.runner.executor.slots().max(1);
        for (step, cells) in self.plan.steps().zip(&steps) {
            let Some(deriving) = step.deriving() else { continue };
            // What this submission has executed has it in its record.
            let executed_here =
                |run: &RunId| self.index.get(run).is_some_and(|entry| entry.place.writer == writer.id());
            let runs = cells.ids.iter().enumerate().filter(|(_, run)| !executed_here(run));
            let pending = runs.map(|(cell, run)| (*run, cells.place(cell as u64))).collect();
            let many = Many {
                index: &self.index,
                reader: &reader,
                overlay: None,
                functions: &deriving.functions,
                overwrite: false,
                threads,
                stop: &|| self.shared.cancel_level() > 0,
            };
            let mut kept = Vec::new();
            let tally = many.each(pending, |rows| {
                let (_, batch) = append_batch(writer, self.environment, rows);
                let committed = writer.commit()?;
                let places =
                    committed.records().filter_map(|(record, place)| DerivedPlace::of(record, place, &batch));
                let places: Vec<_> = places.collect();
                kept.push((committed, places));
                Ok::<_, RunError>(())
            })?;
            for (committed, places) in kept {
                places.into_iter().for_each(|place| self.index.derived(place));
                self.index.cover(&committed);
            }
            self.summary.derived += tally.computed;
            self.underived.untold += tally.failed - tally.failures.len() as u64;
            self.summary.warnings.extend(tally.unreadable.into_iter().take(10));
            for failure in tally.failures {
                self.underived.note(&failure.run, &[(failure.function, failure.error)]);
            }
        }
        self.summary.derived_failed = self.underived.count();
        self.summary.warnings.extend(self.underived.warnings());
        Ok(())
    }
}
