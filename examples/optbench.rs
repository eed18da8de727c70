//! Optimisers on functions that are hard for them: which one gets how far, from where, in how many steps?
//!
//! `cargo run --example optbench`. Each cell starts from a random place, the same one for every optimiser in a replicate. A
//! resolver leaves the momentum away where an optimiser has none.

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::collections::BTreeMap;

use metalab::params::Params;
use metalab::{Capture, Experiment, Result, SeedBundle, seeds};
use serde::{Deserialize, Serialize};

const DIMENSIONS: usize = 4;

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Function {
    Sphere,
    Rosenbrock,
    Rastrigin,
}

impl Function {
    fn value(self, x: &[f64]) -> f64 {
        match self {
            Self::Sphere => x.iter().map(|x| x * x).sum(),
            Self::Rosenbrock => {
                x.windows(2).map(|x| 100.0 * (x[1] - x[0] * x[0]).powi(2) + (1.0 - x[0]).powi(2)).sum()
            }
            Self::Rastrigin => {
                x.iter().map(|x| 10.0 + x * x - 10.0 * (std::f64::consts::TAU * x).cos()).sum()
            }
        }
    }

    fn gradient(self, x: &[f64]) -> Vec<f64> {
        let step = 1e-6;
        let slope = |at: usize| {
            let moved = |by: f64| {
                let mut x = x.to_vec();
                x[at] += by;
                self.value(&x)
            };
            (moved(step) - moved(-step)) / (2.0 * step)
        };
        (0..x.len()).map(slope).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Optimizer {
    Descent,
    Momentum,
    Adam,
}

/// Only one of the optimisers has a momentum.
#[metalab::resolver]
fn momentum(set: &Params) -> Result<Option<f64>> {
    Ok((set.get::<Optimizer>("optimizer")? == Optimizer::Momentum).then_some(0.9))
}

/// Minimises a function; returns the least value that was found.
#[metalab::operation]
fn minimise(
    function: Function,
    optimizer: Optimizer,
    lr: f64,
    #[default(0.0)] momentum: f64,
    steps: u64,
    seeds: &SeedBundle,
    capture: &Capture,
) -> Result<f64> {
    // Shared with the other optimisers: they start from the same place.
    let mut rng = seeds.rng("start");
    let mut x: Vec<f64> = (0..DIMENSIONS).map(|_| 4.0 * rng.uniform() - 2.0).collect();
    let (mut first, mut second) = ([0.0; DIMENSIONS], [0.0; DIMENSIONS]);
    let mut best = function.value(&x);
    for step in 0..steps {
        for (at, slope) in function.gradient(&x).into_iter().enumerate() {
            let slope = slope.clamp(-1e3, 1e3);
            x[at] -= if optimizer == Optimizer::Adam {
                let n = step as i32 + 1;
                first[at] = 0.9 * first[at] + 0.1 * slope;
                second[at] = 0.999 * second[at] + 0.001 * slope * slope;
                let (mean, square) =
                    (first[at] / (1.0 - 0.9_f64.powi(n)), second[at] / (1.0 - 0.999_f64.powi(n)));
                lr * mean / (square.sqrt() + 1e-8)
            } else {
                first[at] = momentum * first[at] + slope;
                lr * first[at]
            };
        }
        best = best.min(function.value(&x));
        if step % 10 == 0 {
            capture.step("best", step, best);
        }
    }
    Ok(best)
}

fn main() -> Result<()> {
    let store = std::env::var("METALAB_STORE").unwrap_or_else(|_| "./runs".into());
    let experiment = Experiment::new("optbench", "0.1")
        .sweep(
            Minimise::grid()
                .function([Function::Sphere, Function::Rosenbrock, Function::Rastrigin])
                .optimizer([Optimizer::Descent, Optimizer::Momentum, Optimizer::Adam])
                .lr([1e-4, 1e-3, 1e-2])
                .momentum(Momentum)
                .steps(500),
        )
        .seeds(seeds(1).replicates(5));
    let results = metalab::run(experiment).store(store).blocking()?;
    // The best learning rate of each optimiser, by the mean over its starts.
    let mut means: BTreeMap<(String, String), BTreeMap<String, Vec<f64>>> = BTreeMap::new();
    for run in results.iter() {
        let run = run?;
        let word = |name: &str| run.param::<String>(name);
        let of = means.entry((word("function")?, word("optimizer")?)).or_default();
        of.entry(run.param::<f64>("lr")?.to_string()).or_default().push(run.output()?);
    }
    println!("{:<12} {:<10} {:>8} {:>12}", "function", "optimizer", "lr", "mean best");
    for ((function, optimizer), by_rate) in &means {
        let mean = |all: &Vec<f64>| all.iter().sum::<f64>() / all.len() as f64;
        let best = by_rate.iter().map(|(lr, all)| (lr, mean(all))).min_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((lr, best)) = best {
            println!("{function:<12} {optimizer:<10} {lr:>8} {best:>12.6}");
        }
    }
    Ok(())
}
