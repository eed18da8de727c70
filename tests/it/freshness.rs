//! What runs, what is reused, and why.

use std::sync::Mutex;
use std::sync::atomic::Ordering;

use metalab::engine::index::{Glance, Index};
use metalab::engine::inspect::{find_run, forecast, show, why};
use metalab::engine::running::Summary;
use metalab::plan::Rerun;
use metalab::store::Store;
use metalab::{Experiment, Result, SeedBundle, seeds};

use crate::lab::{self, CALLS, Measure};

/// The counter of calls is one per process: these tests take turns.
static TURN: Mutex<()> = Mutex::new(());

fn run(experiment: Experiment, store: &Store) -> Summary {
    metalab::run(experiment).store(store).blocking().unwrap().summary().unwrap().clone()
}

fn counts(summary: &Summary) -> (u64, u64) {
    (summary.reused, summary.succeeded)
}

#[test]
fn what_is_done_is_reused_and_only_new_cells_run() {
    let _turn = TURN.lock();
    let store = Store::memory().unwrap();
    let before = CALLS.load(Ordering::Relaxed);
    assert_eq!(counts(&run(lab::sweep(), &store)), (0, 12));
    assert_eq!(counts(&run(lab::sweep(), &store)), (12, 0));
    assert_eq!(
        CALLS.load(Ordering::Relaxed) - before,
        12,
        "operations were called as often as the summaries say"
    );

    let grid = || Measure::grid().x([1, 2, 3]).size([10, 5_000, 400_000]);
    let more = Experiment::new("sweep", "1").sweep(grid()).seeds(seeds(7).replicates(2));
    assert_eq!(counts(&run(more, &store)), (12, 6), "only the cells of the new value run");
    let replicates = Experiment::new("sweep", "1").sweep(grid()).seeds(seeds(7).replicates(3));
    assert_eq!(counts(&run(replicates, &store)), (18, 9), "only the cells of the new replicate run");
    let other = Experiment::new("another", "9")
        .tag("x")
        .sweep(grid().named("elsewhere"))
        .seeds(seeds(7).replicates(3));
    assert_eq!(counts(&run(other, &store)), (27, 0), "name, version, tags and step do not matter");
    let seed = Experiment::new("sweep", "1").sweep(grid()).seeds(seeds(8).replicates(1));
    assert_eq!(counts(&run(seed, &store)), (0, 9), "another base seed is another run");
}

#[test]
fn a_new_version_that_changes_nothing_is_said() {
    let _turn = TURN.lock();
    let store = Store::memory().unwrap();
    run(lab::sweep(), &store);
    let renamed = Experiment::new("sweep", "2").sweep(Measure::grid().x([1]).size([10])).seeds(seeds(7));
    assert_eq!(run(renamed, &store).same_as_version.as_deref(), Some("1"));
}

#[test]
fn rerun_all_or_by_condition() {
    let _turn = TURN.lock();
    let store = Store::memory().unwrap();
    run(lab::sweep(), &store);
    let again = |rerun| metalab::run(lab::sweep()).store(&store).rerun(rerun).blocking().unwrap();
    assert_eq!(counts(again(Rerun::All).summary().unwrap()), (0, 12));
    let some = Rerun::matching(|cell| {
        cell.parameter("x").and_then(metalab::cas::Value::as_f64) == Some(2.0) && cell.replicate == 1
    });
    assert_eq!(counts(again(some).summary().unwrap()), (9, 3));
    let id = again(Rerun::Never).iter().next().unwrap().unwrap().id();
    let details = show(&Glance::at(&store).unwrap(), &id).unwrap();
    assert_eq!(details.others.len(), 1);
    assert!(!details.differing_outputs, "seeded runs give equal bytes");
    assert_eq!(details.others[0].1.reason.as_deref(), Some("rerun"));
}

#[metalab::operation(code = "manual", name = "sum")]
fn sum_one(a: u64, #[default(10)] b: u64) -> u64 {
    a + b
}

mod later {
    /// The same operation after an argument with a default was added.
    #[metalab::operation(code = "manual", name = "sum")]
    pub(super) fn sum_two(a: u64, #[default(10)] b: u64, #[default(0.5)] c: f64) -> u64 {
        a + b + (c * 0.0) as u64
    }
}

#[test]
fn a_default_that_is_given_or_added_changes_nothing() {
    let store = Store::memory().unwrap();
    fn exp(sweep: impl metalab::params::IntoSweep) -> Experiment {
        Experiment::new("defaults", "1").sweep(sweep)
    }
    assert_eq!(counts(&run(exp(SumOne::grid().a([1, 2])), &store)), (0, 2));
    assert_eq!(counts(&run(exp(SumOne::grid().a([1, 2]).b(10)), &store)), (2, 0));
    assert_eq!(counts(&run(exp(SumOne::grid().a([1, 2]).b([10, 11])), &store)), (2, 2));
    assert_eq!(counts(&run(exp(later::SumTwo::grid().a([1, 2])), &store)), (2, 0));
    let list = [SumOneParams { a: 1, b: 10 }, SumOneParams { a: 3, b: 10 }];
    assert_eq!(counts(&run(exp(SumOne::list(list)), &store)), (1, 1), "a list and a grid agree");
}

/// Unlike itself every time: not deterministic on purpose.
#[metalab::operation(code = "manual")]
fn restless(x: u64) -> u64 {
    x + CALLS.fetch_add(1, Ordering::Relaxed)
}

#[test]
fn different_outputs_of_one_run_are_seen() {
    let _turn = TURN.lock();
    let store = Store::memory().unwrap();
    let exp = || Experiment::new("restless", "1").sweep(Restless::grid().x([1]));
    let id = metalab::run(exp()).store(&store).blocking().unwrap().iter().next().unwrap().unwrap().id();
    metalab::run(exp()).store(&store).rerun(Rerun::All).blocking().unwrap();
    assert!(show(&Glance::at(&store).unwrap(), &id).unwrap().differing_outputs);
}

#[metalab::operation(code = "manual")]
fn seeded(k: u64, seeds: &SeedBundle) -> Result<u64> {
    Ok(k + seeds.seed("s") % 2)
}

#[test]
fn why_takes_the_pre_image_apart_and_confirms_it() {
    let store = Store::memory().unwrap();
    let exp =
        |base| Experiment::new("why", "1").sweep(Seeded::grid().k([3, 4])).seeds(seeds(base).replicates(2));
    let ids: Vec<_> =
        metalab::run(exp(1)).store(&store).blocking().unwrap().iter().map(|run| run.unwrap().id()).collect();
    let index = Glance::at(&store).unwrap();
    assert_eq!(find_run(&index, &ids[0].to_string()[..10]).unwrap(), ids[0]);
    let found = why(&index, &ids[0], Some(&ids[3])).unwrap();
    assert!(found.confirmed, "the record's pre-image gives the run id");
    let parts: Vec<_> = found.differences.iter().map(ToString::to_string).collect();
    assert_eq!(parts, ["argument k: 3 -> 4", "seed: replicate: 0 -> 1"]);
    let report = forecast(&store, &exp(2), &Rerun::Never).unwrap();
    assert_eq!(report.steps[0].runs, 4);
    assert_eq!(report.steps[0].reasons[0].to_string(), "seed: base: 1 -> 2");
    assert_eq!(Index::load(&store).unwrap().len(), 4, "a forecast writes nothing");
}
