//! Commands about experiments of several steps.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use metalab_engine::inputs::{Gathered, Input};
use metalab_engine::{Capture, Experiment};

use crate::lab::{Lab, perform};
use crate::program::{program, tell};
use crate::transcripts::Transcript;

#[metalab_engine::operation(code = "manual")]
fn prepare(threshold: f64) -> Vec<i64> {
    (0..10).filter(|x| f64::from(*x as i32) >= threshold).collect()
}

#[metalab_engine::operation(code = "manual")]
fn fit(data: Input<Vec<i64>>, k: i64, capture: &Capture) -> i64 {
    capture.metric("size", data.len() as i64);
    data.iter().sum::<i64>() * k
}

#[metalab_engine::operation(code = "manual")]
fn report(scores: Gathered<i64>) -> i64 {
    scores.iter().map(|score| **score).sum()
}

fn pipeline(thresholds: &[f64], ks: &[i64]) -> Experiment {
    let mut exp = Experiment::new("pipeline", "1");
    let data = exp.step(Prepare::grid().threshold(thresholds));
    let models = exp.step(Fit::grid().data(&data).k(ks));
    exp.step(Report::grid().scores(models.gather().over(["k"])));
    exp
}

/// Ids of the runs of a step, in the order of its cells.
fn ids(results: &metalab_engine::results::Results, step: &str) -> Vec<String> {
    results.step(step).iter().map(|run| run.unwrap().id().short()).collect()
}

#[test]
fn questions_about_a_workflow() {
    let lab = Lab::empty();
    let results = perform(pipeline(&[2.0, 5.0], &[1, 3]), &lab.store());
    let (fits, reports) = (ids(&results, "fit"), ids(&results, "report"));
    let mut transcript = Transcript::new("workflow");
    for line in [
        &["why", &fits[0]][..],
        &["why", &fits[0], &fits[2]],
        &["why", &reports[0]],
        &["why", &reports[0], &reports[1]],
        &["plan", "pipeline"],
        &["graph", "pipeline"],
        &["graph", "pipeline", "--format", "mermaid"],
        &["graph", "--run", &fits[0], "--depth", "1", "--format", "mermaid"],
        &["graph", "pipelines"],
        &["graph"],
    ] {
        transcript.add(line, &lab.tell(line));
    }
    let larger = program(vec![pipeline(&[2.0, 5.0, 7.0], &[1, 3])]);
    for line in
        [&["plan", "pipeline"][..], &["plan", "pipeline", "--format", "json"], &["verify", "--replay", "3"]]
    {
        transcript.add(line, &tell(&lab, &larger, line));
    }
    transcript.check();
}

#[test]
fn an_experiment_is_drawn_before_it_has_run() {
    let lab = Lab::empty();
    let one = program(vec![pipeline(&[2.0], &[1])]);
    let drawn = tell(&lab, &one, &["graph"]).ok();
    assert!(
        drawn.contains("scores (gather over k)") && drawn.contains("metalab-cli::fit, 1 cell"),
        "{drawn}"
    );
    assert!(!lab.path("runs").exists(), "drawing makes no store");
    tell(&lab, &one, &["graph", "pipeline", "-o", "DIR/steps.svg"]).ok();
    let svg = std::fs::read_to_string(lab.path("steps.svg")).unwrap();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
    tell(&lab, &one, &["graph", "-o", "DIR/steps.mmd"]).ok();
    assert!(std::fs::read_to_string(lab.path("steps.mmd")).unwrap().starts_with("flowchart LR\n"));
    let json = tell(&lab, &one, &["graph", "--format", "json"]).ok();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["edges"][1]["kind"], &json["nodes"][0]["kind"]), (&"many".into(), &"step".into()));
    assert_eq!(tell(&lab, &one, &["graph", "-o", "DIR/steps.svg"]).code, 1, "nothing is overwritten");
}

static RESTLESS: AtomicBool = AtomicBool::new(false);
static TICKS: AtomicU64 = AtomicU64::new(0);

#[metalab_engine::operation(code = "manual")]
fn measure(x: u64) -> u64 {
    x + if RESTLESS.load(Ordering::SeqCst) { TICKS.fetch_add(1, Ordering::SeqCst) + 1 } else { 0 }
}

#[test]
fn verify_compares_and_its_exit_code_tells() {
    let lab = Lab::empty();
    let exp = || Experiment::new("measured", "1").sweep(Measure::grid().x([1, 2, 3, 4]));
    let both = program(vec![exp(), pipeline(&[2.0], &[1])]);
    let nothing = tell(&lab, &program(vec![exp()]), &["verify"]);
    assert_eq!(nothing.code, 3, "there is no store: {nothing:?}");
    let results = perform(exp(), &lab.store());
    let nothing = tell(&lab, &both, &["verify", "pipeline"]);
    assert!(nothing.code == 1 && nothing.err.contains("`pipeline` has no finished run"), "{nothing:?}");
    let told = tell(&lab, &both, &["verify", "--replay", "50%"]).ok();
    assert_eq!(
        told, "measured: 2 runs executed again, 2 equal\n",
        "experiments without runs are not submitted"
    );
    let wrong = tell(&lab, &both, &["verify", "--operation", "mesure"]);
    assert!(wrong.code == 1 && wrong.err.contains("no finished run of an operation `mesure`"), "{wrong:?}");

    RESTLESS.store(true, Ordering::SeqCst);
    let run = &ids(&results, "measure")[2];
    let differs = tell(&lab, &both, &["verify", "measured", "--run", run]);
    RESTLESS.store(false, Ordering::SeqCst);
    assert_eq!(differs.code, 1);
    assert!(
        differs.out.contains(&format!("{run} (metalab-cli::measure) differs\n    output: ")),
        "{differs:?}"
    );
    assert!(differs.err.contains("1 of 1 runs did not come out as they did"), "{differs:?}");
    let json = tell(&lab, &both, &["verify", "--replay", "100%", "--format", "json"]).ok();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["equal"], &json["experiments"][0]["checked"]), (&true.into(), &4.into()));

    let other = lab.tell(&["verify"]);
    assert!(other.code == 2 && other.err.contains("metalab::main_with"), "{other:?}");
}
