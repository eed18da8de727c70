//! Columns of several types: rules, never errors.

use metalab_engine::record::Scalar;
use metalab_query::fold_blocking;
use serde_json::{Value as Json, json};

use super::lab::{Lab, Try, ask};

/// A store whose experiments have these outputs; the same values are the metric `m` where metrics can have them.
fn outputs(values: &[Json]) -> Lab {
    let lab = Lab::memory();
    let mut writer = lab.writer();
    for (at, value) in values.iter().enumerate() {
        let submission = lab.open(&mut writer, &format!("e{at}"), at as i64, "score", &[]);
        let mut made = Try::new("score", json!({ "at": at, "p": value })).output(value.clone()).at(at as i64);
        let metric = match value {
            Json::Number(x) => Some(Scalar::Float(x.as_f64().unwrap())),
            Json::Bool(x) => Some(Scalar::Bool(*x)),
            Json::String(x) => Some(Scalar::Text(x.clone())),
            _ => None,
        };
        made.metrics.extend(metric.map(|value| ("m".to_owned(), value)));
        lab.attempt(&mut writer, Some(submission), &made);
    }
    writer.commit().unwrap();
    lab
}

/// Questions that need numbers, in every place where SQL has one.
const QUESTIONS: &[&str] = &[
    "SELECT avg({}) AS x FROM runs",
    "SELECT sum({}) AS x FROM runs",
    "SELECT median({}) AS x FROM runs",
    "SELECT stddev({}) AS x FROM runs",
    "SELECT var_pop({}) AS x FROM runs",
    "SELECT corr({}, params.at) AS x FROM runs",
    "SELECT approx_percentile_cont({}, 0.5) AS x FROM runs",
    "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY {}) AS x FROM runs",
    "SELECT max({}) AS x, min({}) AS y FROM runs",
    "SELECT sum({} * 2 + 1) AS x FROM runs",
    "SELECT -({}) AS x FROM runs",
    "SELECT abs({}) AS x FROM runs",
    "SELECT round(coalesce({}, 0), 1) AS x FROM runs",
    "SELECT count(*) AS x FROM runs WHERE {} > 0.5",
    "SELECT count(*) AS x FROM runs WHERE {} BETWEEN 0 AND 10",
    "SELECT count(*) AS x FROM runs WHERE {} IN (1, 2)",
    "SELECT count(*) AS x FROM runs WHERE {} = 1",
    "SELECT count(*) AS x FROM runs WHERE {} = 'one'",
    "SELECT count(*) AS x FROM runs WHERE {} IN ('one', 'two')",
    "SELECT count(*) AS x FROM runs WHERE {} = true",
    "SELECT count(*) AS x FROM runs WHERE {} = {}",
    "SELECT count(*) AS x FROM runs WHERE {} > (SELECT avg({}) FROM runs)",
    "SELECT {} AS x FROM runs ORDER BY {}",
    "SELECT {} AS x, count(*) FROM runs GROUP BY 1 ORDER BY 1",
    "SELECT avg(v) AS x FROM (SELECT {} AS v FROM runs)",
    "WITH t AS (SELECT {} AS v FROM runs) SELECT sum(v + 1) AS x FROM t",
    "SELECT avg({}) OVER (PARTITION BY step) AS x FROM runs",
    "SELECT CASE WHEN {} > 1 THEN 'big' ELSE 'small' END AS x FROM runs",
    "SELECT avg(r.{}) AS x FROM runs r WHERE r.{} IS NOT NULL",
    "SELECT *, {} + 1 AS more FROM runs",
];

#[test]
fn no_mixture_of_types_fails_a_question_that_needs_numbers() {
    let (numbers, others) = ([json!(3), json!(0.5)], [json!(true), json!("one"), json!([1, 2])]);
    let mut mixtures: Vec<Vec<Json>> = vec![numbers.to_vec(), [&numbers[..], &others[..]].concat()];
    for number in &numbers {
        mixtures.push(vec![number.clone()]);
        mixtures.extend(others.iter().map(|other| vec![number.clone(), other.clone()]));
    }
    for (at, chosen) in mixtures.iter().enumerate() {
        let lab = outputs(chosen);
        let session = lab.session();
        for path in ["output", "params.p"].into_iter().take(if at == 1 { 2 } else { 1 }) {
            for question in QUESTIONS {
                ask(&session, &question.replace("{}", path));
            }
        }
    }
}

#[test]
fn numbers_are_read_and_the_rest_is_left_out() {
    let lab = outputs(&[json!(3), json!(0.5), json!(true), json!("one"), json!([1, 2]), json!("20")]);
    for _ in 0..2 {
        let session = lab.session();
        for (sql, expected) in [
            ("SELECT avg(output), count(output) FROM runs", "6.125,6"),
            ("SELECT max(output), min(output) FROM runs", "20.0,0.5"),
            ("SELECT sum(params.p), sum(metrics.m) FROM runs", "24.5,24.5"),
            ("SELECT avg(output) FROM e0", "3.0"),
            ("SELECT count(*) FROM runs WHERE output > 0.6", "3"),
            ("SELECT count(*) FROM runs WHERE output = 'one'", "1"),
            ("SELECT count(*) FROM runs WHERE output = true", "1"),
            ("SELECT count(*) FROM runs WHERE output IN (3, 20)", "2"),
            ("SELECT count(*) FROM runs WHERE output IN ('one', '3')", "2"),
            ("SELECT avg(number('3') + number('x')), number('true'), number(2) FROM runs", ",1.0,2.0"),
            ("SELECT avg(v) FROM (SELECT output AS v FROM runs WHERE status = 'succeeded')", "6.125"),
        ] {
            let answer = ask(&session, sql);
            assert_eq!(answer.lines().nth(1).unwrap(), expected, "{sql}");
        }
        let sorted = "output\n0.5\n\"true\"\n3\n20\none\n\"[1,2]\"\n";
        let answer = ask(&session, "SELECT output FROM runs ORDER BY output");
        let lines = |text: &str| text.replace('"', "");
        assert_eq!(
            lines(&answer).lines().take(5).collect::<Vec<_>>(),
            lines(sorted).lines().take(5).collect::<Vec<_>>()
        );
        fold_blocking(&lab.store).unwrap();
    }
}

#[test]
fn truth_is_a_number_where_numbers_are_needed() {
    let lab = outputs(&[json!(true), json!(false), json!(true), json!(true)]);
    let session = lab.session();
    assert_eq!(ask(&session, "SELECT avg(output) AS rate, sum(output) AS n FROM runs"), "rate,n\n0.75,3.0\n");
    assert_eq!(ask(&session, "SELECT count(*) AS n FROM runs WHERE output"), "n\n3\n");
    assert_eq!(ask(&session, "SELECT count(*) AS n FROM runs WHERE NOT output OR output = true"), "n\n4\n");
    let lab = outputs(&[json!(true), json!(0), json!("no"), json!(7)]);
    assert_eq!(lab.csv("SELECT count(*) AS n FROM runs WHERE output"), "n\n2\n");
    assert_eq!(lab.csv("SELECT count(*) AS n FROM runs WHERE NOT output"), "n\n1\n");
}
