//! The thread that keeps one worker busy: it takes jobs, and puts a new worker in the place of one that is gone.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use metalab_engine::running::Job;
use metalab_engine::running::remote::{Loss, Lost};

use super::launch::Launcher;
use super::perform::{Gone, perform};
use super::worker::Worker;

/// So many workers in a row that cannot be started, or end before they begin, are enough.
const FRUITLESS: u32 = 3;
/// A worker that was told about so many steps is replaced: it keeps what it was told.
const STEPS: usize = 256;

/// What the threads of an executor share.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) launcher: Launcher,
    /// How many runs a worker performs before it is replaced.
    pub(super) most_runs: Option<u64>,
    /// How many workers are kept.
    slots: usize,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// Workers that are up and idle; the last one is the warmest.
    idle: Vec<Worker>,
    closed: bool,
}

impl Desk {
    pub(super) fn new(launcher: Launcher, most_runs: Option<u64>, slots: usize) -> Self {
        Self { launcher, most_runs, slots, queue: Mutex::default(), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put(&self, job: Job) {
        self.lock().jobs.push_back(job);
        self.changed.notify_one();
    }

    /// Takes a worker back that is up and idle.
    pub(super) fn idle(&self, worker: Worker) {
        let mut queue = self.lock();
        if queue.idle.len() < self.slots && !queue.closed {
            return queue.idle.push(worker);
        }
        drop(queue);
        worker.dismiss();
    }

    /// A worker that may be given work.
    pub(super) fn worker(&self) -> Result<Worker, String> {
        loop {
            let idle = self.lock().idle.pop();
            match idle {
                Some(worker) if self.is_worn(&worker) => worker.dismiss(),
                Some(worker) => return Ok(worker),
                None => return self.launcher.launch(),
            }
        }
    }

    /// No job comes any more, and idle workers end; jobs that wait are dropped, which reports them as not started.
    pub(super) fn close(&self) {
        let (jobs, idle) = {
            let mut queue = self.lock();
            queue.closed = true;
            (std::mem::take(&mut queue.jobs), std::mem::take(&mut queue.idle))
        };
        drop(jobs);
        self.changed.notify_all();
        Worker::dismiss_all(idle);
    }

    fn next(&self) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            if queue.closed {
                return None;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn is_worn(&self, worker: &Worker) -> bool {
        self.most_runs.is_some_and(|most| worker.performed >= most) || worker.known.len() >= STEPS
    }
}

/// Carries out jobs until the desk is closed.
pub(super) fn manage(desk: &Desk) {
    while let Some(mut job) = desk.next() {
        carry_out(desk, &mut job);
    }
}

/// Has workers perform a job, one after another should they die. What is left when nothing new may start is dropped
/// with the job.
fn carry_out(desk: &Desk, job: &mut Job) {
    let mut fruitless = 0;
    while job.waiting() > 0 && !job.is_draining() {
        let before = job.waiting();
        let reason = match desk.worker() {
            Ok(mut worker) => {
                let most = desk.most_runs.map_or(u64::MAX, |most| most - worker.performed);
                match perform(&mut worker, job, usize::try_from(most).unwrap_or(usize::MAX)) {
                    Ok(()) => {
                        desk.idle(worker);
                        continue;
                    }
                    Err(Gone::Unable(reason)) => {
                        desk.idle(worker);
                        return lose_all(job, &reason);
                    }
                    Err(Gone::Lost(loss)) => {
                        loss.of(worker, job);
                        continue;
                    }
                    Err(Gone::Ended) => worker.ending().what,
                }
            }
            Err(reason) => reason,
        };
        // It ended before it began, through no fault of a run.
        fruitless = if job.waiting() < before { 1 } else { fruitless + 1 };
        if fruitless >= FRUITLESS {
            return lose_all(job, &reason);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// No worker can perform this job.
fn lose_all(job: &mut Job, reason: &str) {
    while job.waiting() > 0 {
        let (lost, chain) = (Lost::Unable, vec![reason.to_owned()]);
        job.lose(Loss { lost, chain, started: SystemTime::now(), duration: Duration::ZERO });
    }
}
