//! Derived metrics: the newest result of a function for a run counts, however it came.

use metalab_engine::record::{ErrorRecord, Scalar};
use metalab_query::{fold_blocking, rebuild_blocking};
use serde_json::json;

use super::lab::{Lab, Try, ask, everything, refusal, result};

fn float(x: f64) -> Scalar {
    Scalar::Float(x)
}

fn trial(k: u64) -> Try {
    Try::new("train", json!({ "k": k })).metric("score", k as f64).cell(k).at(k as i64)
}

#[test]
fn results_of_runs_are_columns_and_rows() {
    let lab = Lab::memory();
    let mut writer = lab.writer();
    let tries = [
        trial(0).derived(result("fit", &[("slope", float(0.5)), ("good", Scalar::Bool(true))])),
        trial(1).derived(result("fit", &[("slope", Scalar::Int(2)), ("grade", Scalar::Text("a".into()))])),
    ];
    let runs: Vec<_> = tries.iter().map(Try::run).collect();
    let submission = lab.open(&mut writer, "knn", 0, "train", &runs);
    for made in &tries {
        lab.attempt(&mut writer, Some(submission), made);
    }
    writer.commit().unwrap();
    for _ in 0..2 {
        let session = lab.session();
        assert_eq!(
            ask(
                &session,
                "SELECT cell, derived.slope, derived.good AS good, derived.grade AS grade FROM runs ORDER BY 1"
            ),
            "cell,derived.slope,good,grade\n0,0.5,true,\n1,2.0,,a\n"
        );
        assert_eq!(ask(&session, "SELECT avg(derived.slope) AS x FROM runs"), "x\n1.25\n");
        assert_eq!(ask(&session, "SELECT slope FROM knn WHERE grade = 'a'"), "slope\n2.0\n");
        assert_eq!(
            ask(
                &session,
                "SELECT function, name, type, number, text, value FROM derived ORDER BY name, number"
            ),
            "function,name,type,number,text,value\nfit,good,boolean,1.0,,true\nfit,grade,text,,a,\"\"\"a\"\"\"\n\
             fit,slope,double,0.5,,0.5\nfit,slope,double,2.0,,2\n"
        );
        fold_blocking(&lab.store).unwrap();
    }
}

#[test]
fn a_newer_result_takes_the_place_of_an_older_one() {
    let lab = Lab::memory();
    let mut writer = lab.writer();
    let tries: Vec<Try> = (0..3)
        .map(|k| trial(k).derived(result("fit", &[("slope", float(k as f64)), ("old", float(1.0))])))
        .collect();
    let runs: Vec<_> = tries.iter().map(Try::run).collect();
    let submission = lab.open(&mut writer, "knn", 0, "train", &runs);
    for made in &tries {
        lab.attempt(&mut writer, Some(submission), made);
    }
    let other = lab.open(&mut writer, "other", 0, "score", &[]);
    lab.attempt(&mut writer, Some(other), &Try::new("score", json!({ "z": 1 })));
    writer.commit().unwrap();
    fold_blocking(&lab.store).unwrap();
    let session = lab.session();

    // Newer for run 0, older than the newest for run 1 (later in the journal), and failed for run 2.
    let mut later = lab.writer();
    lab.derive(
        &mut later,
        200,
        vec![
            (runs[0], result("fit", &[("slope", float(10.0))])),
            (runs[1], result("fit", &[("slope", float(11.0)), ("second", float(5.0))])),
        ],
    );
    lab.derive(&mut later, 100, vec![(runs[1], result("fit", &[("slope", float(99.0))]))]);
    let mut failed = result("fit", &[]);
    failed.error =
        Some(ErrorRecord { chain: vec!["no data".into(), "empty".into()], ..ErrorRecord::default() });
    lab.derive(&mut later, 300, vec![(runs[2], failed)]);
    later.commit().unwrap();

    let sql = "SELECT cell, derived.slope AS slope, derived.old AS old, derived.second AS second FROM runs \
               WHERE experiment = 'knn' ORDER BY 1";
    let expected = "cell,slope,old,second\n0,10.0,,\n1,11.0,,5.0\n2,,,\n";
    assert_eq!(ask(&session, sql), expected, "live, on a session that was open before");
    for _ in 0..2 {
        let session = lab.session();
        assert_eq!(ask(&session, sql), expected);
        assert_eq!(
            ask(&session, "SELECT name, number, error FROM derived ORDER BY number"),
            "name,number,error\nsecond,5.0,\nslope,10.0,\nslope,11.0,\n,,no data: empty\n"
        );
        // The view of an experiment has what was derived from its runs, and no other.
        assert!(ask(&session, "SELECT * FROM knn LIMIT 1").lines().next().unwrap().contains("second"));
        assert!(!ask(&session, "SELECT * FROM other LIMIT 1").lines().next().unwrap().contains("slope"));
        assert_eq!(ask(&session, "SELECT max(slope) AS x FROM knn"), "x\n11.0\n");
        fold_blocking(&lab.store).unwrap();
    }
    let folded = everything(&lab.session());
    rebuild_blocking(&lab.store).unwrap();
    assert_eq!(everything(&lab.session()), folded);
}

#[test]
fn of_two_functions_that_give_one_name_the_newer_result_is_shown() {
    let lab = Lab::memory();
    let mut writer = lab.writer();
    let made = trial(0).derived(result("a", &[("x", float(1.0))])).derived(result("b", &[("x", float(2.0))]));
    let submission = lab.open(&mut writer, "knn", 0, "train", &[made.run()]);
    lab.attempt(&mut writer, Some(submission), &made);
    writer.commit().unwrap();
    let session = lab.session();
    assert_eq!(
        ask(&session, "SELECT derived.x FROM runs"),
        "derived.x\n2.0\n",
        "of one age, the greater name"
    );
    lab.derive(&mut writer, 100, vec![(made.run(), result("a", &[("x", Scalar::Text("new".into()))]))]);
    writer.commit().unwrap();
    assert_eq!(ask(&session, "SELECT derived.x FROM runs"), "derived.x\nnew\n");
    assert_eq!(ask(&session, "SELECT count(*) AS n FROM derived"), "n\n2\n");
}

#[test]
fn what_was_derived_from_an_attempt_that_does_not_stand_is_not_shown() {
    let lab = Lab::memory();
    let mut writer = lab.writer();
    let first = trial(0).derived(result("fit", &[("slope", float(1.0))]));
    let second = trial(0).at(50).derived(result("fit", &[("slope", float(2.0))]));
    lab.attempt(&mut writer, None, &second);
    lab.attempt(&mut writer, None, &first);
    writer.commit().unwrap();
    for _ in 0..2 {
        assert_eq!(lab.csv("SELECT derived.slope FROM runs"), "derived.slope\n1.0\n");
        fold_blocking(&lab.store).unwrap();
    }
}

#[test]
fn kept_expressions_are_columns() {
    let lab = Lab::memory();
    let mut writer = lab.writer();
    let tries: Vec<Try> = (1..4)
        .map(|k| trial(k).derived(result("fit", &[("slope", float(k as f64)), ("half", float(100.0))])))
        .collect();
    let runs: Vec<_> = tries.iter().map(Try::run).collect();
    for (experiment, tries, runs) in [("a", &tries[..2], &runs[..2]), ("b", &tries[2..], &runs[2..])] {
        let submission = lab.open(&mut writer, experiment, 0, "train", runs);
        for made in tries {
            lab.attempt(&mut writer, Some(submission), made);
        }
    }
    lab.keep(&mut writer, 1, "half", None, Some("metrics.score / 2"));
    lab.keep(&mut writer, 2, "quarter", None, Some("derived.half / 2"));
    lab.keep(&mut writer, 3, "scoped", None, Some("params.k"));
    lab.keep(&mut writer, 4, "scoped", Some("a"), Some("derived.slope * 10"));
    lab.keep(&mut writer, 5, "old", None, Some("1"));
    lab.keep(&mut writer, 6, "old", None, None);
    lab.keep(&mut writer, 7, "x", None, Some("derived.y + 1"));
    lab.keep(&mut writer, 7, "y", None, Some("derived.x + 1"));
    lab.keep(&mut writer, 8, "mean", None, Some("avg(metrics.score)"));
    lab.keep(&mut writer, 8, "lost", None, Some("metrics.nobody"));
    lab.keep(&mut writer, 8, "query", None, Some("(SELECT 1)"));
    writer.commit().unwrap();
    for _ in 0..2 {
        let session = lab.session();
        let sql =
            "SELECT params.k, derived.half, derived.quarter AS q, derived.scoped AS s FROM runs ORDER BY 1";
        let expected = "params.k,derived.half,q,s\n1,0.5,0.25,10.0\n2,1.0,0.5,20.0\n3,1.5,0.75,3.0\n";
        assert_eq!(ask(&session, sql), expected);
        let sql = "SELECT sum(derived.half) AS x FROM runs r WHERE r.derived.half > 0.9";
        assert_eq!(ask(&session, sql), "x\n2.5\n");
        let sql = "SELECT half, scoped FROM a ORDER BY 1 LIMIT 1";
        assert_eq!(ask(&session, sql), "half,scoped\n0.5,10.0\n");
        let all = ask(&session, "SELECT * FROM runs");
        let head: Vec<&str> = all.lines().next().unwrap().split(',').collect();
        assert!(head.contains(&"derived.half") && head.contains(&"derived.quarter"), "{head:?}");
        assert!(!head.contains(&"derived.lost") && !head.contains(&"derived.x"), "{head:?}");
        let both = ask(&session, "SELECT count(*) AS n FROM derived WHERE name = 'half'");
        assert_eq!(both, "n\n3\n", "what functions gave is still there");
        for (name, reason) in [
            ("x", "it goes in a circle: x -> y -> x"),
            ("mean", "it looks at several runs: an expression is about one"),
            ("query", "it holds a query: an expression is about one run"),
        ] {
            let expected = format!("the expression of `derived.{name}` cannot be used: {reason}");
            assert_eq!(refusal(&session, &format!("SELECT derived.{name} FROM runs")), expected);
        }
        assert!(refusal(&session, "SELECT derived.lost FROM runs").contains("no column `metrics.nobody`"));
        assert!(refusal(&session, "SELECT derived.old FROM runs").contains("no column `derived.old`"));
        let check = |name, text| futures::executor::block_on(session.check_expression(name, None, text));
        assert_eq!(check("new", "metrics.score > 1").unwrap(), "boolean");
        assert!(
            check("half", "derived.quarter").unwrap_err().to_string().contains("half -> quarter -> half")
        );
        assert!(check("new", "metrics.score +").is_err() && check("new", "1; DROP TABLE x").is_err());
        fold_blocking(&lab.store).unwrap();
    }
}

#[test]
fn figures_of_means_and_extremes() {
    let lab = Lab::memory();
    let mut writer = lab.writer();
    for k in 1..6 {
        lab.attempt(&mut writer, None, &trial(k));
    }
    writer.commit().unwrap();
    let session = lab.session();
    let sql = "SELECT round(stderr(metrics.score), 6) AS e, round(ci95(metrics.score), 6) AS h, \
               round(ci95_low(metrics.score), 4) AS l, round(ci95_high(metrics.score), 4) AS u, \
               median(metrics.score) AS m FROM runs";
    assert_eq!(ask(&session, sql), "e,h,l,u,m\n0.707107,1.963243,1.0368,4.9632,3.0\n");
    let one = ask(&session, "SELECT ci95(metrics.score) AS h FROM runs WHERE params.k = 1");
    assert_eq!(one, "h\n\"\"\n");
    let sql = "SELECT argmax(params.k, metrics.score) AS x, argmin(params.k, metrics.score) AS y FROM runs";
    assert_eq!(ask(&session, sql), "x,y\n5,1\n");
    let id = trial(3).run().0.to_hex();
    assert_eq!(ask(&session, &format!("SELECT params.k FROM run('{}')", &id[..8])), "params.k\n3\n");
    assert_eq!(
        ask(&session, &format!("SELECT short_id(run_id) = id AS same FROM run('{id}')")),
        "same\ntrue\n"
    );
    assert!(refusal(&session, "SELECT * FROM run('ffffffffff')").contains("no run of the store begins with"));
    let words = futures::executor::block_on(session.vocabulary()).unwrap();
    assert!(words.functions.iter().any(|name| name == "ci95") && words.tables.len() >= 13);
    let plan = ask(&session, "EXPLAIN SELECT avg(metrics.score) FROM runs");
    assert!(plan.contains("logical_plan"), "{plan}");
    assert!(ask(&session, "EXPLAIN ANALYZE SELECT avg(metrics.score) FROM runs").contains("output_rows"));
}
