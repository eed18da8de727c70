//! The handle on a running submission.

use std::future::poll_fn;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};

use super::events::{Events, Sender};
use super::{RunError, Runner};
use crate::id::RunId;
use crate::journal::{JournalError, RecordPlace};
use crate::operation::Cancellation;
use crate::record::{Attempt, Record};
use crate::results::Results;
use crate::schedule::Counts;
use crate::store::Store;

/// A running submission. Dropping the handle lets it go on as long as the program lives.
#[derive(Clone, Debug)]
pub struct Handle(pub(super) Arc<Shared>);

/// How a submission stands. As JSON, times are in seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// Name of the experiment.
    pub experiment: String,
    /// All cells.
    pub cells: u64,
    /// Cells whose run was done before.
    pub reused: u64,
    /// Where the others stand.
    pub counts: Counts,
    /// Since the start.
    #[serde(rename = "elapsed_s", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// Finished runs per second, over the time since the first started; `None` before any has finished.
    pub rate: Option<f64>,
    /// Expected time until the end: from how long the runs of each step take, as recorded and as they turn out, or,
    /// while that is not known of all steps, from the rate so far.
    #[serde(rename = "remaining_s", serialize_with = "maybe_seconds")]
    pub remaining: Option<Duration>,
    /// Whether it has come to its end.
    pub ended: bool,
}

fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

fn maybe_seconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs_f64()).serialize(serializer)
}

/// A step with cells that are not started, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The step.
    pub step: String,
    /// Its cells that have not come to their end, running ones among them.
    pub open: u64,
    /// What they wait for, in words.
    pub why: String,
}

/// What a submission reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// All cells.
    pub cells: u64,
    /// Cells whose run was done before, or is the run of another cell.
    pub reused: u64,
    /// Those of them that take something from a run executed now, which came out as it was before.
    pub cut_off: u64,
    /// Runs executed with success.
    pub succeeded: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Runs that took too long.
    pub timed_out: u64,
    /// Runs cancelled or never started.
    pub cancelled: u64,
    /// Cells never started because a run that they need did not succeed.
    pub skipped: u64,
    /// Derived metrics that were computed after the runs, for runs that were there before.
    pub derived: u64,
    /// Derived metrics that could not be computed, of all runs; the runs are as they are.
    pub derived_failed: u64,
    /// An experiment of the same name and another version had asked for all of it before.
    pub same_as_version: Option<String>,
    /// Runs that were chosen to be executed again and compared; see [`verified`](crate::inspect::verified).
    pub verified: Vec<RunId>,
    /// What a careful person should look at, such as damaged records, or runs that gave something else than before.
    pub warnings: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) experiment: String,
    store: Store,
    pub(super) started: Instant,
    pub(super) events: Sender,
    /// Asks running operations to stop.
    pub(super) cancellation: Cancellation,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    cells: u64,
    reused: u64,
    counts: Counts,
    /// From how long runs of each step take, if that is known of all that are left.
    remaining: Option<Duration>,
    first_start: Option<Instant>,
    /// The record of the run that succeeded last.
    latest: Option<RecordPlace>,
    /// 0: nobody asked; 1: let running runs finish; 2: stop.
    cancel: u8,
    opened: bool,
    result: Option<Result<Results, RunError>>,
    before_end: Vec<BeforeEnd>,
    /// Somebody waits for the next list of what keeps cells from being started.
    wants_obstacles: bool,
    obstacles: Option<Vec<Waiting>>,
    wakers: Vec<Waker>,
}

/// Something to be done when the end is known and not told yet.
struct BeforeEnd(Box<dyn FnOnce(&Status) + Send>);

impl std::fmt::Debug for BeforeEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BeforeEnd")
    }
}

impl Shared {
    pub(super) fn new(runner: &Runner) -> Self {
        Self {
            experiment: runner.experiment.name().to_owned(),
            store: runner.store.clone(),
            started: Instant::now(),
            events: Sender::default(),
            cancellation: Cancellation::default(),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, state: &mut State) {
        state.wakers.drain(..).for_each(Waker::wake);
        self.changed.notify_all();
    }

    /// The intent is durable: the handle may be given out.
    pub(super) fn opened(&self, cells: u64, reused: u64) {
        let mut state = self.lock();
        let waiting = cells - reused;
        (state.cells, state.reused, state.opened) = (cells, reused, true);
        state.counts = Counts { waiting, ..Counts::default() };
        self.wake(&mut state);
    }

    pub(super) fn progress(&self, cells: u64, counts: Counts, remaining: Option<Duration>) {
        let mut state = self.lock();
        (state.cells, state.counts, state.remaining) = (cells, counts, remaining);
        if state.first_start.is_none() && counts.running > 0 {
            state.first_start = Some(Instant::now());
        }
    }

    /// A run has succeeded, and its record is durable.
    pub(super) fn succeeded(&self, place: RecordPlace) {
        self.lock().latest = Some(place);
    }

    pub(super) fn wants_obstacles(&self) -> bool {
        self.lock().wants_obstacles
    }

    pub(super) fn obstacles(&self, waiting: Vec<Waiting>) {
        let mut state = self.lock();
        (state.wants_obstacles, state.obstacles) = (false, Some(waiting));
        self.wake(&mut state);
    }

    pub(super) fn ended(self: &Arc<Self>, result: Result<Results, RunError>) {
        // Who listens has heard everything now, and may have a last word before the end is told.
        self.events.close();
        let before_end = std::mem::take(&mut self.lock().before_end);
        let status = Status { ended: true, ..Handle(self.clone()).status() };
        before_end.into_iter().for_each(|BeforeEnd(work)| work(&status));
        let mut state = self.lock();
        state.result = Some(result);
        state.opened = true;
        self.wake(&mut state);
        drop(state);
        self.events.close();
    }

    /// 0: nobody asked; 1: let running runs finish; 2: stop.
    pub(super) fn cancel_level(&self) -> u8 {
        self.lock().cancel
    }

    /// Raises the level of cancellation, on request of another process.
    pub(super) fn stop(&self, level: u8) {
        let mut state = self.lock();
        state.cancel = state.cancel.max(level);
        if state.cancel == 2 {
            self.cancellation.cancel();
        }
    }

    pub(super) fn is_opened(&self, waker: Option<&Waker>) -> bool {
        let mut state = self.lock();
        if let (false, Some(waker)) = (state.opened, waker) {
            state.wakers.push(waker.clone());
        }
        state.opened
    }

    pub(super) fn wait_opened(&self) {
        let mut state = self.lock();
        while !state.opened {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The error of a submission that ended before anything was opened.
    pub(super) fn failed_to_open(&self) -> Option<RunError> {
        self.lock().result.as_ref().and_then(|result| result.as_ref().err()).cloned()
    }
}

impl Handle {
    /// How it stands now.
    pub fn status(&self) -> Status {
        let state = self.0.lock();
        let counts = state.counts;
        let done = counts.succeeded + counts.failed + counts.timed_out;
        let rate = state
            .first_start
            .filter(|_| done > 0)
            .map(|start| done as f64 / start.elapsed().as_secs_f64().max(1e-9));
        let left = counts.waiting + counts.running;
        let remaining = rate.map(|rate| left as f64 / rate).filter(|seconds| seconds.is_finite());
        Status {
            experiment: self.0.experiment.clone(),
            cells: state.cells,
            reused: state.reused + counts.reused,
            counts,
            elapsed: self.0.started.elapsed(),
            rate,
            remaining: state
                .remaining
                .or_else(|| remaining.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())),
            ended: state.result.is_some(),
        }
    }

    /// The record of the run that succeeded last, as far as is durable; `None` before there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn latest(&self) -> Result<Option<Attempt>, JournalError> {
        let place = self.0.lock().latest;
        let Some(place) = place else { return Ok(None) };
        match self.0.store.journal().read(&place)? {
            Record::Attempt(attempt) => Ok(Some(*attempt)),
            _ => Ok(None),
        }
    }

    /// Why cells are not started, step by step; waits for the driver to say it, a fraction of a second. Empty when
    /// everything has started or ended.
    pub fn waiting(&self) -> Vec<Waiting> {
        let mut state = self.0.lock();
        (state.wants_obstacles, state.obstacles) = (true, None);
        while state.result.is_none() && state.obstacles.is_none() {
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.obstacles.take().unwrap_or_default()
    }

    /// What happens from now on. Every call makes a stream of its own.
    pub fn events(&self) -> Events {
        let events = self.0.events.subscribe();
        if self.0.lock().result.is_some() {
            self.0.events.close();
        }
        events
    }

    /// Asks to stop: the first call lets running runs finish, the second asks them to stop and waits only
    /// shortly for those that do not listen.
    pub fn cancel(&self) {
        let mut state = self.0.lock();
        state.cancel = (state.cancel + 1).min(2);
        if state.cancel == 2 {
            self.0.cancellation.cancel();
        }
    }

    /// Waits for the end, asynchronously under any runtime.
    ///
    /// # Errors
    /// When the submission could not be carried out. Failed runs are no error here: see [`Results::ok`].
    pub async fn result(&self) -> Result<Results, RunError> {
        poll_fn(|context| {
            let mut state = self.0.lock();
            match &state.result {
                Some(result) => Poll::Ready(result.clone()),
                None => {
                    state.wakers.push(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Waits for the end, blocking the thread.
    ///
    /// # Errors
    /// As [`Handle::result`].
    pub fn wait(&self) -> Result<Results, RunError> {
        let mut state = self.0.lock();
        loop {
            if let Some(result) = &state.result {
                return result.clone();
            }
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Calls `work` with the last status when the end is known, before anybody who waits is told: what it prints
    /// comes before what they print. Called at once if the end was told already.
    pub fn before_end(&self, work: impl FnOnce(&Status) + Send + 'static) {
        let mut state = self.0.lock();
        if state.result.is_none() {
            state.before_end.push(BeforeEnd(Box::new(work)));
            return;
        }
        drop(state);
        work(&self.status());
    }

    /// Lets the submission go on without a handle.
    pub fn detach(self) {}
}
