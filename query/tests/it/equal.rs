//! What is asked is a function of the set of records: however they arrive and are folded.

use metalab_engine::id::RecordName;
use metalab_engine::record::Outcome;
use metalab_query::{fold_blocking, rebuild_blocking};
use proptest::prelude::*;
use serde_json::json;

use super::lab::{Lab, Try, ask, everything};

fn trial(k: u64) -> Try {
    Try::new("train", json!({ "k": k }))
        .metric("accuracy", 0.5 + k as f64 / 10.0)
        .output(json!({ "slope": k }))
        .cell(k)
}

#[test]
fn an_empty_store_answers() {
    let lab = Lab::memory();
    assert_eq!(lab.csv("SELECT count(*) AS n FROM runs"), "n\n0\n");
    fold_blocking(&lab.store).unwrap();
    assert_eq!(lab.csv("SELECT count(*) AS n FROM runs"), "n\n0\n");
    assert_eq!(lab.csv("SELECT * FROM experiments").lines().count(), 1);
}

#[test]
fn a_run_is_seen_before_and_after_folding() {
    let lab = Lab::memory();
    let mut writer = lab.writer();
    let runs: Vec<_> = (0..3).map(|k| trial(k).run()).collect();
    let submission = lab.open(&mut writer, "knn", 0, "train", &runs);
    lab.attempt(&mut writer, Some(submission), &trial(0));
    writer.commit().unwrap();

    let session = lab.session();
    let sql = "SELECT params.k, avg(metrics.accuracy), count(*) FROM runs GROUP BY 1 ORDER BY 1";
    assert_eq!(ask(&session, sql), "params.k,avg(metrics.accuracy),count(*)\n0,0.5,1\n");
    lab.attempt(&mut writer, Some(submission), &trial(1));
    writer.commit().unwrap();
    let both = "params.k,avg(metrics.accuracy),count(*)\n0,0.5,1\n1,0.6,1\n";
    assert_eq!(ask(&session, sql), both, "a moment after it ended");

    assert_eq!(fold_blocking(&lab.store).unwrap().attempts, 2);
    assert_eq!(lab.csv(sql), both);
    assert_eq!(fold_blocking(&lab.store).unwrap().attempts, 0);
    let folded = everything(&lab.session());
    assert_eq!(rebuild_blocking(&lab.store).unwrap().attempts, 2);
    assert_eq!(everything(&lab.session()), folded);
}

#[test]
fn a_better_attempt_replaces_a_folded_one() {
    let lab = Lab::memory();
    let mut writer = lab.writer();
    let submission = lab.open(&mut writer, "knn", 0, "train", &[trial(0).run()]);
    lab.attempt(&mut writer, Some(submission), &trial(0).failed().at(1));
    writer.commit().unwrap();
    fold_blocking(&lab.store).unwrap();
    assert_eq!(lab.csv("SELECT status FROM runs"), "status\nfailed\n");
    lab.attempt(&mut writer, Some(submission), &trial(0).at(2));
    writer.commit().unwrap();
    let sql = "SELECT status, stands FROM attempts ORDER BY started";
    let live = (lab.csv("SELECT status FROM runs"), lab.csv(sql));
    assert_eq!(live.0, "status\nsucceeded\n");
    assert_eq!(live.1, "status,stands\nfailed,false\nsucceeded,true\n");
    fold_blocking(&lab.store).unwrap();
    assert_eq!((lab.csv("SELECT status FROM runs"), lab.csv(sql)), live);
}

#[test]
fn a_second_experiment_reuses_runs() {
    let lab = Lab::memory();
    let mut writer = lab.writer();
    let runs: Vec<_> = (0..4).map(|k| trial(k).run()).collect();
    let first = lab.open(&mut writer, "first", 0, "train", &runs[..3]);
    for k in 0..3 {
        lab.attempt(&mut writer, Some(first), &trial(k));
    }
    writer.commit().unwrap();
    fold_blocking(&lab.store).unwrap();
    let second = lab.open(&mut writer, "second", 60, "train", &runs[1..]);
    writer.commit().unwrap();
    let sql = "SELECT experiment, cell, params.k, reused FROM runs ORDER BY 1, 2";
    let before = "experiment,cell,params.k,reused\nfirst,0,0,false\nfirst,1,1,false\nfirst,2,2,false\nsecond,0,1,true\nsecond,1,2,true\n";
    assert_eq!(lab.csv(sql), before, "live");
    fold_blocking(&lab.store).unwrap();
    assert_eq!(lab.csv(sql), before, "the chunk is not complete");
    lab.attempt(&mut writer, Some(second), &trial(3).cell(2));
    writer.commit().unwrap();
    let after = format!("{before}second,2,3,false\n");
    assert_eq!(lab.csv(sql), after);
    fold_blocking(&lab.store).unwrap();
    assert_eq!(lab.csv(sql), after, "the chunk is complete and folded");
    assert_eq!(lab.csv("SELECT count(*) AS n FROM distinct_runs"), "n\n4\n");
    assert_eq!(lab.csv("SELECT count(*) AS n FROM second"), "n\n3\n");
}

/// One record of the random journals.
#[derive(Clone, Debug)]
enum Event {
    Open { experiment: u8, runs: Vec<u8>, code: bool },
    Attempt { experiment: u8, run: u8, code: bool, failed: bool, at: i64 },
    Fold,
    Close { experiment: u8 },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => (0..3_u8, prop::collection::vec(0..6_u8, 1..5), any::<bool>()).prop_map(|(experiment, mut runs, code)| {
            runs.sort_unstable();
            runs.dedup();
            Event::Open { experiment, runs, code }
        }),
        6 => (0..3_u8, 0..6_u8, any::<bool>(), any::<bool>(), 0..100_i64)
            .prop_map(|(experiment, run, code, failed, at)| Event::Attempt { experiment, run, code, failed, at }),
        2 => Just(Event::Fold),
        1 => (0..3_u8).prop_map(|experiment| Event::Close { experiment }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    /// Folds in any groups, live unions at any moment and the rebuild agree.
    #[test]
    fn folds_of_any_groups_equal_the_rebuild(events in prop::collection::vec(event(), 1..16)) {
        let lab = Lab::memory();
        let mut opened: [[Option<RecordName>; 2]; 3] = [[None; 2]; 3];
        let made = |run: u8, code: bool| Try { template: if code { "train2" } else { "train" }, ..trial(u64::from(run)) };
        let session = lab.session();
        for (at, event) in events.iter().enumerate() {
            // Every record has a writer of its own, so that nothing but the set of records orders them.
            let mut writer = lab.writer();
            match event {
                Event::Open { experiment, runs, code } => {
                    let ids: Vec<_> = runs.iter().map(|run| made(*run, *code).run()).collect();
                    let name = format!("e{experiment}");
                    let template = if *code { "train2" } else { "train" };
                    let name = lab.open(&mut writer, &name, at as i64, template, &ids);
                    opened[usize::from(*experiment)][usize::from(*code)] = Some(name);
                }
                Event::Attempt { experiment, run, code, failed, at } => {
                    let mut made = made(*run, *code).at(*at);
                    if *failed {
                        made.outcome = Outcome::Failed;
                    }
                    made.series = vec![(0, 1.0), (1, 0.5)];
                    made.artifact = Some("note");
                    lab.attempt(&mut writer, opened[usize::from(*experiment)][usize::from(*code)], &made);
                }
                Event::Fold => {
                    let before = everything(&lab.session());
                    prop_assert_eq!(&everything(&session), &before, "a session that was open all the time");
                    fold_blocking(&lab.store).unwrap();
                    prop_assert_eq!(&everything(&lab.session()), &before, "live and folded");
                }
                Event::Close { experiment } => {
                    if let Some(name) = opened[usize::from(*experiment)].into_iter().flatten().next() {
                        lab.close(&mut writer, name, 1, 0);
                    }
                }
            }
            writer.commit().unwrap();
        }
        let live = everything(&lab.session());
        rebuild_blocking(&lab.store).unwrap();
        let rebuilt = everything(&lab.session());
        for (live, rebuilt) in live.iter().zip(&rebuilt) {
            prop_assert_eq!(live, rebuilt);
        }
        prop_assert_eq!(live.len(), rebuilt.len());
    }
}

#[test]
fn changed_code_takes_the_place_of_what_it_replaces() {
    let lab = Lab::memory();
    let mut writer = lab.writer();
    let old: Vec<_> = (0..3).map(trial).collect();
    let new: Vec<_> = (1..3).map(|k| Try { template: "train2", ..trial(k) }.at(100).cell(k - 1)).collect();
    let sql = "SELECT params.k, cell, count(*) AS n FROM runs GROUP BY 1, 2 ORDER BY 1, 2";
    for (template, tries, at) in [("train", &old, 0), ("train2", &new, 100)] {
        let runs: Vec<_> = tries.iter().map(Try::run).collect();
        let submission = lab.open(&mut writer, "knn", at, template, &runs);
        for made in tries {
            lab.attempt(&mut writer, Some(submission), made);
        }
        writer.commit().unwrap();
    }
    // The first run was not asked for again: its place is still its own.
    let expected = "params.k,cell,n\n0,0,1\n1,0,1\n2,1,1\n";
    assert_eq!(lab.csv(sql), expected);
    fold_blocking(&lab.store).unwrap();
    let session = lab.session();
    assert_eq!(ask(&session, sql), expected);
    assert_eq!(ask(&session, "SELECT count(*) AS n FROM knn"), "n\n3\n");
    assert_eq!(ask(&session, "SELECT count(*) AS n FROM distinct_runs"), "n\n5\n");
    // Back to the old code: everything is reused, and the old runs are the ones that count.
    let runs: Vec<_> = old.iter().map(Try::run).collect();
    lab.open(&mut writer, "knn", 200, "train", &runs);
    writer.commit().unwrap();
    assert_eq!(ask(&session, sql), "params.k,cell,n\n0,0,1\n1,1,1\n2,2,1\n");
}

#[test]
fn an_attempt_that_is_visible_before_its_submission_waits() {
    let lab = Lab::memory();
    let mut driver = lab.writer();
    let submission = lab.open(&mut driver, "late", 0, "train", &[trial(0).run(), trial(1).run()]);
    let mut worker = lab.writer();
    lab.attempt(&mut worker, Some(submission), &trial(0));
    lab.attempt(&mut worker, None, &trial(1));
    worker.commit().unwrap();
    let session = lab.session();
    assert_eq!(ask(&session, "SELECT count(*) AS n FROM attempts"), "n\n2\n");
    let report = fold_blocking(&lab.store).unwrap();
    assert_eq!((report.attempts, report.held_back), (0, 1));
    assert_eq!(lab.csv("SELECT count(*) AS n FROM attempts"), "n\n2\n");
    driver.commit().unwrap();
    let sql = "SELECT experiment, params.k FROM runs ORDER BY 2";
    assert_eq!(ask(&session, sql), "experiment,params.k\nlate,0\n,1\n");
    assert_eq!(fold_blocking(&lab.store).unwrap().attempts, 2);
    assert_eq!(lab.csv(sql), "experiment,params.k\nlate,0\n,1\n");
}

#[test]
fn two_folders_at_once_lose_and_double_nothing() {
    let lab = Lab::memory();
    let mut writer = lab.writer();
    std::thread::scope(|scope| {
        let folders: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..6 {
                        fold_blocking(&lab.store).unwrap();
                    }
                })
            })
            .collect();
        for k in 0..60 {
            let mut made = trial(k);
            made.series = vec![(k, 1.0)];
            lab.attempt(&mut writer, None, &made);
            writer.commit().unwrap();
        }
        folders.into_iter().for_each(|folder| folder.join().unwrap());
    });
    fold_blocking(&lab.store).unwrap();
    assert_eq!(
        lab.csv("SELECT count(*), count(distinct id), sum(params.k) FROM attempts"),
        "count(*),count(DISTINCT id),sum(params.k)\n60,60,1770\n"
    );
    assert_eq!(lab.csv("SELECT count(*) FROM metrics"), "count(*)\n60\n");
    assert_eq!(lab.csv("SELECT sum(count) AS n FROM columns WHERE path = 'params.k'"), "n\n60\n");
}

#[test]
fn a_cell_whose_run_was_made_for_nobody_has_its_row() {
    let lab = Lab::memory();
    let old = |k: u64| trial(k);
    let new = |k: u64| Try { template: "train2", ..trial(k) };
    let mut writer = lab.writer();
    let first = lab.open(&mut writer, "e", 0, "train", &[old(0).run(), old(1).run()]);
    lab.open(&mut writer, "e", 1, "train2", &[new(0).run(), new(3).run(), new(5).run()]);
    lab.attempt(&mut writer, Some(first), &old(1).at(94));
    lab.attempt(&mut writer, None, &old(1).failed().at(13));
    lab.attempt(&mut writer, None, &old(1).at(28));
    lab.attempt(&mut writer, Some(first), &old(5).at(89));
    writer.commit().unwrap();
    let sql = "SELECT experiment, cell, params.k, reused FROM runs ORDER BY params.k, experiment";
    // The run stands with the attempt that belongs to no experiment.
    let expected = "experiment,cell,params.k,reused\ne,1,1,true\n,,1,false\ne,5,5,false\n";
    assert_eq!(lab.csv(sql), expected);
    fold_blocking(&lab.store).unwrap();
    assert_eq!(lab.csv(sql), expected);
    rebuild_blocking(&lab.store).unwrap();
    assert_eq!(lab.csv(sql), expected);
}

#[test]
fn runs_made_for_nobody_take_no_cell_of_others() {
    let lab = Lab::memory();
    let new = |k: u64| Try { template: "train2", ..trial(k) };
    let mut writers: Vec<_> = (0..4).map(|_| lab.writer()).collect();
    let runs = [new(0).run(), new(4).run(), new(5).run()];
    lab.open(&mut writers[0], "e", 0, "train2", &runs);
    let runs = [trial(1).run(), trial(2).run(), trial(3).run()];
    let second = lab.open(&mut writers[0], "e", 1, "train", &runs);
    lab.attempt(&mut writers[1], None, &new(5).at(1));
    lab.attempt(&mut writers[2], Some(second), &trial(3).cell(2).failed().at(15));
    lab.attempt(&mut writers[3], None, &new(4).at(4));
    writers.iter_mut().for_each(|writer| drop(writer.commit().unwrap()));
    let sql = "SELECT experiment, cell, params.k, status, reused FROM runs ORDER BY params.k, experiment";
    let expected = "experiment,cell,params.k,status,reused\ne,2,3,failed,false\ne,1,4,succeeded,true\n,,4,succeeded,false\n\
                    e,2,5,succeeded,true\n,,5,succeeded,false\n";
    assert_eq!(lab.csv(sql), expected);
    fold_blocking(&lab.store).unwrap();
    assert_eq!(lab.csv(sql), expected, "folded");
}
