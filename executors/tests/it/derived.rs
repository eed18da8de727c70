//! Derived metrics in worker processes.

use metalab::Capture;
use metalab::results::RunResult;
use metalab_engine::Experiment;
use metalab_engine::derived::{Derive, Description, Metrics};
use metalab_engine::record::Outcome;
use metalab_engine::running::RunError;

use crate::lab::{Lab, processes, run, runner};

#[metalab::operation]
fn weigh(x: u64, capture: &Capture) -> Vec<f64> {
    capture.metric("weight", x * 10);
    capture.artifact_bytes("large", vec![x as u8; 300_000]);
    vec![x as f64; 1000]
}

#[metalab::operation]
fn add(before: metalab::Input<Vec<f64>>, y: u64) -> f64 {
    before[0] + y as f64
}

/// The process, the sizes of what is only in memory, and a coordinate of another step.
#[metalab::derived]
fn seen(run: &RunResult) -> metalab::Result<Metrics> {
    let metrics = Metrics::new().with("process", std::process::id());
    Ok(match run.step() {
        "weigh" => metrics
            .with("length", run.output_of::<Weigh>()?.len())
            .with("bytes", run.artifact("large")?.len())
            .with("per", run.metric_f64("weight")? / run.param::<f64>("x")?),
        _ => metrics.with("behind", run.param::<u64>("weigh.x")?),
    })
}

#[metalab::derived]
fn panics(run: &RunResult) -> f64 {
    panic!("told to panic by {}", run.step())
}

/// Not registered: workers do not know it.
struct Unknown;

impl Derive for Unknown {
    fn describe() -> Description {
        Description::new("tests", "unknown", "1", metalab::code::Code::manual())
    }

    fn call(_: &RunResult) -> metalab::Result<Metrics> {
        Ok(Metrics::new())
    }
}

fn experiment() -> Experiment {
    let mut experiment = Experiment::new("derived", "1");
    let weigh = experiment.step(Weigh::grid().x([2_u64, 4]));
    experiment.step(Add::grid().y([1_u64]).before(&weigh));
    experiment
}

#[test]
fn workers_derive_in_their_processes() {
    let lab = Lab::new();
    let store = lab.store();
    let results = run(experiment().derive(Seen).derive(Panics), &store, &processes(2));
    let summary = results.summary().unwrap();
    assert_eq!((summary.succeeded, summary.failed, summary.derived_failed), (4, 0, 4));
    for run in &results {
        let run = run.unwrap();
        assert_eq!(run.outcome(), Some(Outcome::Succeeded));
        assert_ne!(run.derived_f64("process").unwrap(), f64::from(std::process::id()), "in a worker");
        assert!(run.derived_records()[1].error.as_ref().unwrap().chain[0].contains("told to panic by"));
        match run.step() {
            "weigh" => {
                assert_eq!(run.derived_f64("length").unwrap(), 1000.0);
                assert_eq!(run.derived_f64("bytes").unwrap(), 300_000.0);
                assert_eq!(run.derived_f64("per").unwrap(), 10.0);
            }
            _ => assert_eq!(run.derived_f64("behind").unwrap(), run.param::<f64>("weigh.x").unwrap()),
        }
    }
}

#[test]
fn functions_that_workers_do_not_know_are_refused_before_anything_runs() {
    let lab = Lab::new();
    let store = lab.store();
    match runner(experiment().derive(Unknown), &store, &processes(1)).start() {
        Err(RunError::Executor { reason, .. }) => assert!(reason.contains("`tests::unknown`"), "{reason}"),
        other => panic!("not refused: {other:?}"),
    }
}
