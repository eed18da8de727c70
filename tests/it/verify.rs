//! Executing finished runs again, through the library.

use std::sync::atomic::{AtomicU64, Ordering};

use metalab::engine::inspect::NodeKind;
use metalab::store::Store;
use metalab::{Experiment, Input};

static TICKS: AtomicU64 = AtomicU64::new(0);

#[metalab::operation(code = "manual")]
fn wander(x: u64) -> u64 {
    x * 100 + TICKS.fetch_add(1, Ordering::SeqCst)
}

#[metalab::operation(code = "manual")]
fn halve(value: Input<u64>) -> u64 {
    *value / 200
}

fn walk() -> Experiment {
    let mut exp = Experiment::new("walk", "1");
    let steps = exp.step(Wander::grid().x((2..12).collect::<Vec<_>>()));
    exp.step(Halve::grid().value(&steps));
    exp
}

#[test]
fn a_share_a_number_or_one_run_is_executed_again() {
    let store = Store::memory().unwrap();
    let nothing = metalab::verify(walk()).store(&store).blocking().unwrap();
    assert_eq!((nothing.checked, nothing.is_equal()), (0, true));
    let results = metalab::run(walk()).store(&store).blocking().unwrap();
    let calls = TICKS.load(Ordering::SeqCst);

    let calm =
        metalab::verify(walk()).store(&store).replay(0.5).operation("halve").seed(7).blocking().unwrap();
    assert_eq!(TICKS.load(Ordering::SeqCst), calls, "only what was asked for is executed");
    assert!(calm.is_equal() && calm.equal == calm.checked && calm.checked > 0, "{calm}");

    let id = results.step("wander").iter().next().unwrap().unwrap().id();
    let one = metalab::verify(walk()).store(&store).only(id).blocking().unwrap();
    assert_eq!((one.checked, one.differing.len(), one.differing[0].run), (1, 1, id));
    let three = metalab::verify(walk()).store(&store).count(3).operation("wander").blocking().unwrap();
    assert_eq!((three.checked, three.differing.len()), (3, 3));
    assert_eq!(TICKS.load(Ordering::SeqCst), calls + 1 + 3);
    let again = metalab::run(walk()).store(&store).blocking().unwrap();
    assert_eq!(again.summary().unwrap().succeeded, 0, "what was done stays done");
}

#[test]
fn a_plan_is_drawn() {
    let graph = metalab::plan(walk()).store("memory://").graph().unwrap();
    assert!(graph.nodes.iter().all(|node| node.kind == NodeKind::Step));
    assert!(graph.to_svg().contains("wander, 10 cells"));
}
