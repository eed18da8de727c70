//! A batch of runs of one step, on its way through an executor.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use metalab_cas::Digest;

use super::perform::{Performed, perform};
use crate::id::{RecordName, RunId, WriterId};
use crate::inputs::{Supplied, Supply};
use crate::operation::{Cancellation, Contexts};
use crate::plan::{Feeds, StepPlan, Verdict};
use crate::record::InputRef;
use crate::store::Store;

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
    pub(super) draining: AtomicBool,
    pub(super) timeout: Option<Duration>,
    pub(super) scratch: Option<PathBuf>,
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
}

/// A batch of runs of one step.
#[derive(Debug)]
pub struct Job {
    work: Arc<Work>,
    step: Arc<StepPlan>,
    /// What is kept of its results for later steps.
    feeds: Feeds,
    tasks: Vec<Task>,
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
        Self { work, step, feeds, tasks, back, sent: false }
    }

    /// The number of runs in it.
    pub fn runs(&self) -> usize {
        self.tasks.len()
    }

    /// Executes the runs one after the other on this thread and reports them. Never panics.
    pub fn perform(mut self) {
        let stop = || self.work.draining.load(Ordering::Relaxed);
        let performed = perform(&self.work, &self.step, self.feeds, &self.tasks, stop);
        self.send(performed);
    }

    fn send(&mut self, performed: Performed) {
        self.sent = true;
        // Runs are performed in order: those that were not are the last.
        let done = performed.runs.len() + performed.returned.len();
        let not_started = self.tasks[done..].iter().map(|task| task.cell).collect();
        // A driver that has given up does not listen any more.
        let _ = self.back.send(Finished { step: self.step.number, performed, not_started });
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if !self.sent {
            self.send(Performed::default());
        }
    }
}
