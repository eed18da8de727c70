//! What happens while runs execute: finished ones come in, new ones go out, durable ones are told.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::driver::Driver;
use super::durations::Durations;
use super::events::{Event, FinishedRun};
use super::handle::Waiting;
use super::job::{Finished, Job, Task, Work};
use super::keeper::{Durable, Keeper, Order};
use super::pace::Pace;
use super::perform::Returned;
use super::requests::Requests;
use super::yielding::Yielding;
use super::{RunError, expand, inputs};
use crate::inputs::Where;
use crate::live::remove_logs;
use crate::plan::{Feeds, Known, Scratch, Unknown, Verdict};
use crate::record::{Outcome, Place};
use crate::schedule::{Batch, CellId, Counts, Next, Obstacle, Schedule, Standing};

/// How long a second cancellation waits for runs that do not listen.
const GRACE: Duration = Duration::from_secs(2);
/// How often the time that is left is estimated.
const ESTIMATE: Duration = Duration::from_millis(100);
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
        let yielding = Yielding::new(&driver.runner.store, work.writer);
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

    /// Says what becomes of the cells whose inputs have come, and gives cells to steps whose list has.
    fn decide(&mut self) -> Result<(), RunError> {
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
    fn cannot_be_fed(&mut self, id: CellId, unknown: &Unknown) -> CellId {
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
        if driver.verifies() || driver.plan.steps().all(crate::plan::StepPlan::is_expanded) {
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

    /// An input of a cell is gone: the run that made it runs again, if it is one of this experiment's.
    fn repair(&mut self, id: CellId, digest: &metalab_cas::Digest) {
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

    fn hand_over(&self, order: Order) {
        if let Some(keeper) = &self.keeper {
            keeper.send(order);
        }
    }

    /// Tells what became durable.
    fn tell(&mut self, durable: Result<Durable, RunError>) -> Result<(), RunError> {
        let Durable { jobs, committed } = durable?;
        let mut latest = None;
        for part in &jobs {
            let feeds = self.feeds[part.step];
            let step = self.driver.plan.steps[part.step].name();
            let verdicts = &self.driver.decisions.steps[part.step].verdicts;
            for ((run, entry), performed) in part.entries.iter().zip(&part.runs) {
                if matches!(verdicts[performed.cell as usize], Verdict::Rerun | Verdict::Repair) {
                    self.driver.differing.look(step, run, entry, &self.driver.index);
                }
                self.driver.index.insert(*run, *entry);
                if entry.succeeded() {
                    latest = Some(entry.place);
                }
                if let (true, Some(output), Place::Inline) = (feeds.any, entry.output, entry.output_place) {
                    self.work.supply.shelf.durable(&output, Where::Record(entry.place));
                }
            }
            for run in &part.runs {
                self.driver.underived.note(&run.run, &run.underived);
                if run.logged || !run.streams.is_empty() {
                    let store = &self.driver.runner.store;
                    remove_logs(store, &run.run, &self.work.writer, run.logged, &run.streams);
                }
                if run.again {
                    continue;
                }
                let count = match run.outcome {
                    Outcome::Succeeded => &mut self.reported.succeeded,
                    Outcome::Failed => &mut self.reported.failed,
                    Outcome::TimedOut => &mut self.reported.timed_out,
                    Outcome::Cancelled => &mut self.reported.cancelled,
                };
                *count += 1;
            }
        }
        if self.feeds.iter().any(|feeds| feeds.any) {
            for (digest, place) in committed.values() {
                self.work.supply.shelf.durable(digest, Where::Pack(*place));
            }
        }
        let runs = jobs.iter().flat_map(|part| &part.runs);
        let given_up = runs.filter(|run| run.outcome != Outcome::Succeeded && !run.again);
        self.yielding.release(given_up.map(|run| &run.run));
        self.driver.index.cover(&committed);
        if let Some(place) = latest {
            self.driver.shared.succeeded(place);
        }
        self.publish_counts();
        self.driver.shared.events.send(|| {
            let runs = jobs.into_iter().flat_map(|part| {
                let step = part.step;
                part.runs.into_iter().map(move |run| FinishedRun {
                    run: run.run,
                    step,
                    cell: run.cell,
                    outcome: run.outcome,
                    error: run.error,
                    again: run.again,
                    derived_errors: run
                        .underived
                        .iter()
                        .map(|(name, why)| format!("{name}: {why}"))
                        .collect(),
                })
            });
            Event::Finished { runs: runs.collect() }
        });
        Ok(())
    }

    /// What waits is known from the schedule, what ended from what is durable; the rest is running.
    fn publish_counts(&mut self) {
        let now = self.schedule.counts();
        let reported = &mut self.reported;
        (reported.waiting, reported.reused, reported.skipped) = (now.waiting, now.reused, now.skipped);
        let ended = |counts: &Counts| counts.succeeded + counts.failed + counts.timed_out + counts.cancelled;
        reported.running = (now.running + ended(&now)).saturating_sub(ended(reported));
        if self.estimated.is_none_or(|at| at.elapsed() > ESTIMATE) {
            self.estimated = Some(Instant::now());
            let slots = self.driver.runner.executor.slots().max(1);
            self.remaining = self.durations.remaining(&self.schedule, slots);
        }
        self.driver.shared.progress(self.driver.summary.cells, self.reported, self.remaining);
    }

    /// Why steps have cells that are not started, for those who ask.
    fn publish_obstacles(&mut self) {
        if !self.driver.shared.wants_obstacles() {
            return;
        }
        let plan = &self.driver.plan;
        let name = |step: usize| format!("`{}`", plan.steps[step].name());
        let mut obstacles = Vec::new();
        for (step, open) in self.schedule.open().enumerate() {
            let why = match (plan.steps[step].list_from(), self.schedule.obstacle(step)) {
                (Some(from), _) => format!("its list of parameter sets comes from step {}", name(from)),
                (_, None) => continue,
                (_, Some(Obstacle::Slots)) => "all slots of the executor are taken".into(),
                (_, Some(Obstacle::Resource(resource))) => {
                    let needs = plan.steps[step].resources.amount(&resource);
                    format!("a run needs {needs} of `{resource}`, and less is free")
                }
                (_, Some(Obstacle::Inputs(steps))) => {
                    let steps: Vec<_> = steps.into_iter().map(name).collect();
                    format!("inputs are to come from {}", steps.join(", "))
                }
            };
            obstacles.push(Waiting { step: plan.steps[step].name().to_owned(), open, why });
        }
        self.driver.shared.obstacles(obstacles);
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
