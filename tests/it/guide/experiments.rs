//! `docs/guide/experiments.md`.

use metalab::manifest::Manifest;
use metalab::results::Results;
use metalab::{Metadata, Store};

use metalab::{Capture, Experiment, SeedBundle, seeds};

#[metalab::operation(cpus = 2, memory = "1 GiB")]
fn sort(n: u64, algorithm: String, seeds: &SeedBundle, capture: &Capture) -> u64 {
    let mut rng = seeds.rng("numbers");
    let mut numbers: Vec<u64> = (0..n).map(|_| rng.next_u64()).collect();
    match algorithm.as_str() {
        "stable" => numbers.sort(),
        _ => numbers.sort_unstable(),
    }
    capture.metric("median", numbers[numbers.len() / 2] as f64);
    numbers.len() as u64
}

fn sorting(sizes: &[u64]) -> Experiment {
    Experiment::new("sorting", "0.1")
        .description("How the median of random numbers settles")
        .tag("demo")
        .metadata("owner", "me")
        .seeds(seeds(42).replicates(2))
        .sweep(Sort::grid().n(sizes).algorithm(["stable", "unstable"]))
        .tag_cases("large", |case| case.number("n") >= 10_000.0)
}

fn tags(results: &Results) -> metalab::Result<()> {
    let run = results.iter().last().unwrap()?;
    println!("{:?}", run.tags());
    Ok(())
}

#[metalab::operation(metadata("cohort"))]
fn label(case: u64, metadata: &Metadata) -> metalab::Result<String> {
    Ok(format!("{}-{case}", metadata.get::<String>("cohort")?))
}

fn manifests() -> metalab::Result<()> {
    let store = metalab::Store::create("runs")?;
    metalab::run(sorting(&[1_000, 10_000])).store(&store).blocking()?;
    let larger = sorting(&[1_000, 10_000, 100_000]).seeds(seeds(42).replicates(3)).metadata("project", "x");
    metalab::run(larger).store(&store).blocking()?;

    let manifests = metalab::manifests(&store, "sorting")?; // oldest first
    println!("{}", manifests[0].diff(&manifests[1]));
    Ok(())
}

fn again(store: Store, manifests: Vec<Manifest>) -> metalab::Result<()> {
    let experiment = manifests[0].experiment()?;
    let again = metalab::run(experiment).store(&store).blocking()?;
    println!("{} of {} reused", again.summary().unwrap().reused, again.len());
    Ok(())
}
