//! How the last submission of an experiment stands, as another process sees it.

use std::collections::HashSet;

use crate::cells;
use crate::id::{RecordName, RunId};
use crate::index::{Entry, Index, origin};
use crate::record::{Closing, Outcome, Record, SubmissionOpened};
use crate::results::ResultError;
use crate::running::{DriverSeen, Durations, drivers, now_micros};
use crate::store::Store;
use crate::submission;

/// How many failures are named.
const FAILURES: usize = 5;
/// A submission that was opened so many microseconds ago is worked on, although its driver is not seen yet.
const FRESH: i64 = 5_000_000;

/// How a submission stands.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct SubmissionStatus {
    /// Name of the experiment.
    pub experiment: String,
    /// Its version.
    pub version: String,
    /// Name of the record that opened the submission.
    #[serde(serialize_with = "text")]
    pub submission: RecordName,
    /// When it was asked for: microseconds since 1970, UTC.
    pub opened: i64,
    /// Whether somebody works on it, or how it ended.
    pub state: State,
    /// Where its cells stand.
    #[serde(flatten)]
    pub cells: CellCounts,
    /// The same for each step.
    pub steps: Vec<StepStatus>,
    /// Finished runs per second since the first of this submission started; `None` unless it is at work.
    pub rate: Option<f64>,
    /// Seconds until the end, by how long runs of each step have taken in this submission and the one before; at that
    /// rate, where a step is new. `None` unless it is at work.
    pub remaining_s: Option<f64>,
    /// The runs that failed first.
    pub failures: Vec<FailedFirst>,
}

/// Whether a submission is worked on, or how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// A driver works on it.
    Running,
    /// Every cell has a successful run.
    Complete,
    /// It ended, and some cells have none.
    Incomplete,
    /// It was stopped on request.
    Cancelled,
    /// Its driver went away before the end.
    Interrupted,
}

impl State {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Incomplete => "incomplete",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }
}

/// Where cells stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct CellCounts {
    /// All of them.
    pub cells: u64,
    /// Those whose run was done before the submission.
    pub reused: u64,
    /// Those whose run succeeded since.
    pub succeeded: u64,
    /// Those whose run failed since.
    pub failed: u64,
    /// Those whose run took too long since.
    pub timed_out: u64,
    /// Those whose run was cancelled since.
    pub cancelled: u64,
    /// Those whose run is being executed; one that is handed out and waits for a worker is not.
    pub running: u64,
    /// The others.
    pub waiting: u64,
}

impl CellCounts {
    /// Cells that have a successful run.
    pub const fn done(&self) -> u64 {
        self.reused + self.succeeded
    }

    /// Cells whose run was executed for this submission and has ended.
    pub const fn executed(&self) -> u64 {
        self.succeeded + self.failed + self.timed_out + self.cancelled
    }

    fn add(&mut self, other: &Self) {
        self.cells += other.cells;
        self.reused += other.reused;
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.timed_out += other.timed_out;
        self.cancelled += other.cancelled;
        self.running += other.running;
        self.waiting += other.waiting;
    }

    fn ended(&mut self, outcome: Outcome) {
        *match outcome {
            Outcome::Succeeded => &mut self.succeeded,
            Outcome::Failed => &mut self.failed,
            Outcome::TimedOut => &mut self.timed_out,
            Outcome::Cancelled => &mut self.cancelled,
        } += 1;
    }
}

/// How a step stands.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct StepStatus {
    /// Its name.
    pub name: String,
    /// Where its cells stand.
    #[serde(flatten)]
    pub cells: CellCounts,
}

/// A run that failed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct FailedFirst {
    /// The run.
    #[serde(serialize_with = "text")]
    pub run: RunId,
    /// Its step.
    pub step: String,
    /// When it started: microseconds since 1970, UTC.
    pub started: i64,
    /// The first line of its error.
    pub error: Option<String>,
}

fn text<S: serde::Serializer>(name: &impl std::fmt::Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(name)
}

/// How the last submission of an experiment stands; of all experiments for `None`. `Ok(None)` for a store without one.
///
/// It is found from the records, and from what drivers say while they work: which runs they have handed out, and how many
/// they execute at once. While a submission works, cells of a step whose inputs are not all there have no run yet; those of its runs that were
/// executed count all the same.
///
/// # Errors
/// When the store cannot be read, or has no such experiment.
pub fn status(
    store: &Store,
    index: &Index,
    experiment: Option<&str>,
) -> Result<Option<SubmissionStatus>, ResultError> {
    let Some((name, opened)) = submission::last(store, index, experiment)? else {
        return match experiment {
            Some(name) => Err(ResultError::NoExperiment { experiment: name.to_owned() }),
            None => Ok(None),
        };
    };
    let driver = drivers(store).into_iter().find(|driver| driver.writer == name.writer);
    let running = driver.as_ref().map(|driver| executed_now(driver, index, opened.time)).unwrap_or_default();
    let mut look = Look {
        index,
        since: opened.time,
        running,
        open: Vec::new(),
        first: None,
        succeeded: Vec::new(),
        failures: Vec::new(),
    };
    let names = opened.steps.iter().map(|step| step.name.as_str());
    let mut durations =
        driver.is_some().then(|| Durations::recorded(&opened.experiment, names, index, Some(name)));
    let mut steps = Vec::new();
    for (number, step) in opened.steps.iter().enumerate() {
        let cells = look.step(store, &opened, number)?;
        let succeeded = std::mem::take(&mut look.succeeded);
        if let Some(durations) = &mut durations {
            durations.learn_from(number, &succeeded, store);
        }
        steps.push(StepStatus { name: step.name.clone(), cells });
    }
    // What runs and is of no cell that is known is of one whose run is not known yet.
    let mut rest = look.running.len() as u64;
    for number in &look.open {
        let cells = &mut steps[*number].cells;
        let more = cells.waiting.min(rest);
        cells.running += more;
        cells.waiting -= more;
        rest -= more;
    }
    let mut counts = CellCounts::default();
    steps.iter().for_each(|step| counts.add(&step.cells));
    let state = match () {
        () if driver.is_some() => State::Running,
        () if counts.done() == counts.cells => State::Complete,
        () => match closing(store, index, &name)? {
            Some(Closing::Cancelled) => State::Cancelled,
            Some(_) => State::Incomplete,
            // A driver is seen a moment after it has opened its submission.
            None if now_micros().saturating_sub(opened.time) < FRESH => State::Running,
            None => State::Interrupted,
        },
    };
    let seconds = look.first.map(|first| now_micros().saturating_sub(first) as f64 / 1e6);
    let seconds = seconds.filter(|seconds| driver.is_some() && *seconds > 0.0 && counts.executed() > 0);
    let rate = seconds.map(|seconds| counts.executed() as f64 / seconds);
    let open = steps.iter().map(|step| step.cells.waiting + step.cells.running);
    let slots = driver.and_then(|driver| driver.slots);
    let known = durations.zip(slots).and_then(|(durations, slots)| durations.remaining(open, slots));
    let by_rate = || rate.map(|rate| (counts.waiting + counts.running) as f64 / rate);
    Ok(Some(SubmissionStatus {
        failures: look.failures(store)?,
        experiment: opened.experiment,
        version: opened.version,
        submission: name,
        opened: opened.time,
        state,
        cells: counts,
        steps,
        rate,
        remaining_s: known.map(|left| left.as_secs_f64()).or_else(by_rate),
    }))
}

/// The runs that a driver executes at this moment: those it has handed out first, of those that have not ended.
fn executed_now(driver: &DriverSeen, index: &Index, since: i64) -> HashSet<RunId> {
    let has_ended =
        |run: &&RunId| index.get(run).is_some_and(|entry| entry.started >= since || entry.succeeded());
    let open = driver.claimed.iter().filter(|run| !has_ended(run));
    open.take(driver.slots.unwrap_or(usize::MAX)).copied().collect()
}

struct Look<'a> {
    index: &'a Index,
    /// When the submission was opened.
    since: i64,
    /// What is being executed, without the runs of cells that were looked at.
    running: HashSet<RunId>,
    /// Numbers of the steps with cells whose runs are not known yet.
    open: Vec<usize>,
    /// When the first run of it started.
    first: Option<i64>,
    /// The successes since then of the step at hand.
    succeeded: Vec<Entry>,
    /// The first failures: start, run, step.
    failures: Vec<(i64, RunId, String, Entry)>,
}

impl Look<'_> {
    fn step(
        &mut self,
        store: &Store,
        opened: &SubmissionOpened,
        number: usize,
    ) -> Result<CellCounts, ResultError> {
        let step = &opened.steps[number];
        let mut counts = CellCounts { cells: step.sets * step.replicates, ..CellCounts::default() };
        let mut unknown = false;
        for id in cells::read(store, self.index, step) {
            let id = id?;
            unknown |= id == RunId::UNKNOWN;
            if let Some(entry) = self.index.get(&id) {
                self.run(&id, &entry, &step.name, &mut counts);
            } else {
                counts.running += u64::from(self.running.remove(&id));
            }
        }
        if unknown || step.chunks.is_empty() {
            // Which run stands in which cell is written at the end; what was executed is known by its origin.
            let from = origin(&opened.experiment, &step.name);
            for (id, entry) in self.index.iter().filter(|(_, entry)| entry.origin == from) {
                if entry.started >= self.since {
                    self.run(&id, &entry, &step.name, &mut counts);
                }
            }
            self.open.push(number);
        }
        let ended = counts.done() + counts.executed() - counts.succeeded;
        counts.cells = counts.cells.max(ended);
        counts.running = counts.running.min(counts.cells - ended);
        counts.waiting = counts.cells - ended - counts.running;
        Ok(counts)
    }

    fn run(&mut self, id: &RunId, entry: &Entry, step: &str, counts: &mut CellCounts) {
        let is_new = entry.started >= self.since;
        if is_new {
            self.first = Some(self.first.map_or(entry.started, |first| first.min(entry.started)));
        }
        match (entry.succeeded(), is_new) {
            (true, false) => counts.reused += 1,
            // A failure before this submission says nothing about it: the run is to be executed again.
            (false, false) => {
                counts.running += u64::from(self.running.remove(id));
            }
            (_, true) => counts.ended(entry.outcome),
        }
        if is_new && entry.succeeded() {
            self.succeeded.push(*entry);
        }
        if is_new && matches!(entry.outcome, Outcome::Failed | Outcome::TimedOut) {
            let at = self.failures.partition_point(|failed| (failed.0, failed.1) < (entry.started, *id));
            if at < FAILURES {
                self.failures.insert(at, (entry.started, *id, step.to_owned(), *entry));
                self.failures.truncate(FAILURES);
            }
        }
    }

    fn failures(&self, store: &Store) -> Result<Vec<FailedFirst>, ResultError> {
        let failures = self.failures.iter().map(|(started, run, step, entry)| {
            let error = match store.journal().read(&entry.place)? {
                Record::Attempt(attempt) => attempt.error.and_then(|error| error.chain.into_iter().next()),
                _ => None,
            };
            Ok(FailedFirst { run: *run, step: step.clone(), started: *started, error })
        });
        failures.collect()
    }
}

/// How a submission was closed: looked for behind its opening, in the records of its writer alone.
fn closing(store: &Store, index: &Index, submission: &RecordName) -> Result<Option<Closing>, ResultError> {
    let Some(place) = index.submission(submission) else { return Ok(None) };
    let mut from = index.cursor().clone();
    from.set(submission.writer, crate::journal::Position::default());
    from.advance(submission, &place);
    for scanned in store.journal().scan(&from)? {
        let scanned = scanned?;
        if scanned.name.writer == submission.writer
            && let Ok(Record::Closed(closed)) = scanned.decode()
            && closed.submission == *submission
        {
            return Ok(Some(closed.closing));
        }
    }
    Ok(None)
}
