//! More paths than a table has columns for.

use metalab_query::fold_blocking;
use serde_json::json;

use super::lab::{Lab, Try, everything};

#[test]
fn values_beyond_the_columns_are_found_in_the_overflow() {
    let lab = Lab::memory();
    let mut writer = lab.writer();
    for batch in 0..3 {
        for row in 0..40 {
            let mut made = Try::new("score", json!({ "row": row, "batch": batch })).metric("same", 1.0);
            for number in 0..12 {
                made = made.metric(&format!("m{}", batch * 200 + row * 5 + number), f64::from(number) / 4.0);
            }
            made = made.metric("nan", if row % 2 == 0 { f64::NAN } else { f64::INFINITY });
            lab.attempt(&mut writer, None, &made);
        }
        writer.commit().unwrap();
        let live = everything(&lab.session());
        fold_blocking(&lab.store).unwrap();
        assert_eq!(everything(&lab.session()), live, "batch {batch}");
    }
    let wide = lab.csv("SELECT count(*) AS n FROM columns");
    assert!(wide.lines().nth(1).unwrap().parse::<u32>().unwrap() > 500, "{wide}");
    // 595 = 2 * 200 + 39 * 5: the first metric of the last row.
    assert_eq!(
        lab.csv("SELECT metrics.m595, params.row FROM runs WHERE metrics.m595 = 0"),
        "metrics.m595,params.row\n0.0,39\n"
    );
    assert_eq!(lab.csv("SELECT sum(metrics.m606) AS s FROM runs"), "s\n2.75\n");
    assert_eq!(lab.csv("SELECT count(*) AS n FROM runs WHERE metrics.nan = 'Infinity'::double"), "n\n60\n");
}
