//! How long a run takes at most: a hint that is kept and shown, and changes no run.

use std::time::Duration;

use metalab::experiment::Experiment;
use metalab::index::Index;
use metalab::inspect::{Forecast, forecast, forecast_last};
use metalab::manifest::manifests;
use metalab::operation::Operation;
use metalab::plan::Rerun;
use metalab::schedule::Resources;
use metalab::store::Store;

use crate::lab::run;

#[metalab::operation(time = "2h", cpus = 2)]
fn simulate(x: u64) -> metalab::Result<u64> {
    if x == 7 { Err("no steady state".into()) } else { Ok(x) }
}

#[metalab::operation(time = "90 s")]
fn seconds(x: u64) -> u64 {
    x
}

#[metalab::operation(time = "30min")]
fn minutes(x: u64) -> u64 {
    x
}

#[metalab::operation(time = "1d")]
fn days(x: u64) -> u64 {
    x
}

#[test]
fn all_units_are_read() {
    let said = [
        Seconds::describe().resources,
        Minutes::describe().resources,
        Simulate::describe().resources,
        Days::describe().resources,
    ];
    let seconds = said.map(|resources| resources.most_time().unwrap().as_secs());
    assert_eq!(seconds, [90, 1800, 7200, 86_400]);
    assert_eq!(Simulate::describe().resources.amount("cpus"), 2);
}

fn experiment(xs: &[u64]) -> Experiment {
    Experiment::new("hinted", "1").sweep(Simulate::grid().x(xs.to_vec()))
}

#[test]
fn a_plan_says_it_until_durations_are_recorded() {
    let store = Store::memory().unwrap();
    let planned = |xs: &[u64]| -> Forecast { forecast(&store, &experiment(xs), &Rerun::Never).unwrap() };
    let first = planned(&[1, 2, 3]);
    let line = "takes at most 2 h a run, by its `time`: 6 h for 3 runs one after another; no duration is recorded yet";
    assert!(first.to_string().contains(line), "{first}");
    assert_eq!(serde_json::to_value(&first).unwrap()["steps"][0]["most_time_s"], 7200.0);
    let one = planned(&[1]).to_string();
    assert!(one.contains("by its `time`; no duration"), "{one}");
    // A run that failed tells nothing.
    run(experiment(&[7]), &store);
    assert!(planned(&[7, 8]).to_string().contains("at most 2 h"));
    run(experiment(&[1]), &store).ok().unwrap();
    let more = planned(&[1, 2]);
    assert_eq!((more.runs, more.steps[0].most_time), (1, None), "{more}");
    let mean = more.steps[0].mean_time.unwrap();
    assert_eq!(serde_json::to_value(&more).unwrap()["steps"][0]["mean_time_s"], mean.as_secs_f64());
    assert!(!more.to_string().contains("takes"), "what takes no time is not worth a word: {more}");
    assert_eq!(planned(&[1]).steps[0].mean_time, None, "nothing would run");
    assert!(serde_json::to_value(&more).unwrap()["steps"][0].get("most_time_s").is_none());
    // The store alone does not know what operations say.
    assert_eq!(
        forecast_last(&store, &Index::load(&store).unwrap(), "hinted").unwrap().steps[0].most_time,
        None
    );
}

#[test]
fn it_is_kept_and_changes_no_run() {
    let store = Store::memory().unwrap();
    assert_eq!(run(experiment(&[1]), &store).summary().unwrap().succeeded, 1);
    let needs = Resources::default().cpus(1).time(Duration::from_nanos(1));
    let short = |xs: &[u64]| {
        let sweep = Simulate::grid().x(xs.to_vec()).resources(needs.clone());
        Experiment::new("hinted", "1").sweep(sweep)
    };
    let summary = run(short(&[1]), &store).summary().unwrap().clone();
    assert_eq!((summary.reused, summary.succeeded), (1, 0));
    // It is no limit.
    assert_eq!(run(short(&[1, 2]), &store).summary().unwrap().succeeded, 1);

    let needs = |time| Resources::default().time(Duration::from_secs(time));
    let asked = |time: u64| Experiment::new("kept", "1").sweep(Simulate::grid().x(1).resources(needs(time)));
    run(experiment(&[1]), &store);
    run(asked(60), &store);
    run(asked(5400), &store);
    let all = manifests(&store, "kept").unwrap();
    assert_eq!(all[0].steps[0].needs, needs(60));
    assert_eq!(all[0].diff(&all[1]).to_string(), "step simulate: needs time: 60s -> 5400s");
    let json: serde_json::Value = serde_json::from_str(&all[1].to_json()).unwrap();
    assert_eq!(json["steps"][0]["time_us"], 5_400_000_000_u64);
    // Made again from its manifest it is the same experiment.
    run(all[1].experiment().unwrap(), &store);
    assert_eq!(manifests(&store, "kept").unwrap()[2].digest, all[1].digest);
    let plain = &manifests(&store, "hinted").unwrap()[0];
    assert_eq!(plain.steps[0].needs.most_time(), Some(Duration::from_secs(7200)));
    assert!(!plain.steps[0].needs_of_step);
}
