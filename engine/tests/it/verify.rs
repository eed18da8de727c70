//! Second executions: of a sample to compare, and all that were asked for.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use metalab::Capture;
use metalab::experiment::Experiment;
use metalab::id::RunId;
use metalab::index::Index;
use metalab::inputs::Input;
use metalab::inspect::{forecast, verified};
use metalab::plan::{Rerun, Sample};
use metalab::store::Store;

use crate::explain::{Clean, ids};
use crate::lab::{again, run};

/// Each operation that pretends to be restless has its own switch: tests run at once.
static TICKS: AtomicU64 = AtomicU64::new(0);

#[metalab::operation(code = "manual")]
fn ticking(x: u64, capture: &Capture) -> u64 {
    capture.metric("half", x as f64 / 2.0);
    x * 1000 + TICKS.fetch_add(1, Ordering::SeqCst)
}

#[metalab::operation(code = "manual")]
fn follow(value: Input<u64>, capture: &Capture) -> u64 {
    capture.artifact_text("note", value.to_string());
    *value / 1000
}

#[test]
fn a_sample_is_executed_again_and_compared() {
    let store = Store::memory().unwrap();
    let exp = |xs: &[u64]| {
        let mut exp = Experiment::new("verified", "1");
        let ticks = exp.step(Ticking::grid().x(xs));
        exp.step(Follow::grid().value(&ticks));
        exp
    };
    let verify =
        |xs: &[u64], sample: Sample| verified(&again(exp(xs), &store, Rerun::Verify(sample))).unwrap();
    run(exp(&[1, 2, 3]), &store);
    let before = TICKS.load(Ordering::SeqCst);
    let all = verify(&[1, 2, 3], Sample::share(1.0));
    assert_eq!((all.checked, all.equal, all.differing.len(), all.failed.len()), (6, 3, 3, 0), "{all}");
    assert_eq!(TICKS.load(Ordering::SeqCst) - before, 3, "each once");
    let parts: Vec<_> =
        all.differing.iter().flat_map(|run| run.parts.iter().map(|part| part.part.as_str())).collect();
    assert_eq!(parts, ["output"; 3], "the metric is what it was");
    assert!(all.differing[0].operation.ends_with("::ticking"));
    // What stands still stands, so what was made from it does.
    let reused = run(exp(&[1, 2, 3]), &store);
    assert_eq!((reused.summary().unwrap().reused, reused.summary().unwrap().succeeded), (6, 0));

    let calm = verify(&[1, 2, 3], Sample::count(2).operation("follow"));
    assert_eq!((calm.checked, calm.equal, calm.is_equal()), (2, 2, true));
    assert!(!verify(&[1, 2, 3], Sample::share(0.0).operation("ticking")).is_equal(), "one at least");
    let one = Index::load(&store).unwrap().iter().next().unwrap().0;
    assert_eq!(verify(&[1, 2, 3], Sample::run(one)).checked, 1);
    // Nothing else is executed, not even what was never done.
    let before = TICKS.load(Ordering::SeqCst);
    let some = verify(&[1, 2, 3, 4], Sample::count(1).operation("follow"));
    assert_eq!((some.checked, TICKS.load(Ordering::SeqCst)), (1, before));
    assert_eq!(verify(&[7], Sample::share(1.0)).checked, 0);
    let foretold = |xs: &[u64]| forecast(&store, &exp(xs), &Rerun::Verify(Sample::share(1.0))).unwrap().runs;
    assert_eq!((foretold(&[1, 2]), foretold(&[7])), (4, 0), "what is not done is not verified");
}

#[test]
fn the_same_seed_chooses_the_same_runs() {
    let store = Store::memory().unwrap();
    let exp = || {
        Experiment::new("chosen", "1")
            .sweep(Clean::grid().threshold((0..50).map(f64::from).collect::<Vec<_>>()))
    };
    run(exp(), &store);
    let chosen = |sample: Sample| -> BTreeSet<RunId> {
        let results = again(exp(), &store, Rerun::Verify(sample));
        results.summary().unwrap().verified.iter().copied().collect()
    };
    let seven = chosen(Sample::share(0.1).seed(7));
    assert_eq!(seven.len(), 5);
    assert_eq!(chosen(Sample::share(0.1).seed(7)), seven);
    assert_ne!(chosen(Sample::share(0.1).seed(8)), seven);
    assert!(
        chosen(Sample::count(9).seed(7)).is_superset(&seven),
        "a larger sample has the smaller one in it"
    );
}

static BROKEN: AtomicBool = AtomicBool::new(false);

#[metalab::operation(code = "manual")]
fn fragile(x: u64) -> metalab::Result<u64> {
    if BROKEN.load(Ordering::SeqCst) { Err("the instrument is gone")? } else { Ok(x) }
}

#[test]
fn a_run_that_fails_now_is_no_longer_what_it_was() {
    let store = Store::memory().unwrap();
    let exp = || Experiment::new("fragile", "1").sweep(Fragile::grid().x([1, 2]));
    run(exp(), &store);
    BROKEN.store(true, Ordering::SeqCst);
    let report = verified(&again(exp(), &store, Rerun::Verify(Sample::count(1)))).unwrap();
    assert_eq!((report.checked, report.failed.len(), report.is_equal()), (0, 1, false));
    assert!(report.to_string().contains("the instrument is gone"), "{report}");
    assert_eq!(run(exp(), &store).summary().unwrap().reused, 2, "the success stands");
}

static OTHER_TICKS: AtomicU64 = AtomicU64::new(0);

#[metalab::operation(code = "manual")]
fn drifting(x: u64) -> u64 {
    x + OTHER_TICKS.fetch_add(1, Ordering::SeqCst)
}

#[test]
fn a_rerun_that_gives_something_else_is_told() {
    let store = Store::memory().unwrap();
    let exp = || {
        Experiment::new("drifting", "1").sweep(Drifting::grid().x([1])).sweep(Clean::grid().threshold(1.0))
    };
    let first = run(exp(), &store);
    assert!(first.summary().unwrap().warnings.is_empty());
    let second = again(exp(), &store, Rerun::All);
    let warnings = &second.summary().unwrap().warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let id = ids(&first, "drifting")[0].short();
    assert!(warnings[0].starts_with(&format!("step `drifting`: run {id} was executed again and gave ")));
}
