//! The schedule against a fake clock.

use std::time::Duration;

use super::*;
use Outcome::{Failed, Succeeded};

const SECOND: Duration = Duration::from_secs(1);

fn batch(step: usize, cells: impl IntoIterator<Item = (u64, u32)>) -> Next {
    Next::Start(Batch { step, cells: cells.into_iter().collect() })
}

fn first_tries(cells: std::ops::Range<u64>) -> Vec<(u64, u32)> {
    cells.map(|cell| (cell, 1)).collect()
}

/// A step of cells that all run.
fn run(cells: usize) -> Node {
    Node { standings: vec![Standing::Run; cells], ..Node::default() }
}

/// A step whose cells wait for these inputs.
fn wait(cells: usize, edges: Vec<Edge>) -> Node {
    Node { standings: vec![Standing::Wait; cells], edges, ..Node::default() }
}

/// Cell i needs cell i.
fn each(from: usize, length: u64) -> Edge {
    let links = vec![Link { here: 1, there: 1, length }];
    Edge { from, links, gathered: Vec::new(), free: Vec::new(), tolerated: Some(0) }
}

/// The one cell needs all.
fn all(from: usize, length: u64) -> Edge {
    let gathered = vec![Digit { stride: 1, length }];
    Edge { from, links: Vec::new(), gathered, free: Vec::new(), tolerated: Some(0) }
}

fn schedule(steps: Vec<Node>) -> Schedule {
    Schedule::new(steps, Policy::default(), None)
}

/// Decides that all cells with inputs run.
fn let_run(schedule: &mut Schedule) -> Vec<CellId> {
    let asked = schedule.undecided();
    asked.iter().for_each(|id| schedule.decide(*id, Standing::Run));
    asked
}

#[test]
fn steps_without_edges_run_in_order_and_end() {
    let mut first = run(6);
    first.standings[1] = Standing::Done;
    let mut schedule = schedule(vec![first, run(1)]);
    assert_eq!(schedule.next(SECOND, 2), batch(0, [(0, 1), (2, 1)]));
    assert_eq!(schedule.next(SECOND, 9), batch(0, [(3, 1), (4, 1), (5, 1)]));
    assert_eq!(schedule.next(SECOND, 2), batch(1, [(0, 1)]));
    assert_eq!(schedule.next(SECOND, 2), Next::Wait(None));
    for (step, cell) in [(0, 5), (1, 0), (0, 0), (0, 2), (0, 3), (0, 4)] {
        assert!(!schedule.finished(step, cell, Succeeded, SECOND));
    }
    assert_eq!(schedule.next(SECOND, 2), Next::Done);
    assert_eq!(schedule.counts(), Counts { succeeded: 6, ..Counts::default() });
}

#[test]
fn a_cell_starts_when_its_own_input_is_there() {
    let mut schedule = schedule(vec![run(3), wait(3, vec![each(0, 3)])]);
    schedule.next(SECOND, 3);
    assert_eq!(schedule.next(SECOND, 8), Next::Wait(None));
    schedule.finished(0, 1, Succeeded, SECOND);
    assert_eq!(let_run(&mut schedule), [(1, 1)]);
    assert_eq!(schedule.next(SECOND, 8), batch(1, [(1, 1)]));
}

/// ```text
///      ┌──> 1 ──┐
/// 0 ───┤        ├──> 3
///      └──> 2 ──┘
/// ```
#[test]
fn a_diamond_joins_when_both_sides_are_there() {
    let steps = vec![
        run(1),
        wait(1, vec![each(0, 1)]),
        wait(1, vec![each(0, 1)]),
        wait(1, vec![each(1, 1), each(2, 1)]),
    ];
    let mut schedule = schedule(steps);
    schedule.next(SECOND, 1);
    schedule.finished(0, 0, Succeeded, SECOND);
    assert_eq!(let_run(&mut schedule).len(), 2);
    schedule.next(SECOND, 1);
    schedule.next(SECOND, 1);
    schedule.finished(1, 0, Succeeded, SECOND);
    assert!(schedule.undecided().is_empty());
    schedule.finished(2, 0, Succeeded, SECOND);
    assert_eq!(schedule.undecided(), [(3, 0)]);
    schedule.decide((3, 0), Standing::Done);
    assert_eq!(schedule.next(SECOND, 1), Next::Done);
    assert_eq!(schedule.counts(), Counts { succeeded: 3, reused: 1, ..Counts::default() });
}

#[test]
fn a_fan_in_of_ten_thousand_asks_once() {
    let mut schedule = schedule(vec![run(10_000), wait(1, vec![all(0, 10_000)])]);
    schedule.next(SECOND, 10_000);
    for cell in 0..10_000 {
        assert!(schedule.undecided().is_empty());
        schedule.finished(0, cell, Succeeded, SECOND);
    }
    assert_eq!(let_run(&mut schedule), [(1, 0)]);
}

#[test]
fn what_needs_a_failed_cell_is_skipped_and_the_rest_goes_on() {
    let chain = vec![run(2), wait(2, vec![each(0, 2)]), wait(2, vec![each(1, 2)])];
    let mut schedule = schedule(chain);
    schedule.next(SECOND, 2);
    schedule.finished(0, 0, Failed, SECOND);
    let skips = schedule.skipped();
    assert_eq!(skips.iter().map(|skip| skip.cell).collect::<Vec<_>>(), [(1, 0), (2, 0)]);
    assert!(skips.iter().all(|skip| skip.cause == (0, 0)));
    schedule.finished(0, 1, Succeeded, SECOND);
    assert_eq!(let_run(&mut schedule), [(1, 1)]);
    schedule.next(SECOND, 2);
    schedule.finished(1, 1, Succeeded, SECOND);
    let_run(&mut schedule);
    schedule.next(SECOND, 2);
    schedule.finished(2, 1, Succeeded, SECOND);
    assert_eq!(schedule.next(SECOND, 2), Next::Done);
    assert_eq!(schedule.counts(), Counts { succeeded: 3, failed: 1, skipped: 2, ..Counts::default() });
}

#[test]
fn a_gather_goes_on_without_as_many_as_it_tolerates() {
    for (tolerated, failures, goes_on) in
        [(Some(0), 1, false), (Some(1), 1, true), (Some(1), 2, false), (None, 4, true)]
    {
        let edge = Edge { tolerated, ..all(0, 4) };
        let mut schedule = schedule(vec![run(4), wait(1, vec![edge])]);
        schedule.next(SECOND, 4);
        for cell in 0..4 {
            let outcome = if cell < failures { Failed } else { Succeeded };
            schedule.finished(0, cell, outcome, SECOND);
        }
        assert_eq!(!let_run(&mut schedule).is_empty(), goes_on, "{tolerated:?} {failures}");
        assert_eq!(schedule.skipped().len(), usize::from(!goes_on));
    }
}

#[test]
fn twins_end_with_the_cell_that_runs() {
    for (outcome, reused, skipped) in [(Succeeded, 1, 0), (Failed, 0, 2)] {
        let mut first = run(2);
        first.standings[1] = Standing::Twin((0, 0));
        let mut schedule = schedule(vec![first, wait(2, vec![each(0, 2)])]);
        assert_eq!(schedule.next(SECOND, 4), batch(0, [(0, 1)]));
        schedule.finished(0, 0, outcome, SECOND);
        let asked = let_run(&mut schedule).len();
        assert_eq!(asked, if outcome == Succeeded { 2 } else { 0 });
        let counts = schedule.counts();
        assert_eq!((counts.reused, counts.skipped > skipped), (reused, outcome == Failed), "{counts:?}");
    }
}

#[test]
fn a_gone_input_is_made_again_once() {
    let first = Node { standings: vec![Standing::Done; 2], ..Node::default() };
    let mut schedule = schedule(vec![first, wait(2, vec![each(0, 2)])]);
    assert_eq!(let_run(&mut schedule).len(), 2);
    schedule.next(SECOND, 2);
    assert!(schedule.lost_input((1, 0), (0, 0)));
    assert_eq!(schedule.next(SECOND, 2), batch(0, [(0, 1)]));
    schedule.finished(1, 1, Succeeded, SECOND);
    assert!(schedule.undecided().is_empty(), "the other input was there all the time");
    schedule.finished(0, 0, Succeeded, SECOND);
    assert_eq!(let_run(&mut schedule), [(1, 0)]);
    schedule.next(SECOND, 2);
    assert!(!schedule.lost_input((1, 0), (0, 0)), "not for ever");
    schedule.put_back((1, 0));
    assert_eq!(schedule.next(SECOND, 2), batch(1, [(0, 1)]));
    schedule.finished(1, 0, Failed, SECOND);
    assert_eq!(schedule.next(SECOND, 2), Next::Done);
}

#[test]
fn what_another_driver_executes_is_looked_at_again_and_found() {
    let mut schedule = schedule(vec![run(2), wait(2, vec![each(0, 2)])]);
    schedule.next(SECOND, 2);
    schedule.postpone((0, 0), SECOND * 3);
    schedule.finished(0, 1, Succeeded, SECOND);
    assert_eq!(let_run(&mut schedule), [(1, 1)]);
    schedule.next(SECOND, 2);
    schedule.finished(1, 1, Succeeded, SECOND);
    assert_eq!(schedule.next(SECOND * 2, 2), Next::Wait(Some(SECOND * 3)));
    assert_eq!(schedule.next(SECOND * 3, 2), batch(0, [(0, 1)]), "it is no second try");
    schedule.found((0, 0));
    assert_eq!(let_run(&mut schedule), [(1, 0)]);
    assert_eq!(schedule.counts().reused, 1);
}

#[test]
fn a_step_gets_cells_later() {
    let mut schedule = schedule(vec![run(1), Node::default(), Node::default()]);
    schedule.next(SECOND, 1);
    schedule.finished(0, 0, Succeeded, SECOND);
    schedule.expand(1, vec![Standing::Run; 2], Vec::new());
    schedule.expand(2, vec![Standing::Wait; 2], vec![each(1, 2)]);
    assert_eq!(schedule.next(SECOND, 9), batch(1, first_tries(0..2)));
    schedule.finished(1, 0, Succeeded, SECOND);
    assert_eq!(let_run(&mut schedule), [(2, 0)]);
}

#[test]
fn the_longest_way_goes_first() {
    let steps = vec![run(1), run(1), wait(1, vec![each(1, 1)])];
    let mut by_steps = schedule(steps.clone());
    assert_eq!(by_steps.next(SECOND, 1), batch(1, [(0, 1)]), "two steps are longer than one");
    let mut timed = steps;
    for (step, seconds) in timed.iter_mut().zip([9, 1, 1]) {
        step.duration = Some(SECOND * seconds);
    }
    assert_eq!(schedule(timed).next(SECOND, 1), batch(0, [(0, 1)]), "nine seconds are longer than two");
}

#[test]
fn a_step_waits_for_what_it_needs_and_nothing_is_used_twice() {
    let needs = Resources::default().cpus(3);
    let large = Node { needs: needs.clone(), ..run(2) };
    let capacity = Resources::default().cpus(4);
    let mut schedule = Schedule::new(vec![large, run(3)], Policy::default(), Some(&capacity));
    assert_eq!(schedule.next(SECOND, 1), batch(0, [(0, 1)]));
    assert_eq!(schedule.next(SECOND, 1), Next::Wait(None), "one cpu is kept free for the second of them");
    assert_eq!(schedule.shortage(0), Some("cpus".into()));
    schedule.finished(0, 0, Succeeded, SECOND);
    schedule.returned(0);
    assert_eq!(schedule.next(SECOND, 1), batch(0, [(1, 1)]));
    assert_eq!(schedule.next(SECOND, 1), batch(1, [(0, 1)]));
    assert_eq!(schedule.next(SECOND, 1), Next::Wait(None));
}

#[test]
fn a_failed_cell_is_tried_again_after_a_growing_pause() {
    let retries = Retries { most: 2, backoff: SECOND };
    let mut schedule = Schedule::new(vec![run(1)], Policy { retries, ..Policy::default() }, None);
    assert_eq!(schedule.next(SECOND, 8), batch(0, [(0, 1)]));
    assert!(schedule.finished(0, 0, Failed, SECOND));
    assert_eq!(schedule.next(SECOND, 8), Next::Wait(Some(SECOND * 2)));
    assert_eq!(schedule.next(SECOND * 2, 8), batch(0, [(0, 2)]));
    assert!(schedule.finished(0, 0, Failed, SECOND * 3));
    assert_eq!(schedule.next(SECOND * 4, 8), Next::Wait(Some(SECOND * 5)));
    assert_eq!(schedule.next(SECOND * 5, 8), batch(0, [(0, 3)]));
    assert!(!schedule.finished(0, 0, Failed, SECOND * 5));
    assert_eq!(schedule.next(SECOND * 5, 8), Next::Done);
    assert_eq!(schedule.counts(), Counts { failed: 1, ..Counts::default() });
}

#[test]
fn fail_fast_lets_running_cells_finish_and_starts_no_other() {
    let policy = Policy { failure: FailurePolicy::FailFast, ..Policy::default() };
    let mut schedule = Schedule::new(vec![run(10)], policy, None);
    assert_eq!(schedule.next(SECOND, 3), batch(0, first_tries(0..3)));
    schedule.finished(0, 1, Failed, SECOND);
    assert_eq!(schedule.next(SECOND, 3), Next::Wait(None));
    schedule.finished(0, 0, Succeeded, SECOND);
    schedule.finished(0, 2, Succeeded, SECOND);
    assert_eq!(schedule.next(SECOND, 3), Next::Done);
    assert_eq!(schedule.counts(), Counts { succeeded: 2, failed: 1, cancelled: 7, ..Counts::default() });
}

#[test]
fn draining_drops_pending_retries_and_what_waits() {
    let retries = Retries { most: 5, backoff: SECOND };
    let steps = vec![run(2), wait(2, vec![each(0, 2)])];
    let mut schedule = Schedule::new(steps, Policy { retries, ..Policy::default() }, None);
    schedule.next(SECOND, 8);
    assert!(schedule.finished(0, 0, Failed, SECOND));
    schedule.drain();
    assert_eq!(schedule.next(SECOND * 9, 8), Next::Wait(None));
    assert!(!schedule.finished(0, 1, Succeeded, SECOND * 9));
    assert!(schedule.undecided().is_empty(), "nothing is decided any more");
    assert_eq!(schedule.next(SECOND * 9, 8), Next::Done);
    assert_eq!(schedule.counts(), Counts { succeeded: 1, cancelled: 3, ..Counts::default() });
}

#[test]
fn abandoned_cells_count_as_cancelled() {
    let mut schedule = schedule(vec![run(4)]);
    schedule.next(SECOND, 2);
    schedule.abandon();
    assert_eq!(schedule.next(SECOND, 2), Next::Done);
    assert_eq!(schedule.counts(), Counts { cancelled: 4, ..Counts::default() });
}

#[test]
fn a_schedule_of_nothing_is_done() {
    let mut nothing = schedule(vec![run(0), wait(0, vec![all(0, 0)])]);
    assert_eq!(nothing.next(SECOND, 8), Next::Done);
}
