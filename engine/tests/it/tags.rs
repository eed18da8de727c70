//! Case tags: given by rule or number, kept with the submission, never a part of a run.

use std::sync::Arc;

use metalab::experiment::Experiment;
use metalab::inputs::Input;
use metalab::plan::PlanError;
use metalab::results::Results;
use metalab::running::{RunError, Runner};
use metalab::store::Store;
use metalab::{SeedBundle, seeds};

use crate::lab::{Threads, run};

#[metalab::operation(crate = metalab)]
fn make(n: u64, seeds: &SeedBundle) -> u64 {
    n + seeds.replicate()
}

#[metalab::operation(crate = metalab)]
fn use_it(made: Input<u64>, mode: String) -> String {
    format!("{mode} {}", *made)
}

fn experiment() -> Experiment {
    let mut exp = Experiment::new("tagged", "1").seeds(seeds(1).replicates(2)).tag("all");
    let made = exp.step(Make::grid().n([1, 10, 100]).tag_cases("large", |case| case.number("n") > 5.0));
    let used = UseIt::grid().made(&made).mode(["a", "b"]);
    exp.step(
        used.tag_cases("large", |case| case.get::<u64>("make.n") == Some(100))
            .tag_cases("mode b", |case| case.text("mode") == Some("b")),
    );
    exp
}

/// The tags of each cell of a step.
fn tags(results: &Results, step: &str) -> Vec<String> {
    results.step(step).iter().map(|run| run.unwrap().tags().join(",")).collect()
}

#[test]
fn cells_carry_the_tags_of_their_parameter_set() {
    let store = Store::memory().unwrap();
    let plain = {
        let mut exp = Experiment::new("plain", "1").seeds(seeds(1).replicates(2));
        exp.step(Make::grid().n([1, 10, 100]));
        run(exp, &store)
    };
    let results = run(experiment(), &store);
    assert_eq!(results.summary().unwrap().reused, plain.len() as u64);
    for results in [results, Results::load(&store, "tagged").unwrap()] {
        let make = ["all", "all,large", "all,large", "all", "all,large", "all,large"];
        assert_eq!(tags(&results, "make"), make);
        let one = ["all", "all,mode b", "all", "all,mode b", "all,large", "all,large,mode b"];
        assert_eq!(tags(&results, "use_it"), [one, one].concat());
    }
    assert_eq!(tags(&plain, "make"), [""; 6]);
}

#[test]
fn hostile_tags_and_rules_are_refused() {
    let refused =
        |exp: Experiment| match Runner::new(exp, Store::memory().unwrap(), Arc::new(Threads)).start() {
            Err(RunError::Plan(error)) => error,
            other => panic!("not refused: {other:?}"),
        };
    let base = || Experiment::new("x", "1").seeds(seeds(1)).sweep(Make::grid().n([1, 2]));
    for hostile in ["", " x", "a/b", "x\n", "\u{202e}", "-x"] {
        let error = refused(base().tag_cases(hostile, |_| true));
        assert!(error.to_string().contains("step `make`"), "{error}");
        assert!(
            matches!(&*error, PlanError::Step { source, .. } if matches!(**source, PlanError::Name { what: "case tag", .. })),
            "{error}"
        );
    }
    let mut exp = Experiment::new("x", "1").seeds(seeds(1));
    exp.step(Make::grid().n([1, 2]).tag_sets("third", [2]));
    assert!(refused(exp).to_string().contains("no parameter set 2; the step has 2"));
    let panics = refused(base().tag_cases("bad", |_| panic!("no idea"))).to_string();
    assert!(panics.contains("no idea") && panics.contains("`bad`"), "{panics}");
}
