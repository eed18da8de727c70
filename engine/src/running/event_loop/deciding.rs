//! What becomes of cells: of those whose inputs have come, of steps whose list has, and of those that cannot be fed.

use metalab_cas::Digest;

use super::Loop;
use crate::plan::{Known, StepPlan, Unknown, Verdict};
use crate::running::{RunError, expand};
use crate::schedule::{CellId, Standing};

impl Loop<'_, '_> {
    /// Says what becomes of the cells whose inputs have come, and gives cells to steps whose list has.
    pub(super) fn decide(&mut self) -> Result<(), RunError> {
        loop {
            let asked = self.schedule.undecided();
            if asked.is_empty() && !self.expand()? {
                break;
            }
            for id in asked {
                let standing = self.standing(id);
                self.schedule.decide(id, standing);
            }
        }
        for skip in self.schedule.skipped() {
            self.driver.skip(&skip);
        }
        Ok(())
    }

    fn standing(&mut self, id: CellId) -> Standing {
        let driver = &mut *self.driver;
        let known = Known { index: &driver.index, present: &driver.present, rerun: &driver.runner.rerun };
        let plan = driver.plan.clone();
        let verdict = plan.resolve_cell(id, &known, &mut driver.decisions, &mut self.scratch);
        let verdict = match verdict {
            Ok(Verdict::Reuse) if plan.took_anew(id, &driver.decisions) => Verdict::CutOff,
            Ok(verdict) => verdict,
            Err(unknown) => {
                let cause = self.cannot_be_fed(id, &unknown);
                return Standing::Lost(cause);
            }
        };
        driver.decisions.steps[id.0].verdicts[id.1 as usize] = verdict;
        match verdict {
            Verdict::Reuse => Standing::Done,
            Verdict::CutOff => {
                driver.summary.cut_off += 1;
                Standing::Done
            }
            Verdict::Shared => {
                let run = driver.decisions.steps[id.0].ids[id.1 as usize];
                let Some(owner) = driver.decisions.owner(&run) else { return Standing::Run };
                if self.schedule.is_done(owner) {
                    driver.decisions.made_alike(id, owner);
                }
                Standing::Twin(owner)
            }
            _ => Standing::Run,
        }
    }

    /// Warns of a cell that will not get what it needs; the cell to blame.
    pub(super) fn cannot_be_fed(&mut self, id: CellId, unknown: &Unknown) -> CellId {
        let plan = &self.driver.plan;
        let step = plan.steps[id.0].name();
        let why = match unknown {
            Unknown::NoArtifact { input, artifact, run } => {
                format!(
                    "input `{input}` takes artifact `{artifact}`, which run {} has not captured",
                    run.short()
                )
            }
            Unknown::Waits => {
                "its inputs are not known, which is a defect of metalab; please report it".into()
            }
        };
        self.driver.summary.warnings.push(format!("step `{step}`, cell {}: {why}", id.1));
        id
    }

    /// Gives cells to steps whose list of parameter sets has come; whether there were any.
    fn expand(&mut self) -> Result<bool, RunError> {
        let driver = &mut *self.driver;
        if driver.verifies() || driver.plan.steps().all(StepPlan::is_expanded) {
            return Ok(false);
        }
        let known = Known { index: &driver.index, present: &driver.present, rerun: &driver.runner.rerun };
        let schedule = &self.schedule;
        let is_done = |_: &_, from| schedule.is_done((from, 0));
        let expanded =
            expand(&mut driver.plan, &mut driver.decisions, &known, &driver.supply, &driver.files, is_done)?;
        driver.runner.check_resources(&driver.plan)?;
        for step in &expanded {
            let node = driver.node(*step);
            driver.summary.reused += driver.decisions.steps[*step].found();
            self.schedule.expand(*step, node.standings, node.edges);
        }
        driver.summary.cells = driver.plan.cells();
        Ok(!expanded.is_empty())
    }

    /// An input of a cell is gone: the run that made it runs again, if it is one of this experiment's.
    pub(super) fn repair(&mut self, id: CellId, digest: &Digest) {
        let driver = &mut *self.driver;
        let made_by = driver.plan.steps[id.0].maker(id.1, digest, &driver.decisions);
        if let Some(from) = made_by
            && !driver.verifies()
            && self.schedule.lost_input(id, from)
        {
            driver.decisions.steps[from.0].verdicts[from.1 as usize] = Verdict::Repair;
            return;
        }
        self.insist.insert(id);
        self.schedule.put_back(id);
    }
}
