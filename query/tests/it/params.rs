//! Answers as parameter sets: what values become, what is refused, and that a set found is a set given.

use metalab_engine::context::StatCache;
use metalab_engine::params::{Source, list};
use metalab_engine::plan::{Plan, Scratch};
use metalab_engine::store::Store;
use metalab_engine::{Experiment, operation, seeds};
use metalab_query::{fold_blocking, params};
use serde_json::json;

use super::lab::{Lab, Try};

#[operation(crate = "metalab_engine", code = "manual")]
fn train(lr: f64, width: u64) -> metalab_engine::Result<f64> {
    Ok(lr * width as f64)
}

/// A sweep over three learning rates and two widths; the loss is smallest for 0.1 and 64.
fn sweep() -> Lab {
    let lab = Lab::memory();
    let mut writer = lab.writer();
    let lrs: [f64; 3] = [0.1, 0.01, 1.0];
    let cells = (0..6_usize).map(|cell| (cell, lrs[cell / 2], [32_u64, 64][cell % 2]));
    let tries = cells.map(|(cell, lr, width)| {
        let loss = (lr - 0.1).abs() + 1.0 / width as f64;
        Try::new("train", json!({ "lr": lr, "width": width }))
            .metric("loss", loss)
            .cell(cell as u64)
            .at(cell as i64)
    });
    let tries: Vec<Try> = tries.collect();
    let submission =
        lab.open(&mut writer, "sweep", 0, "train", &tries.iter().map(Try::run).collect::<Vec<_>>());
    for made in &tries {
        lab.attempt(&mut writer, Some(submission), made);
    }
    lab.close(&mut writer, submission, 6, 0);
    writer.commit().unwrap();
    lab
}

fn sets(sql: &str) -> Vec<String> {
    let source = params(&Store::memory().unwrap(), sql).unwrap();
    source.sets().unwrap().iter().map(|set| set.to_string()).collect()
}

fn refusal(sql: &str) -> String {
    params(&Store::memory().unwrap(), sql).unwrap_err().to_string()
}

fn run_ids(source: Source) -> Vec<String> {
    let experiment = Experiment::new("refine", "1").sweep(Train::from(source)).seeds(seeds(1));
    let plan = Plan::new(&experiment, &StatCache::new()).unwrap();
    let step = plan.steps().next().unwrap();
    let mut scratch = Scratch::default();
    (0..step.cells()).map(|cell| step.run_id(cell, &[], &mut scratch).to_string()).collect()
}

#[test]
fn a_sweep_is_refined() {
    let lab = sweep();
    let best = "SELECT params.lr AS lr, params.width AS width FROM sweep ORDER BY metrics.loss LIMIT 3";
    let given =
        list([(0.1, 64), (0.1, 32), (0.01, 64)].map(|(lr, width)| json!({ "width": width, "lr": lr })));
    let expected = run_ids(given);
    for folded in [false, true] {
        if folded {
            fold_blocking(&lab.store).unwrap();
        }
        for sql in [best, "SELECT params.lr, params.width FROM runs ORDER BY metrics.loss LIMIT 3"] {
            let found = params(&lab.store, sql).unwrap();
            assert_eq!(run_ids(found.clone()), expected, "{sql}");
            assert_eq!(run_ids(Source::from_value(&found.describe()).unwrap()), expected);
        }
    }
    let combined = params(&lab.store, "SELECT lr FROM sweep GROUP BY lr ORDER BY min(loss) LIMIT 2").unwrap();
    let combined = combined.product(metalab_engine::params::grid().axis("width", [64_u64, 32]));
    assert_eq!(run_ids(combined)[..2], expected[..2], "its sets are combined with others");
    let turned = params(&lab.store, &best.replace("metrics.loss", "metrics.loss DESC")).unwrap();
    let whole = params(&lab.store, &best.replace("LIMIT 3", "")).unwrap();
    let (turned, mut whole) = (run_ids(turned), run_ids(whole));
    assert_eq!(whole[..3], expected[..], "what was found before keeps its runs when there is more");
    whole.reverse();
    assert_eq!(whole[..3], turned[..], "a set is its values, wherever it stands");
}

#[test]
fn values_are_what_they_are() {
    assert_eq!(
        sets(
            "SELECT * FROM (VALUES (9007199254740993, 0.1, true, 'adam', NULL), (-1, 1.0, NULL, '', 7)) \
             AS t(\"params.n\", \"params.lr\", flag, \"params.\"\"a.b\"\"\", late)"
        ),
        [
            r#"{n: 9007199254740993, lr: 0.1, a.b: "adam", flag: true, late: null}"#,
            r#"{n: -1, lr: 1.0, a.b: "", flag: null, late: 7}"#,
        ]
    );
    assert_eq!(
        sets(
            "SELECT [8, NULL, 4] AS layers, named_struct('depth', 3, 'rate', NULL, 'kind', 'x') AS model, NULL AS gone"
        ),
        [r#"{gone: null, model: {kind: "x", rate: null, depth: 3}, layers: [8, null, 4]}"#]
    );
    assert_eq!(
        sets(
            "SELECT 18446744073709551615 AS u, arrow_cast(0.5, 'Float32') AS f, arrow_cast('x', 'Dictionary(Int32, Utf8)') AS d, arrow_cast(7, 'Decimal128(38, 0)') AS w"
        ),
        [r#"{d: "x", f: 0.5, u: 18446744073709551615, w: 7}"#]
    );
}

#[test]
fn what_is_no_parameter_set_is_refused() {
    for (sql, part) in [
        ("SELECT 1 AS lr WHERE false", "the list of parameter sets is empty; give it at least one"),
        ("SELECT 1 AS lr, 2 AS \"params.lr\"", "two columns give the argument `lr`"),
        (
            "SELECT 1 AS lr, TIMESTAMP '2026-01-01' AS at",
            "column `at` is of type timestamp, which no argument can be",
        ),
        ("SELECT DATE '2026-01-01' AS day", "column `day` is of type date"),
        ("SELECT arrow_cast('x', 'Binary') AS b", "column `b` is of type bytes"),
        ("SELECT [TIMESTAMP '2026-01-01'] AS times", "column `times`"),
        (
            "SELECT * FROM (VALUES (1.0), ('NaN'::double)) AS t(lr)",
            "set 1: lr: NaN has no place in an identity",
        ),
        ("SELECT [1.0, 'Infinity'::double] AS lrs", "Infinity has no place"),
        (
            "SELECT * FROM (VALUES (1, 2), (3, 4), (1, 2)) AS t(a, b)",
            "rows 1 and 3 are the same parameter set",
        ),
        ("SELECT NULL AS a UNION ALL SELECT NULL", "are the same parameter set, {a: null}"),
        ("SELECT lr FROM nowhere", "no table `nowhere`"),
        ("DROP TABLE runs", "is refused: a query only reads"),
    ] {
        let message = refusal(sql);
        assert!(message.contains(part), "{sql}: {message}");
    }
}
