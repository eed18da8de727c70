//! What happens while runs execute: finished ones come in, new ones go out, durable ones are told.
//!
//! `deciding`: what becomes of cells whose inputs have come; `telling`: what is reported, and when.

mod deciding;
mod telling;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::driver::Driver;
use super::durations::Durations;
use super::job::{Finished, Job, Task, Work};
use super::keeper::{Durable, Keeper, Order};
use super::pace::Pace;
use super::perform::Returned;
use super::requests::Requests;
use super::yielding::Yielding;
use super::{RunError, inputs};
use crate::plan::{Feeds, Scratch};
use crate::record::Outcome;
use crate::schedule::{Batch, CellId, Counts, Next, Schedule};

/// How long a second cancellation waits for runs that do not listen.
const GRACE: Duration = Duration::from_secs(2);
/// The longest the driver sleeps without looking at cancellation.
const LOOK: Duration = Duration::from_millis(50);

pub(super) struct Loop<'d, 'a> {
    driver: &'d mut Driver<'a>,
    work: Arc<Work>,
    /// Gone when everything has been handed over.
    keeper: Option<Keeper>,
    schedule: Schedule,
    back: Sender<Finished>,
    finished: Receiver<Finished>,
    durable: Receiver<Result<Durable, RunError>>,
    /// What is durable, and thus told.
    reported: Counts,
    pace: Pace,
    durations: Durations,
    remaining: Option<Duration>,
    /// When that was estimated: it looks at every step.
    estimated: Option<Instant>,
    /// What is kept of the results of each step.
    feeds: Vec<Feeds>,
    /// Cells that run although an input could not be had: they will say so.
    insist: HashSet<CellId>,
    yielding: Yielding,
    requests: Requests,
    scratch: Scratch,
    start: Instant,
}

impl<'d, 'a> Loop<'d, 'a> {
    pub(super) fn new(
        driver: &'d mut Driver<'a>,
        work: Arc<Work>,
        keeper: Keeper,
        schedule: Schedule,
        durable: Receiver<Result<Durable, RunError>>,
        durations: Durations,
    ) -> Self {
        let (back, finished) = channel();
        let yielding =
            Yielding::new(&driver.runner.store, work.writer, driver.runner.executor.slots().max(1));
        let requests = Requests::to(&driver.runner.store, work.writer);
        let feeds = (0..driver.plan.steps.len()).map(|step| driver.plan.feeds(step)).collect();
        Self {
            driver,
            work,
            keeper: Some(keeper),
            schedule,
            back,
            finished,
            durable,
            reported: Counts::default(),
            pace: Pace::default(),
            durations,
            remaining: None,
            estimated: None,
            feeds,
            insist: HashSet::new(),
            yielding,
            requests,
            scratch: Scratch::default(),
            start: Instant::now(),
        }
    }

    pub(super) fn run(mut self) -> Result<(), RunError> {
        let slots = self.driver.runner.executor.slots().max(1);
        let mut jobs = 0_usize;
        let mut stopped_at = None;
        let mut failure = None;
        loop {
            self.observe_cancellation(&mut stopped_at);
            self.yielding.beat();
            if let Err(error) = self.decide() {
                failure = Some(error);
                self.stop();
            }
            let mut next = Next::Wait(None);
            while jobs < slots * 3 {
                let limit = self.pace.job_runs(self.schedule.counts().waiting, slots);
                next = self.schedule.next(self.start.elapsed(), limit);
                let Next::Start(batch) = next else { break };
                if self.start(batch) {
                    jobs += 1;
                }
                next = Next::Wait(None);
            }
            if next == Next::Done {
                break;
            }
            self.publish_counts();
            self.publish_obstacles();
            let sleep = match next {
                Next::Wait(Some(due)) => {
                    due.saturating_sub(self.start.elapsed()).clamp(Duration::from_millis(1), LOOK)
                }
                _ => LOOK,
            };
            match self.finished.recv_timeout(sleep) {
                Ok(finished) => {
                    jobs -= usize::from(self.take(finished));
                    while let Ok(finished) = self.finished.try_recv() {
                        jobs -= usize::from(self.take(finished));
                    }
                    if jobs == 0 {
                        self.hand_over(Order::Flush);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            while let Ok(durable) = self.durable.try_recv() {
                if let Err(error) = self.tell(durable) {
                    self.stop();
                    failure = Some(error);
                }
            }
            if stopped_at.is_some_and(|at: Instant| at.elapsed() > GRACE) {
                self.schedule.abandon();
            }
        }
        self.end(failure)
    }

    fn stop(&mut self) {
        self.work.draining.cancel();
        self.schedule.drain();
    }

    fn observe_cancellation(&mut self, stopped_at: &mut Option<Instant>) {
        if let Some(stop) = self.requests.look() {
            self.driver.shared.stop(stop as u8);
        }
        let level = self.driver.shared.cancel_level();
        if level >= 1 {
            self.stop();
        }
        if level >= 2 && stopped_at.is_none() {
            *stopped_at = Some(Instant::now());
        }
    }

    /// Hands a batch to the executor; false if nothing of it could be started.
    fn start(&mut self, mut batch: Batch) -> bool {
        let now = self.start.elapsed();
        self.yielding.claim(&mut batch, self.driver, &mut self.schedule, &self.pace, now);
        let driver = &mut *self.driver;
        let step = driver.plan.steps[batch.step].clone();
        let decided = &driver.decisions.steps[batch.step];
        let mut tasks = Vec::with_capacity(batch.cells.len());
        let mut unfed = Vec::new();
        for (cell, tries) in batch.cells {
            let mut inputs = match inputs::of_cell(&step, cell, &driver.decisions, &driver.index) {
                Ok(inputs) => inputs,
                Err(unknown) => {
                    unfed.push((cell, unknown));
                    continue;
                }
            };
            if let Some(inputs) = &mut inputs {
                inputs.insist = self.insist.contains(&(batch.step, cell));
            }
            let at = cell as usize;
            let (run, verdict) = (decided.ids[at], decided.verdicts[at]);
            tasks.push(Task { cell, run, tries, verdict, inputs: inputs.map(Box::new) });
        }
        for (cell, unknown) in unfed {
            self.cannot_be_fed((batch.step, cell), &unknown);
            self.schedule.not_started(batch.step, cell);
        }
        if tasks.is_empty() {
            self.schedule.returned(batch.step);
            return false;
        }
        let job = Job::new(self.work.clone(), step, self.feeds[batch.step], tasks, self.back.clone());
        self.driver.runner.executor.start(job);
        true
    }

    /// Takes what a job sent; whether that was the last of it.
    fn take(&mut self, finished: Finished) -> bool {
        let Finished { step, mut performed, not_started, last } = finished;
        if last {
            self.schedule.returned(step);
        }
        for cell in not_started {
            self.schedule.not_started(step, cell);
        }
        for Returned { cell, digest } in std::mem::take(&mut performed.returned) {
            self.repair((step, cell), &digest);
        }
        for run in &mut performed.runs {
            // What a verified run gives now is compared, not passed on.
            let is_passed_on = self.feeds[step].any && !self.driver.verifies();
            if run.outcome == Outcome::Succeeded && is_passed_on {
                let id = (step, run.cell);
                for id in std::iter::once(&id).chain(self.schedule.twins(id)) {
                    let artifacts = run.artifacts.iter().map(|(name, digest)| (name.as_str(), *digest));
                    self.driver.decisions.made(*id, run.output, artifacts);
                }
            }
            run.again = self.schedule.finished(step, run.cell, run.outcome, self.start.elapsed());
        }
        self.pace.learn(performed.runs.len(), performed.busy);
        self.durations.learn(step, performed.runs.len(), performed.busy);
        if !performed.runs.is_empty() {
            self.hand_over(Order::Keep { step, performed });
        }
        last
    }

    fn hand_over(&self, order: Order) {
        if let Some(keeper) = &self.keeper {
            keeper.send(order);
        }
    }

    fn end(mut self, failure: Option<RunError>) -> Result<(), RunError> {
        let writer = self.keeper.take().map(Keeper::finish);
        while let Ok(durable) = self.durable.try_recv() {
            // The keeper returns its own failure below.
            let _ = self.tell(durable);
        }
        for skip in self.schedule.skipped() {
            self.driver.skip(&skip);
        }
        if let Some(error) = failure {
            return Err(error);
        }
        self.driver.writer = writer.transpose()?;
        let counts = self.schedule.counts();
        let summary = &mut self.driver.summary;
        summary.reused += counts.reused;
        (summary.succeeded, summary.failed) = (counts.succeeded, counts.failed);
        (summary.timed_out, summary.cancelled) = (counts.timed_out, counts.cancelled);
        summary.skipped = counts.skipped;
        let cells = summary.cells;
        self.driver.shared.progress(cells, counts, None);
        Ok(())
    }
}
