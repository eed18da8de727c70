//! Drivers while they work: what they say of themselves, and several on one store.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Condvar, Mutex};

use metalab::Input;
use metalab::experiment::Experiment;
use metalab::running::{Event, Events};
use metalab::schedule::Resources;
use metalab::store::Store;

use crate::lab::{executed, has_executed, log, refused, runner};

/// Names of the gates that are open.
static OPEN: (Mutex<BTreeMap<String, ()>>, Condvar) = (Mutex::new(BTreeMap::new()), Condvar::new());

fn open(gate: &str) {
    OPEN.0.lock().unwrap().insert(gate.to_owned(), ());
    OPEN.1.notify_all();
}

fn pass(gate: &str) {
    let open = OPEN.0.lock().unwrap();
    drop(OPEN.1.wait_while(open, |open| !open.contains_key(gate)).unwrap());
}

/// Waits until that is executed.
fn until_executed(tag: &str, what: &str) {
    while !has_executed(tag, what) {
        std::thread::yield_now();
    }
}

/// Waits until a step has a durable run.
fn until_finished(mut events: Events, number: usize) {
    let is_it = |event: &Event| match event {
        Event::Finished { runs } => runs.iter().any(|run| run.step == number),
        _ => false,
    };
    assert!(events.any(|event| is_it(&event)));
}

/// Gives twice `x` when its gate is open.
#[metalab::operation]
fn gated(tag: String, gate: String, x: u64) -> u64 {
    log(&tag, format!("{gate} {x}"));
    pass(&format!("{tag} {gate}"));
    x * 2
}

#[metalab::operation]
fn after(tag: String, prepared: Input<u64>, by: u64) -> u64 {
    log(&tag, format!("after {by}"));
    *prepared + by
}

/// Larger than what goes into packs.
#[metalab::operation]
fn grown(tag: String, from: Input<u64>) -> Vec<u64> {
    log(&tag, "grown");
    (0..100_000).map(|x| x * *from).collect()
}

#[test]
fn a_handle_says_why_cells_wait() {
    let tag = "waiting";
    let store = Store::memory().unwrap();
    let mut exp = Experiment::new("waiting", "1");
    let slow = Gated::grid().tag(tag).gate("slow").x([1, 2]).resources(Resources::default().cpus(3));
    let slow = exp.step(slow.named("slow"));
    exp.step(After::grid().tag(tag).prepared(&slow).by(1));
    let handle = runner(exp, &store).start().unwrap();
    let mut seen = BTreeMap::new();
    while seen.len() < 2 {
        seen.extend(handle.waiting().into_iter().map(|waiting| (waiting.step, waiting.why)));
    }
    open("waiting slow");
    handle.wait().unwrap();
    assert!(seen["slow"].contains("needs 3 of `cpus`"), "{seen:?}");
    assert_eq!(seen["after"], "inputs are to come from `slow`");
    executed(tag);
    let mut exp = Experiment::new("too much", "1");
    exp.step(Gated::grid().tag(tag).gate("slow").x(1).resources(Resources::default().cpus(99)));
    assert!(refused(exp).contains("step `gated` needs 99 of `cpus`, and there are 4"));
}

#[test]
fn two_drivers_at_once_compute_a_shared_step_once() {
    let tag = "together";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs");
    let exp = |name: &str, by: u64| {
        let mut exp = Experiment::new(name, "1");
        let prepared = exp.step(Gated::grid().tag(tag).gate("slow").x([1, 2, 3]));
        exp.step(After::grid().tag(tag).prepared(&prepared).by(by));
        exp
    };
    let store = || Store::create(path.to_str().unwrap()).unwrap();
    let first = runner(exp("one", 10), &store()).start().unwrap();
    let second = runner(exp("two", 20), &store()).start().unwrap();
    until_executed(tag, "slow 1");
    open("together slow");
    let (first, second) = (first.wait().unwrap(), second.wait().unwrap());
    let done = executed(tag);
    assert_eq!(done.iter().filter(|line| line.starts_with("slow")).count(), 3, "{done:?}");
    assert_eq!(done.len(), 9);
    assert_eq!(second.step("after").failed().len() + first.failed().len(), 0);
    let reused = first.summary().unwrap().reused + second.summary().unwrap().reused;
    assert_eq!(reused, 3);
}

#[test]
fn a_large_value_that_another_driver_makes_meanwhile_is_there() {
    let tag = "meanwhile";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs");
    let store = || Store::create(path.to_str().unwrap()).unwrap();
    let mut exp = Experiment::new("first", "1");
    let seed = exp.step(Gated::grid().tag(tag).gate("seed").x(4));
    exp.step(Grown::grid().tag(tag).from(&seed));
    let bell = exp.step(Gated::grid().tag(tag).gate("bell").x(1).named("bell"));
    exp.step(After::grid().tag(tag).prepared(&bell).by(1));
    let first = runner(exp, &store()).start().unwrap();
    until_executed(tag, "seed 4");
    until_executed(tag, "bell 1");

    // The other one makes the same value of an equal input (8), and is still there when the first looks about.
    let mut exp = Experiment::new("second", "1");
    let equal = exp.step(Gated::grid().tag(tag).gate("equal").x(4));
    let grown = exp.step(Grown::grid().tag(tag).from(&equal));
    exp.step(Holds::grid().tag(tag).grown(&grown));
    let second = runner(exp, &store()).start().unwrap();
    open("meanwhile equal");
    until_executed(tag, "holds");
    // The first claims `after`, meets the other driver and reads what it has recorded.
    // A driver does not look more often than it is worth; the less it waited, the less this test would show.
    std::thread::sleep(std::time::Duration::from_millis(250));
    let events = first.events();
    open("meanwhile bell");
    until_finished(events, 3);
    open("meanwhile seed");
    let results = first.wait().unwrap();
    open("meanwhile hold");
    second.wait().unwrap();
    let done = executed(tag);
    assert_eq!(done.iter().filter(|line| *line == "grown").count(), 1, "{done:?}");
    assert_eq!(results.failed().len(), 0);
    let distinct: HashSet<_> = results.step("grown").iter().map(|run| run.unwrap().id()).collect();
    assert_eq!(distinct.len(), 1);
}

#[metalab::operation]
fn holds(tag: String, grown: Input<Vec<u64>>) -> u64 {
    log(&tag, "holds");
    pass(&format!("{tag} hold"));
    grown.len() as u64
}

#[test]
fn what_happens_can_be_told_to_other_programs() {
    let tag = "told";
    let store = Store::memory().unwrap();
    let exp = Experiment::new("told", "1").sweep(Gated::grid().tag(tag).gate("now").x([1, 2, 3]));
    let mut exp = exp;
    exp.step(Refuses::grid().x(1));
    let handle = runner(exp, &store).start().unwrap();
    let events = handle.events();
    // Nothing has ended before somebody listens.
    open("told now");
    let events: Vec<serde_json::Value> = events.map(|event| serde_json::to_value(event).unwrap()).collect();
    handle.wait().unwrap();
    let finished: Vec<_> = events.iter().filter(|event| event["event"] == "finished").collect();
    let runs: Vec<_> = finished.iter().flat_map(|event| event["runs"].as_array().unwrap()).collect();
    assert_eq!(runs.len(), 4, "{events:?}");
    let failed = runs.iter().find(|run| run["outcome"] == "failed").unwrap();
    assert_eq!((&failed["error"], failed["run"].as_str().unwrap().len()), (&"not today".into(), 64));
    assert_eq!(events.last().unwrap()["closing"], "incomplete");
    let latest = handle.latest().unwrap().unwrap();
    assert!(runs.iter().any(|run| run["run"] == latest.run.to_string() && run["outcome"] == "succeeded"));
    let status = serde_json::to_value(handle.status()).unwrap();
    assert_eq!((&status["cells"], &status["counts"]["failed"]), (&4.into(), &1.into()));
    assert!(status["elapsed_s"].is_f64());
    executed(tag);
}

#[metalab::operation]
fn refuses(x: u64) -> metalab::Result<u64> {
    pass("told now");
    Err(format!("not today{}", if x == 1 { "" } else { ", nor tomorrow" }).into())
}
