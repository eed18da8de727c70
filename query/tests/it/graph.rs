//! Workflows of several steps: coordinates of cells, shared runs, lineage.

use std::collections::BTreeSet;

use metalab_engine::record::Outcome;
use metalab_query::{fold_blocking, rebuild_blocking};
use proptest::prelude::*;
use serde_json::json;

use super::lab::{From, Lab, Try, ask, everything, refusal};
use super::pipeline::{history, submission, tries};

/// Everything about cells that does not name a record or a time.
const CELLS: &str = "SELECT experiment, step, cell, replicate, prepare.threshold, fit.k, params.threshold, params.k, \
                     output, status, reused, id FROM runs ORDER BY experiment, step, cell, id";

#[test]
fn every_cell_has_one_row_with_the_parameters_before_it() {
    let lab = Lab::memory();
    let mut done = BTreeSet::new();
    for mut writer in submission(&lab, "pipe", 0, &tries("prepare", 1.0), &mut done) {
        writer.commit().unwrap();
    }
    let live = lab.session();
    for folded in [false, true] {
        if folded {
            fold_blocking(&lab.store).unwrap();
        }
        for session in [&live, &lab.session()] {
            assert_eq!(
                ask(
                    session,
                    "SELECT step, count(*) AS n, count(distinct id) AS runs FROM runs GROUP BY 1 ORDER BY 1"
                ),
                "step,n,runs\nfit,8,8\nprepare,2,2\nreport,1,1\nscore,8,6\n"
            );
            let by = "SELECT prepare.threshold AS t, fit.k AS k, count(*) AS n, count(distinct replicate) AS r, \
                      sum(metrics.quality) AS q FROM runs WHERE step = 'score' GROUP BY 1, 2 ORDER BY 1, 2";
            assert_eq!(
                ask(session, by),
                "t,k,n,r,q\n0.0,1,2,2,0.5\n0.0,2,2,2,101.5\n5.0,1,2,2,0.5\n5.0,2,2,2,105.5\n",
                "both thresholds weigh the same"
            );
            assert_eq!(ask(session, "SELECT count(*) AS n FROM distinct_runs"), "n\n17\n");
            let reused = "SELECT step, count(*) AS n FROM runs WHERE reused GROUP BY 1";
            assert_eq!(ask(session, reused), "step,n\nscore,2\n");
        }
    }
}

#[test]
fn new_inputs_take_the_place_of_old_ones() {
    let lab = Lab::memory();
    for mut writer in history(&lab) {
        writer.commit().unwrap();
    }
    for folded in [false, true] {
        if folded {
            fold_blocking(&lab.store).unwrap();
        }
        let count = "SELECT experiment, step, count(*) AS n FROM runs GROUP BY 1, 2 ORDER BY 1, 2";
        assert_eq!(
            lab.csv(count),
            "experiment,step,n\nagain,fit,8\nagain,prepare,2\nagain,report,1\nagain,score,8\n\
             pipe,fit,8\npipe,prepare,2\npipe,report,1\npipe,score,8\n"
        );
        // 102 = 100 + the second data set: nothing of the first is left.
        let fits = "SELECT experiment, replicate, output FROM runs WHERE step = 'fit' AND prepare.threshold = 0 \
                    AND params.k = 2 ORDER BY 1, 2";
        assert_eq!(
            lab.csv(fits),
            "experiment,replicate,output\nagain,0,102.0\nagain,1,103.0\npipe,0,102.0\npipe,1,103.0\n"
        );
        let cells = |experiment: &str| {
            let sql = CELLS.replace("FROM runs", &format!("FROM runs WHERE experiment = '{experiment}'"));
            let sql = sql.replace("SELECT experiment,", "SELECT").replace(", reused", "");
            lab.csv(&sql)
        };
        assert_eq!(cells("again"), cells("pipe"), "the same cells, whoever had the runs made");
        assert_eq!(
            lab.csv("SELECT count(*) AS n FROM runs WHERE experiment = 'again' AND NOT reused"),
            "n\n0\n"
        );
        assert_eq!(lab.csv("SELECT count(*) AS n, count(prepare.threshold) AS t FROM pipe"), "n,t\n19,16\n");
        assert_eq!(
            lab.csv("SELECT experiment, runs FROM experiments ORDER BY 1"),
            "experiment,runs\nagain,19\npipe,19\n"
        );
    }
}

#[test]
fn a_step_is_shown_before_all_its_cells_are_known() {
    let lab = Lab::memory();
    let mut writers = submission(&lab, "pipe", 0, &tries("prepare", 1.0), &mut BTreeSet::new());
    // Neither the records of the cells nor the closing.
    writers.truncate(writers.len() - 4);
    for writer in &mut writers {
        writer.commit().unwrap();
    }
    let cells = "SELECT cell, replicate, prepare.threshold, fit.k FROM runs WHERE step = 'score' ORDER BY 1";
    let expected = "cell,replicate,prepare.threshold,fit.k\n0,0,0.0,1\n1,0,0.0,2\n3,0,5.0,2\n4,1,0.0,1\n5,1,0.0,2\n7,1,5.0,2\n";
    assert_eq!(lab.csv(cells), expected);
    fold_blocking(&lab.store).unwrap();
    assert_eq!(lab.csv(cells), expected);
}

#[test]
fn steps_called_like_other_things_are_reached_by_the_root() {
    let lab = Lab::memory();
    let made = Try::new("train", json!({ "k": 1 }));
    let mut step = super::pipeline::steps(&tries("prepare", 1.0))[1].clone();
    step.runs = vec![made.run(); 4];
    (step.cells, step.replicates) = (4, 1);
    step.dimensions = vec![
        ("params.k", 1, vec![json!(10), json!(20)]),
        ("my.data.File", 2, vec![json!("a"), json!({ "b": { "c": 1.5 } })]),
    ];
    let mut writer = lab.writer();
    let name = lab.open_steps(&mut writer, "odd", 0, &[step]);
    lab.attempt(&mut writer, Some(name), &made);
    writer.commit().unwrap();
    let session = lab.session();
    let sql = "SELECT upstream.params.k AS up, params.k AS own, my.data.file AS f, r.\"my.data\".\"File\".b.c AS deep FROM runs r ORDER BY cell";
    assert_eq!(ask(&session, sql), "up,own,f,deep\n10,1,a,\n20,1,a,\n10,1,,1.5\n20,1,,1.5\n");
    let sql = "SELECT my.x FROM (SELECT 7 AS x) my";
    assert_eq!(ask(&session, sql), "x\n7\n", "a table of this name comes first");
    assert_eq!(
        refusal(&session, "SELECT upstream.params.kk FROM runs"),
        "no column `upstream.params.kk` in `runs`; did you mean `upstream.params.k`?"
    );
    let columns = ask(
        &session,
        "SELECT path, type, count, stored FROM columns WHERE operation = 'train' ORDER BY 1, 2",
    );
    assert!(columns.contains("upstream.params.k,i64,4,\n"), "{columns}");
}

#[test]
fn the_lineage_can_be_walked() {
    let lab = Lab::memory();
    let all = tries("prepare", 1.0);
    for mut writer in submission(&lab, "pipe", 0, &all, &mut BTreeSet::new()) {
        writer.commit().unwrap();
    }
    let id = |step: usize, cell: usize| all[step][cell].run().0.to_hex();
    let report = id(3, 0);
    for folded in [false, true] {
        if folded {
            fold_blocking(&lab.store).unwrap();
        }
        let session = lab.session();
        assert_eq!(ask(&session, "SELECT count(*) AS n FROM lineage"), "n\n22\n");
        let sql = format!(
            "SELECT coordinates, from_run_id FROM lineage WHERE run_id = '{report}' AND coordinates LIKE '%5%' AND coordinates LIKE '%\"k\":2%' ORDER BY 1"
        );
        let expected = format!("{}\n{}\n", id(2, 3), id(2, 7));
        let found: String = ask(&session, &sql)
            .lines()
            .skip(1)
            .map(|line| format!("{}\n", line.rsplit(',').next().unwrap()))
            .collect();
        assert_eq!(found, expected);
        let up = format!(
            "SELECT depth, operation, status, count(*) AS n FROM upstream_of('{}') GROUP BY 1, 2, 3 ORDER BY 1",
            &report[..10]
        );
        assert_eq!(
            ask(&session, &up),
            "depth,operation,status,n\n1,score,succeeded,6\n2,train,succeeded,6\n3,prepare,succeeded,2\n"
        );
        let near = format!("SELECT count(*) AS n FROM upstream_of('{report}', 1)");
        assert_eq!(ask(&session, &near), "n\n6\n");
        let down = format!(
            "SELECT w.depth, w.operation, count(*) AS n FROM Downstream_Of('{}') AS w GROUP BY 1, 2 ORDER BY 1",
            id(0, 1)
        );
        assert_eq!(ask(&session, &down), "depth,operation,n\n1,train,4\n2,score,2\n3,report,1\n");
        let both = format!(
            "SELECT upstream_of.depth, r.params.k FROM upstream_of('{}') JOIN runs r USING (run_id) ORDER BY 1",
            id(2, 1)
        );
        assert_eq!(ask(&session, &both), "depth,r.params.k\n1,2\n2,\n");
    }
    let session = lab.session();
    assert!(
        refusal(&session, "SELECT * FROM upstream_of('0000000000')")
            .starts_with("no run of the store begins with `0000000000`")
    );
    let message = refusal(&session, "SELECT * FROM upstream_of(3)");
    assert!(message.contains("`3` is no text in single quotes"), "{message}");
    let message = refusal(&session, &format!("SELECT * FROM downstream_of('{report}', 'x')"));
    assert!(message.contains("no whole number of steps"), "{message}");
    assert!(refusal(&session, "SELECT * FROM upstream_of('zz')").contains("upstream_of"), "no digest");
}

#[test]
fn successes_that_differ_are_listed() {
    let lab = Lab::memory();
    let mut writer = lab.writer();
    let made =
        |k: u64, output: u64, at: i64| Try::new("train", json!({ "k": k })).output(json!(output)).at(at);
    for (k, output, at) in [(1, 5, 0), (1, 5, 1), (2, 5, 2), (2, 6, 3), (2, 7, 4), (2, 6, 5)] {
        lab.attempt(&mut writer, None, &made(k, output, at));
    }
    let mut failed = made(3, 1, 6);
    lab.attempt(&mut writer, None, &failed.clone());
    failed.outcome = Outcome::Failed;
    lab.attempt(&mut writer, None, &failed.at(7));
    writer.commit().unwrap();
    let id = made(2, 0, 0).run();
    let expected = format!("run_id,operation,outputs,attempts\n{id},train,3,4\n");
    let sql = "SELECT run_id, operation, outputs, attempts FROM nondeterministic";
    assert_eq!(lab.csv(sql), expected);
    let digests = lab.csv("SELECT n.first_digest = r.output_digest AS first, other_digest <> first_digest AS other FROM nondeterministic n JOIN runs r USING (run_id)");
    assert_eq!(digests, "first,other\ntrue,true\n");
    fold_blocking(&lab.store).unwrap();
    assert_eq!(lab.csv(sql), expected);
}

#[test]
fn an_input_without_a_run_is_told_by_its_digest() {
    let lab = Lab::memory();
    let mut writer = lab.writer();
    let lost = Try::new("prepare", json!({ "threshold": 1 })).output(json!(1));
    let made = Try::new("score", json!({})).output(json!(2)).input(From::Run("model", lost.clone()));
    lab.attempt(&mut writer, None, &made);
    writer.commit().unwrap();
    let sql = format!("SELECT depth, operation, status, run_id FROM upstream_of('{}')", made.run());
    assert_eq!(lab.csv(&sql), format!("depth,operation,status,run_id\n1,,,{}\n", lost.run()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    /// In whatever order the records of a workflow become visible, and whenever they are folded, the tables say the same.
    #[test]
    fn the_order_of_arrival_does_not_matter(order in Just((0..90_usize).collect::<Vec<_>>()).prop_shuffle(), folds in prop::collection::vec(0..60_usize, 0..4)) {
        let reference = Lab::memory();
        for mut writer in history(&reference) {
            writer.commit().unwrap();
        }
        let lab = Lab::memory();
        let mut writers = history(&lab);
        prop_assert!(writers.len() <= order.len());
        let session = lab.session();
        for (at, next) in order.iter().filter(|next| **next < writers.len()).copied().collect::<Vec<_>>().into_iter().enumerate() {
            writers[next].commit().unwrap();
            if folds.contains(&at) {
                let before = everything(&lab.session());
                prop_assert_eq!(&everything(&session), &before, "a session that was open all the time");
                fold_blocking(&lab.store).unwrap();
                prop_assert_eq!(&everything(&lab.session()), &before, "live and folded");
            }
        }
        prop_assert_eq!(lab.csv(CELLS), reference.csv(CELLS));
        let live = everything(&lab.session());
        fold_blocking(&lab.store).unwrap();
        prop_assert_eq!(&everything(&lab.session()), &live);
        rebuild_blocking(&lab.store).unwrap();
        prop_assert_eq!(&everything(&lab.session()), &live);
    }
}
