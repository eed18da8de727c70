//! What must run, and why.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use metalab_cas::blobs::Presence;
use metalab_cas::{Digest, Value};

use super::inputs::{Given, InputPlan, Unknown};
use super::{Plan, PlanError, Sample, Scratch, StepPlan, stored};
use crate::id::RunId;
use crate::index::{Entry, Index};
use crate::record::{Outcome, Place, Record};
use crate::schedule::{CellId, Standing};

/// Why a cell runs, or why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Verdict {
    /// It was done before and its output is there.
    Reuse,
    /// A run that it needs was executed anew, with the output it had before: so this one is as it was.
    CutOff,
    /// Another cell of this submission is the same run.
    Shared,
    /// There is no record of it.
    New,
    /// Earlier attempts did not succeed.
    Again,
    /// It was asked for by `rerun`.
    Rerun,
    /// It succeeded, but its output is gone from the store.
    Repair,
    /// What it is depends on runs that have still to be made.
    Waits,
}

impl Verdict {
    /// Whether the cell is executed.
    pub fn runs(self) -> bool {
        matches!(self, Self::New | Self::Again | Self::Rerun | Self::Repair)
    }

    /// Whether its run was found done.
    pub fn is_reused(self) -> bool {
        matches!(self, Self::Reuse | Self::CutOff)
    }

    /// The word used in messages, records and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reuse => "reused",
            Self::CutOff => "reused: inputs came out equal",
            Self::Shared => "shared",
            Self::New => "new",
            Self::Again => "not succeeded before",
            Self::Rerun => "rerun",
            Self::Repair => "repair: output missing",
            Self::Waits => "waits for inputs",
        }
    }
}

/// What is to run again although it was done.
#[derive(Clone, Default)]
pub enum Rerun {
    /// Nothing: what is done is reused.
    #[default]
    Never,
    /// Everything.
    All,
    /// The cells for which this is true.
    Where(Arc<dyn Fn(&Cell<'_>) -> bool + Send + Sync>),
    /// A sample of what is done, and nothing else, to see whether it comes out as it did.
    Verify(Sample),
}

impl Rerun {
    /// The cells for which `condition` is true.
    pub fn matching(condition: impl Fn(&Cell<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self::Where(Arc::new(condition))
    }

    /// The word kept with the submission.
    pub(crate) fn word(&self) -> Option<String> {
        match self {
            Self::Never => None,
            Self::All => Some("all".into()),
            Self::Where(_) => Some("where".into()),
            Self::Verify(_) => Some("verify".into()),
        }
    }
}

impl fmt::Debug for Rerun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word().as_deref().unwrap_or("never"))
    }
}

/// A cell as conditions see it.
#[derive(Debug)]
pub struct Cell<'a> {
    /// Name of the step.
    pub step: &'a str,
    /// Its replicate, from 0.
    pub replicate: u64,
    /// Its index in the step.
    pub index: u64,
    arguments: &'a [(&'a str, &'a Value)],
}

impl Cell<'_> {
    /// The value of an argument.
    pub fn parameter(&self, name: &str) -> Option<&Value> {
        self.arguments.iter().find(|(other, _)| *other == name).map(|(_, value)| *value)
    }
}

/// The verdicts over all cells of a plan.
#[derive(Clone, Debug)]
pub struct Decisions {
    /// Per step, in the order in which they were added.
    pub steps: Vec<StepDecisions>,
    /// Values of the store that inputs (step, number) are given.
    pub(crate) stored: HashMap<(usize, usize), Given>,
    /// The cell that executes a run, where several cells may be the same.
    owners: HashMap<RunId, CellId>,
}

/// The verdicts over the cells of a step.
#[derive(Clone, Debug, Default)]
pub struct StepDecisions {
    /// The run id of each cell; [`RunId::UNKNOWN`] while it depends on runs that have still to be made.
    pub ids: Vec<RunId>,
    /// The verdict on each cell.
    pub verdicts: Vec<Verdict>,
    /// The output of each cell that has one, for steps that feed others; zeros elsewhere.
    outputs: Vec<Digest>,
    /// Artifacts that other steps take; `None` for one that a successful run does not have.
    artifacts: HashMap<(u64, String), Option<Digest>>,
    /// Names of these.
    wanted: Vec<String>,
}

const NO_OUTPUT: Digest = Digest::from_bytes([0; 32]);

impl StepDecisions {
    /// Number of cells with this verdict.
    pub fn count(&self, verdict: Verdict) -> u64 {
        self.verdicts.iter().filter(|other| **other == verdict).count() as u64
    }

    /// The cells that are executed.
    pub fn to_run(&self) -> impl Iterator<Item = u64> {
        self.verdicts.iter().enumerate().filter(|(_, verdict)| verdict.runs()).map(|(cell, _)| cell as u64)
    }

    /// The runs of the cells with this verdict.
    pub(crate) fn runs_with(&self, verdict: Verdict) -> impl Iterator<Item = RunId> {
        let with = self.verdicts.iter().zip(&self.ids).filter(move |(other, _)| **other == verdict);
        with.map(|(_, run)| *run)
    }

    /// Number of cells whose run was found done, or is the run of another cell.
    pub(crate) fn reused(&self) -> u64 {
        let is_reused = |verdict: &&Verdict| verdict.is_reused() || **verdict == Verdict::Shared;
        self.verdicts.iter().filter(is_reused).count() as u64
    }

    /// Number of cells whose run was found done; the schedule counts those whose run another cell makes.
    pub(crate) fn found(&self) -> u64 {
        self.verdicts.iter().filter(|verdict| verdict.is_reused()).count() as u64
    }

    /// Whether every cell's run is known.
    pub(crate) fn is_resolved(&self) -> bool {
        self.ids.iter().all(|id| *id != RunId::UNKNOWN)
    }

    /// What a cell gives to an input; `None` if it gave nothing.
    pub(super) fn product(&self, cell: CellId, input: &InputPlan) -> Result<Option<Given>, Unknown> {
        let at = cell.1 as usize;
        let (Some(run), Some(output)) = (self.ids.get(at), self.outputs.get(at)) else { return Ok(None) };
        if *output == NO_OUTPUT {
            return Ok(None);
        }
        let digest = match &input.artifact {
            None => *output,
            Some(name) => match self.artifacts.get(&(cell.1, name.clone())) {
                Some(Some(digest)) => *digest,
                Some(None) => {
                    let artifact = name.clone();
                    return Err(Unknown::NoArtifact { input: input.name, artifact, run: *run });
                }
                None => return Ok(None),
            },
        };
        Ok(Some(Given { digest, cell: Some(cell), run: Some(*run) }))
    }
}

impl Decisions {
    /// Number of cells with this verdict.
    pub fn count(&self, verdict: Verdict) -> u64 {
        self.steps.iter().map(|step| step.count(verdict)).sum()
    }

    /// Number of cells that are executed, as far as that is known.
    pub fn to_run(&self) -> u64 {
        self.steps.iter().map(|step| step.to_run().count() as u64).sum()
    }

    /// Number of cells whose run was found done, or is the run of another cell.
    pub fn reused(&self) -> u64 {
        self.steps.iter().map(StepDecisions::reused).sum()
    }

    /// Number of cells whose run was found done.
    pub(crate) fn found(&self) -> u64 {
        self.steps.iter().map(StepDecisions::found).sum()
    }

    /// How the cells of a step stand, for the schedule.
    pub(crate) fn standings(&self, step: usize) -> Vec<Standing> {
        let decided = &self.steps[step];
        let standing = |(verdict, id): (&Verdict, &RunId)| match verdict {
            Verdict::Reuse | Verdict::CutOff => Standing::Done,
            Verdict::Waits => Standing::Wait,
            Verdict::Shared => self.owners.get(id).map_or(Standing::Run, |owner| Standing::Twin(*owner)),
            _ => Standing::Run,
        };
        decided.verdicts.iter().zip(&decided.ids).map(standing).collect()
    }

    /// Takes over what the cell made that executed the same run.
    pub(crate) fn made_alike(&mut self, id: CellId, owner: CellId) {
        let from = &self.steps[owner.0];
        let output = from.outputs.get(owner.1 as usize).copied();
        let made =
            from.wanted.iter().map(|name| (name.clone(), from.artifacts.get(&(owner.1, name.clone()))));
        let made: Vec<_> = made.map(|(name, digest)| (name, digest.copied().flatten())).collect();
        let artifacts = made.iter().filter_map(|(name, digest)| Some((name.as_str(), (*digest)?)));
        self.made(id, output, artifacts);
    }

    /// The output of a cell of a step that feeds others.
    pub(crate) fn output_of(&self, (step, cell): CellId) -> Option<Digest> {
        self.steps[step].outputs.get(cell as usize).copied().filter(|output| *output != NO_OUTPUT)
    }

    /// The cell that executes a run.
    pub(crate) fn owner(&self, run: &RunId) -> Option<CellId> {
        self.owners.get(run).copied()
    }

    /// Notes what a run made, for the steps that it feeds.
    pub(crate) fn made<'a>(
        &mut self,
        (step, cell): CellId,
        output: Option<Digest>,
        artifacts: impl Iterator<Item = (&'a str, Digest)>,
    ) {
        let step = &mut self.steps[step];
        if let (Some(slot), Some(output)) = (step.outputs.get_mut(cell as usize), output) {
            *slot = output;
        }
        let wanted: Vec<String> = step.wanted.clone();
        if wanted.is_empty() {
            return;
        }
        let found: HashMap<&str, Digest> = artifacts.collect();
        for name in wanted {
            let digest = found.get(name.as_str()).copied();
            step.artifacts.insert((cell, name), digest);
        }
    }
}

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
