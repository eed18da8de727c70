//! Paths with odd names and several types, and messages about names that are not there.

use metalab_query::fold_blocking;
use serde_json::json;

use super::lab::{Lab, Try, ask, refusal};

fn odd() -> Lab {
    let lab = Lab::memory();
    let mut writer = lab.writer();
    let submission = lab.open(&mut writer, "odd-names", 0, "train", &[]);
    let tries = [
        Try::new("train", json!({ "C": 1.0, "c": 2.0, "a.b": 3, "a": { "b": 4 }, "a_b": 5 }))
            .metric("Loss", 0.25),
        Try::new("train", json!({ "C": 10.0, "c": 20.0, "mixed": 1 })).metric("f1.macro", 0.5),
        Try::new("train", json!({ "C": 10.0, "c": 20.0, "mixed": "one", "num": 1 })).text("Loss", "high"),
        Try::new("train", json!({ "C": 10.0, "c": 20.0, "num": 2.5, "list": [1, 2] })).output(json!(7)),
    ];
    for (cell, made) in tries.into_iter().enumerate() {
        lab.attempt(&mut writer, Some(submission), &made.cell(cell as u64).at(cell as i64));
    }
    writer.commit().unwrap();
    lab
}

#[test]
fn names_and_types_read_the_same_live_and_folded() {
    let lab = odd();
    let questions = [
        (
            "SELECT params.\"C\", params.\"c\" FROM runs WHERE cell = 0",
            "params.\"\"C\"\"\",\"params.\"\"c\"\"\"\n1.0,2.0\n",
        ),
        ("SELECT params.C FROM runs WHERE cell = 0", "params.C\n1.0\n"),
        (
            "SELECT params['a.b'] AS x, params.a.b AS y, params.a_b AS z FROM runs WHERE cell = 0",
            "x,y,z\n3,4,5\n",
        ),
        ("SELECT metrics.f1.macro FROM runs WHERE cell = 1", "metrics.f1.macro\n0.5\n"),
        ("SELECT params.MIXED FROM runs ORDER BY cell", "params.MIXED\n\"\"\n1\none\n\"\"\n"),
        ("SELECT params.num + 0.5 AS n FROM runs WHERE cell > 1 ORDER BY cell", "n\n1.5\n3.0\n"),
        ("SELECT r.params.list AS l FROM runs r WHERE cell = 3", "l\n\"[1,2]\"\n"),
        (
            "SELECT metrics.loss AS l FROM runs WHERE metrics.loss IS NOT NULL ORDER BY cell",
            "l\n0.25\nhigh\n",
        ),
        ("SELECT output FROM runs WHERE output IS NOT NULL", "output\n7\n"),
        ("SELECT k.momentum, \"C\" FROM \"odd-names\" k WHERE cell = 0", "momentum,C\n0.9,1.0\n"),
        ("WITH x AS (SELECT params.num AS n FROM runs) SELECT max(n) AS m FROM x", "m\n2.5\n"),
        (
            "SELECT params.num FROM (SELECT params.num FROM runs) ORDER BY 1 DESC LIMIT 1",
            "params.num\n\"\"\n",
        ),
    ];
    for _ in 0..2 {
        let session = lab.session();
        for (sql, expected) in questions {
            let answer = ask(&session, sql);
            assert_eq!(answer.trim_start_matches('"'), expected.trim_start_matches('"'), "{sql}");
        }
        fold_blocking(&lab.store).unwrap();
    }
}

#[test]
fn what_is_not_there_is_named_with_its_neighbour() {
    let lab = odd();
    let session = lab.session();
    let cases = [
        ("SELECT metrics.los FROM runs", "no column `metrics.los` in `runs`; did you mean `metrics.Loss`?"),
        ("SELECT expriment FROM runs", "no column `expriment`; did you mean `experiment`?"),
        ("SELECT r.stauts FROM runs r", "no column `stauts` in `r`; did you mean `status`?"),
        ("SELECT 1 FROM rnus", "no table `rnus`; did you mean `runs`?"),
        ("SELECT agv(cell) FROM runs", "no function `agv`; did you mean `avg`?"),
        (
            "SELECT * FROM 'x.csv'",
            "reading the file `x.csv` is refused: a query only reads (SELECT, WITH, VALUES, EXPLAIN, SHOW, DESCRIBE)",
        ),
    ];
    for (sql, message) in cases {
        assert_eq!(refusal(&session, sql), message, "{sql}");
    }
}
