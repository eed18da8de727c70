//! From an experiment to cells with run ids, and from those to what must run and why.

mod arguments;
mod check;
mod contexts;
mod decide;
mod decisions;
mod error;
mod explain;
pub(crate) mod files;
mod inputs;
mod metadata;
mod sample;
mod sources;
mod space;
mod step;
mod stored;
mod verdict;
mod wiring;

pub(crate) use arguments::Set as ParameterSet;
pub(crate) use contexts::{ContextPlan, ContextPlans, FieldPlan};
pub(crate) use decide::Known;
pub use decisions::{Decisions, StepDecisions};
pub use error::PlanError;
pub use explain::{Behind, Difference, differences};
pub(crate) use explain::{compare, entries};
use inputs::InputPlan;
pub(crate) use inputs::{Feeds, Given, GivenInput, Unknown};
pub use sample::Sample;
pub(crate) use sources::source_changes;
pub use step::{Scratch, StepPlan};
pub(crate) use step::{executable_digest, head};
pub use verdict::{Cell, Rerun, Verdict};

use std::sync::Arc;

use metalab_cas::Value;

use crate::context::StatCache;
use crate::experiment::Experiment;
use crate::params::{List, Source};
use crate::schedule::CellId;

/// An experiment whose steps are resolved: what makes the run id of every cell, but for inputs that no run has made
/// yet.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) experiment: Experiment,
    pub(crate) steps: Vec<Arc<StepPlan>>,
    /// Numbers of the steps, each after those it needs.
    pub(crate) order: Vec<usize>,
    /// The contexts that its operations borrow, as they were when it was made.
    pub(crate) contexts: ContextPlans,
}

impl Plan {
    /// Resolves an experiment: checks names, parameters and wires, reads files and folders (through `files`).
    ///
    /// # Errors
    /// See [`PlanError`]; nothing was written anywhere.
    pub fn new(experiment: &Experiment, files: &StatCache) -> Result<Self, PlanError> {
        check::check(experiment)?;
        let order = wiring::order(experiment)?;
        let mut contexts = ContextPlans::new();
        let mut planned: Vec<Option<Arc<StepPlan>>> = vec![None; experiment.specs.len()];
        for step in &order {
            let plan = StepPlan::new(experiment, *step, &planned, files, &mut contexts)?;
            planned[*step] = Some(Arc::new(plan));
        }
        let steps = planned.into_iter().flatten().collect();
        Ok(Self { experiment: experiment.clone(), steps, order, contexts })
    }

    /// The same with a list of parameter sets that was not known before: the step that waited for it has cells, and
    /// so have those after it. Gives the numbers of these.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub(crate) fn expand(
        &self,
        step: usize,
        rows: Vec<Value>,
        files: &StatCache,
    ) -> Result<(Self, Vec<usize>), PlanError> {
        let mut experiment = self.experiment.clone();
        experiment.specs[step].source = Source::List(List::of_values(&rows));
        let mut planned: Vec<Option<Arc<StepPlan>>> = self.steps.iter().cloned().map(Some).collect();
        let (mut expanded, mut contexts) = (Vec::new(), self.contexts.clone());
        for number in &self.order {
            if self.steps[*number].is_expanded() {
                continue;
            }
            let plan = StepPlan::new(&experiment, *number, &planned, files, &mut contexts)?;
            if plan.is_expanded() {
                expanded.push(*number);
            }
            planned[*number] = Some(Arc::new(plan));
        }
        let steps = planned.into_iter().flatten().collect();
        Ok((Self { experiment, steps, order: self.order.clone(), contexts }, expanded))
    }

    /// The steps, in the order in which they were added.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = &StepPlan> {
        self.steps.iter().map(|step| &**step)
    }

    /// Name of the experiment.
    pub fn name(&self) -> &str {
        &self.experiment.name
    }

    /// The number of cells of all steps, as far as they are known.
    pub fn cells(&self) -> u64 {
        self.steps().map(StepPlan::cells).sum()
    }

    /// Whether a cell took something from a run that this submission has executed.
    pub(crate) fn took_anew(&self, (step, cell): CellId, decisions: &Decisions) -> bool {
        self.steps[step].inputs.iter().filter_map(InputPlan::edge).any(|edge| {
            let verdicts = &decisions.steps[edge.from].verdicts;
            edge.needs(cell)
                .any(|cell| verdicts.get(cell as usize).is_some_and(|v| v.runs() || *v == Verdict::CutOff))
        })
    }

    /// What other steps take from runs of this one, also by way of a step whose cells are the same runs.
    pub(crate) fn feeds(&self, step: usize) -> Feeds {
        let any = self.same_operation(step).into_iter().any(|step| self.feeds_any(step));
        Feeds { any, artifacts: !self.wanted_artifacts(step).is_empty() }
    }

    /// Whether another step takes something from this one.
    pub(crate) fn feeds_any(&self, step: usize) -> bool {
        self.steps().any(|other| {
            other.inputs.iter().any(|input| input.step() == Some(step)) || other.list_from() == Some(step)
        })
    }
}
