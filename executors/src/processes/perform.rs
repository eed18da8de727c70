//! One batch of runs with one worker, and what can go wrong on the way.

use std::time::{Duration, Instant, SystemTime};

use metalab_engine::running::Job;
use metalab_engine::running::remote::{Loss, Lost};

use super::frame::Kind;
use super::worker::{Heard, Worker};

/// How much longer than its limit, or after it was asked to stop, a run may take before its process group is killed:
/// an operation that looks at its `&Runtime` ends by itself and leaves more behind.
const GRACE: Duration = Duration::from_secs(1);
/// How long a worker may take to answer where it only has to think.
const ANSWER: Duration = Duration::from_secs(60);

/// Why a worker did not perform what it was given.
#[derive(Debug)]
pub(super) enum Gone {
    /// It will not, and neither would another: why.
    Unable(String),
    /// It ended before it began.
    Ended,
    /// It was lost over a run.
    Lost(LostWith),
}

/// How a worker was lost over a run.
#[derive(Debug)]
pub(super) struct LostWith {
    how: How,
    /// When the run began.
    started: SystemTime,
    /// How long it had been at work.
    duration: Duration,
}

#[derive(Debug)]
enum How {
    /// It closed its pipe.
    Closed,
    /// It is not to be trusted any more: why.
    Garbage(String),
    /// The run's time was over.
    Late(Duration),
    /// The submission was cancelled, and the run did not stop.
    Cancelled,
}

impl LostWith {
    /// Ends the worker, and writes the record of the run.
    pub(super) fn of(self, worker: Worker, job: &mut Job) {
        let (lost, chain) = match self.how {
            How::Closed => {
                let lost = if job.is_cancelled() { Lost::Cancelled } else { Lost::Crashed };
                (lost, worker.ending().chain())
            }
            How::Garbage(what) => {
                worker.kill();
                (Lost::Crashed, vec![format!("crash: {what}"), "its process was killed".to_owned()])
            }
            How::Late(limit) => {
                worker.kill();
                let first = format!("the run took longer than its limit of {limit:?}");
                (Lost::TimedOut, vec![first, killed("")])
            }
            How::Cancelled => {
                worker.kill();
                (Lost::Cancelled, vec!["the submission was cancelled".to_owned(), killed(" when asked")])
            }
        };
        job.lose(Loss { lost, chain, started: self.started, duration: self.duration });
    }
}

fn killed(when: &str) -> String {
    format!("it did not stop{when} within {GRACE:?}, so its process and all that it had started were killed")
}

/// Has a worker perform the next runs of a job, at most `most`.
pub(super) fn perform(worker: &mut Worker, job: &mut Job, most: usize) -> Result<(), Gone> {
    let key = job.brief_key();
    if !worker.known.contains(&key) {
        let brief = job.brief().map_err(Gone::Unable)?;
        ask(worker, Kind::Brief, &brief)?;
        worker.known.insert(key);
    }
    let batch = job.batch(most).map_err(Gone::Unable)?;
    if !worker.tell(Kind::Batch, &batch) {
        return Err(Gone::Ended);
    }
    match worker.hear_within(ANSWER) {
        Heard::Message(Kind::Begun, _) => {}
        _ => return Err(Gone::Ended),
    }
    Watch::new().follow(worker, job).map_err(Gone::Lost)
}

/// Asks a worker something that it answers by yes or no.
pub(super) fn ask(worker: &mut Worker, kind: Kind, payload: &[u8]) -> Result<(), Gone> {
    if !worker.tell(kind, payload) {
        return Err(Gone::Ended);
    }
    match worker.hear_within(ANSWER) {
        Heard::Message(Kind::Known, _) => Ok(()),
        Heard::Message(Kind::Refused, at) => Err(Gone::Unable(worker.text(at))),
        Heard::Message(..) | Heard::Garbage(_) | Heard::Silence | Heard::Closed => Err(Gone::Ended),
    }
}

/// What is watched while a batch is at work.
struct Watch {
    /// When the run at hand began.
    since: Instant,
    /// The same by the calendar.
    started: SystemTime,
    /// Whether the worker was told to begin no further run.
    stopped: bool,
    /// When it was told to stop the run at hand.
    cancelled: Option<Instant>,
}

impl Watch {
    fn new() -> Self {
        Self { since: Instant::now(), started: SystemTime::now(), stopped: false, cancelled: None }
    }

    fn follow(&mut self, worker: &mut Worker, job: &mut Job) -> Result<(), LostWith> {
        loop {
            match worker.hear() {
                Heard::Message(Kind::Run, at) => {
                    job.report(worker.payload(at)).map_err(|what| self.lost(How::Garbage(what)))?;
                    worker.performed += 1;
                    (self.since, self.started) = (Instant::now(), SystemTime::now());
                }
                Heard::Message(Kind::Ended, _) => return Ok(()),
                Heard::Message(Kind::Refused, at) => {
                    let what = worker.text(at);
                    return Err(self.lost(How::Garbage(format!("the worker gave up: {what}"))));
                }
                Heard::Message(kind, _) => {
                    let what = format!("the worker said {kind:?} while a run was at work");
                    return Err(self.lost(How::Garbage(what)));
                }
                Heard::Garbage(what) => {
                    let what = format!("the worker wrote to its pipe what is no message ({what})");
                    return Err(self.lost(How::Garbage(what)));
                }
                Heard::Closed => return Err(self.lost(How::Closed)),
                Heard::Silence => {}
            }
            self.look(worker, job)?;
        }
    }

    /// Looks at the time, and at what the driver wants.
    fn look(&mut self, worker: &mut Worker, job: &Job) -> Result<(), LostWith> {
        if job.is_cancelled() && self.cancelled.is_none() {
            worker.tell(Kind::Cancel, &[]);
            self.cancelled = Some(Instant::now());
        }
        if job.is_draining() && !self.stopped {
            worker.tell(Kind::Stop, &[]);
            self.stopped = true;
        }
        if self.cancelled.is_some_and(|at| at.elapsed() > GRACE) {
            return Err(self.lost(How::Cancelled));
        }
        match job.timeout() {
            Some(limit) if self.since.elapsed() > limit + GRACE => Err(self.lost(How::Late(limit))),
            _ => Ok(()),
        }
    }

    fn lost(&self, how: How) -> LostWith {
        LostWith { how, started: self.started, duration: self.since.elapsed() }
    }
}
