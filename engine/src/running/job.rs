//! A batch of runs of one step, on its way through an executor.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use metalab_cas::Digest;

use super::perform::{Performed, Performer, Planned, StepBrief};
use crate::capture::{Events, LogLevel};
use crate::id::{RecordName, RunId, WriterId};
use crate::inputs::{Supplied, Supply};
use crate::journal::Durability;
use crate::operation::{Cancellation, Contexts};
use crate::plan::{Feeds, StepPlan, Verdict};
use crate::record::InputRef;
use crate::store::Store;

/// What was performed is not held back longer than this until the job ends: it is to become durable.
const HOLD: Duration = Duration::from_millis(200);

/// What all jobs of a submission share.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) contexts: Contexts,
    pub(super) supply: Arc<Supply>,
    pub(super) store: Store,
    pub(super) writer: WriterId,
    pub(super) submission: RecordName,
    pub(super) environment: Digest,
    pub(super) cancellation: Cancellation,
    /// Set when nothing new may start.
    pub(super) draining: Cancellation,
    pub(super) timeout: Option<Duration>,
    pub(super) scratch: Option<PathBuf>,
    pub(super) durability: Durability,
    pub(super) log_level: LogLevel,
    pub(super) events: Events,
    /// Whether this process performs runs for a driver, and is killed with all that it has started.
    pub(super) own_process: bool,
    /// The CPU time that runs are charged, microseconds.
    pub(super) cpu: fn() -> u64,
}

/// A cell to execute.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) cell: u64,
    pub(super) run: RunId,
    /// Which try it is, from 1.
    pub(super) tries: u32,
    pub(super) verdict: Verdict,
    /// What it is given; nothing for steps without inputs.
    pub(super) inputs: Option<Box<TaskInputs>>,
}

/// The inputs of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct TaskInputs {
    pub(super) supplied: Vec<Supplied>,
    /// As the record names them.
    pub(super) references: Vec<InputRef>,
    /// The parts of gathers, to be stored: number of the input, and bytes.
    pub(super) lists: Vec<(usize, Vec<u8>)>,
    /// An input that cannot be had is a failure: making it again did not help, or nobody can.
    pub(super) insist: bool,
}

/// What a job sends back; a job that was dropped sends it with nothing performed.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) step: usize,
    pub(super) performed: Performed,
    /// Those of its cells that were not started.
    pub(super) not_started: Vec<u64>,
    /// Nothing more comes from this job.
    pub(super) last: bool,
}

/// A batch of runs of one step.
///
/// An executor either calls [`Job::perform`] on a thread of the driver's process, or has another process perform the
/// runs in their order, told by [`Job::brief`] and [`Job::batch`], and hands in what that process says about each
/// (see [`super::remote`]). Runs that are left when the job is dropped are reported as not started.
#[derive(Debug)]
pub struct Job {
    pub(super) work: Arc<Work>,
    pub(super) step: Arc<StepPlan>,
    /// What is kept of its results for later steps.
    pub(super) feeds: Feeds,
    pub(super) tasks: Vec<Task>,
    /// How many of the tasks are over.
    pub(super) done: usize,
    /// What other processes handed in and is not sent on yet.
    pub(super) handed_in: Performed,
    flushed: Instant,
    back: Sender<Finished>,
    sent: bool,
}

impl Job {
    pub(super) fn new(
        work: Arc<Work>,
        step: Arc<StepPlan>,
        feeds: Feeds,
        tasks: Vec<Task>,
        back: Sender<Finished>,
    ) -> Self {
        let (handed_in, flushed) = (Performed::default(), Instant::now());
        Self { work, step, feeds, tasks, done: 0, handed_in, flushed, back, sent: false }
    }

    /// The number of runs in it.
    pub fn runs(&self) -> usize {
        self.tasks.len()
    }

    /// The number of its runs that are not over yet.
    pub fn waiting(&self) -> usize {
        self.tasks.len() - self.done
    }

    /// The longest one of its runs may take.
    pub fn timeout(&self) -> Option<Duration> {
        self.work.timeout
    }

    /// Whether nothing new may start: the run at hand goes on to its end, the others are left.
    pub fn is_draining(&self) -> bool {
        self.work.draining.is_cancelled()
    }

    /// Whether the run at hand is to stop.
    pub fn is_cancelled(&self) -> bool {
        self.work.cancellation.is_cancelled()
    }

    /// Executes the runs one after the other on this thread and reports them. Never panics.
    pub fn perform(mut self) {
        let (work, step) = (self.work.clone(), self.step.clone());
        let brief = StepBrief::of(&step, self.feeds);
        let mut performer = Performer::new(&work, &brief);
        self.flushed = Instant::now();
        while self.done < self.tasks.len() && !work.draining.is_cancelled() {
            let task = &self.tasks[self.done];
            performer.perform(task, &Planned::new(&step, task.cell));
            self.done += 1;
            if self.is_due() {
                self.send(performer.take(), false);
            }
        }
        self.send(performer.take(), true);
    }

    /// Sends on what other processes handed in, if it has been held for some time.
    pub(super) fn flush_if_due(&mut self) {
        if self.is_due() {
            let performed = std::mem::take(&mut self.handed_in);
            self.send(performed, false);
        }
    }

    fn is_due(&self) -> bool {
        self.flushed.elapsed() > HOLD
    }

    fn send(&mut self, performed: Performed, last: bool) {
        self.flushed = Instant::now();
        self.sent |= last;
        if self.feeds.any {
            // Before the driver hears of it: runs that need it may start at once.
            let shelf = &self.work.supply.shelf;
            performed.values.iter().for_each(|(digest, bytes)| shelf.keep(*digest, bytes.clone().into()));
            performed.inline.iter().for_each(|(digest, bytes)| shelf.keep(*digest, bytes.clone()));
        }
        // Runs are performed in order: those that were not are the last.
        let not_started = match last {
            true => self.tasks[self.done..].iter().map(|task| task.cell).collect(),
            false => Vec::new(),
        };
        // A driver that has given up does not listen any more.
        let _ = self.back.send(Finished { step: self.step.number, performed, not_started, last });
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if !self.sent {
            let performed = std::mem::take(&mut self.handed_in);
            self.send(performed, true);
        }
    }
}
