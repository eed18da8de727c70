//! Derived metrics of a submission: those of runs that were there before, and what could not be derived.

use std::collections::BTreeMap;

use super::RunError;
use super::driver::Driver;
use crate::derived::{Complete, Many, Marks, append_batch};
use crate::id::{RecordName, RunId};
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
        // Without a book the records are read, and say themselves what is wrong.
        let book = reader.book(&self.index).ok();
        let mut complete = Complete::load(&self.runner.store, self.plan.name());
        for (step, cells) in self.plan.steps().zip(&steps) {
            let Some(deriving) = step.deriving() else { continue };
            let marks = Marks::of(&deriving.functions).zip(book.as_deref());
            let mark = |run: &RunId, record: &RecordName| {
                marks.as_ref().map(|(marks, book)| marks.mark(run, record, book))
            };
            let mut pending = Vec::new();
            for (cell, run) in cells.ids.iter().enumerate() {
                let Some(entry) = self.index.get(run).filter(|entry| entry.succeeded()) else { continue };
                let mark = mark(run, &entry.name);
                if entry.place.writer == writer.id() {
                    // What this submission has executed has it in its record; nothing else is known of it yet.
                    let is_alone = book.as_ref().is_some_and(|book| book.of(run).next().is_none());
                    mark.filter(|_| is_alone).into_iter().for_each(|mark| complete.note(mark));
                } else if !mark.is_some_and(|mark| complete.has(&mark)) {
                    pending.push((*run, cells.place(cell as u64)));
                }
            }
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
            for run in &tally.complete {
                let mark = self.index.get(run).and_then(|entry| mark(run, &entry.name));
                mark.into_iter().for_each(|mark| complete.note(mark));
            }
            self.summary.derived += tally.computed;
            self.underived.untold += tally.failed - tally.failures.len() as u64;
            self.summary.warnings.extend(tally.unreadable.into_iter().take(10));
            for failure in tally.failures {
                self.underived.note(&failure.run, &[(failure.function, failure.error)]);
            }
        }
        complete.save(&self.runner.store, self.plan.name());
        self.summary.derived_failed = self.underived.count();
        self.summary.warnings.extend(self.underived.warnings());
        Ok(())
    }
}
