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

#[test]
fn steps_without_edges_run_in_order_and_end() {
    let mut schedule = Schedule::new(vec![vec![0, 2, 5], vec![1]], &[], Policy::default());
    assert_eq!(schedule.next(SECOND, 2), batch(0, [(0, 1), (2, 1)]));
    assert_eq!(schedule.next(SECOND, 2), batch(0, [(5, 1)]));
    assert_eq!(schedule.next(SECOND, 2), batch(1, [(1, 1)]));
    assert_eq!(schedule.next(SECOND, 2), Next::Wait(None));
    for (step, cell) in [(0, 5), (1, 1), (0, 0), (0, 2)] {
        assert!(!schedule.finished(step, cell, Succeeded, SECOND));
    }
    assert_eq!(schedule.next(SECOND, 2), Next::Done);
    assert_eq!(schedule.counts(), Counts { succeeded: 4, ..Counts::default() });
}

/// ```text
/// 0 ──> 1
/// ```
#[test]
fn an_edge_makes_the_second_step_wait() {
    let mut schedule = Schedule::new(vec![vec![0], vec![0]], &[(0, 1)], Policy::default());
    assert_eq!(schedule.next(SECOND, 8), batch(0, [(0, 1)]));
    assert_eq!(schedule.next(SECOND, 8), Next::Wait(None));
    schedule.finished(0, 0, Succeeded, SECOND);
    assert_eq!(schedule.next(SECOND, 8), batch(1, [(0, 1)]));
}

#[test]
fn a_failed_cell_is_tried_again_after_a_growing_pause() {
    let retries = Retries { most: 2, backoff: SECOND };
    let mut schedule = Schedule::new(vec![vec![7]], &[], Policy { retries, ..Policy::default() });
    assert_eq!(schedule.next(SECOND, 8), batch(0, [(7, 1)]));
    assert!(schedule.finished(0, 7, Failed, SECOND));
    assert_eq!(schedule.next(SECOND, 8), Next::Wait(Some(SECOND * 2)));
    assert_eq!(schedule.next(SECOND * 2, 8), batch(0, [(7, 2)]));
    assert!(schedule.finished(0, 7, Failed, SECOND * 3));
    assert_eq!(schedule.next(SECOND * 4, 8), Next::Wait(Some(SECOND * 5)));
    assert_eq!(schedule.next(SECOND * 5, 8), batch(0, [(7, 3)]));
    assert!(!schedule.finished(0, 7, Failed, SECOND * 5));
    assert_eq!(schedule.next(SECOND * 5, 8), Next::Done);
    assert_eq!(schedule.counts(), Counts { failed: 1, ..Counts::default() });
}

#[test]
fn fail_fast_lets_running_cells_finish_and_starts_no_other() {
    let policy = Policy { failure: FailurePolicy::FailFast, ..Policy::default() };
    let mut schedule = Schedule::new(vec![(0..10).collect()], &[], policy);
    assert_eq!(schedule.next(SECOND, 3), batch(0, first_tries(0..3)));
    schedule.finished(0, 1, Failed, SECOND);
    assert_eq!(schedule.next(SECOND, 3), Next::Wait(None));
    schedule.finished(0, 0, Succeeded, SECOND);
    schedule.finished(0, 2, Succeeded, SECOND);
    assert_eq!(schedule.next(SECOND, 3), Next::Done);
    assert_eq!(schedule.counts(), Counts { succeeded: 2, failed: 1, cancelled: 7, ..Counts::default() });
}

#[test]
fn draining_drops_pending_retries() {
    let retries = Retries { most: 5, backoff: SECOND };
    let mut schedule = Schedule::new(vec![vec![0, 1]], &[], Policy { retries, ..Policy::default() });
    schedule.next(SECOND, 8);
    assert!(schedule.finished(0, 0, Failed, SECOND));
    schedule.drain();
    assert_eq!(schedule.next(SECOND * 9, 8), Next::Wait(None));
    assert!(!schedule.finished(0, 1, Failed, SECOND * 9), "nothing is tried again while draining");
    assert_eq!(schedule.next(SECOND * 9, 8), Next::Done);
    assert_eq!(schedule.counts(), Counts { failed: 1, cancelled: 1, ..Counts::default() });
}

#[test]
fn abandoned_cells_count_as_cancelled() {
    let mut schedule = Schedule::new(vec![(0..4).collect()], &[], Policy::default());
    schedule.next(SECOND, 2);
    schedule.abandon();
    assert_eq!(schedule.next(SECOND, 2), Next::Done);
    assert_eq!(schedule.counts(), Counts { cancelled: 4, ..Counts::default() });
}

#[test]
fn a_schedule_of_nothing_is_done() {
    assert_eq!(Schedule::new(vec![vec![], vec![]], &[(0, 1)], Policy::default()).next(SECOND, 8), Next::Done);
}
