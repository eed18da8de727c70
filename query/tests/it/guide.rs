//! The questions of `docs/guide/sql.md`, with the answers that stand there.

use metalab_cas::Value;
use metalab_engine::record::Scalar;
use serde_json::json;

use super::lab::{Lab, Try, result};
use super::written;

/// The store of the guide.
fn lab() -> Lab {
    let lab = Lab::memory();
    let mut writer = lab.writer();
    let trial = |k: u64, replicate: u64| {
        let weights = if k == 3 { "uniform" } else { "distance" };
        let accuracy = 0.9 + k as f64 / 100.0 + replicate as f64 / 1000.0;
        let mut made = Try::new("train", json!({ "k": k, "weights": weights }))
            .metric("accuracy", accuracy)
            .data("best", Value::from(k + replicate))
            .derived(result("fit", &[("slope", Scalar::Float(k as f64 / 4.0))]))
            .at((k * 10 + replicate) as i64)
            .cell(replicate * 3 + (k - 1) / 2);
        made.replicate = Some(replicate);
        made
    };
    let mut tries: Vec<Try> = (0..2).flat_map(|replicate| [1, 3, 5].map(|k| trial(k, replicate))).collect();
    tries[0].data.push(("layers", Value::List(vec![Value::from(8_u64), Value::from(4_u64)])));
    let runs: Vec<_> = tries.iter().map(Try::run).collect();
    let knn = lab.open(&mut writer, "knn", 0, "train", &runs);
    for made in &tries[..5] {
        lab.attempt(&mut writer, Some(knn), made);
    }
    lab.attempt(&mut writer, Some(knn), &tries[5].clone().failed());
    lab.close(&mut writer, knn, 5, 1);
    let outputs = [json!(0.75), json!(3), json!("none"), json!(true)];
    let scores = outputs.into_iter().enumerate().map(|(at, output)| {
        Try::new("score", json!({ "at": at })).output(output).cell(at as u64).at(100 + at as i64)
    });
    let scores: Vec<Try> = scores.collect();
    let score = lab.open(&mut writer, "score", 90, "score", &scores.iter().map(Try::run).collect::<Vec<_>>());
    for made in &scores {
        lab.attempt(&mut writer, Some(score), made);
    }
    lab.keep(&mut writer, 200, "per_k", None, Some("metrics.accuracy / params.k"));
    writer.commit().unwrap();
    lab
}

#[test]
fn the_guide_tells_what_is_seen() {
    written::check("../docs/guide/sql.md", &lab(), |session, text| {
        let mut parts = text.split("```sql\n");
        let mut new = parts.next().unwrap().to_owned();
        let mut asked = 0;
        for part in parts {
            let (sql, rest) = part.split_once("\n```\n").expect("a question has an end");
            let answer = |sql: &str| match futures::executor::block_on(session.sql(sql)) {
                Ok(answer) => answer.to_table(None).unwrap(),
                Err(error) => panic!("{sql}: {error}"),
            };
            new.push_str(&format!("```sql\n{sql}\n```\n"));
            match rest.strip_prefix("\n```text\n") {
                Some(answered) => {
                    let (_, rest) = answered.split_once("```\n").expect("an answer has an end");
                    new.push_str(&format!("\n```text\n{}\n```\n{rest}", answer(sql).trim_end()));
                }
                // Questions without an answer on the page have one all the same.
                None => {
                    sql.split(';').for_each(|sql| drop(answer(sql)));
                    new.push_str(rest);
                }
            }
            asked += 1;
        }
        assert!(asked > 6, "the guide has its questions");
        new
    });
}
