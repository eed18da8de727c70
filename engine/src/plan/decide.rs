//! Deciding for every cell whether it runs: from the index, what is there, and what was asked to run again.

use std::collections::HashMap;

use metalab_cas::Digest;
use metalab_cas::blobs::Presence;

use super::decisions::{Decisions, NO_OUTPUT, StepDecisions};
use super::inputs::{InputPlan, Unknown};
use super::{Cell, Plan, PlanError, Rerun, Scratch, StepPlan, Verdict, stored};
use crate::id::RunId;
use crate::index::{Entry, Index};
use crate::record::{Outcome, Place, Record};
use crate::schedule::CellId;

/// What decisions are made from.
pub(crate) struct Known<'a> {
    pub(crate) index: &'a Index,
    pub(crate) present: &'a Presence,
    pub(crate) rerun: &'a Rerun,
}

impl Plan {
    /// Decides for every cell whether it runs, as far as that can be known before anything has run.
    ///
    /// # Errors
    /// When a value of the store that an input names is not there, or a record cannot be read.
    pub fn decide(&self, index: &Index, present: &Presence, rerun: &Rerun) -> Result<Decisions, PlanError> {
        let mut decisions = Decisions {
            steps: vec![StepDecisions::default(); self.steps.len()],
            stored: stored::resolve(self, index)?,
            owners: HashMap::new(),
        };
        let known = Known { index, present, rerun };
        for step in &self.order {
            self.decide_step(*step, &known, &mut decisions);
        }
        Ok(decisions)
    }

    /// Decides for the cells of a step; those of the steps before it are decided.
    pub(crate) fn decide_step(&self, number: usize, known: &Known<'_>, decisions: &mut Decisions) {
        let step = &self.steps[number];
        let cells = step.cells() as usize;
        let feeds = self.feeds(number).any;
        let ids = if step.inputs.is_empty() { step.run_ids() } else { vec![RunId::UNKNOWN; cells] };
        decisions.steps[number] = StepDecisions {
            ids,
            verdicts: vec![Verdict::Waits; cells],
            outputs: if feeds { vec![NO_OUTPUT; cells] } else { Vec::new() },
            artifacts: HashMap::new(),
            wanted: self.wanted_artifacts(number),
        };
        let may_share = !step.inputs.is_empty() || self.may_share(number);
        let mut scratch = Scratch::default();
        for cell in 0..cells as u64 {
            let verdict = match step.inputs.is_empty() {
                true => self.judge((number, cell), may_share, known, decisions),
                false => self.decide_cell((number, cell), known, decisions, &mut scratch),
            };
            decisions.steps[number].verdicts[cell as usize] = verdict;
        }
    }

    /// Decides for one cell with inputs before anything runs. It waits if they are not known, or if it has to run and
    /// they are not there.
    fn decide_cell(
        &self,
        id: CellId,
        known: &Known<'_>,
        decisions: &mut Decisions,
        scratch: &mut Scratch,
    ) -> Verdict {
        let step = &self.steps[id.0];
        let mut to_repair = false;
        for edge in step.inputs.iter().filter_map(InputPlan::edge) {
            for cell in edge.needs(id.1) {
                match decisions.steps[edge.from].verdicts.get(cell as usize) {
                    Some(Verdict::Reuse) => {}
                    // It is expected to give what was there.
                    Some(Verdict::Repair) => to_repair = true,
                    _ => return Verdict::Waits,
                }
            }
        }
        let Ok(verdict) = self.resolve_cell(id, known, decisions, scratch) else { return Verdict::Waits };
        if to_repair && (verdict.runs() || verdict == Verdict::Shared) {
            self.forget_cell(id, decisions);
            return Verdict::Waits;
        }
        verdict
    }

    /// Decides for a cell all of whose inputs are there.
    pub(crate) fn resolve_cell(
        &self,
        id: CellId,
        known: &Known<'_>,
        decisions: &mut Decisions,
        scratch: &mut Scratch,
    ) -> Result<Verdict, Unknown> {
        let step = &self.steps[id.0];
        let given = step.given(id.1, decisions)?;
        self.forget_cell(id, decisions);
        decisions.steps[id.0].ids[id.1 as usize] = step.run_id(id.1, &step.hashed(&given), scratch);
        Ok(self.judge(id, true, known, decisions))
    }

    fn forget_cell(&self, id: CellId, decisions: &mut Decisions) {
        let run = std::mem::replace(&mut decisions.steps[id.0].ids[id.1 as usize], RunId::UNKNOWN);
        if decisions.owners.get(&run) == Some(&id) {
            decisions.owners.remove(&run);
        }
    }

    /// What becomes of a cell whose run id is known.
    fn judge(&self, id: CellId, may_share: bool, known: &Known<'_>, decisions: &mut Decisions) -> Verdict {
        let Known { index, present, rerun } = known;
        let run = decisions.steps[id.0].ids[id.1 as usize];
        let found = index.get(&run);
        let mut verdict = match &found {
            None => Verdict::New,
            Some(entry) if entry.outcome != Outcome::Succeeded => Verdict::Again,
            Some(entry) if !output_present(entry, index, present) => Verdict::Repair,
            Some(_) => Verdict::Reuse,
        };
        if verdict == Verdict::Reuse && self.is_wanted(id, rerun) {
            verdict = Verdict::Rerun;
        }
        if matches!(verdict, Verdict::Reuse | Verdict::Repair)
            && let Some(entry) = found
            && !self.note_products(id, &entry, index, decisions)
        {
            // It is said to have succeeded, and its record cannot be read: what it made is not known.
            verdict = Verdict::Repair;
        }
        if may_share && verdict.runs() {
            match decisions.owners.get(&run) {
                Some(owner) if *owner != id => return Verdict::Shared,
                Some(_) => {}
                None => {
                    decisions.owners.insert(run, id);
                }
            }
        }
        verdict
    }

    /// Whether the run of a cell that was to be executed has succeeded meanwhile; what it made is taken over.
    pub(crate) fn done_meanwhile(&self, id: CellId, index: &Index, decisions: &mut Decisions) -> bool {
        let at = id.1 as usize;
        let run = decisions.steps[id.0].ids[at];
        // A repair or a rerun has a success in its past.
        if !matches!(decisions.steps[id.0].verdicts[at], Verdict::New | Verdict::Again | Verdict::Shared) {
            return false;
        }
        let found = index.get(&run).filter(Entry::succeeded);
        let done = found.is_some_and(|entry| self.note_products(id, &entry, index, decisions));
        if done {
            decisions.steps[id.0].verdicts[at] = Verdict::Reuse;
        }
        done
    }

    fn is_wanted(&self, (step, cell): CellId, rerun: &Rerun) -> bool {
        match rerun {
            // The sample is drawn when everything is decided.
            Rerun::Never | Rerun::Verify(_) => false,
            Rerun::All => true,
            Rerun::Where(condition) => {
                let step = &self.steps[step];
                let (set, replicate) = step.split(cell);
                let set = step.arguments.set(set);
                condition(&Cell { step: &step.name, replicate, index: cell, arguments: &set.call() })
            }
        }
    }

    /// Takes over what a finished run made, for the steps that it feeds; false if its record cannot be read.
    fn note_products(&self, id: CellId, entry: &Entry, index: &Index, decisions: &mut Decisions) -> bool {
        let step = &decisions.steps[id.0];
        if step.outputs.is_empty() && step.wanted.is_empty() {
            return true;
        }
        if step.wanted.is_empty() {
            decisions.made(id, entry.output, std::iter::empty());
            return true;
        }
        match index.store().journal().read(&entry.place) {
            Ok(Record::Attempt(attempt)) => {
                let artifacts = attempt.artifacts.iter();
                let artifacts = artifacts.map(|artifact| (artifact.name.as_str(), artifact.value.digest));
                decisions.made(id, entry.output, artifacts);
                true
            }
            _ => false,
        }
    }

    /// Names of the artifacts that steps take from runs of this one, also by way of a step of the same operation.
    pub(super) fn wanted_artifacts(&self, number: usize) -> Vec<String> {
        let same = self.same_operation(number);
        let inputs = self.steps.iter().flat_map(|step| &step.inputs);
        let taken = inputs.filter(|input| input.step().is_some_and(|from| same.contains(&from)));
        let mut names: Vec<String> = taken.filter_map(|input| input.artifact.clone()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The steps of one step's operation: their cells may be the same runs.
    pub(super) fn same_operation(&self, number: usize) -> Vec<usize> {
        let name = |step: &StepPlan| step.operation.description().full_name();
        let own = name(&self.steps[number]);
        self.steps().filter(|step| name(step) == own).map(|step| step.number).collect()
    }

    /// Whether a cell of a step without inputs can be the run of another cell: where two steps have one operation, or
    /// a set may come twice (two files may be equal, two drawn integers as well).
    fn may_share(&self, number: usize) -> bool {
        self.steps[number].arguments.may_repeat() || self.same_operation(number).len() > 1
    }
}

fn output_present(entry: &Entry, index: &Index, present: &Presence) -> bool {
    match (entry.output, entry.output_place) {
        (None, _) | (_, Place::Inline) => true,
        (Some(digest), Place::Pack) => index.place_of(&digest).is_some() || is_blob(&digest, index, present),
        (Some(digest), Place::Blob) => is_blob(&digest, index, present),
    }
}

/// Whether a blob is there: by the listing taken at the opening, or made since, by this driver or another. A store that
/// cannot say is believed to have it: who uses the blob will find out.
fn is_blob(digest: &Digest, index: &Index, present: &Presence) -> bool {
    present.contains(digest) || index.store().blobs().has(digest).unwrap_or(true)
}
