//! Results: chosen, aggregated, exported, loaded again.

use metalab::derived::derive;
use metalab::experiment::Experiment;
use metalab::record::Outcome;
use metalab::results::{Columns, Results, RunResult, Values, experiments};
use metalab::store::Store;
use metalab::{Capture, SeedBundle, seeds};

use crate::lab::run;

#[metalab::operation]
fn fit_model(
    lr: f64,
    kind: String,
    #[default(3)] depth: u64,
    seeds: &SeedBundle,
    capture: &Capture,
) -> metalab::Result<f64> {
    if kind == "bad" && lr > 0.05 {
        return Err(format!("no convergence, \"lr\" = {lr}").into());
    }
    let noise = seeds.replicate() as f64;
    capture.metric("loss", if kind == "nan" { f64::NAN } else { lr + noise });
    capture.metric("steps", 10 * depth);
    capture
        .metric("mixed", if lr > 0.05 { metalab::record::Scalar::Text("x,\"y\"".into()) } else { 1.into() });
    capture.metric("good", lr < 0.05);
    capture.data("pair", &(1, 2.5));
    Ok(lr * 2.0)
}

#[metalab::derived]
fn half(run: &RunResult) -> metalab::Result<f64> {
    Ok(run.metric_f64("loss")? / 2.0)
}

fn lab(kinds: &[&str], replicates: u64) -> Results {
    let kinds: Vec<String> = kinds.iter().map(ToString::to_string).collect();
    let experiment = Experiment::new("fits", "1")
        .sweep(FitModel::grid().lr([0.01, 0.1]).kind(kinds))
        .seeds(seeds(1).replicates(replicates))
        .tag("study")
        .tag_cases("large", |case| case.number("lr") > 0.05)
        .derive(Half);
    run(experiment, &Store::memory().unwrap())
}

fn count(results: &Results, expression: &str) -> usize {
    results.where_(expression).unwrap_or_else(|error| panic!("{expression}: {error}")).len()
}

fn refused(results: &Results, expression: &str) -> String {
    results.where_(expression).expect_err(expression).to_string()
}

#[test]
fn results_are_iterated_and_indexed() {
    let results = lab(&["good", "bad"], 2);
    assert_eq!((results.len(), results.successful().len(), results.failed().len()), (8, 6, 2));
    let ids: Vec<_> = (&results).into_iter().map(|run| run.unwrap().id()).collect();
    assert_eq!(results.at(3).unwrap().unwrap().id(), ids[3]);
    assert_eq!(results.failed().at(1).unwrap().unwrap().outcome(), Some(Outcome::Failed));
    assert!(results.at(8).unwrap().is_none() && results.failed().at(2).unwrap().is_none());
    assert_eq!(results.get(&ids[5]).unwrap().unwrap().index(), 5);
    let first = results.at(0).unwrap().unwrap();
    assert_eq!((first.param::<f64>("lr").unwrap(), first.param::<u64>("depth").unwrap()), (0.01, 3));
    assert_eq!(first.data::<(u8, f64)>("pair").unwrap(), (1, 2.5));
    let wrong = first.param::<u64>("lr").unwrap_err().to_string();
    assert!(wrong.contains("parameter `lr`") && wrong.contains("0.01"), "{wrong}");
    let wrong = first.param::<u64>("rate").unwrap_err().to_string();
    assert!(wrong.contains("no parameter `rate`") && wrong.contains("`lr`"), "{wrong}");
    assert!(first.metric_f64("mixed").is_ok() && first.metric_f64("good").is_err());
}

#[test]
fn expressions_choose_runs() {
    let results = lab(&["good", "bad"], 2);
    for (expression, expected) in [
        ("params.lr < 0.05", 4),
        ("lr < 0.05 and replicate = 1", 2),
        ("LR < 1 or true", 8),
        ("status = 'failed'", 2),
        ("status in ('failed', 'cancelled')", 2),
        ("status not in ('failed')", 6),
        ("metrics.loss > 0 and status = 'succeeded'", 6),
        ("metrics.loss is null", 2),
        ("metrics.loss is not null and not metrics.loss < 1", 3),
        ("not (metrics.loss > 0)", 0),
        ("metrics.steps = 30 and steps == 30.0", 6),
        ("metrics.steps / 4 = 7.5", 6),
        ("metrics.steps % 7 = 2 and -metrics.steps + 2 * 20 - 10 = 0", 6),
        ("metrics.good", 4),
        ("metrics.good = true or metrics.good is null", 6),
        ("metrics.mixed = 1", 4),
        ("metrics.mixed != 1", 2),
        ("metrics.mixed > 0", 4),
        ("metrics.mixed = 'x,\"y\"'", 2),
        ("derived.half * 2 = metrics.loss", 6),
        ("output = 0.2", 2),
        ("kind = 'bad' and lr = 0.1", 2),
        ("starts_with(kind, 'ba') and contains(params.kind, 'ad')", 4),
        ("abs(-params.depth) = 3 and max(1, 2) = 2 and round(2.5) = 3", 8),
        ("error is not null", 2),
        ("contains(error, 'no convergence')", 2),
        ("step = 'fit_model' and duration >= 0 and started > 1e9", 8),
        ("tag = 'study'", 8),
        ("tag = 'large'", 4),
        ("tag != 'large'", 4),
        ("tag in ('none', 'large') and tag is not null", 4),
        ("params.\"lr\" = 0.1 and \"kind\" = 'good'", 2),
        ("null", 0),
        ("lr = 'text'", 0),
        ("lr != 'text'", 8),
        ("lr < 'text' or lr >= 'text'", 0),
    ] {
        let expression = expression.replace("LR", "lr");
        assert_eq!(count(&results, &expression), expected, "{expression}");
    }
    assert_eq!(
        count(&lab(&["nan"], 1), "metrics.loss < 1 or metrics.loss >= 1 or metrics.loss = metrics.loss"),
        0
    );
    assert_eq!(count(&lab(&["nan"], 1), "is_nan(metrics.loss) and metrics.loss != metrics.loss"), 2);
}

#[test]
fn expressions_that_mean_nothing_are_refused() {
    let results = lab(&["good"], 1);
    for (expression, part) in [
        ("", "at its end: a value is missing"),
        ("lr <", "a value is missing"),
        ("lr < 1 2", "at character 8"),
        ("lr < < 1", "at character 6"),
        ("1 < lr < 2", "two comparisons"),
        ("lr in 1", "after `in`"),
        ("lr in ()", "a value is missing"),
        ("lr is 1", "`null` or `not null`"),
        ("(lr", "`)` is missing"),
        ("'open", "closing '"),
        ("lr = 1 && true", "write `and`"),
        ("!true", "write `not`"),
        ("lr; drop table", "means nothing"),
        ("1.2.3 = 1", "is no number"),
        ("1e999 = 1", "is no number"),
        ("params = 1", "`params.name`"),
        ("params. = 1", "nothing behind it"),
        ("root(4) = 2", "no function `root`"),
        ("abs(1, 2) = 1", "takes 1 value(s), here are 2"),
        ("tag < 'x'", "several tags"),
        ("tag + 1 = 2", "several tags"),
        ("lr", "not true or false"),
        ("lr and true", "not true or false"),
        ("params.rate = 1", "`params.lr`"),
        ("metrics.los > 1", "`metrics.loss`"),
        ("derived.halve > 1", "`derived.half`"),
        ("rate = 1", "no run has `rate`"),
        (&"(".repeat(5000), "nested"),
        (&format!("{}1", "-".repeat(5000)), "nested"),
        (&"not ".repeat(2000), "nested"),
        (&"1+".repeat(6000), "longer"),
    ] {
        let text = refused(&results, expression);
        assert!(text.contains(part), "{expression}: {text}");
    }
    // Where nobody succeeded, a name may be right: nobody can say.
    assert_eq!(count(&lab(&["bad"], 1).failed(), "metrics.anything > 1"), 0);
}

#[test]
fn filters_choose_by_value() {
    let results = lab(&["good", "bad"], 2);
    assert_eq!(results.param("lr", 0.1).unwrap().len(), 4);
    assert_eq!(results.param("depth", 3.0).unwrap().len(), 6 + 2);
    assert_eq!(results.metric("loss", ..0.5).unwrap().len(), 3);
    assert_eq!(results.metric("loss", 0.1..=0.1).unwrap().len(), 1);
    assert_eq!(results.status(Outcome::Failed).len(), 2);
    assert_eq!((results.tag("large").len(), results.tag("study").len(), results.tag("x").len()), (4, 8, 0));
    assert_eq!(results.tag("large").param("kind", "bad").unwrap().failed().len(), 2);
    assert_eq!(lab(&["nan"], 1).metric("loss", ..).unwrap().len(), 0);
}

#[metalab::operation]
fn weigh(grams: f64) -> f64 {
    grams
}

#[test]
fn a_name_that_no_run_has_is_refused_and_one_that_some_have_is_a_filter() {
    let store = Store::memory().unwrap();
    let fits = FitModel::grid().lr([0.01, 0.1]).kind(["good".to_owned(), "bad".to_owned()]);
    let results =
        run(Experiment::new("both", "1").sweep(fits).sweep(Weigh::grid().grams(5.0)).seeds(seeds(1)), &store);
    assert_eq!(
        results.param("grms", 5.0).unwrap_err().to_string(),
        "no run has `params.grms`; did you mean `params.grams`? \
         There are `params.depth`, `params.kind`, `params.lr`, `params.grams`"
    );
    assert!(results.param("", 5.0).is_err());
    let error = results.metric("los", ..1.0).unwrap_err().to_string();
    assert!(error.contains("no run has `metrics.los`; did you mean `metrics.loss`?"), "{error}");
    // Others have it, though none of these.
    assert_eq!(results.param("grams", 5.0).unwrap().len(), 1);
    assert_eq!(results.step("fit_model").param("grams", 5.0).unwrap().len(), 0);
    assert_eq!(results.failed().metric("loss", ..).unwrap().len(), 0);
    assert_eq!(results.step("fit_model").param("lr", 0.1).unwrap().param("kind", "bad").unwrap().len(), 1);
    assert!(results.step("fit_model").param("graams", 5.0).is_err());
    // Of nothing chosen, a misspelt name is still one; where nothing has succeeded, a metric may be right.
    assert!(results.param("lr", 7.0).unwrap().param("lrr", 0.1).is_err());
    let bad = FitModel::grid().lr(0.1).kind("bad".to_owned());
    let none = run(Experiment::new("none", "1").sweep(bad).seeds(seeds(1)), &store);
    assert_eq!(none.metric("anything", ..).unwrap().len(), 0);
    assert!(none.param("anything", 1).is_err());
    // A group and an expression are refused in the same words.
    assert_eq!(
        refused(&results, "lrr > 1").split(';').nth(1),
        Some(
            " did you mean `lr`? There are `params.depth`, `params.kind`, `params.lr`, `metrics.loss`, `metrics.steps`, `metrics.mixed`, `metrics.good`, `params.grams`"
        )
    );
    let error = results.group_by(&["kindd"]).unwrap_err().to_string();
    assert!(error.contains("did you mean `kind`?"), "{error}");
}

#[test]
fn groups_have_intervals() {
    let results = lab(&["good", "bad"], 3);
    let groups = results.group_by(&["params.lr", "kind"]).unwrap();
    let keys: Vec<_> = groups.groups.iter().map(|group| group.key.join(" ")).collect();
    assert_eq!(keys, ["0.01 good", "0.01 bad", "0.1 good"]);
    let stats = groups.groups[0].metrics["loss"];
    assert!(stats.n == 3 && stats.median == 1.01 && (stats.std - 1.0).abs() < 1e-12, "{stats:?}");
    assert!((stats.ci95 - 4.302_652_73 / 3_f64.sqrt()).abs() < 1e-7, "{stats:?}");
    assert!(groups.groups[0].metrics.contains_key("derived.half"));
    assert!(!groups.groups[0].metrics.contains_key("good"), "truth values are no numbers");
    let shown = results.display(&["lr"]).unwrap().to_string();
    assert!(shown.contains("95 % interval") && shown.contains("derived.half"), "{shown}");
    let error = results.group_by(&["rate"]).unwrap_err().to_string();
    assert!(error.contains("`rate`") && error.contains("`lr`"), "{error}");
    let nan = lab(&["good", "nan"], 2).group_by(&["kind"]).unwrap();
    assert!(nan.groups[1].metrics["loss"].mean.is_nan() && nan.groups[1].metrics["output"].mean > 0.0);
}

#[test]
fn frames_have_types() {
    let results = lab(&["good", "bad"], 1);
    let frame = results.frame(Columns::all()).unwrap();
    let column = |name: &str| {
        let found = frame.columns.iter().find(|column| column.name == name);
        found.unwrap_or_else(|| panic!("no {name}")).values.clone()
    };
    assert_eq!(frame.rows, 4);
    assert_eq!(column("param_lr"), Values::Float([0.01, 0.01, 0.1, 0.1].map(Some).to_vec()));
    assert_eq!(column("metric_steps"), Values::Int(vec![Some(30), Some(30), Some(30), None]));
    let mixed = [Some("1"), Some("1"), Some("x,\"y\""), None];
    assert_eq!(column("metric_mixed"), Values::Text(mixed.map(|text| text.map(str::to_owned)).to_vec()));
    assert_eq!(column("metric_good"), Values::Bool(vec![Some(true), Some(true), Some(false), None]));
    assert_eq!(column("derived_half"), Values::Float(vec![Some(0.005), Some(0.005), Some(0.05), None]));
    assert_eq!(
        column("data_pair"),
        Values::Text(vec![Some("[1,2.5]".into()), Some("[1,2.5]".into()), Some("[1,2.5]".into()), None])
    );
    assert!(matches!(column("started"), Values::Time(times) if times.iter().all(Option::is_some)));
    assert!(
        matches!(column("error"), Values::Text(errors) if errors[3].as_deref().unwrap().contains("convergence"))
    );
    let names = |columns| -> Vec<String> {
        results.frame(columns).unwrap().columns.into_iter().map(|column| column.name).collect()
    };
    assert_eq!(names(Columns::PARAMS), ["param_lr", "param_kind", "param_depth"]);
    assert!(!names(Columns::all().without(Columns::RECORD)).contains(&"run_id".to_owned()));
    assert_eq!(names(Columns::OUTPUT | Columns::DERIVED), ["derived_half", "output"]);
    let none = results.where_("status = 'cancelled'").unwrap().frame(Columns::all()).unwrap();
    assert_eq!((none.rows, none.columns.len()), (0, 11), "the record has its columns always");
}

#[test]
fn files_are_whole_and_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let results = lab(&["good", "bad"], 1);
    let columns = Columns::all().without(Columns::RECORD);
    results.to_csv(path("a.csv"), columns).unwrap();
    let written = std::fs::read_to_string(path("a.csv")).unwrap();
    let expected = "param_lr,param_kind,param_depth,metric_loss,metric_steps,metric_mixed,metric_good,derived_half,data_pair,output\n\
        0.01,good,3,0.01,30,1,true,0.005,\"[1,2.5]\",0.02\n\
        0.01,bad,3,0.01,30,1,true,0.005,\"[1,2.5]\",0.02\n\
        0.1,good,3,0.1,30,\"x,\"\"y\"\"\",false,0.05,\"[1,2.5]\",0.2\n\
        0.1,bad,3,,,,,,,\n";
    assert_eq!(written, expected);
    let refused = results.failed().to_csv(path("a.csv"), columns).unwrap_err().to_string();
    assert!(refused.contains("a.csv") && refused.contains(".overwrite()"), "{refused}");
    assert_eq!(std::fs::read_to_string(path("a.csv")).unwrap(), expected, "it is left as it was");
    results.failed().export().columns(Columns::PARAMS).overwrite().csv(path("a.csv")).unwrap();
    assert_eq!(std::fs::read_to_string(path("a.csv")).unwrap().lines().count(), 2);

    results.to_json(path("a.json"), Columns::all()).unwrap();
    let json: Vec<serde_json::Value> =
        serde_json::from_slice(&std::fs::read(path("a.json")).unwrap()).unwrap();
    assert_eq!(json[2]["params"]["lr"], 0.1);
    assert_eq!(json[2]["metrics"]["mixed"], "x,\"y\"");
    assert_eq!(json[0]["data"]["pair"], serde_json::json!([1, 2.5]));
    assert_eq!((&json[3]["status"], &json[3]["output"]), (&"failed".into(), &serde_json::Value::Null));
    assert_eq!(json[2]["tags"], serde_json::json!(["study", "large"]));
    lab(&["nan"], 1).to_ndjson(path("a.ndjson"), Columns::METRICS).unwrap();
    let lines = std::fs::read_to_string(path("a.ndjson")).unwrap();
    assert!(lines.lines().count() == 2 && lines.contains("\"loss\":\"NaN\""), "{lines}");

    // Nowhere to write, or to a folder: nothing is left behind.
    let error = results.to_csv(path("no/a.csv"), columns).unwrap_err().to_string();
    assert!(error.contains("cannot be written"), "{error}");
    std::fs::create_dir(path("folder")).unwrap();
    results.export().overwrite().csv(path("folder")).unwrap_err();
    assert!(results.to_csv("/", columns).is_err());
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 4, "{names:?}");
}

#[test]
fn stores_know_their_experiments_and_submissions() {
    let store = Store::memory().unwrap();
    let asked = |lrs: &[f64]| {
        let sweep = FitModel::grid().lr(lrs.to_vec()).kind(["good".to_owned()]);
        run(Experiment::new("fits", "1").sweep(sweep).seeds(seeds(1)).tag("study"), &store)
    };
    let (first, second) = (asked(&[0.01]), asked(&[0.01, 0.1, 0.2]));
    assert_eq!(experiments(&store).unwrap()[0].submissions, 2);
    assert_eq!(Results::load(&store, "fits").unwrap().len(), 3);
    assert_eq!(Results::load_submission(&store, first.submission()).unwrap().len(), 1);
    let again = Results::load_submission(&store, second.submission()).unwrap();
    assert_eq!((again.len(), again.tag("study").len()), (3, 3));
    assert_eq!(derive(&again).with(Half).in_memory().unwrap().computed, 3);
    let error = Results::load(&store, "other").unwrap_err().to_string();
    assert!(error.contains("`other`"), "{error}");
    let other = lab(&["good"], 1);
    let error =
        Results::load_submission(&Store::memory().unwrap(), other.submission()).unwrap_err().to_string();
    assert!(error.contains("no submission"), "{error}");
}
