//! Leaving runs to other drivers that execute them at this moment.

use std::time::{Duration, Instant};

use super::claims::Claims;
use super::driver::Driver;
use super::pace::Pace;
use crate::id::{RunId, WriterId};
use crate::plan::Verdict;
use crate::schedule::{Batch, CellId, Schedule};
use crate::store::Store;

/// Runs that take less are not worth asking about: doing them twice costs no more.
const QUICK: Duration = Duration::from_millis(1);
/// When a run that another driver executes is looked for again.
const AGAIN: Duration = Duration::from_millis(250);
/// How often the journal is looked at for what other drivers have done.
const REFRESH: Duration = Duration::from_millis(200);

/// What is left to other drivers.
#[derive(Debug)]
pub(super) struct Yielding {
    claims: Option<Claims>,
    refreshed: Instant,
}

impl Yielding {
    pub(super) fn new(store: &Store, writer: WriterId, slots: usize) -> Self {
        Self { claims: Claims::open(store, writer, slots), refreshed: Instant::now() }
    }

    /// Says that this driver is alive.
    pub(super) fn beat(&mut self) {
        if let Some(claims) = &mut self.claims {
            claims.beat();
        }
    }

    /// Gives up runs that did not succeed.
    pub(super) fn release<'a>(&mut self, runs: impl Iterator<Item = &'a RunId>) {
        if let Some(claims) = &mut self.claims {
            claims.release(runs);
        }
    }

    /// Claims the runs of a batch. Those that another driver has done meanwhile count as found, those that it
    /// executes now are looked at again later; both are taken out of the batch.
    pub(super) fn claim(
        &mut self,
        batch: &mut Batch,
        driver: &mut Driver<'_>,
        schedule: &mut Schedule,
        pace: &Pace,
        now: Duration,
    ) {
        let Some(claims) = &mut self.claims else { return };
        if pace.mean().is_some_and(|mean| mean < QUICK) {
            return;
        }
        let decided = &driver.decisions.steps[batch.step];
        let asked = |cell: u64| {
            matches!(decided.verdicts[cell as usize], Verdict::New | Verdict::Again | Verdict::Repair)
        };
        let runs = batch.cells.iter().filter(|(cell, _)| asked(*cell));
        let runs: Vec<RunId> = runs.map(|(cell, _)| decided.ids[*cell as usize]).collect();
        let held = claims.claim(&runs);
        if !claims.has_met_others() {
            return;
        }
        if self.refreshed.elapsed() > REFRESH {
            // Looking is a courtesy: what is not seen is computed twice, and the records agree.
            if let Err(error) = driver.index.refresh() {
                tracing::warn!(%error, "what other drivers have done cannot be seen");
            }
            self.refreshed = Instant::now();
        }
        let step = batch.step;
        let plan = driver.plan.clone();
        batch.cells.retain(|(cell, _)| {
            let id: CellId = (step, *cell);
            if plan.done_meanwhile(id, &driver.index, &mut driver.decisions) {
                for twin in schedule.twins(id) {
                    plan.done_meanwhile(*twin, &driver.index, &mut driver.decisions);
                }
                schedule.found(id);
                return false;
            }
            let is_held = held.contains(&driver.decisions.steps[step].ids[*cell as usize]);
            if is_held {
                schedule.postpone(id, now + AGAIN);
            }
            !is_held
        });
    }
}
