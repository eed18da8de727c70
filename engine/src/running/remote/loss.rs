//! Runs that ended without being able to say so themselves.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::live::{log_key, streams_of};
use crate::record::{ErrorRecord, Outcome};
use crate::running::Job;
use crate::running::job::Task;
use crate::running::perform::{Performer, Planned, StepBrief};

/// What became of the process that a run was in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// It ended, or said what cannot be understood: the run failed.
    Crashed,
    /// It was killed because the run took too long.
    TimedOut,
    /// It was killed because the submission was cancelled.
    Cancelled,
    /// There was none that could have performed it: the run failed.
    Unable,
}

/// How a run was lost.
#[derive(Clone, Debug)]
pub struct Loss {
    /// What became of its process.
    pub lost: Lost,
    /// What the record is to say, the outermost first; never empty.
    pub chain: Vec<String>,
    /// When the run began.
    pub started: SystemTime,
    /// How long it had been at work.
    pub duration: Duration,
}

impl Job {
    /// Writes the record of the run at hand, whose process is gone: it is over then.
    ///
    /// Lines that the run had logged by then are kept with the record.
    pub fn lose(&mut self, loss: Loss) {
        let Some(task) = self.tasks.get(self.done) else { return };
        let (outcome, cause) = match loss.lost {
            Lost::Crashed => (Outcome::Failed, "crash"),
            Lost::TimedOut => (Outcome::TimedOut, "timeout"),
            Lost::Cancelled => (Outcome::Cancelled, "cancelled"),
            Lost::Unable => (Outcome::Failed, "no worker"),
        };
        let error = ErrorRecord { chain: loss.chain, backtrace: None, cause: cause.into() };
        let started = loss.started.duration_since(UNIX_EPOCH).unwrap_or_default();
        let started = i64::try_from(started.as_micros()).unwrap_or(i64::MAX);
        let log = self.log_of(task, None, loss.started);
        let names = streams_of(&self.work.store, &task.run, &self.work.writer);
        let streams = names.into_iter().filter_map(|name| {
            let lines = self.log_of(task, Some(&name), loss.started)?;
            Some((name, lines))
        });
        let streams = streams.collect();
        let brief = StepBrief::of(&self.step, self.feeds);
        let mut performer = Performer::new(&self.work, &brief);
        let run = Planned::new(&self.step, task.cell);
        performer.note(task, &run, (outcome, error), (started, loss.duration), log, streams);
        let mut performed = performer.take();
        performed.busy = loss.duration;
        self.handed_in.append(performed);
        self.over();
    }

    /// What the run has written to its log under `live/`, or to a stream, since it started.
    fn log_of(&self, task: &Task, stream: Option<&str>, started: SystemTime) -> Option<Vec<u8>> {
        let path = self.work.store.backend().local_path(&log_key(&task.run, &self.work.writer, stream)?)?;
        let written = std::fs::metadata(&path).and_then(|meta| meta.modified()).ok()?;
        // An earlier try of the same run may have left one; what tells is the time, as coarsely as files have it.
        let recent = task.tries == 1 || written + Duration::from_millis(10) >= started;
        recent.then(|| std::fs::read(&path).ok()).flatten().filter(|text| !text.is_empty())
    }
}
