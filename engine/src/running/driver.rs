//! The thread that carries out a submission.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::events::{Event, FinishedRun};
use super::handle::{Shared, Summary};
use super::job::{Finished, Job, Task, Work};
use super::keeper::{Durable, Keeper, Order};
use super::usage::now_micros;
use super::{RunError, Runner, panics};
use metalab_cas::Digest;

use crate::context::StatCache;
use crate::id::RecordName;
use crate::index::Index;
use crate::journal::Writer;
use crate::plan::{Decisions, Plan, Verdict};
use crate::record::{Closing, LEVEL, SubmissionClosed, kind, to_cbor};
use crate::results::Results;
use crate::schedule::{Counts, Next, Schedule};
use crate::submission;

/// A job should take about this long: long enough to cost little, short enough to spread and to stop.
const JOB_TIME: Duration = Duration::from_millis(10);
/// The most runs of one job.
const JOB_RUNS: usize = 4096;
/// How long a second cancellation waits for runs that do not listen.
const GRACE: Duration = Duration::from_secs(2);
/// The longest the driver sleeps without looking at cancellation.
const LOOK: Duration = Duration::from_millis(50);

/// Carries out a submission and tells the handle its result, whatever happens.
pub(super) fn drive(runner: Runner, shared: &Arc<Shared>) {
    let result = panics::contain(|| Driver::open(runner, shared)?.run());
    let result = result.unwrap_or_else(|panicked| Err(RunError::Defect { message: panicked.message }));
    if let Ok(results) = &result {
        shared.events.send(|| Event::Closed(results.closing()));
    }
    shared.ended(result);
}

struct Driver<'a> {
    runner: Runner,
    shared: &'a Arc<Shared>,
    plan: Arc<Plan>,
    index: Index,
    files: Arc<StatCache>,
    decisions: Decisions,
    submission: RecordName,
    environment: Digest,
    origins: Vec<u64>,
    /// With the keeper while runs execute.
    writer: Option<Writer>,
    summary: Summary,
}

impl<'a> Driver<'a> {
    /// Plans, decides, and makes the intent durable: before that, no hit is reported.
    fn open(runner: Runner, shared: &'a Arc<Shared>) -> Result<Self, RunError> {
        let store = runner.store.clone();
        if store.is_read_only() {
            return Err(RunError::ReadOnly { store: store.describe().to_owned() });
        }
        let files = runner.files.clone().unwrap_or_else(|| Arc::new(StatCache::load(&store)));
        let plan = Arc::new(Plan::new(&runner.experiment, &files)?);
        let mut index = Index::load(&store)?;
        let present = store.blobs().present().map_err(crate::store::StoreError::from)?;
        let decisions = plan.decide(&index, &present, &runner.rerun);
        let opened = submission::open(&submission::Request {
            store: &store,
            plan: &plan,
            decisions: &decisions,
            index: &index,
            present: &present,
            rerun: &runner.rerun,
            durability: runner.durability,
            files: &files,
        })?;
        let reused = decisions.count(Verdict::Reuse) + decisions.count(Verdict::Shared);
        let summary = Summary {
            cells: plan.cells(),
            reused,
            succeeded: 0,
            failed: 0,
            timed_out: 0,
            cancelled: 0,
            same_as_version: opened.same_as_version,
            warnings: index.damages().iter().map(ToString::to_string).collect(),
        };
        index.opened(opened.name, &opened.record);
        index.cover(&opened.committed);
        let counts = Counts { waiting: decisions.to_run(), ..Counts::default() };
        shared.opened(summary.cells, reused, counts);
        let name = opened.name;
        shared.events.send(|| Event::Opened { submission: name, cells: plan.cells(), reused });
        Ok(Self {
            runner,
            shared,
            plan,
            index,
            files,
            decisions,
            submission: name,
            environment: opened.environment,
            origins: opened.origins,
            writer: Some(opened.writer),
            summary,
        })
    }

    fn run(mut self) -> Result<Results, RunError> {
        let todo: Vec<Vec<u64>> = self.decisions.steps.iter().map(|step| step.to_run().collect()).collect();
        let nothing = todo.iter().all(Vec::is_empty);
        if !nothing {
            self.execute(todo)?;
        }
        self.close()
    }

    fn execute(&mut self, todo: Vec<Vec<u64>>) -> Result<(), RunError> {
        let writer = self.writer.take().expect("the writer is here while nothing executes");
        let (back, finished) = channel();
        let (report, durable) = channel();
        let work = Arc::new(Work {
            plan: self.plan.clone(),
            store: self.runner.store.clone(),
            writer: writer.id(),
            submission: self.submission,
            environment: self.environment,
            cancellation: self.shared.cancellation.clone(),
            draining: false.into(),
            timeout: self.runner.timeout,
            scratch: self.runner.scratch.clone(),
        });
        let keeper = Keeper::start(writer, std::mem::take(&mut self.origins), report)?;
        let schedule = Schedule::new(todo, &[], self.runner.policy);
        let total = schedule.counts().waiting;
        let reported = Counts { waiting: total, ..Counts::default() };
        let keeper = Some(keeper);
        Loop {
            driver: self,
            work,
            keeper,
            schedule,
            back,
            finished,
            durable,
            reported,
            total,
            pace: Pace::default(),
        }
        .run()
    }

    /// Writes how it ended, and what the next reader is spared.
    fn close(mut self) -> Result<Results, RunError> {
        let mut writer = self.writer.take().expect("the writer is back when everything ended");
        let summary = &self.summary;
        let closing = if self.shared.cancel_level() > 0 && summary.cancelled > 0 {
            Closing::Cancelled
        } else if summary.failed + summary.timed_out + summary.cancelled > 0 {
            Closing::Incomplete
        } else {
            Closing::Complete
        };
        let closed = SubmissionClosed {
            submission: self.submission,
            time: now_micros(),
            closing,
            reused: summary.reused,
            succeeded: summary.succeeded,
            failed: summary.failed,
            cancelled: summary.cancelled,
            timed_out: summary.timed_out,
        };
        writer.append(kind::SUBMISSION_CLOSED, LEVEL, &to_cbor(&closed));
        let committed = writer.commit()?;
        self.index.cover(&committed);
        writer.close();
        // Both only spare later readers work; the journal has everything.
        if let Err(error) = self.index.publish() {
            self.summary.warnings.push(format!("the index could not be written: {error}"));
        }
        if let Err(error) = self.files.save(&self.runner.store) {
            self.summary.warnings.push(format!("the stat cache could not be written: {error}"));
        }
        Ok(Results::new(
            self.runner.store,
            self.plan,
            self.decisions,
            self.index,
            self.submission,
            closing,
            self.summary,
        ))
    }
}

/// How many runs a job should have, from how long runs take.
#[derive(Debug, Default)]
struct Pace {
    runs: u64,
    busy: Duration,
}

impl Pace {
    fn learn(&mut self, runs: usize, busy: Duration) {
        // Recent jobs count more: the cost of a run may drift along the sweep.
        if self.runs > 100_000 {
            self.runs /= 2;
            self.busy /= 2;
        }
        self.runs += runs as u64;
        self.busy += busy;
    }

    fn job_runs(&self, waiting: u64, slots: usize) -> usize {
        if self.runs == 0 {
            return 1;
        }
        let mean = self.busy.as_secs_f64() / self.runs as f64;
        let fitting = (JOB_TIME.as_secs_f64() / mean.max(1e-9)) as u64;
        // At the end the rest is spread evenly.
        let fair = waiting.div_ceil(slots as u64 * 2).max(1);
        usize::try_from(fitting.min(fair)).unwrap_or(JOB_RUNS).clamp(1, JOB_RUNS)
    }
}

struct Loop<'d, 'a> {
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
    /// All cells that execute.
    total: u64,
    pace: Pace,
}

impl Loop<'_, '_> {
    fn run(mut self) -> Result<(), RunError> {
        let start = Instant::now();
        let slots = self.driver.runner.executor.slots().max(1);
        let mut jobs = 0_usize;
        let mut stopped_at = None;
        let mut failure = None;
        loop {
            self.observe_cancellation(&mut stopped_at);
            let mut next = Next::Wait(None);
            while jobs < slots * 3 {
                let limit = self.pace.job_runs(self.schedule.counts().waiting, slots);
                next = self.schedule.next(start.elapsed(), limit);
                let Next::Start(batch) = next else { break };
                self.start(batch);
                jobs += 1;
                next = Next::Wait(None);
            }
            if next == Next::Done {
                break;
            }
            self.publish_counts();
            let sleep = match next {
                Next::Wait(Some(due)) => {
                    due.saturating_sub(start.elapsed()).clamp(Duration::from_millis(1), LOOK)
                }
                _ => LOOK,
            };
            match self.finished.recv_timeout(sleep) {
                Ok(finished) => {
                    jobs -= 1;
                    self.take(finished, start);
                    while let Ok(finished) = self.finished.try_recv() {
                        jobs -= 1;
                        self.take(finished, start);
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
                    self.work.draining.store(true, Ordering::Relaxed);
                    self.schedule.drain();
                    failure = Some(error);
                }
            }
            if stopped_at.is_some_and(|at: Instant| at.elapsed() > GRACE) {
                self.schedule.abandon();
            }
        }
        self.end(failure)
    }

    fn observe_cancellation(&mut self, stopped_at: &mut Option<Instant>) {
        let level = self.driver.shared.cancel_level();
        if level >= 1 {
            self.work.draining.store(true, Ordering::Relaxed);
            self.schedule.drain();
        }
        if level >= 2 && stopped_at.is_none() {
            *stopped_at = Some(Instant::now());
        }
    }

    fn start(&mut self, batch: crate::schedule::Batch) {
        let decided = &self.driver.decisions.steps[batch.step];
        let tasks = batch.cells.iter().map(|(cell, tries)| Task {
            cell: *cell,
            run: decided.ids[*cell as usize],
            tries: *tries,
            verdict: decided.verdicts[*cell as usize],
        });
        let job = Job::new(self.work.clone(), batch.step, tasks.collect(), self.back.clone());
        self.driver.runner.executor.start(job);
    }

    fn take(&mut self, finished: Finished, start: Instant) {
        let Finished { step, mut performed, not_started } = finished;
        (0..not_started).for_each(|_| self.schedule.not_started(step));
        for run in &mut performed.runs {
            run.again = self.schedule.finished(step, run.cell, run.outcome, start.elapsed());
        }
        self.pace.learn(performed.runs.len(), performed.busy);
        if !performed.runs.is_empty() {
            self.hand_over(Order::Keep { step, performed });
        }
    }

    fn hand_over(&self, order: Order) {
        if let Some(keeper) = &self.keeper {
            keeper.send(order);
        }
    }

    /// Tells what became durable.
    fn tell(&mut self, durable: Result<Durable, RunError>) -> Result<(), RunError> {
        let Durable { jobs, committed } = durable?;
        for part in &jobs {
            for (run, entry) in &part.entries {
                self.driver.index.insert(*run, *entry);
            }
            for run in &part.runs {
                if run.logged {
                    crate::live::remove_log(&self.driver.runner.store, &run.run, &self.work.writer);
                }
                if run.again {
                    continue;
                }
                let count = match run.outcome {
                    crate::record::Outcome::Succeeded => &mut self.reported.succeeded,
                    crate::record::Outcome::Failed => &mut self.reported.failed,
                    crate::record::Outcome::TimedOut => &mut self.reported.timed_out,
                    crate::record::Outcome::Cancelled => &mut self.reported.cancelled,
                };
                *count += 1;
            }
        }
        self.driver.index.cover(&committed);
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
                })
            });
            Event::Finished(runs.collect())
        });
        Ok(())
    }

    /// What waits is known from the schedule, what ended from what is durable; the rest is running.
    fn publish_counts(&mut self) {
        let now = self.schedule.counts();
        let ended = self.reported.succeeded
            + self.reported.failed
            + self.reported.timed_out
            + self.reported.cancelled;
        let total = self.total;
        self.reported.waiting = now.waiting;
        self.reported.running = total.saturating_sub(ended + now.waiting);
        self.driver.shared.progress(self.reported);
    }

    fn end(mut self, failure: Option<RunError>) -> Result<(), RunError> {
        let writer = self.keeper.take().map(Keeper::finish);
        while let Ok(durable) = self.durable.try_recv() {
            // The keeper returns its own failure below.
            let _ = self.tell(durable);
        }
        if let Some(error) = failure {
            return Err(error);
        }
        self.driver.writer = writer.transpose()?;
        let counts = self.schedule.counts();
        let summary = &mut self.driver.summary;
        (summary.succeeded, summary.failed) = (counts.succeeded, counts.failed);
        (summary.timed_out, summary.cancelled) = (counts.timed_out, counts.cancelled);
        self.driver.shared.progress(counts);
        Ok(())
    }
}
