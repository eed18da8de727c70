//! Derived metrics: computed with the runs, later, or not kept; errors; what is computed again.

use std::collections::BTreeMap;

use metalab::Capture;
use metalab::code::Code;
use metalab::derived::{Derive, DerivedFunction, Description, Metrics, derive, expressions};
use metalab::experiment::Experiment;
use metalab::record::Scalar;
use metalab::results::{Results, RunResult};
use metalab::store::{Access, Store};

use crate::broken::Fault;
use crate::lab::{executed, log, refused, run};
use crate::stores::{Fresh, fresh};

#[metalab::operation]
fn measured(x: f64, tag: String, capture: &Capture) -> f64 {
    log(&tag, format!("run {x}"));
    capture.metric("score", 10.0 * x);
    capture.metric("word", "text");
    capture.step("loss", 1, x);
    capture.artifact_text("note", format!("note {x}"));
    capture.artifact_bytes("large", vec![7; 400_000]);
    x * x
}

fn experiment(tag: &str, xs: impl IntoIterator<Item = f64>) -> Experiment {
    let xs: Vec<f64> = xs.into_iter().collect();
    Experiment::new("lab", "1").sweep(Measured::grid().x(xs).tag([tag.to_owned()]))
}

fn noted(run: &RunResult, what: &str) {
    log(&run.param::<String>("tag").unwrap(), format!("{what} {}", run.param::<f64>("x").unwrap()));
}

/// Looks at everything that a run has left.
#[metalab::derived]
fn ratio(run: &RunResult) -> metalab::Result<f64> {
    noted(run, "ratio");
    assert_eq!(run.series("loss")?, [(1, run.param("x")?)]);
    assert_eq!(run.artifact("note")?, format!("note {}", run.param::<f64>("x")?).into_bytes());
    assert_eq!(run.artifact("large")?.len(), 400_000);
    assert_eq!(run.step(), "measured");
    assert_eq!(run.derived_metrics().count(), 0, "no function sees what others derived");
    Ok(run.metric_f64("score")? / run.output::<f64>()?)
}

#[metalab::derived]
fn several(run: &RunResult) -> BTreeMap<&'static str, f64> {
    let x = run.param::<f64>("x").unwrap();
    BTreeMap::from([("double", 2.0 * x), ("nan", f64::NAN)])
}

#[metalab::derived]
fn nothing(run: &RunResult) -> Option<f64> {
    noted(run, "nothing");
    None
}

#[metalab::derived(name = "unlucky", version = "3")]
fn fails(run: &RunResult) -> Result<f64, std::num::ParseFloatError> {
    noted(run, "unlucky");
    if run.param::<f64>("x").unwrap() > 1.5 {
        panic!("no {}", "luck");
    }
    "no number".parse()
}

/// The same function by hand, in versions.
struct Version<const N: u8>;

impl<const N: u8> Derive for Version<N> {
    fn describe() -> Description {
        Description::new("tests", "versioned", if N == 1 { "1" } else { "2" }, Code::manual())
    }

    fn call(run: &RunResult) -> metalab::Result<Metrics> {
        noted(run, "versioned");
        Ok(Metrics::new().with("versioned", N).with(if N == 1 { "old" } else { "new" }, true))
    }
}

fn derived(results: &Results, name: &str) -> Vec<Option<f64>> {
    results.iter().map(|run| run.unwrap().derived_f64(name).ok()).collect()
}

#[test]
fn workers_derive_right_after_each_run() {
    let store = Store::memory().unwrap();
    let asked = || experiment("after", [1.0, 2.0]).derive(Ratio).derive(Several).derive(Nothing);
    let results = run(asked(), &store);
    assert_eq!(executed("after").len(), 6);
    assert_eq!(results.summary().unwrap().derived_failed, 0);
    for results in [results, Results::load(&store, "lab").unwrap()] {
        assert_eq!(derived(&results, "ratio"), [Some(10.0), Some(5.0)]);
        assert_eq!(derived(&results, "double"), [Some(2.0), Some(4.0)]);
        let nan = derived(&results, "nan");
        assert!(nan.iter().all(|x| x.is_some_and(f64::is_nan)), "{nan:?}");
        let first = results.iter().next().unwrap().unwrap();
        assert_eq!(first.derived("nothing"), None);
        assert_eq!(first.attempt().unwrap().derived.len(), 3, "in the record of the run itself");
        assert_eq!(first.derived_records()[2].values, []);
    }
    // Everything is there: nothing is computed again, not even what derived nothing.
    let again = run(asked(), &store);
    assert_eq!(executed("after"), Vec::<String>::new());
    assert_eq!((again.summary().unwrap().reused, again.summary().unwrap().derived), (2, 0));
}

#[test]
fn a_new_function_is_computed_for_runs_that_were_there() {
    let store = Store::memory().unwrap();
    run(experiment("later", [1.0, 2.0]), &store);
    executed("later");
    let results = run(experiment("later", [1.0, 2.0, 3.0]).derive(Ratio), &store);
    // One run is new and derived from where it ran; two were there.
    assert_eq!(executed("later"), ["ratio 1", "ratio 2", "ratio 3", "run 3"]);
    assert_eq!(results.summary().unwrap().derived, 2);
    assert_eq!(derived(&results, "ratio"), [Some(10.0), Some(5.0), Some(10.0 / 3.0)]);
    assert_eq!(derived(&Results::load(&store, "lab").unwrap(), "ratio").len(), 3);
    run(experiment("later", [1.0, 2.0, 3.0]).derive(Ratio), &store);
    assert_eq!(executed("later"), Vec::<String>::new());
}

#[test]
fn changed_code_makes_no_run_stale_and_only_it_is_computed_again() {
    let store = Store::memory().unwrap();
    run(experiment("code", [1.0, 2.0]).derive(Version::<1>).derive(Ratio), &store);
    executed("code");
    let results = run(experiment("code", [1.0, 2.0]).derive(Version::<2>).derive(Ratio), &store);
    assert_eq!(executed("code"), ["versioned 1", "versioned 2"]);
    assert_eq!(derived(&results, "versioned"), [Some(2.0), Some(2.0)]);
    let first = results.iter().next().unwrap().unwrap();
    assert_eq!((first.derived("old"), first.derived("new")), (None, Some(&Scalar::Bool(true))));
    assert_eq!(derived(&results, "ratio"), [Some(10.0), Some(5.0)], "what others derived stays");
}

#[test]
fn failures_are_told_run_by_run_and_lose_nothing() {
    let store = Store::memory().unwrap();
    let asked = || experiment("unlucky", [1.0, 2.0]).derive(Fails).derive(Ratio);
    let results = run(asked(), &store);
    executed("unlucky");
    let summary = results.summary().unwrap();
    assert_eq!((summary.succeeded, summary.failed, summary.derived_failed), (2, 0, 2));
    let warning = &summary.warnings[0];
    assert!(warning.contains("metalab-engine::unlucky") && warning.contains("2 runs"), "{warning}");
    assert_eq!(derived(&results, "ratio"), [Some(10.0), Some(5.0)]);
    assert_eq!(derived(&results, "unlucky"), [None, None]);
    let errors: Vec<_> = results
        .iter()
        .map(|run| run.unwrap().derived_records()[0].error.clone().unwrap())
        .map(|error| (error.cause, error.chain.join(": "), error.backtrace.is_some()))
        .collect();
    assert_eq!((&*errors[0].0, &*errors[0].1, errors[0].2), ("error", "invalid float literal", false));
    assert!(errors[1].0 == "panic" && errors[1].1.contains("no luck") && errors[1].2, "{errors:?}");
    // Failures of the same code are not tried again unless that is asked for.
    run(asked(), &store);
    assert_eq!(executed("unlucky"), Vec::<String>::new());
    let results = Results::load(&store, "lab").unwrap();
    assert_eq!(derive(&results).with(Fails).keep().unwrap().up_to_date, 2);
    let again = derive(&results).with(Fails).overwrite().keep().unwrap();
    assert_eq!((again.computed, again.failed, again.failures.len()), (2, 2, 2));
    assert_eq!(executed("unlucky"), ["unlucky 1", "unlucky 2"]);
}

#[test]
fn deriving_later_is_kept_or_not() {
    let store = Store::memory().unwrap();
    run(experiment("keep", [1.0, 2.0]), &store);
    executed("keep");
    let results = Results::load(&store, "lab").unwrap();
    let fly = derive(&results).with(Ratio).in_memory().unwrap();
    assert_eq!((fly.computed, derived(&fly.results, "ratio")), (2, vec![Some(10.0), Some(5.0)]));
    assert_eq!(derived(&results, "ratio"), [None, None], "the results at hand are as they were");
    assert_eq!(derived(&Results::load(&store, "lab").unwrap(), "ratio"), [None, None], "nothing was kept");
    // On results that have it nothing is computed, wherever it came from.
    assert_eq!(derive(&fly.results).with(Ratio).in_memory().unwrap().computed, 0);
    let kept = derive(&results).with(Ratio).keep().unwrap();
    assert_eq!((kept.computed, kept.up_to_date), (2, 0));
    assert_eq!(derived(&kept.results, "ratio"), [Some(10.0), Some(5.0)]);
    assert_eq!(derived(&Results::load(&store, "lab").unwrap(), "ratio"), [Some(10.0), Some(5.0)]);
    executed("keep");
    let again = derive(&Results::load(&store, "lab").unwrap()).with(Ratio).with(Nothing).keep().unwrap();
    assert_eq!((again.computed, again.up_to_date), (2, 2));
    assert_eq!(executed("keep"), ["nothing 1", "nothing 2"]);
}

#[test]
fn what_is_kept_in_the_middle_is_not_computed_again() {
    let store = Store::memory().unwrap();
    run(experiment("middle", (0..2500).map(f64::from)), &store);
    executed("middle");
    // As a program that was killed after the first batches: they are whole, the rest is not there.
    let results = Results::load(&store, "lab").unwrap();
    let some = results.filter(|run| run.param::<f64>("x").unwrap() < 1300.0).unwrap();
    derive(&some).with(Nothing).threads(3).keep().unwrap();
    assert_eq!(executed("middle").len(), 1300);
    let all = derive(&Results::load(&store, "lab").unwrap()).with(Nothing).keep().unwrap();
    assert_eq!((all.computed, all.up_to_date), (1200, 1300));
    assert_eq!(executed("middle").len(), 1200);
}

/// Every write of a derivation fails once: what was kept by then stays, and only the rest is computed again.
#[test]
fn a_store_that_breaks_in_the_middle_loses_nothing() {
    #[metalab::operation]
    fn light(n: u64) -> u64 {
        n
    }
    #[metalab::derived]
    fn double(run: &RunResult) -> metalab::Result<u64> {
        Ok(2 * run.param::<u64>("n")?)
    }
    let mut kept = Vec::new();
    for number in 1.. {
        let Fresh { broken, store, .. } = fresh(true);
        run(Experiment::new("lab", "1").sweep(Light::grid().n(0..2100_u64)), &store);
        let results = Results::load(&store, "lab").unwrap();
        broken.fail(number, Fault::Half);
        let first = derive(&results).with(Double).keep();
        if broken.failures() == 0 {
            assert_eq!(first.unwrap().computed, 2100);
            break;
        }
        let again = derive(&Results::load(&store, "lab").unwrap()).with(Double).keep().unwrap();
        assert_eq!(again.computed + again.up_to_date, 2100, "{number}");
        kept.push(again.up_to_date);
        let results = Results::load(&store, "lab").unwrap();
        assert!(derived(&results, "double").iter().enumerate().all(|(n, x)| *x == Some(2.0 * n as f64)));
    }
    assert!(kept.len() > 2 && kept.iter().any(|kept| *kept > 0), "{kept:?}");
}

#[test]
fn the_index_finds_batches_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let path = path.to_str().unwrap();
    let store = Store::create(path).unwrap();
    let results = run(experiment("index", [1.0, 2.0]), &store);
    derive(&results).with(Ratio).keep().unwrap();
    expressions::keep(&store, "normalized", None, "metrics.score / params.x").unwrap();
    run(experiment("index", [4.0]), &store);
    for rebuilt in [false, true] {
        if rebuilt {
            std::fs::remove_dir_all(folder.path().join("store/index")).unwrap();
        }
        let reader = Store::open(path, Access::ReadOnly).unwrap();
        let glance = metalab::index::Glance::at(&reader).unwrap();
        let run = results.iter().next().unwrap().unwrap();
        let shown = metalab::inspect::show(&glance, &run.id()).unwrap();
        assert_eq!(shown.derived[0].values, [("ratio".to_owned(), Scalar::Float(10.0))]);
        assert_eq!(expressions::all(&reader).unwrap().len(), 1);
    }
}

#[test]
fn a_read_only_store_derives_in_memory_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let path = path.to_str().unwrap();
    run(experiment("read_only", [1.0]), &Store::create(path).unwrap());
    let results = Results::load(&Store::open(path, Access::ReadOnly).unwrap(), "lab").unwrap();
    let refused = derive(&results).with(Ratio).keep().unwrap_err().to_string();
    assert!(refused.contains(".in_memory()"), "{refused}");
    assert_eq!(derived(&derive(&results).with(Ratio).in_memory().unwrap().results, "ratio"), [Some(10.0)]);
}

#[test]
fn functions_that_collide_are_refused_before_anything_runs() {
    #[metalab::derived(type = "SameMetric", metrics("ratio"))]
    fn same_metric(_: &RunResult) -> Metrics {
        Metrics::new().with("ratio", 1)
    }
    let text = refused(experiment("collide", [1.0]).derive(Ratio).derive(SameMetric));
    assert!(text.contains("`ratio`") && text.contains("metalab-engine::same_metric"), "{text}");
    let text = refused(experiment("collide", [1.0]).derive(Ratio).derive(Ratio));
    assert!(text.contains("given twice"), "{text}");
    let text = refused(experiment("collide", [1.0]).derive_from("train", Ratio));
    assert!(text.contains("step `train`"), "{text}");
    assert_eq!(executed("collide"), Vec::<String>::new());
}

#[test]
fn metrics_are_checked_run_by_run() {
    #[metalab::derived]
    fn hostile(run: &RunResult) -> Metrics {
        Metrics::new().with(if run.index() == 0 { "../x" } else { "fine" }, 1)
    }
    #[metalab::derived]
    fn steals(_: &RunResult) -> Vec<(String, f64)> {
        vec![("fine".into(), 1.0), ("double".into(), 1.0)]
    }
    let store = Store::memory().unwrap();
    let asked = experiment("hostile", [1.0, 2.0]).derive(Several).derive(Hostile).derive(Steals);
    let results = run(asked, &store);
    let errors = |run: &RunResult| -> Vec<String> {
        run.derived_records().iter().filter_map(|r| r.error.as_ref()).map(|e| e.chain.join(": ")).collect()
    };
    let errors: Vec<_> = results.iter().map(|run| errors(&run.unwrap())).collect();
    assert!(
        errors[0][0].contains("`../x`") && errors[0][1].contains("metalab-engine::several"),
        "{errors:?}"
    );
    assert!(errors[1].len() == 1 && errors[1][0].contains("metalab-engine::hostile"), "{errors:?}");
    assert_eq!(derived(&results, "double"), [Some(2.0), Some(4.0)]);
}

#[test]
fn a_step_may_have_functions_of_its_own() {
    #[metalab::operation]
    fn plain(y: u64) -> u64 {
        y
    }
    let store = Store::memory().unwrap();
    let asked = experiment("own", [1.0]).sweep(Plain::grid().y([1_u64])).derive_from("measured", Ratio);
    let results = run(asked, &store);
    assert_eq!(results.summary().unwrap().derived_failed, 0);
    assert_eq!(derived(&results, "ratio"), [Some(10.0), None]);
}

#[test]
fn codes_are_golden() {
    let code = |function: DerivedFunction| function.code().unwrap().to_string();
    let (one, two) = (code(DerivedFunction::of::<Version<1>>()), code(DerivedFunction::of::<Version<2>>()));
    assert_eq!(one, "d85f89cb63c74cb94126c41585b6db25fd51929c3c5e8925761ef9c27d9998eb");
    assert_ne!(one, two);
}

#[test]
fn expressions_are_kept_by_name_and_given_up() {
    let store = Store::memory().unwrap();
    expressions::keep(&store, "n", None, "metrics.a").unwrap();
    expressions::keep(&store, "n", None, " metrics.b\n").unwrap();
    expressions::keep(&store, "n", Some("lab"), "metrics.c").unwrap();
    let texts = || -> Vec<_> {
        expressions::all(&store).unwrap().into_iter().map(|kept| kept.expression.unwrap()).collect()
    };
    assert_eq!(texts(), ["metrics.b", "metrics.c"]);
    expressions::give_up(&store, "n", None).unwrap();
    assert_eq!(texts(), ["metrics.c"]);
    for (name, experiment, text, part) in [
        ("", None, "1", "empty"),
        ("a/b", None, "1", "path"),
        ("n", Some("../x"), "1", "path"),
        ("n", None, " \n ", "is empty"),
        ("n", None, "1\u{0}", "control character"),
        ("n", None, &*"1+".repeat(6000), "longer"),
    ] {
        let refused = expressions::keep(&store, name, experiment, text).unwrap_err().to_string();
        assert!(refused.contains(part), "{refused}");
    }
    let refused = expressions::give_up(&store, "m", None).unwrap_err().to_string();
    assert!(refused.contains("no expression is kept as `m`") && refused.contains("`n`"), "{refused}");
    assert_eq!(texts(), ["metrics.c"]);
}

#[metalab::operation]
fn feather(n: u64) -> u64 {
    n
}

#[metalab::derived]
fn feathers(run: &RunResult) -> metalab::Result<u64> {
    Ok(run.param::<u64>("n")? + 1)
}

#[metalab::derived]
fn plucked(run: &RunResult) -> metalab::Result<u64> {
    Ok(run.param::<u64>("n")? / 2)
}

#[test]
fn asking_again_reads_no_records_of_runs() {
    let Fresh { broken, store, .. } = fresh(true);
    let asked = |runs: u64| {
        broken.take_read();
        let experiment = Experiment::new("light", "1").sweep(Feather::grid().n(0..runs));
        let results = run(experiment.derive(Feathers), &store);
        assert_eq!(results.summary().unwrap().derived, 0);
        broken.take_read().len()
    };
    asked(300);
    // Everything but the runs is read at each time.
    let few = asked(300);
    assert!(few < 60, "{few}");
    // More runs, or fewer: what is known of the others stays known.
    assert!(asked(400) < 60 && asked(100) < 60 && asked(400) < 60);
    // Without the file, or with a damaged one, records are read once more and then known again.
    let file =
        || store.backend().list(&metalab_cas::Key::new("live/derived").unwrap()).unwrap().remove(0).key;
    store.backend().delete(&file()).unwrap();
    assert!(asked(400) > 400 && asked(400) < 60);
    crate::stores::edit(&store, &file(), |bytes| bytes[100] ^= 1);
    assert!(asked(400) > 400 && asked(400) < 60);
    // Another function is another question.
    let other = Experiment::new("light", "1").sweep(Feather::grid().n(0..400)).derive(Plucked);
    let summary = run(other.clone(), &store).summary().unwrap().clone();
    assert_eq!((summary.derived, summary.derived_failed), (400, 0));
    assert_eq!(run(other, &store).summary().unwrap().derived, 0);
    // What is known of the first one stays known.
    assert!(asked(400) < 60);
}

/// What is remembered of a run is never taken for what it has become since.
#[test]
fn what_changes_elsewhere_is_seen() {
    let store = Store::memory().unwrap();
    let asked = |tag: &str| {
        let results = run(experiment(tag, [1.0, 2.0]).derive(Version::<1>), &store);
        drop(executed(tag));
        (results.summary().unwrap().derived, derived(&results, "versioned"))
    };
    let one = vec![Some(1.0), Some(1.0)];
    assert_eq!(asked("seen"), (0, one.clone()));
    assert_eq!(asked("seen"), (0, one.clone()));
    // Another program derives one of them by other code, and keeps it: that one is out of date.
    let all = Results::load(&store, "lab").unwrap();
    let first = all.filter(|run| run.param::<f64>("x").unwrap() < 1.5).unwrap();
    assert_eq!(derive(&first).with(Version::<2>).keep().unwrap().computed, 1);
    assert_eq!(asked("seen"), (1, one.clone()));
    assert_eq!(asked("seen"), (0, one.clone()));
    assert_eq!(asked("seen"), (0, one.clone()));
    // Functions together are another thing than one of them.
    let both = experiment("seen", [1.0, 2.0]).derive(Version::<1>).derive(Several);
    assert_eq!(run(both.clone(), &store).summary().unwrap().derived, 2);
    assert_eq!(run(both, &store).summary().unwrap().derived, 0);
    assert_eq!(asked("seen"), (0, one.clone()));
}
