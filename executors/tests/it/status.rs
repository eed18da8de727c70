//! What another process is told of a submission while it works.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use metalab_engine::index::Index;
use metalab_engine::inspect::{State, SubmissionStatus, status};
use metalab_engine::running::{Handle, Runner, drivers};
use metalab_engine::store::Store;
use metalab_engine::{Experiment, Input};
use metalab_executors::Threads;

/// How many of the runs of [`held`] may go on.
static LET_THROUGH: (Mutex<u64>, Condvar) = (Mutex::new(0), Condvar::new());

/// Goes on when it is let through.
#[metalab::operation]
fn held(x: u64) -> u64 {
    let through = LET_THROUGH.0.lock().unwrap();
    drop(LET_THROUGH.1.wait_while(through, |through| *through <= x).unwrap());
    x
}

fn let_through(runs: u64) {
    *LET_THROUGH.0.lock().unwrap() = runs;
    LET_THROUGH.1.notify_all();
}

fn start(store: &Store, runs: std::ops::Range<u64>) -> Handle {
    let held = Experiment::new("held", "1").sweep(Held::grid().x(runs));
    Runner::new(held, store.clone(), Arc::new(Threads::new(2).unwrap())).start().unwrap()
}

/// The status once it is so; it has to be at some time.
fn when(store: &Store, is_so: impl Fn(&SubmissionStatus) -> bool) -> SubmissionStatus {
    let start = Instant::now();
    loop {
        let index = Index::load(store).unwrap();
        match status(store, &index, Some("held")) {
            Ok(Some(status)) if is_so(&status) => return status,
            other => assert!(start.elapsed() < Duration::from_secs(60), "still {other:?}"),
        }
        std::thread::yield_now();
    }
}

#[test]
fn what_is_handed_out_and_waits_for_a_worker_does_not_run() {
    let lab = super::lab::Lab::new();
    let store = lab.store();
    let handle = start(&store, 0..9);
    while drivers(&store).first().is_none_or(|driver| driver.claimed.len() < 6) {
        std::thread::yield_now();
    }
    assert_eq!(drivers(&store)[0].slots, Some(2));
    let seen = when(&store, |_| true);
    assert_eq!(seen.state, State::Running);
    assert_eq!((seen.cells.running, seen.cells.waiting, seen.cells.done()), (2, 7, 0));
    // Nothing was ever measured.
    assert_eq!((seen.rate, seen.remaining_s), (None, None));

    // Two more are begun for two that have ended; which is known when their records are durable.
    let_through(2);
    let seen = when(&store, |status| status.cells.succeeded == 2);
    assert_eq!((seen.cells.running, seen.cells.waiting), (2, 5));
    assert!(seen.remaining_s.unwrap() > 0.0);
    let_through(8);
    let seen = when(&store, |status| status.cells.succeeded == 8);
    assert_eq!((seen.cells.running, seen.cells.waiting), (1, 0));
    let_through(9);
    let results = handle.wait().unwrap();
    let seen = when(&store, |_| true);
    assert_eq!((seen.state, seen.cells.running, seen.remaining_s), (State::Complete, 0, None));

    // The time that is left is known before anything of it has run: from the runs before, on two workers.
    let durations = results.iter().map(|run| run.unwrap().duration().unwrap().as_secs_f64());
    let durations: Vec<f64> = durations.collect();
    let handle = start(&store, 9..14);
    let seen = when(&store, |status| status.cells.running == 2);
    assert_eq!((seen.cells.waiting, seen.rate), (3, None));
    let left = seen.remaining_s.unwrap();
    let bounds = [f64::min, f64::max].map(|of| durations.iter().copied().reduce(of).unwrap() * 5.0 / 2.0);
    assert!(bounds[0] * 0.999 <= left && left <= bounds[1] * 1.001, "{left} is not in {bounds:?}");
    let_through(14);
    handle.wait().unwrap();
}

/// Whether [`kept`] and [`after`] may go on.
static OPEN: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

fn pass() {
    drop(OPEN.1.wait_while(OPEN.0.lock().unwrap(), |open| !*open).unwrap());
}

#[metalab::operation]
fn at_once(x: u64) -> u64 {
    // After runs of less than a millisecond the next ones are not claimed.
    std::thread::sleep(Duration::from_millis(5));
    x
}

#[metalab::operation]
fn after(value: Input<u64>) -> u64 {
    pass();
    *value
}

#[metalab::operation]
fn kept(x: u64) -> u64 {
    pass();
    x
}

#[test]
fn what_runs_is_of_its_own_step() {
    let lab = super::lab::Lab::new();
    let store = lab.store();
    let mut exp = Experiment::new("held", "1");
    let first = exp.step(AtOnce::grid().x([1, 2]));
    exp.step(After::grid().value(&first));
    exp.step(Kept::grid().x(0..3));
    let handle = Runner::new(exp, store.clone(), Arc::new(Threads::new(6).unwrap())).start().unwrap();
    // Runs of `after` are not known from the submission while it works.
    let seen = when(&store, |status| status.cells.succeeded == 2 && status.cells.running == 5);
    let steps: Vec<_> = seen.steps.iter().map(|step| (step.cells.running, step.cells.waiting)).collect();
    assert_eq!(steps, [(0, 0), (2, 0), (3, 0)]);
    *OPEN.0.lock().unwrap() = true;
    OPEN.1.notify_all();
    handle.wait().unwrap();
}
