//! What a worker needs to derive from the runs of a step.

use std::sync::Arc;

use super::{DerivedFunction, derive_all};
use crate::record::{Attempt, DerivedRecord, Template};
use crate::results::{Fresh, RunResult, StepCells};
use crate::store::Store;

/// Functions over the runs of a step, with what the runs share.
#[derive(Debug)]
pub(crate) struct Deriving {
    pub(crate) functions: Vec<DerivedFunction>,
    pub(crate) template: Arc<Template>,
    /// The step without its run ids.
    pub(crate) cells: StepCells,
}

impl Deriving {
    /// What the functions derive from a run that has just succeeded; `fresh` are those of its values that are in memory
    /// alone.
    pub(crate) fn derive(&self, store: &Store, attempt: &Attempt, fresh: Fresh) -> Vec<DerivedRecord> {
        let place = self.cells.place(attempt.cell.unwrap_or(0));
        let run = RunResult::fresh(store.clone(), attempt.clone(), self.template.clone(), place, fresh);
        derive_all(self.functions.iter(), &run, &[])
    }
}
