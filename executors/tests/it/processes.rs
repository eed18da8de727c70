//! Runs in processes: whatever becomes of one, the others go on, and nothing is left over.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use metalab_engine::record::{Closing, Outcome};
use metalab_engine::running::Event;
use metalab_engine::schedule::{Policy, Retries};
use metalab_engine::store::Store;
use rustix::process::{Pid, Signal, kill_process};

use crate::deeds::{Deed, deed_in, deeds, sleepers};
use crate::lab::{Lab, builder, is_gone, processes, run, runner};

#[test]
fn every_end_of_a_process_is_one_failed_run_with_its_cause() {
    let ends = [
        ("fail", "error", "told to fail"),
        ("panic", "panic", "told to panic"),
        ("abort", "crash", "crash: signal 6 (SIGABRT)"),
        ("exit", "crash", "exit: code 0 before the run ended"),
        ("exit 3", "crash", "exit: code 3 before the run ended"),
        ("be killed", "crash", "crash: signal 9 (SIGKILL)"),
        ("be terminated", "crash", "crash: signal 15 (SIGTERM)"),
        ("break", "crash", "crash: signal 11 (SIGSEGV)"),
        ("overflow", "crash", "crash: signal 6 (SIGABRT)"),
        ("eat", "crash", "crash: signal 6 (SIGABRT)"),
        ("babble", "crash", "crash: the worker wrote to its pipe what is no message"),
    ];
    let lab = Lab::new();
    let store = lab.store();
    let mut what: Vec<&str> = ends.iter().map(|(what, ..)| *what).collect();
    what.extend(["succeed", "print"]);
    let results = run(deeds(&what, 3), &store, &processes(2));
    assert_eq!(results.closing(), Closing::Incomplete);
    assert_eq!(results.len(), 3 * what.len());
    for run in results.iter() {
        let run = run.unwrap();
        let what: String = run.param("what").unwrap();
        let Some((_, cause, message)) = ends.iter().find(|(end, ..)| *end == what) else {
            assert_eq!(run.outcome(), Some(Outcome::Succeeded), "{what}: {:?}", run.error());
            continue;
        };
        assert_eq!(run.outcome(), Some(Outcome::Failed), "{what}");
        let error = run.error().unwrap();
        assert_eq!(error.cause, *cause, "{what}: {error:?}");
        assert!(error.chain[0].contains(message), "{what}: {error:?}");
        // What it had logged by then is kept.
        assert!(run.log().unwrap().contains(&format!("is about to {what}")), "{what}: {:?}", run.log());
    }
    assert_eq!(results.summary().unwrap().succeeded, 6);
    // The same again: only what failed is tried again.
    let again = run(deeds(&what, 3), &store, &processes(1));
    assert_eq!(again.summary().unwrap().reused, 6);
}

#[test]
fn a_run_that_kills_its_worker_each_time_is_given_up() {
    let lab = Lab::new();
    let policy = Policy { retries: Retries { most: 2, backoff: Duration::ZERO }, ..Policy::default() };
    let runner = runner(deeds(&["be killed", "succeed"], 2), &lab.store(), &processes(2)).policy(policy);
    let handle = runner.spawn().unwrap();
    let finished = handle.events().filter_map(|event| match event {
        Event::Finished { runs } => Some(runs),
        _ => None,
    });
    let finished: Vec<_> = finished.flatten().collect();
    assert_eq!(finished.iter().filter(|run| run.outcome == Outcome::Failed).count(), 6, "{finished:?}");
    assert_eq!(finished.iter().filter(|run| run.outcome == Outcome::Succeeded).count(), 2);
}

#[test]
fn workers_stay_warm_and_are_replaced_after_some_runs() {
    let lab = Lab::new();
    let pids = |executor, numbers| -> BTreeSet<u32> {
        let results = run(deeds(&["succeed"], numbers), &lab.store(), &executor).ok().unwrap();
        results.iter().map(|run| run.unwrap().output().unwrap()).collect()
    };
    assert_eq!(pids(processes(1), 500).len(), 1);
    assert_eq!(pids(builder(1).runs_per_worker(10).build().unwrap(), 100).len(), 10);
    assert!(!pids(processes(1), 1).contains(&std::process::id()));
}

#[test]
fn a_run_that_takes_too_long_is_killed_with_all_that_it_started() {
    let lab = Lab::new();
    let folder = lab.path("ids");
    let exp = deed_in("sleep", &folder).sweep(Deed::grid().what("succeed").named("other"));
    let executor = processes(2);
    let results = runner(exp, &lab.store(), &executor)
        .timeout(Duration::from_millis(500))
        .start()
        .unwrap()
        .wait()
        .unwrap();
    let runs: Vec<_> = results.iter().map(|run| run.unwrap()).collect();
    assert_eq!(runs[0].outcome(), Some(Outcome::TimedOut));
    let error = runs[0].error().unwrap();
    assert_eq!(error.cause, "timeout");
    assert!(error.chain[0].contains("longer than its limit of 500ms"), "{error:?}");
    assert!(error.chain[1].contains("killed"), "{error:?}");
    assert!(runs[0].duration().unwrap() >= Duration::from_millis(500));
    assert_eq!(runs[1].outcome(), Some(Outcome::Succeeded));
    let (own, child) = sleepers(&folder).unwrap();
    assert!(is_gone(own) && is_gone(child));
}

#[test]
fn a_run_that_listens_ends_in_time_and_its_worker_goes_on() {
    let lab = Lab::new();
    let store = lab.store();
    let executor = processes(1);
    let before: u32 = pid_of(&store, &executor, 1);
    let limit = Duration::from_millis(200);
    let results =
        runner(deeds(&["listen"], 1), &store, &executor).timeout(limit).start().unwrap().wait().unwrap();
    let run = results.iter().next().unwrap().unwrap();
    assert_eq!(run.outcome(), Some(Outcome::TimedOut));
    assert!(run.error().unwrap().chain.contains(&"stopped as asked".to_owned()), "{:?}", run.error());
    assert_eq!(pid_of(&store, &executor, 2), before);
}

/// The process that performs the last of so many runs.
fn pid_of(store: &Store, executor: &metalab_executors::Processes, numbers: u64) -> u32 {
    let results = run(deeds(&["succeed"], numbers), store, executor).ok().unwrap();
    results.iter().last().unwrap().unwrap().output().unwrap()
}

#[test]
fn the_memory_of_a_run_is_not_that_of_the_run_before() {
    let lab = Lab::new();
    let (store, executor) = (lab.store(), processes(1));
    let peak = |what| {
        let results = run(deeds(&[what], 1), &store, &executor).ok().unwrap();
        let run = results.iter().next().unwrap().unwrap();
        let attempt = run.attempt().unwrap();
        assert!(attempt.cpu.is_some());
        (run.output::<u32>().unwrap(), attempt.peak_memory.unwrap() >> 20)
    };
    let (first, large) = peak("grow");
    let (second, small) = peak("rest");
    assert_eq!(first, second, "one worker performed both");
    assert!(large >= 300 && small < 300, "{large} MiB, then {small} MiB");
}

#[test]
fn a_cancelled_submission_kills_what_does_not_listen() {
    let lab = Lab::new();
    let folder = lab.path("ids");
    let handle = runner(deed_in("sleep", &folder), &lab.store(), &processes(1)).start().unwrap();
    let start = Instant::now();
    while sleepers(&folder).is_none() {
        assert!(start.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(5));
    }
    handle.cancel();
    handle.cancel();
    let results = handle.wait().unwrap();
    assert_eq!(results.closing(), Closing::Cancelled);
    let run = results.iter().next().unwrap().unwrap();
    assert_eq!(run.outcome(), Some(Outcome::Cancelled), "{:?}", run.error());
    let (own, child) = sleepers(&folder).unwrap();
    assert!(is_gone(own) && is_gone(child));
}

#[test]
fn a_worker_that_hangs_when_it_ends_is_killed() {
    let lab = Lab::new();
    let executor = processes(1);
    let results = run(deeds(&["linger"], 1), &lab.store(), &executor).ok().unwrap();
    let pid: u32 = results.iter().next().unwrap().unwrap().output().unwrap();
    assert!(crate::lab::is_alive(pid), "it waits for more");
    let start = Instant::now();
    drop(executor);
    assert!(!crate::lab::is_alive(pid));
    let took = start.elapsed();
    assert!(took > Duration::from_secs(1) && took < Duration::from_secs(10), "{took:?}");
}

const STORE: &str = "METALAB_TEST_DRIVER";

/// The driver that is killed.
#[test]
fn driver() {
    let Ok(folder) = std::env::var(STORE) else { return };
    let store = Store::create(&format!("{folder}/runs")).unwrap();
    run(deed_in("sleep", &folder), &store, &processes(1));
}

#[test]
fn no_process_outlives_a_driver_that_is_killed() {
    let lab = Lab::new();
    let folder = lab.path("driver");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "processes::driver", "--nocapture", "--test-threads=1"]).env(STORE, &folder);
    let mut driver = command.spawn().unwrap();
    let start = Instant::now();
    let (own, child) = loop {
        if let Some(ids) = sleepers(&folder) {
            break ids;
        }
        assert!(start.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(crate::lab::is_alive(own) && crate::lab::is_alive(child));
    kill_process(Pid::from_child(&driver), Signal::KILL).unwrap();
    driver.wait().unwrap();
    assert!(is_gone(own) && is_gone(child));
}
