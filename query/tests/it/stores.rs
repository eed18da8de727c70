//! The past of a store, and several stores in one question.

use metalab_engine::id::{RecordName, RunId};
use metalab_engine::journal::Writer;
use metalab_engine::store::Store;
use metalab_query::{AsOf, Options, Session, fold_blocking, rebuild_blocking};
use serde_json::json;

use super::lab::{Lab, T0, Try, ask, refusal};

fn trial(k: u64) -> Try {
    Try::new("train", json!({ "k": k })).metric("score", k as f64).cell(k)
}

fn at(lab: &Lab, seconds: i64) -> Session {
    let mut options = Options::default();
    options.as_of = Some(moment(seconds));
    futures::executor::block_on(Session::open(&lab.store, options)).unwrap()
}

fn moment(seconds: i64) -> AsOf {
    let time = text(T0 / 1_000_000 + seconds);
    time.parse().unwrap()
}

/// Seconds of 2026-01-01 as a time of that day.
fn text(seconds: i64) -> String {
    let of_day = seconds - T0 / 1_000_000;
    format!("2026-01-01 {:02}:{:02}:{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

#[test]
fn the_past_is_what_had_ended_by_then() {
    let lab = Lab::memory();
    let mut writer = lab.writer();
    let runs: Vec<_> = (0..3).map(|k| trial(k).run()).collect();
    one_of_three(&lab, &mut writer, &runs);
    writer.commit().unwrap();
    fold_blocking(&lab.store).unwrap();
    let mut later = lab.writer();
    let second = lab.open(&mut later, "e", 4000, "train", &runs);
    lab.attempt(&mut later, Some(second), &trial(1).at(4010));
    lab.attempt(&mut later, Some(second), &trial(2).at(4020));
    later.commit().unwrap();
    let sql = "SELECT params.k, status FROM runs ORDER BY 1";
    for round in 0..3 {
        assert_eq!(lab.csv(sql), "params.k,status\n0,succeeded\n1,succeeded\n2,succeeded\n");
        let before = at(&lab, 4005);
        assert_eq!(ask(&before, sql), "params.k,status\n0,succeeded\n1,failed\n", "{round}");
        assert_eq!(ask(&before, "SELECT count(*) AS n FROM submissions"), "n\n2\n");
        assert_eq!(ask(&at(&lab, 15), sql), "params.k,status\n0,succeeded\n");
        assert_eq!(ask(&at(&lab, 3000), "SELECT closing FROM submissions"), "closing\nopen\n");
        assert_eq!(ask(&at(&lab, 5000), sql), lab.csv(sql));
        let name = lab.csv("SELECT submission FROM submissions WHERE closing = 'incomplete'");
        let name = name.lines().nth(1).unwrap().to_owned();
        let mut options = Options::default();
        options.as_of = Some(name.parse().unwrap());
        let then = futures::executor::block_on(Session::open(&lab.store, options)).unwrap();
        assert_eq!(ask(&then, sql), "params.k,status\n0,succeeded\n1,failed\n");
        match round {
            0 => drop(fold_blocking(&lab.store).unwrap()),
            _ => drop(rebuild_blocking(&lab.store).unwrap()),
        }
    }
    let mut options = Options::default();
    options.as_of = Some("ffffffffffff".parse().unwrap());
    let error = futures::executor::block_on(Session::open(&lab.store, options)).unwrap_err();
    assert!(error.to_string().contains("no submission of the store is called so"), "{error}");
    assert!("last week".parse::<AsOf>().is_err());
}

#[test]
fn several_stores_are_asked_at_once() {
    let (new, old) = (Lab::memory(), Lab::memory());
    let mut writer = new.writer();
    lab_run(&new, &mut writer, "e", &trial(1).output(json!(0.5)));
    writer.commit().unwrap();
    let mut writer = old.writer();
    let other =
        Try::new("train", json!({ "k": "two", "only": true })).metric("score", 9.0).output(json!("x"));
    lab_run(&old, &mut writer, "other", &other);
    writer.commit().unwrap();
    for _ in 0..2 {
        let session = new.session();
        futures::executor::block_on(session.attach("old", &old.store, None)).unwrap();
        let before: AsOf = "2025-01-01".parse().unwrap();
        futures::executor::block_on(session.attach("before", &new.store, Some(&before))).unwrap();
        let sql = "SELECT store, experiment, params.k, params.only, output, metrics.score AS s FROM all.runs ORDER BY store";
        assert_eq!(
            ask(&session, sql),
            "store,experiment,params.k,params.only,output,s\nold,other,two,true,x,9.0\nthis,e,1,,0.5,1.0\n"
        );
        let sql = "SELECT runs.params.k FROM old.runs UNION ALL SELECT params.k FROM runs ORDER BY 1";
        assert_eq!(ask(&session, sql).lines().count(), 3);
        let sql = "SELECT avg(a.metrics.score) - avg(b.metrics.score) AS d FROM old.runs a CROSS JOIN runs b";
        assert_eq!(ask(&session, sql), "d\n8.0\n");
        assert_eq!(ask(&session, "SELECT avg(output) AS x, count(*) AS n FROM all.runs"), "x,n\n0.5,2\n");
        assert_eq!(ask(&session, "SELECT count(*) AS n FROM before.runs"), "n\n0\n");
        assert_eq!(ask(&session, "SELECT only FROM old.other"), "only\ntrue\n");
        assert_eq!(
            ask(&session, "SELECT store, name FROM all.params WHERE name = 'only'"),
            "store,name\nold,only\n"
        );
        assert_eq!(
            refusal(&session, "SELECT 1 FROM olds.runs"),
            "no table `olds.runs`; did you mean `old.runs`?"
        );
        for name in ["old", "all", "this", "Old", "a.b", "x; DROP"] {
            let attached = futures::executor::block_on(session.attach(name, &Store::memory().unwrap(), None));
            assert!(attached.is_err(), "{name}");
        }
        fold_blocking(&new.store).unwrap();
        fold_blocking(&old.store).unwrap();
    }
}

#[test]
fn a_question_names_moments() {
    let (lab, old) = (Lab::memory(), Lab::memory());
    let mut writer = lab.writer();
    let runs: Vec<_> = (0..3).map(|k| trial(k).run()).collect();
    let first = one_of_three(&lab, &mut writer, &runs);
    let second = lab.open(&mut writer, "e", 4000, "train", &runs);
    lab.attempt(&mut writer, Some(second), &trial(1).at(4010));
    lab.attempt(&mut writer, Some(second), &trial(2).at(4020));
    writer.commit().unwrap();
    let mut writer = old.writer();
    lab_run(&old, &mut writer, "other", &trial(7).at(10));
    lab_run(&old, &mut writer, "other", &trial(8).at(4100));
    writer.commit().unwrap();
    let then = text(T0 / 1_000_000 + 4005);
    for _ in 0..2 {
        let session = lab.session();
        futures::executor::block_on(session.attach("old", &old.store, None)).unwrap();
        let count = |tables: &str| ask(&session, &format!("SELECT count(*) AS n FROM {tables}"));
        assert_eq!(count("runs"), "n\n3\n");
        assert_eq!(count(&format!("runs AS OF '{then}'")), "n\n2\n");
        assert_eq!(count(&format!("e VERSION AS OF '{}'", first)), "n\n2\n");
        assert_eq!(count(&format!("old.runs FOR SYSTEM_TIME AS OF '{then}'")), "n\n1\n");
        assert_eq!(count("runs AS OF '2025-12-31'"), "n\n0\n", "before the first record");
        let sql = format!(
            "SELECT params.k, before.status AS before, now.status AS now FROM runs now \
             JOIN runs AS OF '{then}' AS before ON now.run_id = before.run_id \
             WHERE before.status <> now.status"
        );
        assert!(refusal(&session, &sql).contains("params"), "of which of the two is not said");
        let sql = sql.replace("params.k", "now.params.k");
        assert_eq!(ask(&session, &sql), "now.params.k,before,now\n1,failed,succeeded\n");
        let sql =
            format!("SELECT params.k FROM runs WHERE run_id NOT IN (SELECT run_id FROM runs AS OF '{then}')");
        assert_eq!(ask(&session, &sql), "params.k\n2\n", "what is new");
        let both = format!("SELECT count(*) AS n FROM all.runs a, e AS OF '{then}' b");
        assert_eq!(ask(&session, &both), "n\n10\n", "a moment is none of all stores");
        let described = ask(&session, &format!("DESCRIBE runs AS OF '{then}'"));
        assert!(described.contains("metrics.score,double"), "{described}");
        assert_eq!(ask(&session, "SHOW COLUMNS FROM old.runs"), ask(&session, "DESCRIBE old.runs"));
        for (sql, said) in [
            ("DESCRIBE old.rums", "no table `rums`; did you mean `runs`?"),
            ("SELECT * FROM runs AS OF 'last week'", "`last week` is no moment of this store"),
            ("SELECT * FROM all.runs AS OF '2026-01-01'", "no store `all` is attached"),
            ("SELECT * FROM odl.runs AS OF '2026-01-01'", "did you mean `old`?"),
            ("SELECT * FROM (SELECT 1) AS OF '2026-01-01'", "stands after the name of a table"),
            ("SELECT * FROM rums AS OF '2026-01-01'", "no table `rums`; did you mean `runs`?"),
            ("SELECT * FROM upstream_of('3f1c') AS OF '2026-01-01'", "stands after the name of a table"),
        ] {
            assert!(refusal(&session, sql).contains(said), "{sql}: {}", refusal(&session, sql));
        }
        fold_blocking(&lab.store).unwrap();
    }
}

/// A submission of three runs of which one succeeded, one failed, and one was not executed.
fn one_of_three(lab: &Lab, writer: &mut Writer, runs: &[RunId]) -> RecordName {
    let first = lab.open(writer, "e", 0, "train", runs);
    lab.attempt(writer, Some(first), &trial(0).at(10));
    lab.attempt(writer, Some(first), &trial(1).at(20).failed());
    lab.close(writer, first, 1, 1);
    first
}

fn lab_run(lab: &Lab, writer: &mut Writer, experiment: &str, made: &Try) {
    let submission = lab.open(writer, experiment, 0, "train", &[made.run()]);
    lab.attempt(writer, Some(submission), made);
}
