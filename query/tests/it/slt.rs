//! Questions and answers as text: `tests/sql/runs.slt` about single steps, `tests/sql/graph.slt` about a workflow.
//!
//! A file holds blocks separated by blank lines: `query` or `error`, the SQL, a line `----`, and the answer as a table or
//! the message. With `METALAB_SLT=overwrite` the answers are written anew.

use serde_json::json;

use super::lab::{Lab, Try};
use super::written;

/// Two experiments over the same operation, with failures, retries and reuse.
fn lab() -> Lab {
    let lab = Lab::memory();
    let mut writer = lab.writer();
    let trial = |k: u64, replicate: u64| {
        let mut made = Try::new(
            "train",
            json!({ "k": k, "weights": if k.is_multiple_of(2) { "uniform" } else { "distance" } }),
        )
        .metric("accuracy", 0.9 + k as f64 / 100.0 + replicate as f64 / 1000.0)
        .output(json!({ "slope": k as f64 / 2.0, "n": 10 * k }))
        .at((k * 10 + replicate) as i64)
        .cell(replicate * 3 + (k - 1) / 2);
        made.replicate = Some(replicate);
        made.series = vec![(0, 1.0), (1, 0.5 / k as f64)];
        made
    };
    let all: Vec<Try> = (0..2).flat_map(|replicate| [1, 3, 5].map(|k| trial(k, replicate))).collect();
    let runs: Vec<_> = all.iter().map(Try::run).collect();
    let first = lab.open(&mut writer, "knn", 0, "train", &runs);
    for made in &all[..5] {
        lab.attempt(&mut writer, Some(first), made);
    }
    lab.attempt(&mut writer, Some(first), &all[5].clone().failed());
    lab.close(&mut writer, first, 5, 1);
    lab.open(&mut writer, "reuse", 100, "train", &runs[..2]);
    let mut scored = Try::new("score", json!({ "model": { "depth": 3 } })).output(json!(0.75)).at(200);
    scored.artifact = Some("report");
    let third = lab.open(&mut writer, "score", 200, "score", &[scored.run()]);
    lab.attempt(&mut writer, Some(third), &scored);
    writer.commit().unwrap();
    lab
}

/// The [`history`](super::pipeline::history) of a workflow.
fn graph() -> Lab {
    let lab = Lab::memory();
    for mut writer in super::pipeline::history(&lab) {
        writer.commit().unwrap();
    }
    lab
}

#[test]
fn questions_have_their_answers() {
    check("runs.slt", &lab());
}

#[test]
fn questions_about_workflows_have_their_answers() {
    check("graph.slt", &graph());
}

fn check(file: &str, lab: &Lab) {
    written::check(&format!("tests/sql/{file}"), lab, |session, text| {
        let mut new = String::new();
        for block in blocks(text) {
            let Some((head, rest)) = block.split_once('\n').filter(|(head, _)| !head.starts_with('#')) else {
                new.push_str(&format!("{block}\n\n"));
                continue;
            };
            let sql = rest.split("\n----").next().unwrap();
            let answer = futures::executor::block_on(session.sql(sql));
            let found = match (head, answer) {
                ("query", Ok(answer)) => answer.to_table(None).unwrap(),
                ("error", Err(error)) => format!("{error}\n"),
                (_, Ok(answer)) => panic!("{file}: {sql} gave\n{}", answer.to_table(None).unwrap()),
                (_, Err(error)) => panic!("{file}: {sql}: {error}"),
            };
            new.push_str(&format!("{head}\n{sql}\n----\n{}\n\n", found.trim_end()));
        }
        format!("{}\n", new.trim_end())
    });
}

/// The blocks of a file. An answer may hold blank lines, so only those before the head of a block separate.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut blank = true;
    for line in text.lines() {
        if blank && (line == "query" || line == "error" || line.starts_with('#')) {
            blocks.push(String::new());
        }
        blank = line.is_empty();
        if let Some(block) = blocks.last_mut() {
            block.push_str(line);
            block.push('\n');
        }
    }
    blocks.iter().map(|block| block.trim_end().to_owned()).collect()
}
