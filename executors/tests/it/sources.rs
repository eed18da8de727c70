//! Whatever a parameter set comes from, and whatever an operation borrows: processes do what threads do.

use std::collections::BTreeSet;
use std::sync::Arc;

use metalab::params::{
    self, LatinHypercube, Params, Random, Sobol, choice, int_range, log_uniform, normal, uniform, weighted,
};
use metalab::{Capture, DirPath, FilePath, Glob, Metadata, SeedBundle, seeds};
use metalab_engine::Experiment;
use metalab_engine::results::Results;
use metalab_engine::running::{Executor, Runner};
use metalab_engine::store::Store;
use metalab_executors::Threads;

use crate::lab::{Lab, processes};
use crate::workflows::told;

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
enum Optimizer {
    Sgd { nesterov: bool },
    Adam,
}

#[metalab::resolver]
fn drag(set: &Params) -> metalab::Result<Option<f64>> {
    Ok(set.value("optimizer").is_some_and(|value| value.to_string().contains("Sgd")).then_some(0.9))
}

#[metalab::resolver]
fn is_small(set: &Params) -> metalab::Result<bool> {
    Ok(set.get::<f64>("lr")? < 0.05)
}

/// Everything it got, in its output.
#[metalab::operation(code = "manual", metadata("cohort", "limits"))]
#[expect(clippy::too_many_arguments, reason = "all kinds of them")]
fn study(
    lr: f64,
    shift: f32,
    depth: u64,
    optimizer: Optimizer,
    #[default(0.0)] drag: f64,
    data: FilePath,
    seeds: &SeedBundle,
    metadata: &Metadata,
    capture: &Capture,
) -> metalab::Result<String> {
    let (cohort, limits): (String, Vec<f64>) = (metadata.get("cohort")?, metadata.get("limits")?);
    let text = std::fs::read_to_string(data.as_path())?;
    capture.metric("lr", lr);
    let drawn: f64 = seeds.rng("study").uniform();
    Ok(format!("{lr:e} {shift:e} {depth} {optimizer:?} {drag} {text} {cohort} {limits:?} {drawn}"))
}

/// Paths of all kinds, swept.
#[metalab::operation(code = "manual")]
fn files(
    of: Glob,
    beside: DirPath,
    also: Option<FilePath>,
    lists: Vec<FilePath>,
) -> metalab::Result<Vec<String>> {
    let mut found = Vec::new();
    for file in of.files()? {
        found.push(std::fs::read_to_string(file)?);
    }
    found.push(std::fs::read_dir(beside.as_path())?.count().to_string());
    for file in also.iter().chain(&lists) {
        found.push(std::fs::read_to_string(file.as_path())?);
    }
    Ok(found)
}

/// Changes the file that it was given.
#[metalab::operation(code = "manual")]
fn vandal(file: FilePath) -> metalab::Result<u64> {
    std::fs::write(file.as_path(), "something else")?;
    Ok(1)
}

fn all_sources(lab: &Lab, cohort: &str) -> Experiment {
    let [one, two] = ["one.txt", "two.txt"].map(|name| lab.path(name));
    std::fs::write(&one, "first").unwrap();
    std::fs::write(&two, "second").unwrap();
    let data = || [FilePath::from(one.as_str()), FilePath::from(two.as_str())];
    let optimizers = || [Optimizer::Sgd { nesterov: true }, Optimizer::Adam];
    let mut exp = Experiment::new("sources", "1").seeds(seeds(5).replicates(2));
    exp = exp.metadata("cohort", cohort).metadata("limits", [0.1, 0.3]).metadata("owner", lab.path(""));
    let drawn = |design: params::Design| {
        Study::sample(design).lr(log_uniform(1e-5, 1e-1)).shift(normal(0.0, 1.0)).depth(int_range(1..=9))
    };
    exp.step(
        drawn(Random::new(5).seed(7).into()).optimizer(choice(optimizers())).data(data()).named("random"),
    );
    exp.step(
        drawn(LatinHypercube::new(4).into())
            .optimizer(weighted([(Optimizer::Adam, 3.0), (Optimizer::Sgd { nesterov: false }, 1.0)]))
            .drag(Drag)
            .data(data()[0].clone())
            .named("hypercube"),
    );
    exp.step(
        Study::sample(Sobol::new(4).seed(2))
            .lr(uniform(0.0, 0.1))
            .shift(0.1)
            .depth(3)
            .optimizer(optimizers())
            .drag(Drag)
            .data(data()[1].clone())
            .named("sobol"),
    );
    let table = format!(
        "lr,shift,depth,optimizer,data\n0.01,1,2,Adam,{one}\n0.5,2,3,Adam,{two}\n1e-3,3,4,Adam,{two}\n"
    );
    let table = params::csv_text(&table).unwrap().filter(IsSmall).resolve("drag", Drag);
    exp.step(Study::from(table).named("table"));
    let globs = ["*.txt", "one.*"].map(|pattern| Glob::from(lab.path(pattern)));
    let [first, second] = data();
    exp.step(
        Files::grid()
            .of(globs)
            .beside(DirPath::from(lab.path(".")))
            .also(Some(first.clone()))
            .lists(vec![first, second]),
    );
    exp
}

fn run(experiment: Experiment, store: &Store, executor: Arc<dyn Executor>) -> Results {
    Runner::new(experiment, store.clone(), executor).start().unwrap().wait().unwrap()
}

fn threads() -> Arc<dyn Executor> {
    Arc::new(Threads::new(2).unwrap())
}

#[test]
fn sources_paths_and_metadata_are_the_same_in_processes_and_threads() {
    let lab = Lab::new();
    let (one, other) = (lab.store(), lab.store());
    // Stores lie in the folder that is an argument.
    let lab_of_files = Lab::new();
    let exp = |cohort| all_sources(&lab_of_files, cohort);
    let workers: Arc<dyn Executor> = Arc::new(processes(2));
    let in_threads = told(run(exp("north"), &one, threads()));
    let in_processes = told(run(exp("north"), &other, workers.clone()));
    assert_eq!(in_threads, in_processes);
    assert_eq!(in_threads.len(), 2 * (5 * 2 + 4 + 4 * 2 + 2) + 2);
    let resolved = in_threads.iter().filter(|run| run.contains("\"drag\": Float(0.9)")).count();
    assert!(resolved >= 4 * 2, "half of the Sobol sample has `Sgd`: {resolved}");
    assert!(in_threads.iter().any(|run| run.contains("Adam") && !run.contains("\"drag\": Float(0.9)")));

    // What one has done the other does not do again.
    for (store, executor) in [(&one, workers.clone()), (&other, threads())] {
        let again = run(exp("north"), store, executor);
        assert_eq!(again.summary().unwrap().reused, in_threads.len() as u64);
    }
    // Metadata that is read makes other runs of those that read it, in workers as well.
    let south = run(exp("south"), &one, workers);
    assert_eq!(south.summary().unwrap().reused, 2);
    let before: BTreeSet<String> = in_threads.into_iter().collect();
    let others = told(south).into_iter().filter(|run| !before.contains(run)).count();
    assert_eq!(others, before.len() - 2);
}

#[test]
fn a_file_argument_that_changes_under_a_worker_fails_the_run() {
    let lab = Lab::new();
    for executor in [threads(), Arc::new(processes(1)) as Arc<dyn Executor>] {
        let file = lab.path("victim");
        std::fs::write(&file, "as planned").unwrap();
        let exp = Experiment::new("vandal", "1").sweep(Vandal::grid().file(FilePath::from(file)));
        let results = run(exp, &lab.store(), executor);
        let run = results.iter().next().unwrap().unwrap();
        assert_eq!(run.error().map(|error| error.cause.as_str()), Some("input changed"), "{:?}", run.error());
    }
}
