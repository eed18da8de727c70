//! Workflows of several steps: what runs, what is reused, and why.

use std::collections::BTreeMap;

use metalab::experiment::Experiment;
use metalab::inputs::{Gathered, Input, Upstream};
use metalab::plan::{PlanError, Rerun, Verdict};
use metalab::results::Results;
use metalab::store::Store;
use metalab::{Capture, DirPath, FilePath, SeedBundle, seeds};

use crate::lab::{executed, log, outputs, refused, run, runner};

#[metalab::operation]
fn prepare(tag: String, threshold: f64) -> Vec<f64> {
    log(&tag, format!("prepare {threshold}"));
    (0..10).map(f64::from).filter(|x| *x >= threshold).collect()
}

#[metalab::operation]
fn train(tag: String, data: Input<Vec<f64>>, k: u64, seeds: &SeedBundle, capture: &Capture) -> f64 {
    log(&tag, format!("train {} {k} {}", data.len(), seeds.replicate()));
    capture.metric("size", data.len() as f64);
    data.iter().sum::<f64>() * k as f64 + seeds.replicate() as f64 / 10.0
}

#[metalab::operation]
fn evaluate(tag: String, model: Input<f64>, data: Input<Vec<f64>>) -> f64 {
    log(&tag, format!("evaluate {}", *model));
    *model / data.len() as f64
}

#[metalab::operation]
fn report(tag: String, scores: Gathered<f64>) -> Vec<(String, f64)> {
    log(&tag, format!("report {}", scores.len()));
    scores.iter().map(|score| (score.coordinates().to_string(), **score)).collect()
}

fn pipeline(tag: &str, thresholds: &[f64], ks: &[u64]) -> Experiment {
    let mut exp = Experiment::new("pipeline", "1").seeds(seeds(1).replicates(2));
    let data = exp.step(Prepare::grid().tag(tag).threshold(thresholds));
    let model = exp.step(Train::grid().tag(tag).data(&data).k(ks));
    let score = exp.step(Evaluate::grid().tag(tag).model(&model).data(&data));
    exp.step(Report::grid().tag(tag).scores(score.gather()));
    exp
}

#[test]
fn a_pipeline_runs_once_and_only_what_is_new_runs_again() {
    let tag = "pipeline";
    let store = Store::memory().unwrap();
    let results = run(pipeline(tag, &[0.0, 5.0], &[1, 2]), &store);
    assert_eq!(results.len(), 2 + 8 + 8 + 1);
    assert_eq!(executed(tag).len(), 19);
    assert_eq!(results.failed().len(), 0);
    // The same again: nothing.
    let again = run(pipeline(tag, &[0.0, 5.0], &[1, 2]), &store);
    assert!(executed(tag).is_empty());
    assert_eq!(again.summary().unwrap().reused, 19);
    // One k more: its models, their evaluations, and the report.
    run(pipeline(tag, &[0.0, 5.0], &[1, 2, 3]), &store);
    let new = executed(tag);
    assert_eq!(new.iter().filter(|line| line.starts_with("train")).count(), 4, "{new:?}");
    assert_eq!(new.len(), 4 + 4 + 1);
    assert!(new.iter().all(|line| !line.starts_with("prepare")));
}

#[test]
fn cells_join_on_what_they_share_and_replicates_never_multiply() {
    let tag = "join";
    let store = Store::memory().unwrap();
    let results = run(pipeline(tag, &[0.0, 5.0], &[1, 2]), &store);
    for run in results.step("evaluate").iter() {
        let run = run.unwrap();
        let coordinates: BTreeMap<_, _> = run.coordinates().iter().cloned().collect();
        let threshold = coordinates["prepare.threshold"].as_f64().unwrap();
        let behind = results.upstream(&run).unwrap();
        assert_eq!(behind.iter().map(|run| run.step().to_owned()).collect::<Vec<_>>(), ["train", "prepare"]);
        let data: Vec<f64> = behind[1].output_of::<Prepare>().unwrap();
        assert_eq!(data[0], threshold, "the model and the data are of one preparation");
        assert_eq!(behind[0].replicate(), run.replicate());
        let model: f64 = behind[0].output().unwrap();
        assert_eq!(run.output::<f64>().unwrap(), model / data.len() as f64);
    }
    let report = results.step("report").iter().next().unwrap().unwrap();
    let lines: Vec<(String, f64)> = report.output().unwrap();
    assert_eq!(lines.len(), 8);
    assert!(lines[0].0.contains("threshold") && lines[0].0.contains("replicate"), "{lines:?}");
    assert_eq!(results.upstream(&report).unwrap().len(), 8);
    executed(tag);
}

#[test]
fn a_table_has_the_parameters_of_the_steps_before() {
    let store = Store::memory().unwrap();
    let results = run(pipeline("table", &[0.0, 5.0], &[1, 2]), &store);
    let groups = results.step("evaluate").group_by(&["prepare.threshold"]).unwrap();
    assert_eq!(groups.groups.iter().map(|group| group.count).collect::<Vec<_>>(), [4, 4]);
    let table = results.step("evaluate").rows().unwrap();
    assert!(table.columns.contains(&"train.k".to_owned()), "{:?}", table.columns);
    let loaded = Results::load(&store, "pipeline").unwrap();
    assert_eq!(loaded.step("evaluate").rows().unwrap(), table, "what a store keeps says the same");
    executed("table");
}

#[test]
fn the_cells_of_all_steps_are_known_from_the_journal_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs");
    let store = Store::create(path.to_str().unwrap()).unwrap();
    let results = run(pipeline("journal", &[0.0, 5.0], &[1, 2]), &store);
    std::fs::remove_dir_all(path.join("index")).unwrap();
    let loaded = Results::load(&store, "pipeline").unwrap();
    assert_eq!(loaded.len(), 19);
    assert_eq!(loaded.rows().unwrap(), results.rows().unwrap());
    executed("journal");
}

#[metalab::operation]
fn noisy_parity(tag: String, x: i64) -> i64 {
    log(&tag, format!("parity {x}"));
    x % 2
}

#[metalab::operation]
fn describe(tag: String, parity: Input<i64>) -> String {
    log(&tag, format!("describe {}", *parity));
    if *parity == 0 { "even".into() } else { "odd".into() }
}

#[test]
fn equal_outputs_cut_the_chain_off() {
    let tag = "cut";
    let store = Store::memory().unwrap();
    let exp = |xs: &[i64]| {
        let mut exp = Experiment::new("cut", "1");
        let parity = exp.step(NoisyParity::grid().tag(tag).x(xs));
        exp.step(Describe::grid().tag(tag).parity(&parity));
        exp
    };
    let results = run(exp(&[1, 2, 3]), &store);
    assert_eq!(executed(tag), ["describe 0", "describe 1", "parity 1", "parity 2", "parity 3"]);
    assert_eq!(results.step("describe").len(), 3, "cells keep their own coordinates");
    let results = run(exp(&[5, 6]), &store);
    assert_eq!(executed(tag), ["parity 5", "parity 6"]);
    assert_eq!(results.summary().unwrap().cut_off, 2);
    assert_eq!(results.summary().unwrap().reused, 2);
    let texts: Vec<String> =
        results.step("describe").iter().map(|run| run.unwrap().output().unwrap()).collect();
    assert_eq!(texts, ["odd", "even"]);
    // Forced again: the outputs come out equal, and what follows is reused.
    let again = runner(exp(&[5, 6]), &store).rerun(Rerun::matching(|cell| cell.step == "noisy_parity"));
    let again = again.start().unwrap().wait().unwrap();
    assert_eq!(executed(tag), ["parity 5", "parity 6"]);
    assert_eq!(again.summary().unwrap().cut_off, 2);
}

#[metalab::operation]
fn number(x: i64) -> i64 {
    if x < 0 { panic!("{x} is negative") } else { x }
}

#[metalab::operation]
fn plus(a: Input<i64>, b: Input<i64>) -> i64 {
    *a * 10 + *b
}

#[metalab::operation]
fn total(values: Gathered<i64>) -> i64 {
    values.iter().map(|value| **value).sum()
}

#[test]
fn inputs_cross_and_zip_when_meant() {
    let store = Store::memory().unwrap();
    let mut exp = Experiment::new("joins", "1");
    let a = exp.step(Number::grid().x([1, 2, 3]).named("a"));
    let b = exp.step(Number::grid().x([4, 5, 6]).named("b"));
    exp.step(Plus::grid().a(&a).b(&b).named("crossed"));
    exp.step(Plus::grid().a(&a).b(b.zip()).named("zipped"));
    exp.step(Plus::grid().a(&a).b(&a).named("joined"));
    exp.step(Plus::grid().a(&a).b(a.cross()).named("squared"));
    exp.step(Total::grid().values(a.gather()));
    let results = run(exp, &store);
    assert_eq!(outputs(&results, "crossed"), [14, 15, 16, 24, 25, 26, 34, 35, 36]);
    assert_eq!(outputs(&results, "zipped"), [14, 25, 36]);
    assert_eq!(outputs(&results, "joined"), [11, 22, 33]);
    assert_eq!(outputs(&results, "squared"), [11, 12, 13, 21, 22, 23, 31, 32, 33]);
    assert_eq!(outputs(&results, "total"), [6]);
    let zipped = results.step("zipped").iter().nth(1).unwrap().unwrap();
    let coordinates: Vec<_> = zipped.coordinates().iter().map(|(name, x)| format!("{name}={x}")).collect();
    assert_eq!(coordinates, ["a.x=2", "b.x=5"]);
}

#[metalab::operation]
fn pair(x: i64, y: i64) -> i64 {
    x * 10 + y
}

#[test]
fn a_gather_is_over_or_by_axes() {
    let store = Store::memory().unwrap();
    let mut exp = Experiment::new("gathers", "1");
    let pairs = exp.step(Pair::grid().x([1, 2]).y([3, 4, 5]));
    exp.step(Total::grid().values(pairs.gather().over(["y"])).named("over_y"));
    exp.step(Total::grid().values(pairs.gather().by(["y"])).named("by_y"));
    exp.step(Total::grid().values(pairs.gather().over(["pair.x", "pair.y"])).named("all"));
    let results = run(exp, &store);
    assert_eq!(outputs(&results, "over_y"), [42, 72]);
    assert_eq!(outputs(&results, "by_y"), [36, 38, 40]);
    assert_eq!(outputs(&results, "all"), [114]);
}

#[test]
fn a_failure_skips_what_needs_it_and_a_gather_may_go_on() {
    let store = Store::memory().unwrap();
    let exp = |xs: [i64; 3]| {
        let mut exp = Experiment::new("failures", "1");
        let numbers = exp.step(Number::grid().x(xs));
        exp.step(Plus::grid().a(&numbers).b(&numbers));
        exp.step(Total::grid().values(numbers.gather()).named("strict"));
        exp.step(Total::grid().values(numbers.gather().tolerate(1)).named("tolerant"));
        exp.step(Total::grid().values(numbers.gather().succeeded()).named("any"));
        exp
    };
    let results = run(exp([1, -2, 3]), &store);
    let summary = results.summary().unwrap();
    assert_eq!((summary.failed, summary.skipped), (1, 2), "{summary:?}");
    assert_eq!(outputs(&results, "tolerant"), [4]);
    assert_eq!(outputs(&results, "any"), [4]);
    assert!(!results.step("strict").iter().next().unwrap().unwrap().has_record());
    assert_eq!(results.step("plus").failed().len(), 1);
    let more = run(exp([-1, -2, 3]), &store);
    assert_eq!(more.summary().unwrap().skipped, 2 + 1 + 1);
    assert_eq!(outputs(&more, "any"), [3]);
}

#[test]
fn what_another_step_executes_feeds_the_steps_after_this_one() {
    let store = Store::memory().unwrap();
    let mut exp = Experiment::new("twins", "1");
    exp.step(Number::grid().x([1, 2]).named("first"));
    exp.step(WriteArtifacts::grid().x(9).named("made"));
    let second = exp.step(Number::grid().x([2, 1]).named("second"));
    let made = exp.step(WriteArtifacts::grid().x(9).named("made again"));
    exp.step(Plus::grid().a(&second).b(&second));
    exp.step(ReadArtifacts::grid().note(made.artifact("note")).parts(made.artifact("parts")));
    let results = run(exp, &store);
    assert_eq!(outputs(&results, "plus"), [22, 11], "{:?}", results.summary());
    assert_eq!(results.failed().len(), 0, "{:?}", results.summary());
    assert_eq!(results.summary().unwrap().succeeded, 2 + 1 + 2 + 1);
}

#[metalab::operation]
fn write_artifacts(x: i64, capture: &Capture) -> metalab::Result<i64> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("part.txt"), format!("part {x}"))?;
    capture.artifact_text("note", format!("note {x}"));
    capture.artifact_folder("parts", folder.path());
    Ok(x)
}

#[metalab::operation]
fn read_artifacts(note: Input<FilePath>, parts: Input<DirPath>) -> metalab::Result<String> {
    let text = std::fs::read_to_string(&**note)?;
    // A private copy: writing to it harms nobody.
    std::fs::write(&**note, "scribbled")?;
    Ok(format!("{text}, {}", std::fs::read_to_string(parts.join("part.txt"))?))
}

#[test]
fn artifacts_files_and_folders_are_inputs() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path().join("runs").to_str().unwrap()).unwrap();
    let exp = || {
        let mut exp = Experiment::new("artifacts", "1");
        let made = exp.step(WriteArtifacts::grid().x([1, 2]));
        exp.step(ReadArtifacts::grid().note(made.artifact("note")).parts(made.artifact("parts")));
        exp
    };
    for _ in 0..2 {
        let results = run(exp(), &store);
        let read: Vec<String> =
            results.step("read_artifacts").iter().map(|run| run.unwrap().output().unwrap()).collect();
        assert_eq!(read, ["note 1, part 1", "note 2, part 2"], "{:?}", results.summary());
    }
    let mut missing = Experiment::new("artifacts", "1");
    let made = missing.step(WriteArtifacts::grid().x(1));
    missing.step(ReadArtifacts::grid().note(made.artifact("nothing")).parts(made.artifact("parts")));
    let results = run(missing, &store);
    let summary = results.summary().unwrap();
    assert_eq!(summary.skipped, 1);
    assert!(summary.warnings.iter().any(|line| line.contains("`nothing`")), "{:?}", summary.warnings);
}

#[test]
fn a_finished_run_a_digest_and_a_pin_are_inputs() {
    let store = Store::memory().unwrap();
    let first = run(Experiment::new("first", "1").sweep(Number::grid().x(7)), &store);
    let made = first.iter().next().unwrap().unwrap();
    let digest = made.attempt().unwrap().output.as_ref().unwrap().value.digest;
    let mut exp = Experiment::new("second", "1");
    let id = made.id().to_string();
    exp.step(Plus::grid().a(Upstream::run(&id[..10])).b(Upstream::run(id.clone())));
    let results = run(exp, &store);
    assert_eq!(outputs(&results, "plus"), [77]);
    assert_eq!(results.upstream(&results.iter().next().unwrap().unwrap()).unwrap().len(), 2);
    let blob = store.blobs().put(b"5").unwrap();
    store.pin("five", blob).unwrap();
    let mut exp = Experiment::new("third", "1");
    exp.step(Plus::grid().a(Upstream::pinned("five")).b(Upstream::digest(blob)));
    assert_eq!(outputs(&run(exp, &store), "plus"), [55]);
    assert!(digest != blob);
    let mut exp = Experiment::new("fourth", "1");
    exp.step(Plus::grid().a(Upstream::pinned("six")).b(Upstream::digest(blob)));
    assert!(refused(exp).contains("no pin called `six`"));
}

#[metalab::operation]
fn choose(tag: String, count: u64) -> Vec<PairParams> {
    log(&tag, "choose");
    (0..count as i64).map(|x| PairParams { x, y: x + 1 }).collect()
}

#[test]
fn results_decide_what_runs_next() {
    let tag = "choose";
    let store = Store::memory().unwrap();
    let exp = |count: u64| {
        let mut exp = Experiment::new("decided", "1");
        let list = exp.step(Choose::grid().tag(tag).count(count));
        let pairs = exp.step(Pair::list_from(&list));
        let doubled = exp.step(Plus::grid().a(&pairs).b(&pairs));
        exp.step(Total::grid().values(doubled.gather()));
        exp
    };
    let results = run(exp(3), &store);
    assert_eq!(outputs(&results, "pair"), [1, 12, 23]);
    assert_eq!(outputs(&results, "total"), [11 + 132 + 253]);
    assert_eq!(results.len(), 1 + 3 + 3 + 1);
    assert_eq!(Results::load(&store, "decided").unwrap().len(), 8);
    let again = run(exp(3), &store);
    assert_eq!(again.summary().unwrap().reused, 8);
    let more = run(exp(4), &store);
    assert_eq!((more.summary().unwrap().reused, more.summary().unwrap().succeeded), (6, 4));
    assert_eq!(executed(tag).len(), 2);
}

#[test]
fn wrong_graphs_are_refused_with_names() {
    let mut cycle = Experiment::new("cycle", "1");
    cycle.step(Plus::grid().a(Upstream::step("second")).b(Upstream::step("second")).named("first"));
    cycle.step(Plus::grid().a(Upstream::step("first")).b(Upstream::step("first")).named("second"));
    let text = refused(cycle);
    assert!(
        text.contains("first -> second -> first") || text.contains("second -> first -> second"),
        "{text}"
    );

    let mut other = Experiment::new("other", "1");
    let foreign = other.step(Number::grid().x(1));
    let mut exp = Experiment::new("mine", "1");
    exp.step(Plus::grid().a(&foreign).b(&foreign));
    let text = refused(exp);
    assert!(text.contains("step `number` of another experiment") && text.contains("`mine`"), "{text}");

    let mut exp = Experiment::new("names", "1");
    exp.step(Number::grid().x(1));
    exp.step(Plus::grid().a(Upstream::step("numbr")).b(Upstream::step("number")));
    assert!(refused(exp).contains("`numbr`, which is not there; there are `number`, `plus`"));

    let mut exp = Experiment::new("types", "1");
    exp.step(Prepare::grid().tag("types").threshold(1.0));
    exp.step(Plus::grid().a(Upstream::step("prepare")).b(Upstream::step("prepare")));
    let text = refused(exp);
    assert!(text.contains("input `a` takes `i64`, but step `prepare` returns"), "{text}");

    let mut exp = Experiment::new("axes", "1");
    let pairs = exp.step(Pair::grid().x([1, 2]).y([3, 4]));
    exp.step(Total::grid().values(pairs.gather().over(["z"])));
    assert!(refused(exp).contains("`z`, which its step does not have; it has `pair.x`, `pair.y`"));

    let mut exp = Experiment::new("zips", "1");
    let a = exp.step(Number::grid().x([1, 2, 3]).named("a"));
    let b = exp.step(Number::grid().x([1, 2]).named("b"));
    exp.step(Plus::grid().a(&a).b(b.zip()));
    let text = refused(exp);
    assert!(text.contains("has 2 cells of its own and the inputs before it have 3"), "{text}");
    assert!(matches!(PlanError::ZipApart { input: "x".into() }, PlanError::ZipApart { .. }));
    assert_eq!(Verdict::CutOff.as_str(), "reused: inputs came out equal");
}

#[test]
fn an_empty_list_runs_nothing_and_gathers_to_nothing() {
    let tag = "empty";
    let store = Store::memory().unwrap();
    let mut exp = Experiment::new("empty", "1");
    let list = exp.step(Choose::grid().tag(tag).count(0));
    let pairs = exp.step(Pair::list_from(&list));
    let doubled = exp.step(Plus::grid().a(&pairs).b(&pairs));
    exp.step(Total::grid().values(doubled.gather()));
    let results = run(exp, &store);
    assert_eq!(outputs(&results, "total"), [0]);
    assert_eq!(results.len(), 2);
    executed(tag);
}

#[metalab::experiment]
fn registered() -> Experiment {
    Experiment::new("registered", "1").sweep(Number::grid().x([1, 2]))
}

#[test]
fn experiments_register_themselves() {
    let names: Vec<String> = Experiment::registered().iter().map(|exp| exp.name().to_owned()).collect();
    assert_eq!(names, ["registered"]);
    assert_eq!(run(registered(), &Store::memory().unwrap()).len(), 2);
}
