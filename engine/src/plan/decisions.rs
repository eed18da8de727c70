//! What was decided for the cells of a plan, and what they made for each other.

use std::collections::HashMap;

use metalab_cas::Digest;

use super::Verdict;
use super::inputs::{Given, InputPlan, Unknown};
use crate::id::RunId;
use crate::schedule::{CellId, Standing};

/// The verdicts over all cells of a plan.
#[derive(Clone, Debug)]
pub struct Decisions {
    /// Per step, in the order in which they were added.
    pub steps: Vec<StepDecisions>,
    /// Values of the store that inputs (step, number) are given.
    pub(crate) stored: HashMap<(usize, usize), Given>,
    /// The cell that executes a run, where several cells may be the same.
    pub(super) owners: HashMap<RunId, CellId>,
}

/// The verdicts over the cells of a step.
#[derive(Clone, Debug, Default)]
pub struct StepDecisions {
    /// The run id of each cell; [`RunId::UNKNOWN`] while it depends on runs that have still to be made.
    pub ids: Vec<RunId>,
    /// The verdict on each cell.
    pub verdicts: Vec<Verdict>,
    /// The output of each cell that has one, for steps that feed others; zeros elsewhere.
    pub(super) outputs: Vec<Digest>,
    /// Artifacts that other steps take; `None` for one that a successful run does not have.
    pub(super) artifacts: HashMap<(u64, String), Option<Digest>>,
    /// Names of these.
    pub(super) wanted: Vec<String>,
}

/// Stands for the output of a cell that has none yet.
pub(super) const NO_OUTPUT: Digest = Digest::from_bytes([0; 32]);

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
