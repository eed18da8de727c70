//! Why runs are what they are, what would run, and graphs.

use std::collections::BTreeSet;

use metalab::experiment::Experiment;
use metalab::id::RunId;
use metalab::index::{Glance, Index};
use metalab::inputs::{Gathered, Input, Upstream};
use metalab::inspect::{
    EdgeKind, Forecast, Graph, NodeKind, forecast, forecast_last, lineage, steps_of, steps_of_plan, why,
};
use metalab::params::{Random, uniform};
use metalab::plan::Rerun;
use metalab::results::Results;
use metalab::store::Store;
use metalab::{SeedBundle, seeds};

use crate::lab::run;

#[metalab::operation(code = "manual")]
pub(crate) fn clean(threshold: f64) -> Vec<i64> {
    (0..10).filter(|x| f64::from(*x as i32) >= threshold).collect()
}

#[metalab::operation(code = "manual")]
fn fit(data: Input<Vec<i64>>, k: i64, seeds: &SeedBundle) -> i64 {
    data.iter().sum::<i64>() * k + seeds.replicate() as i64
}

#[metalab::operation(code = "manual")]
fn summary(scores: Gathered<i64>) -> i64 {
    scores.iter().map(|score| **score).sum()
}

fn pipeline(thresholds: &[f64], ks: &[i64]) -> Experiment {
    let mut exp = Experiment::new("pipeline", "1").seeds(seeds(1));
    let data = exp.step(Clean::grid().threshold(thresholds));
    let model = exp.step(Fit::grid().data(&data).k(ks));
    exp.step(Summary::grid().scores(model.gather()));
    exp
}

pub(crate) fn ids(results: &Results, step: &str) -> Vec<RunId> {
    results.step(step).iter().map(|run| run.unwrap().id()).collect()
}

#[test]
fn why_confirms_runs_with_inputs_and_names_where_those_came_from() {
    let store = Store::memory().unwrap();
    let results = run(pipeline(&[2.0, 5.0], &[1, 3]), &store);
    let glance = Glance::at(&store).unwrap();
    let clean = ids(&results, "clean")[0].short();
    for run in results.iter() {
        let found = why(&glance, &run.unwrap().id(), None).unwrap();
        assert!(found.confirmed, "{found:?}");
    }
    let found = why(&glance, &ids(&results, "fit")[0], None).unwrap();
    let input = &found.hashed.iter().find(|(name, _)| name == "input data").unwrap().1;
    assert!(input.ends_with(&format!("from run {clean} of metalab-engine::clean")), "{input}");
    let found = why(&glance, &ids(&results, "summary")[0], None).unwrap();
    let inputs: Vec<_> = found.hashed.iter().filter(|(name, _)| name.starts_with("input")).collect();
    assert_eq!((inputs.len(), inputs[0].1.as_str()), (1 + 4, "4 values"));
    assert!(inputs[1].0.contains("k: 1") && inputs[1].0.contains("threshold: 2.0"), "{inputs:?}");
}

#[test]
fn differences_are_followed_to_their_first_cause() {
    let store = Store::memory().unwrap();
    let results = run(pipeline(&[2.0, 5.0], &[1, 3]), &store);
    let other = run(pipeline(&[2.0, 7.0], &[1, 3]), &store);
    let glance = Glance::at(&store).unwrap();
    let fits = ids(&results, "fit");
    let (cleans, short) = (ids(&results, "clean"), |run: &RunId| run.short());
    let found = why(&glance, &fits[0], Some(&fits[2])).unwrap();
    let text: Vec<String> = found.differences.iter().map(ToString::to_string).collect();
    assert_eq!(text.len(), 1, "{text:?}");
    let end = format!(
        ", made by run {} and run {}, which part at:\n  argument threshold: 2.0 -> 5.0",
        short(&cleans[0]),
        short(&cleans[1])
    );
    assert!(text[0].starts_with("input data: ") && text[0].ends_with(&end), "{text:?}");
    // Both the argument and the input differ: both are named.
    let found = why(&glance, &fits[0], Some(&fits[3])).unwrap();
    let parts: Vec<_> = found.differences.iter().map(|difference| difference.part.as_str()).collect();
    assert_eq!(parts, ["argument k", "input data"]);
    // Two reports, three steps apart: values of the gather that are there in one only, and nothing twice.
    let found = why(&glance, &ids(&results, "summary")[0], Some(&ids(&other, "summary")[0])).unwrap();
    let text: Vec<String> = found.differences.iter().map(ToString::to_string).collect();
    assert_eq!(text.len(), 4, "{text:?}");
    assert_eq!(text.iter().filter(|line| line.contains("was not there")).count(), 2, "{text:?}");
}

#[metalab::operation(code = "manual")]
fn widen(data: Input<Vec<i64>>) -> Vec<i64> {
    data.iter().map(|x| x * 2).collect()
}

#[test]
fn causes_lie_several_steps_back_and_are_told_once() {
    let store = Store::memory().unwrap();
    let mut exp = Experiment::new("deep", "1").seeds(seeds(1));
    let data = exp.step(Clean::grid().threshold([2.0, 5.0]));
    let wide = exp.step(Widen::grid().data(&data));
    let wider = exp.step(Widen::grid().data(&wide).named("wider"));
    exp.step(Fit::grid().data(&wider).k(1));
    let results = run(exp, &store);
    let fits = ids(&results, "fit");
    let found = why(&Glance::at(&store).unwrap(), &fits[0], Some(&fits[1])).unwrap();
    let text = found.differences[0].to_string();
    assert_eq!(text.matches("which part at").count(), 3, "{text}");
    assert!(text.ends_with("\n      argument threshold: 2.0 -> 5.0"), "{text}");
}

fn steps(forecast: &Forecast) -> Vec<(Option<u64>, u64, u64)> {
    let cells = |known: bool, cells| known.then_some(cells);
    forecast.steps.iter().map(|step| (cells(step.known, step.cells), step.runs, step.waits)).collect()
}

#[test]
fn a_forecast_tells_what_waits_and_why() {
    let store = Store::memory().unwrap();
    let first = forecast(&store, &pipeline(&[2.0], &[1]), &Rerun::Never).unwrap();
    assert_eq!(steps(&first), [(Some(1), 1, 0), (Some(1), 0, 1), (Some(1), 0, 1)]);
    assert_eq!((first.runs, first.most_runs), (1, Some(3)));
    assert_eq!(first.steps[2].waits_for, ["fit"]);
    assert_eq!(first.steps[0].reasons[0].to_string(), "the experiment was not asked for before");
    run(pipeline(&[2.0], &[1]), &store);
    let same = forecast(&store, &pipeline(&[2.0], &[1]), &Rerun::Never).unwrap();
    assert_eq!((same.runs, same.most_runs), (0, Some(0)));
    assert!(same.steps.iter().all(|step| step.reasons.is_empty()));

    let more = forecast(&store, &pipeline(&[2.0, 5.0], &[1]), &Rerun::Never).unwrap();
    assert_eq!(steps(&more), [(Some(2), 1, 0), (Some(2), 0, 1), (Some(1), 0, 1)]);
    let reasons =
        |step: usize| -> Vec<String> { more.steps[step].reasons.iter().map(ToString::to_string).collect() };
    assert_eq!(reasons(0), ["argument threshold: 5.0 (was not there)"]);
    assert_eq!(reasons(1), ["input `data` of step `clean` would be new"]);
    assert_eq!(reasons(2), ["input `scores` of step `fit` may be new"]);
    let text = more.to_string();
    assert!(
        text.starts_with("pipeline: 5 cells, 2 reused, 1 to run, 2 not known yet: at most 3 runs"),
        "{text}"
    );
    assert!(
        text.contains("\n    waits for: clean\n    because: input `data` of step `clean` would be new"),
        "{text}"
    );

    let known = forecast(&store, &pipeline(&[2.0], &[1, 4]), &Rerun::Never).unwrap();
    assert_eq!(steps(&known), [(Some(1), 0, 0), (Some(2), 1, 0), (Some(1), 0, 1)]);
    assert_eq!(known.steps[1].reasons[0].to_string(), "argument k: 4 (was not there)");
    let seeded = forecast(&store, &pipeline(&[2.0], &[1]).seeds(seeds(9)), &Rerun::Never).unwrap();
    assert_eq!(seeded.steps[1].reasons[0].to_string(), "seed: base: 1 -> 9");
}

#[metalab::operation(code = "manual")]
fn draw(x: f64, k: i64) -> f64 {
    x * k as f64
}

#[test]
fn a_forecast_tells_what_changed_in_a_sample() {
    let store = Store::memory().unwrap();
    let exp = |design: Random, high: f64, ks: &[i64]| {
        Experiment::new("drawn", "1").sweep(Draw::sample(design).x(uniform(0.0, high)).k(ks))
    };
    run(exp(Random::new(3).seed(1), 1.0, &[1, 2]), &store);
    let reasons = |experiment: Experiment| -> Vec<String> {
        let forecast = forecast(&store, &experiment, &Rerun::Never).unwrap();
        forecast.steps[0].reasons.iter().map(ToString::to_string).collect()
    };
    assert!(reasons(exp(Random::new(3).seed(1), 1.0, &[1, 2])).is_empty());
    assert_eq!(reasons(exp(Random::new(5).seed(1), 1.0, &[1, 2])), ["sample sets: 3 -> 5"]);
    let all = reasons(exp(Random::new(3).seed(2), 2.0, &[1, 2, 3]));
    let expected = [
        "sample seed: 1 -> 2",
        "argument k: 1, 2 -> 1, 2, 3",
        "argument x: uniform(0.0, 1.0) -> uniform(0.0, 2.0)",
    ];
    assert_eq!(all, expected);
    let grid = Experiment::new("drawn", "1").sweep(Draw::grid().x(0.25).k(1));
    assert_eq!(reasons(grid), ["a grid instead of a sample"]);
    // The manifests tell the same.
    run(exp(Random::new(3).seed(2), 2.0, &[1, 2, 3]), &store);
    let manifests = metalab::manifest::manifests(&store, "drawn").unwrap();
    let diff = manifests[0].diff(&manifests[1]).to_string();
    for line in expected {
        assert!(diff.contains(&format!("step draw: {line}")), "{diff}");
    }
}

#[metalab::operation(code = "manual")]
fn pick(count: u64) -> Vec<CleanParams> {
    (0..count).map(|x| CleanParams { threshold: x as f64 }).collect()
}

#[metalab::operation(code = "manual")]
fn stop(count: u64) -> metalab::Result<Vec<CleanParams>> {
    Err(format!("{count} is enough"))?
}

#[test]
fn a_forecast_says_which_cells_are_not_known() {
    let store = Store::memory().unwrap();
    let exp = || {
        let mut exp = Experiment::new("listed", "1").seeds(seeds(1));
        let list = exp.step(Pick::grid().count(3));
        let data = exp.step(Clean::list_from(&list));
        exp.step(Fit::grid().data(&data).k(1));
        exp
    };
    let unknown = forecast(&store, &exp(), &Rerun::Never).unwrap();
    assert_eq!(steps(&unknown), [(Some(1), 1, 0), (None, 0, 0), (None, 0, 0)]);
    assert_eq!(unknown.most_runs, None);
    assert_eq!(
        (&unknown.steps[1].waits_for, &unknown.steps[2].waits_for),
        (&vec!["pick".into()], &vec!["clean".into()])
    );
    assert!(
        unknown.to_string().contains("without the cells of clean, fit, which are not known yet"),
        "{unknown}"
    );
    run(exp(), &store);
    let known = forecast(&store, &exp(), &Rerun::Never).unwrap();
    assert_eq!(steps(&known), [(Some(1), 0, 0), (Some(3), 0, 0), (Some(3), 0, 0)]);

    // The same from the store alone, of an experiment that did not come far.
    let mut failed = Experiment::new("failed", "1").seeds(seeds(1));
    let list = failed.step(Stop::grid().count(3));
    let data = failed.step(Clean::list_from(&list));
    failed.step(Fit::grid().data(&data).k(1));
    run(failed, &store);
    let last = forecast_last(&store, &Index::load(&store).unwrap(), "failed").unwrap();
    assert_eq!(steps(&last), [(Some(1), 1, 0), (None, 0, 0), (None, 0, 0)]);
    assert_eq!(last.steps[1].waits_for, ["stop"]);
    let last = forecast_last(&store, &Index::load(&store).unwrap(), "listed").unwrap();
    assert_eq!((last.runs, last.most_runs), (0, Some(0)));
}

#[metalab::operation(code = "manual")]
fn add(a: Input<i64>, b: Input<i64>) -> i64 {
    *a + *b
}

fn edges(graph: &Graph) -> BTreeSet<(String, String, String, bool)> {
    let name = |node: usize| graph.nodes[node].name.clone();
    let edges = graph.edges.iter();
    edges
        .map(|edge| (name(edge.from), name(edge.to), edge.label.clone(), edge.kind == EdgeKind::Many))
        .collect()
}

#[test]
fn the_steps_are_drawn_from_the_experiment_and_from_the_store() {
    let store = Store::memory().unwrap();
    let one = run(pipeline(&[2.0], &[1]), &store);
    let exp = || {
        let mut exp = Experiment::new("drawn", "2").seeds(seeds(1));
        let data = exp.step(Clean::grid().threshold([2.0, 5.0]));
        let fits = exp.step(Fit::grid().data(&data).k([1, 2]));
        let sums = exp.step(Summary::grid().scores(fits.gather().over(["k"])));
        exp.step(Add::grid().a(&sums).b(sums.cross()).named("all"));
        exp.step(Add::grid().a(&sums).b(Upstream::run(ids(&one, "fit")[0].to_string())).named("old"));
        exp
    };
    let planned = steps_of_plan(&store, &exp()).unwrap();
    run(exp(), &store);
    assert_eq!(steps_of(&store, &Index::load(&store).unwrap(), "drawn").unwrap(), planned);
    assert_eq!(planned.title, "drawn 2");
    assert_eq!(planned.nodes[1].detail, "metalab-engine::fit, 4 cells");
    let expected = [
        ("clean", "fit", "data", false),
        ("fit", "summary", "scores (gather over k)", true),
        ("summary", "all", "a", false),
        ("summary", "all", "b (cross)", false),
        ("summary", "old", "a", false),
    ];
    let found = edges(&planned);
    for (from, to, label, many) in expected {
        assert!(
            found.contains(&(from.into(), to.into(), label.into(), many)),
            "{from} {to} {label}: {found:?}"
        );
    }
    assert_eq!((planned.nodes.len(), planned.nodes[5].kind), (6, NodeKind::Value));
    for text in [planned.to_dot(), planned.to_mermaid(), planned.to_svg()] {
        assert!(text.contains("summary") && text.contains("gather over k"), "{text}");
    }
    let svg = planned.to_svg();
    assert_eq!(svg.matches("rx=").count(), 6);
    assert_eq!(svg.matches("marker-end").count(), 5, "two arrows between two boxes are one");
}

#[test]
fn a_run_is_drawn_with_what_it_was_made_from_and_what_was_made_from_it() {
    let store = Store::memory().unwrap();
    let results = run(pipeline(&[2.0, 5.0], &[1, 3]), &store);
    let index = Index::load(&store).unwrap();
    let focus = ids(&results, "fit")[0];
    let graph = lineage(&store, &index, &focus, 3).unwrap();
    assert_eq!(graph.nodes.len(), 3, "{graph:?}");
    assert_eq!(graph.nodes[0].kind, NodeKind::Focus);
    assert_eq!(graph.nodes[0].detail, "k=1 rep 0");
    let of = |step: &str, at: usize| format!("{step} {}", ids(&results, step)[at].short());
    let expected = [
        (of("clean", 0), of("fit", 0), "data".to_owned(), false),
        (of("fit", 0), of("summary", 0), "scores".to_owned(), true),
    ];
    assert_eq!(edges(&graph), BTreeSet::from(expected));
    let up = lineage(&store, &index, &ids(&results, "summary")[0], 1).unwrap();
    assert_eq!(up.nodes.len(), 5);
    assert_eq!(lineage(&store, &index, &ids(&results, "summary")[0], 2).unwrap().nodes.len(), 7);
    let down = lineage(&store, &index, &ids(&results, "clean")[0], 2).unwrap();
    assert_eq!(down.nodes.len(), 1 + 2 + 1);
    assert!(lineage(&store, &index, &RunId(metalab_cas::Digest::of(b"nobody")), 1).is_err());
    // Of many, some are drawn and the others counted.
    let many: Vec<i64> = (0..40).collect();
    let results = run(pipeline(&[2.0], &many), &store);
    let graph = lineage(&store, &Index::load(&store).unwrap(), &ids(&results, "summary")[0], 1).unwrap();
    assert_eq!(graph.nodes.len(), 1 + 12 + 1);
    assert!(graph.nodes.iter().any(|node| node.name == "28 more" && node.kind == NodeKind::More));
}
