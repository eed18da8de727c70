//! A workflow of four steps, as the records that a driver would write of it.
//!
//! `prepare` (2 thresholds) -> `fit` (2 ks, 2 replicates) -> `score` (takes no seeds) -> `report` (gathers all scores).
//! With k = 1 a model does not depend on its data, so that both thresholds share the run of `score`.

use std::collections::BTreeSet;

use metalab_engine::id::RunId;
use metalab_engine::journal::Writer;
use serde_json::json;

use super::lab::{From, Lab, Step, Try};

pub(crate) const THRESHOLDS: [f64; 2] = [0.0, 5.0];

/// All tries of the workflow by step and cell; `shift` is what `prepare` adds for the first threshold.
pub(crate) fn tries(prepare: &'static str, shift: f64) -> [Vec<Try>; 4] {
    let prepared: Vec<Try> = THRESHOLDS
        .iter()
        .map(|threshold| {
            let output = if *threshold == 0.0 { shift } else { *threshold };
            Try::new(prepare, json!({ "threshold": threshold })).output(json!(output))
        })
        .collect();
    let cells = || (0..8_usize).map(|cell| (cell / 4, cell / 2 % 2, cell % 2 + 1));
    let fitted = cells().map(|(replicate, threshold, k)| {
        let data = prepared[threshold].output.as_ref().unwrap().as_f64().unwrap();
        let output = if k == 1 { replicate as f64 } else { 100.0 + data + replicate as f64 };
        let mut made = Try::new("train", json!({ "k": k }))
            .output(json!(output))
            .input(From::Run("data", prepared[threshold].clone()));
        made.replicate = Some(replicate as u64);
        made
    });
    let fitted: Vec<Try> = fitted.collect();
    let scored = fitted.iter().map(|model| {
        let output = model.output.as_ref().unwrap().as_f64().unwrap() / 2.0;
        let made = Try::new("score", json!({})).output(json!(output)).metric("quality", output);
        made.input(From::Run("model", model.clone()))
    });
    let scored: Vec<Try> = scored.collect();
    let parts = cells().zip(&scored).map(|((replicate, threshold, k), score)| {
        (json!({ "replicate": replicate, "threshold": THRESHOLDS[threshold], "k": k }), score.clone())
    });
    let report =
        Try::new("report", json!({})).output(json!(shift)).input(From::Gather("scores", parts.collect()));
    let mut all = [prepared, fitted, scored, vec![report]];
    for (step, tries) in all.iter_mut().enumerate() {
        for (cell, made) in tries.iter_mut().enumerate() {
            (made.step, made.cell) = (step as u32, cell as u64);
        }
    }
    all
}

/// The steps of the workflow, with all runs.
pub(crate) fn steps(tries: &[Vec<Try>; 4]) -> [Step; 4] {
    let step = |number: usize, name, replicates, dimensions| Step {
        name,
        template: tries[number][0].template,
        replicates,
        cells: tries[number].len() as u64,
        runs: tries[number].iter().map(Try::run).collect(),
        dimensions,
        has_inputs: number > 0,
        tags: vec![],
    };
    let threshold = || ("prepare.threshold", 2, THRESHOLDS.map(|x| json!(x)).to_vec());
    [
        step(0, "prepare", 1, vec![]),
        step(1, "fit", 2, vec![threshold()]),
        step(2, "score", 2, vec![threshold(), ("fit.k", 1, vec![json!(1), json!(2)])]),
        step(3, "report", 1, vec![]),
    ]
}

/// The records of a submission of the workflow, each in a writer of its own that has not committed: the opening, an
/// attempt of each run that is not `done`, what became known of the cells, the closing.
pub(crate) fn submission(
    lab: &Lab,
    experiment: &str,
    at: i64,
    tries: &[Vec<Try>; 4],
    done: &mut BTreeSet<RunId>,
) -> Vec<Writer> {
    let steps = steps(tries);
    let mut unknown = steps.clone();
    unknown[1..].iter_mut().for_each(|step| step.runs.clear());
    let mut first = lab.writer();
    let name = lab.open_steps(&mut first, experiment, at, &unknown);
    let mut writers = vec![first];
    let mut time = at;
    for made in tries.iter().flatten() {
        if done.insert(made.run()) {
            time += 1;
            let mut writer = lab.writer();
            lab.attempt(&mut writer, Some(name), &made.clone().at(time));
            writers.push(writer);
        }
    }
    for (number, step) in steps.iter().enumerate().skip(1) {
        let mut writer = lab.writer();
        lab.resolve(&mut writer, name, number as u32, step);
        writers.push(writer);
    }
    let mut writer = lab.writer();
    lab.close(&mut writer, name, 17, 0);
    writers.push(writer);
    writers
}

/// What three submissions say: the workflow, the same with a `prepare` that gives another first data set, and another
/// experiment of the same steps, which finds everything done.
pub(crate) fn history(lab: &Lab) -> Vec<Writer> {
    let mut done = BTreeSet::new();
    let mut writers = submission(lab, "pipe", 0, &tries("prepare", 1.0), &mut done);
    writers.extend(submission(lab, "pipe", 100, &tries("prepare2", 2.0), &mut done));
    writers.extend(submission(lab, "again", 200, &tries("prepare2", 2.0), &mut done));
    writers
}
